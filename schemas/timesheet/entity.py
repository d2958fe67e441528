"""The timesheet as the gateway keeps it, version 2; one of version 1 is read as it stands."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.billed import Billed

DIGITS: Final = 12
"""Of the digest of a plan's content: it has to differ from the plan that a person has seen only."""


class RatedLine(BaseModel):
    """A line that is booked at another rate than the contract has for its day by now."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    line_id: str
    booking: str
    """The line of the command that booked it: a line that was booked anew since is not meant."""
    was: Decimal
    """The rate that it is booked at."""
    rate: Decimal
    contract_version: int | None
    """Version of the contract whose rate it is."""
    amount: Decimal
    """What it comes to at the new rate."""
    difference: Decimal
    """What that is more than what is booked, or less."""


class Plan(BaseModel):
    """What a change of rates would change of a sheet, until somebody approves or rejects it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    contract: str
    number: int
    """Number of the amendment that it was made for."""
    lines: tuple[RatedLine, ...]

    @property
    def digest(self) -> str:
        """What is approved, and nothing else: another content has another digest."""
        said = "\n".join(f"{line.booking} {line.rate} {line.amount}" for line in self.lines)
        return sha256(said.encode()).hexdigest()[:DIGITS]

    @property
    def topic(self) -> str:
        """Of its case. It carries what is seen, so that an approval is of that."""
        return f"rerate:{self.contract}:{self.number}:{self.digest}"

    @property
    def difference(self) -> Decimal:
        """What the lines come to more in all, or less."""
        return sum((line.difference for line in self.lines), Decimal(0))


class Timesheet(Billed):
    """What is known of a sheet."""

    listed: tuple[str, ...] = ()
    """The months of contracts that know of the sheet."""
    plans: dict[str, Plan] = Field(default_factory=dict)
    """Contract -> what its rates would change now."""
    declined: dict[str, str] = Field(default_factory=dict)
    """Contract -> digest of the last plan that was rejected: the same is not asked again."""

"""The timesheet as the gateway keeps it, version 2; one of version 1 is read as it stands."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from schemas.billed import Billed


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
    asks: str
    """Digest of what finance is asked: another content has another one, so an approval is of what was seen."""

    @property
    def topic(self) -> str:
        """Of its case."""
        return f"rerate:{self.contract}"

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
    """Contract -> what the last plan asked that was rejected: the same is not asked again."""
    behind: dict[str, date] = Field(default_factory=dict)
    """Contract -> its last day, where finance was asked about time that is posted and dated after it."""

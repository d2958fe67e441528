"""What a sheet or a report keeps of the invoices that bill its lines, version 1."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from schemas.invoice.told import LineState


class Billing(BaseModel):
    """An invoice that bills a line, and what became of the line there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    number: str
    """Number of the invoice, as the customer reads it."""
    state: LineState

    @property
    def stands(self) -> bool:
        """Whether the customer was asked for the money, and that was not taken back."""
        return self.state not in {"credited", "withdrawn"}


class Former(BaseModel):
    """What was booked of a line before it was changed or taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    booked: str
    """The name of it."""
    amount: Decimal | None
    """In `currency`; None where it had hours alone."""
    currency: str | None
    asks: str | None = None
    """Digest of what a customer is asked for by it; None where it was not kept yet."""


class Outdated(BaseModel):
    """What invoices bill of a line that is booked otherwise by now, or not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    invoices: tuple[str, ...]
    """Their ids."""
    amount: Decimal | None
    """What was booked when the first of them billed it, in `currency`; None where it had hours alone."""
    currency: str | None
    bills: dict[str, Former] = {}
    """Id of an invoice -> what was booked when it billed the line; not of those of which it was not kept yet."""


class InvoicedLines(BaseModel):
    """The state of an entity whose lines are billed by invoices."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    invoiced: dict[str, dict[str, Billing]] = {}
    """Line id -> id of an invoice -> what became of the line there."""
    former: dict[str, tuple[Former, ...]] = {}
    """Line id -> what was booked of it before, the oldest first: an invoice may be heard of after the change."""
    outdated: dict[str, Outdated] = {}
    """Line id -> what invoices bill of it otherwise than it is booked, until somebody has settled that."""

"""What a sheet or a report keeps of the invoices that bill its lines, version 1."""

from __future__ import annotations

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


class InvoicedLines(BaseModel):
    """The state of an entity whose lines are billed by invoices."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    invoiced: dict[str, dict[str, Billing]] = {}
    """Line id -> id of an invoice -> what became of the line there."""

"""Version 1 of what an invoice tells the sheets and reports that it bills. All of it comes from inside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.invoice.v1 import MOST_BILLS
from schemas.record import Record
from schemas.values import Id

LineState = Literal["invoiced", "paid", "credited", "written_off", "withdrawn"]
"""What became of a line. `withdrawn`: the ERP has not posted the invoice after all, so nothing bills the line."""


class BilledLine(Record):
    """A line of the sheet or report."""

    line_id: Id
    state: LineState
    booked: Id | None = None
    """What was booked of it when the invoice came, or was last, by the name that the sheet or report has for it; None:
    a release has told it that did not keep this."""


class Invoiced(Record):
    """An invoice bills lines of a sheet or report, or what became of them has changed."""

    to: Id
    """The sheet or report."""
    invoice: Id
    number: Id
    """Number of the invoice, as the customer reads it."""
    lines: Annotated[tuple[BilledLine, ...], Field(strict=False, min_length=1, max_length=MOST_BILLS)]
    """All lines of the sheet or report that this invoice bills."""

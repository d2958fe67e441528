"""The timesheet as the gateway keeps it, version 1."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.invoice.billed import Billed
from schemas.operations.billable import BillablePost


class BilledLine(BaseModel):
    """A line that the ERP was asked to book: the revision that did it, what was asked, and our reference of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    revision: int
    body: BillablePost
    """What was asked: a reversal takes back exactly this."""
    reference: str
    posted: bool = False
    project: str | None = None
    """Our canonical id of the project; None where it was not kept yet."""
    system: str | None = None
    """The system that was asked; None where it was not kept yet, which was the project's ERP."""


class Timesheet(Billed, BaseModel):
    """What is known of a sheet. `revision` is 0 until it was approved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["new", "submitted", "approved", "rejected"] = "new"
    revision: int = 0
    lines: dict[str, BilledLine] = {}
    """Line id -> the booking that stands for it."""

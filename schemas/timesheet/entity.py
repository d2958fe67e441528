"""The timesheet as the gateway keeps it, version 1."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict


class BilledLine(BaseModel):
    """A line that the ERP was asked to book: the revision that did it, what was asked, and our reference of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: int
    hours: Decimal
    amount: Decimal
    body: str
    """The command's body as JSON: a reversal takes back exactly this."""
    reference: str
    posted: bool = False


class Timesheet(BaseModel):
    """What is known of a sheet. `revision` is 0 until it was approved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["new", "submitted", "approved", "rejected"] = "new"
    revision: int = 0
    lines: dict[str, BilledLine] = {}
    """Line id -> the booking that stands for it."""

"""The report of expenses as the gateway keeps it, version 1."""

from __future__ import annotations

from typing import Literal

from schemas.billed import Billed


class ExpenseReport(Billed):
    """What is known of a report."""

    status: Literal["new", "approved", "rejected"] = "new"

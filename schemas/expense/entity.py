"""The report of expenses as the gateway keeps it, version 1."""

from __future__ import annotations

from schemas.billed import Billed


class ExpenseReport(Billed):
    """What is known of a report."""

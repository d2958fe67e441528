"""In which order entities are replayed: what others refer to before what refers to it."""

from __future__ import annotations

from typing import Final

ORDER: Final = (
    "directory", "employee", "rate_card", "customer", "contract", "engagement", "project", "resource", "timesheet",
    "expense", "billed_month", "ledger", "invoice", "awaited", "repair",
)  # fmt: skip
"""Entities that do not stand here come last. Where two refer to each other, whichever waits is woken by the other."""

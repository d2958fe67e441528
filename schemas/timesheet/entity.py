"""The timesheet as the gateway keeps it, version 1."""

from __future__ import annotations

from schemas.billed import Billed


class Timesheet(Billed):
    """What is known of a sheet."""

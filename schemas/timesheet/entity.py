"""The timesheet as the gateway keeps it, version 1."""

from __future__ import annotations

from typing import Literal

from schemas.billed import Billed


class Timesheet(Billed):
    """What is known of a sheet."""

    status: Literal["new", "submitted", "approved", "rejected"] = "new"

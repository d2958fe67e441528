"""The repair as the gateway keeps it, version 1: a frozen plan, and what somebody decided about it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.repair.v1 import Planned


class Repair(BaseModel):
    """What is known of a plan; its key is the plan's id."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    status: Literal["new", "asked", "approved", "rejected", "sent"] = "new"
    """`sent`: every sheet and report was told what to do."""
    plan: Planned | None = None
    asks: str = ""
    """Digest of the plan: an approval is of what was seen."""
    decided_by: str | None = None
    changed: tuple[int, ...] = ()
    """Items that were not as they were planned any more when it was approved: nothing was done about them."""

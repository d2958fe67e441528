"""The employee as the gateway keeps it, version 1: what other entities' decisions may rely on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.employee.v1 import Upserted


class Employee(BaseModel):
    """What is known of an employee."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    profile: Upserted | None = None
    """The last snapshot; None until the first."""

"""The assignment of an employee to a project as the gateway keeps it, version 1."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Assignment(BaseModel):
    """What is known of an assignment. `project_id` is None until it was assigned."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    project_id: str | None = None
    """Our canonical id."""
    opportunity_id: str | None = None
    """The CRM's own id of the deal that the project came from."""
    project_in_erp: str | None = None
    """The ERP's own id of the project."""
    legal_entity: str | None = None
    employee: str | None = None
    role: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    hours_per_week: Decimal | None = None
    billable: bool = True
    cost_rate: Decimal | None = None
    """What an hour of the employee costs, as it was known when they were assigned."""
    cost_currency: str | None = None
    status: Literal["assigned", "ended"] = "assigned"
    erp: str | None = None
    """The system that has it in its cost forecast; None where none takes it."""
    crm: str | None = None
    """The system that shows it on the account; None where none takes it."""
    puts: int = 0
    """How many states were sent; part of each command's identity."""

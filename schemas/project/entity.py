"""The project as the gateway keeps it, version 1: what other entities' decisions may rely on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Project(BaseModel):
    """What is known of a project. The commercial fields are None until it was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    engagement: str | None = None
    """The engagement that set it up."""
    legal_entity: str | None = None
    currency: str | None = None
    name: str | None = None
    opportunity_id: str | None = None
    service_line: str | None = None
    contract: str | None = None
    """Our canonical id of its contract."""
    contract_reference: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    tax_code: str | None = None
    """The ERP's own code, from the customer's tax profile when the deal was won."""
    rates: dict[str, Decimal] = {}
    """Role -> price of one hour, in `currency`."""
    erp: str | None = None
    """The system that bills it: what was begun there stays there."""
    erp_id: str | None = None
    """The ERP's own id; None until it has the project."""
    psa: str | None = None
    psa_id: str | None = None
    owner: str | None = None
    status: Literal["active", "on_hold", "closed", "withdrawn"] | None = None
    """`withdrawn`: its deal was cancelled."""
    activated_on: date | None = None
    milestones: tuple[str, ...] = ()
    """Ids of completed milestones, in the order of their completion."""

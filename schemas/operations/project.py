"""What ERP, PSA, and CRM are asked to do about a project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.record import Record
from schemas.values import Amount, BillingMethod, Currency, Day, Id, Name


class RolePrice(Record):
    """What one hour of a role costs the customer."""

    role: Id
    rate: Amount


class ProjectCreate(Record):
    """Create the project's shell in an ERP, with what time on it is billed at."""

    project_id: Id
    """Our canonical id."""
    customer: Id
    """The ERP's own id of the customer."""
    legal_entity: Id
    currency: Currency
    name: Name
    service_line: Id
    billing_method: BillingMethod
    contract_reference: Id
    starts_on: Day
    ends_on: Day | None = None
    roles: Annotated[tuple[RolePrice, ...], Field(strict=False, max_length=1000)] = ()
    """The roles that may work on it, in the contract's order."""

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class ProjectPut(Record):
    """Create the project in a PSA, or bring it to this state, so that time can be written on it."""

    project_id: Id
    """Our canonical id."""
    erp_id: Id
    """The ERP's own id of the project."""
    name: Name
    legal_entity: Id
    currency: Currency

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class ProjectLink(Record):
    """Tell the CRM under which ids its opportunity is delivered and billed."""

    opportunity_id: Id
    """The CRM's own id of the opportunity."""
    project_id: Id
    """Our canonical id."""
    erp_id: Id
    psa_id: Id | None = None
    """Left out while the PSA has not answered."""

    @property
    def legal_entity(self) -> None:
        """The CRM keeps opportunities of all legal entities together."""
        return

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

    @property
    def currency(self) -> None:
        """Moves no money."""
        return

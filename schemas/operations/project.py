"""What ERP, PSA, and CRM are asked to do about a project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.record import Record
from schemas.values import Amount, BillingMethod, Currency, Day, Id, Name, Note


class RolePrice(Record):
    """What one hour of a role costs the customer."""

    role: Id
    rate: Amount


class WorkPackage(Record):
    """A part of a project's work."""

    code: Id
    name: Name
    billable: bool


class ProjectCreate(Record):
    """Create the project's shell and work packages in an ERP, with what time on it is billed at."""

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
    work_packages: Annotated[tuple[WorkPackage, ...], Field(strict=False, max_length=1000)] = ()
    """What the service line's template asks for, in its order."""
    revenue: Id | None = None
    """The ERP's revenue account or category; left out: the ERP's own default."""

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class ProjectPut(Record):
    """Create the project in a PSA, or bring it to this state, so that time can be written on it."""

    project_id: Id
    """Our canonical id."""
    erp_id: Id | None = None
    """The ERP's own id of the project; left out where none has it."""
    name: Name
    legal_entity: Id
    currency: Currency

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class ProjectCancel(Record):
    """Take a project back in an ERP, whose deal was cancelled: nothing may be booked on it any more."""

    project_id: Id
    """Our canonical id."""
    erp_id: Id
    """The ERP's own id of the project."""
    legal_entity: Id
    currency: Currency
    reason: Note

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class ProjectWithdraw(Record):
    """Close a project in a PSA, whose deal was cancelled: no time may be written on it any more."""

    project_id: Id
    """Our canonical id."""
    psa_id: Id
    """The PSA's own id of the project."""
    legal_entity: Id
    currency: Currency
    reason: Note

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
    erp_id: Id | None = None
    """The ERP's own id; left out where none has it."""
    psa_id: Id | None = None
    """The PSA's own id; left out where none has it."""

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

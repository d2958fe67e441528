"""What an ERP and a CRM are asked to keep about who works on which project."""

from __future__ import annotations

from typing import Literal

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, PlannedHours


class AssignmentPut(Record):
    """Bring an assignment in the ERP's cost forecast to this state."""

    assignment_id: Id
    """Our canonical id."""
    project: Id
    """The ERP's own id of the project."""
    legal_entity: Id
    employee: Id
    role: Id
    starts_on: Day
    ends_on: Day | None = None
    hours_per_week: PlannedHours | None = None
    cost_rate: Amount | None = None
    """What an hour of the employee costs; left out where it is not known."""
    currency: Currency | None = None
    """The currency of the cost rate."""
    status: Literal["assigned", "ended"]

    @property
    def amount(self) -> None:
        """Moves no money."""
        return


class DeliveryPut(Record):
    """Show on the account who delivers the project."""

    assignment_id: Id
    """Our canonical id."""
    project_id: Id
    """Our canonical id."""
    opportunity_id: Id | None = None
    """The CRM's own id of the deal that the project came from."""
    legal_entity: Id
    employee: Id
    role: Id
    starts_on: Day
    ends_on: Day | None = None
    status: Literal["assigned", "ended"]

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

    @property
    def currency(self) -> None:
        """Moves no money."""
        return

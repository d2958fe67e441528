"""What a CRM is asked to show about a milestone."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Name


class MilestonePut(Record):
    """Show on the account that a milestone is completed. Bills nothing."""

    project_id: Id
    """Our canonical id."""
    opportunity_id: Id | None = None
    """The CRM's own id of the deal that the project came from."""
    milestone_id: Id
    name: Name
    completed_on: Day
    legal_entity: Id
    currency: Currency
    price: Amount | None = None
    """What will be billed for it; left out where the milestone itself is not billed."""

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

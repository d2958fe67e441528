"""What an ERP is asked to do about a customer."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Country, Currency, Id, Name


class CustomerPut(Record):
    """Create the customer in an ERP, or bring it to this state."""

    customer_id: Id
    """Our canonical id."""
    erp_id: Id | None = None
    """The ERP's own id, where it has the customer: that record is meant, and no other is made."""
    legal_entity: Id
    name: Name
    country: Country
    tax_id: Id | None = None
    tax_code: Id
    """The ERP's own code, mapped from the customer's tax profile."""
    currency: Currency
    payment_terms: Id | None = None
    on_hold: bool

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

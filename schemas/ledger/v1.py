"""Version 1 of the ledger events. The subject is the ERP's id of the posting."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Day, Id, Money, Note, Reference


class _Posting(Record):
    legal_entity: Id
    """Code of the legal entity of the firm in whose books it stands."""
    account: Id
    amount: Money
    """Below zero on the other side of the account."""
    posted_on: Day
    customer: Reference | None = None
    contract: Reference | None = None
    project: Reference | None = None
    invoice: Reference | None = None
    note: Note | None = None


class RevenuePosted(_Posting):
    """Revenue was recognised."""


class JournalPosted(_Posting):
    """Something else was posted."""

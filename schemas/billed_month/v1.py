"""Version 1 of what a month of a contract is told, by sheets and by the contract. All of it comes from inside."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Id, Revision


class Listed(Record):
    """A sheet has time of the month that is billed under the contract."""

    to: Id
    """The month of the contract."""
    contract: Id
    sheet: Id


class Amended(Record):
    """The rates of the contract, or its last day, have changed for days of the month."""

    to: Id
    """The month of the contract."""
    contract: Id
    number: Revision
    """Number of the amendment in the contract's history."""

"""Version 1 of the events of employees. The subject is the canonical employee id."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Day, Email, Id, Name, Price, Reference


class Upserted(Record):
    """The employee as they stand now: a full snapshot, so a field that is left out is empty."""

    name: Name
    email: Email | None = None
    legal_entity: Id
    """Code of the legal entity of the firm that employs them."""
    cost_centre: Id | None = None
    """Where the cost of their time belongs."""
    cost_rate: Price | None = None
    """What one hour of their time costs the firm."""
    role: Id | None = None
    """The role that they mostly work in."""
    reports_to: Reference | None = None
    joined_on: Day | None = None
    terminated_on: Day | None = None
    """Last day of their employment; left out as long as it goes on."""

"""The inner event by which an import tells an entity that a system has it already."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Id, System


class Bound(Record):
    """A system's own id of the entity, as a person says who imports it.

    From then on that record is brought up to date, and no other is made.
    """

    to: Id
    """The entity's canonical id."""
    system: System
    """The system's name in the policy file."""
    kind: Id
    """The kind of record there, which is the entity's name."""
    external_id: Id
    """The system's own id."""
    legal_entity: Id | None = None
    """Code of the legal entity for which the system has it; left out where the id is the same for all."""

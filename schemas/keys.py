"""The unit of order: which entity a message belongs to, by our own id or by another system's."""

from __future__ import annotations

from typing import Final, NamedTuple

EXTERNAL: Final = "external"
"""Entity of the keys that stand for another system's id which may not be bound to one of ours yet."""


class ActorKey(NamedTuple):
    """(entity, id). Sorts by code point, which is also PostgreSQL's order under collation "C"."""

    entity: str
    id: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.id}"

    @property
    def is_external(self) -> bool:
        """Whether this key stands for another system's id."""
        return self.entity == EXTERNAL


def external_key(system: str, kind: str, external_id: str) -> ActorKey:
    """The key under which messages and waits stand until `system`'s own id for a `kind` is bound to a key of ours."""
    return ActorKey(EXTERNAL, f"{system}/{kind}/{external_id}")

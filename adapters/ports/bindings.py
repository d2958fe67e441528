"""Port to the bindings as rows: which id of another system means which key of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

from schemas.keys import ActorKey, external_key


class External(NamedTuple):
    """A system's own id for one of its records; `kind` is the entity of ours that such a record is."""

    system: str
    kind: str
    id: str

    @property
    def key(self) -> ActorKey:
        """The key under which messages stand that carry it."""
        return external_key(self.system, self.kind, self.id)

    @classmethod
    def of(cls, key: ActorKey) -> Self:
        """The parts of an external key."""
        return cls(*key.id.split("/", 2))


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding. `state` is that of the key as it is stored, None before anything was applied to it."""

    external: External
    key: ActorKey
    state: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BindingFilter:
    """Which bindings are meant; None: any."""

    system: str | None = None
    kind: str | None = None
    external_id: str | None = None
    entity: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some ids and keys: all bindings of either, and the states of the keys that there are."""

    bound: Sequence[Bound]
    states: Mapping[ActorKey, bytes]


class Bindings(Protocol):
    """Asked beside the commit path. All verbs raise `StoreUnavailable`."""

    async def page(self, chosen: BindingFilter, *, after: External | None, limit: int) -> list[Bound]:
        """The first `limit` bindings that are meant, in the order of their external keys, behind `after`."""
        ...

    async def look(self, externals: Collection[External], keys: Collection[ActorKey]) -> Known:
        """What is known of these."""
        ...

    async def record(self, action: str, *, actor: str, reason: str) -> None:
        """Write a line of the audit: what somebody is about to do with bindings, or has done."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...

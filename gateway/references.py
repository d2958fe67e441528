"""What decisions may rely on: snapshots of other entities, kept in memory and checked again by each commit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import orjson

from actors.decision import Actor, Snapshot, State
from actors.policy import Policy
from adapters.ports.turns import Row
from gateway.unreadable import OTHER_RELEASE, Unreadable, unreadable, why_unfit
from schemas.bindings import Binding, Unbound
from schemas.keys import ActorKey


def read_state(actors: Mapping[str, Actor], row: Row, policy: Policy) -> State:
    """The state of a row as its actor's model; the actor's initial state where nothing was applied yet.

    What an earlier release wrote is brought up to date, and stored in that form with the next change of its key.
    `Unreadable` where a newer release wrote it, or it fits no model. Never raises.
    """
    if not row.key.is_external and row.key.entity not in actors:
        return unreadable(row, f"this release knows no entity {row.key.entity}: {OTHER_RELEASE}")
    try:
        if row.key.is_external:
            return Unbound() if row.state is None else Binding.model_validate_json(row.state)
        actor = actors[row.key.entity]
        if row.state is None:
            return actor.state()
        if row.schema > actor.schema:
            return unreadable(row, f"this release knows schema {actor.schema}: {OTHER_RELEASE}")
        return actor.state.model_validate_json(_brought_up(actor, row.state, row.schema, policy))
    except Exception as error:  # noqa: BLE001  # whatever it is, it must close this key alone
        return unreadable(row, why_unfit(error))


def _brought_up(actor: Actor, state: bytes, schema: int, policy: Policy) -> bytes:
    """A stored state under the actor's own schema number. Raises `NotUpcast`."""
    upcasts = [actor.upcasts[number] for number in range(schema, actor.schema) if number in actor.upcasts]
    if not upcasts:
        return state
    raw = orjson.loads(state)
    for upcast in upcasts:
        raw = upcast(raw, policy)
    return orjson.dumps(raw)


class References:
    """Snapshots by key, least recently used dropped beyond `capacity`. One for the whole process.

    A snapshot may be out of date: a commit that relied on it is then refused, `forget` drops it, and it is loaded.
    """

    def __init__(self, actors: Mapping[str, Actor], *, capacity: int) -> None:
        self._actors = actors
        self._capacity = capacity
        self._snapshots: OrderedDict[ActorKey, Snapshot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._snapshots)

    def find(self, key: ActorKey) -> Snapshot | None:
        """The snapshot of `key`, if there is one."""
        snapshot = self._snapshots.get(key)
        if snapshot is not None:
            self._snapshots.move_to_end(key)
        return snapshot

    def learn(self, row: Row, policy: Policy) -> Snapshot:
        """Keep what was loaded. A key of an entity that has no actor is known as never written.

        What cannot be read is not kept: it is loaded again each time, until it can.
        """
        is_known = row.state is not None and (row.key.is_external or row.key.entity in self._actors)
        state = read_state(self._actors, row, policy) if is_known else None
        snapshot = Snapshot(row.key, row.entity_version, state)
        if isinstance(state, Unreadable):
            self.forget([row.key])
            return snapshot
        self._snapshots[row.key] = snapshot
        self._snapshots.move_to_end(row.key)
        if len(self._snapshots) > self._capacity:
            self._snapshots.popitem(last=False)
        return snapshot

    def renew(self, key: ActorKey, version: int, state: State) -> None:
        """Our own commit has moved `key`; worth keeping only where somebody relies on it."""
        if isinstance(state, Unreadable):
            self.forget([key])
        elif key in self._snapshots:
            self._snapshots[key] = Snapshot(key, version, state)

    def forget(self, keys: Iterable[ActorKey]) -> None:
        """Drop snapshots that have moved."""
        for key in keys:
            self._snapshots.pop(key, None)

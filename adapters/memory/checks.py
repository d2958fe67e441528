"""Which turns of a batch may commit, looked at before anything of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import orjson

from adapters.memory.tables import Tables
from adapters.ports.turns import Judged, Turn
from schemas.facts import Claim
from schemas.keys import ActorKey


def surviving(tables: Tables, turns: Sequence[Turn]) -> list[bool]:
    """For each turn whether it commits. Of turns that want the same, the first is served, even if it fails later."""
    chosen = [_is_current(tables, turn) for turn in turns]
    bound: set[ActorKey] = set()
    for index, turn in enumerate(turns):
        if chosen[index]:
            chosen[index] = bound.isdisjoint(turn.binds)
            bound.update(turn.binds)
    wanted: set[tuple[str, str]] = set()
    for index, turn in enumerate(turns):
        if chosen[index]:
            for judged in fresh(turn):
                chosen[index] &= identity(judged) not in wanted and identity(judged) not in tables.identities
                wanted.add(identity(judged))
    holders: dict[Claim, ActorKey] = {}
    for index, turn in enumerate(turns):
        if chosen[index]:
            for claim in turn.claims:
                holder = tables.claims.get(claim) or holders.setdefault(claim, turn.key)
                chosen[index] &= holder == turn.key
    return chosen


def fresh(turn: Turn) -> Iterator[Judged]:
    """The messages that are not in the inbox yet."""
    return (judged for judged in turn.judged if judged.was is None)


def identity(judged: Judged) -> tuple[str, str]:
    """What makes two deliveries the same message."""
    return judged.message.source, judged.message.id


def moved(tables: Tables, turn: Turn) -> bool:
    """Whether something that the decisions relied on, or that the lane newly waits for, has another version."""
    lane, before = turn.lane, turn.row.lane
    relied = list(turn.relied.items())
    if lane.target is not None and lane.seen is not None and (lane.target, lane.seen) != (before.target, before.seen):
        relied.append((lane.target, lane.seen))
    return any(tables.row(key).entity_version != version for key, version in relied)


def bound_to(tables: Tables, external: ActorKey) -> ActorKey | None:
    """The key that an external key is bound to."""
    state = tables.row(external).state
    if state is None:
        return None
    binding = orjson.loads(state)
    return ActorKey(binding["entity"], binding["id"])


def late(tables: Tables, turn: Turn) -> tuple[UUID, ...]:
    """The commands of results that come too late: they are no longer open."""
    commands = (settled.command.id for settled in turn.settled)
    return tuple(id for id in commands if (standing := tables.outbox.get(id)) is None or standing.is_parked)


def _is_current(tables: Tables, turn: Turn) -> bool:
    """Whether everything still stands as the turn saw it."""
    return (
        tables.row(turn.key).row_version == turn.row.row_version
        and not moved(tables, turn)
        and all(
            judged.message.ref in tables.inbox and tables.inbox[judged.message.ref].verdict is judged.was
            for judged in turn.judged
            if judged.was is not None
        )
        and not late(tables, turn)
        and all(bound_to(tables, external) in (None, turn.key) for external in turn.binds)
    )

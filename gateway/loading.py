"""Loading what a batch of turns needs: rows, lanes, and references, each batched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from actors.decision import Event, Snapshot
from adapters.ports.store import Commits
from gateway.activation import Activation, Memory
from gateway.references import read_state
from gateway.unreadable import Unreadable, is_unreadable
from gateway.world import World
from schemas.bindings import leads_to
from schemas.commands import Result, Unknown
from schemas.envelope import Undecodable
from schemas.keys import ActorKey
from schemas.verdicts import LaneState

ROUNDS: Final = 12
"""Reference -> binding -> customer -> its parent -> the parent's: how often references may lead to further ones."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the decisions of a batch may look at: snapshots, and of keys that cannot be read, why not."""

    snapshots: dict[ActorKey, Snapshot] = field(default_factory=dict)
    unreadable: dict[ActorKey, Unreadable] = field(default_factory=dict)


class Loading:
    """Reads for the batches of one committer, over its connection."""

    def __init__(self, commits: Commits, world: World) -> None:
        self._commits = commits
        self._world = world

    async def rows(self, activations: Sequence[Activation]) -> None:
        """Bring the rows of activations into memory that do not remember them."""
        missing = [activation for activation in activations if activation.memory is None]
        if missing:
            rows = await self._commits.load([activation.key for activation in missing])
            for activation in missing:
                row = rows[activation.key]
                activation.memory = Memory(row, read_state(self._world.actors, row, self._world.policy()))

    async def lanes(self, activations: Sequence[Activation]) -> None:
        """Bring the heads of lanes that may run into memory."""
        draining = [activation for activation in activations if _drains(activation)]
        if draining:
            bounds, keys = self._world.bounds, [activation.key for activation in draining]
            lanes = await self._commits.lanes(keys, limit=bounds.lane_page, room=bounds.lane_bytes)
            for activation in draining:
                activation.lane = lanes[activation.key]

    async def references(self, activations: Sequence[Activation]) -> Loaded:
        """The snapshots that the decisions of these turns need, in a few bounded rounds."""
        loaded = Loaded()
        for _ in range(ROUNDS):
            wanted: set[ActorKey] = set()
            for activation in activations:
                self._name(activation, loaded, wanted)
            if not wanted:
                break
            for row in (await self._commits.load(sorted(wanted))).values():
                snapshot = self._world.references.learn(row, self._world.policy())
                if is_unreadable(snapshot.state):
                    loaded.unreadable[row.key] = snapshot.state
                else:
                    loaded.snapshots[row.key] = snapshot
        return loaded

    def _name(self, activation: Activation, loaded: Loaded, wanted: set[ActorKey]) -> None:
        """Add the keys that the activation's next turn needs to `loaded` if in memory, else to `wanted`."""
        actor = self._world.actors.get(activation.key.entity)
        if actor is None or activation.memory is None or is_unreadable(activation.memory.state):
            return
        for event in self._events(activation):
            known = -1
            while known != len(loaded.snapshots):  # what was found in memory may lead further
                known = len(loaded.snapshots)
                try:
                    keys = list(actor.references(activation.memory.state, event, loaded.snapshots))
                except Exception:  # noqa: BLE001  # the fold asks again, and parks the message with what it learns
                    break
                self._follow(keys, loaded, wanted)

    def _follow(self, keys: list[ActorKey], loaded: Loaded, wanted: set[ActorKey]) -> None:
        """The same for these keys, and for what they lead to."""
        seen = set(keys)
        for key in keys:
            if key in loaded.unreadable:
                continue
            snapshot = loaded.snapshots.get(key) or self._world.references.find(key)
            if snapshot is None:
                wanted.add(key)
                continue
            loaded.snapshots[key] = snapshot
            meant = leads_to(key, snapshot.state)
            if meant is not None and meant not in seen:
                seen.add(meant)
                keys.append(meant)

    def _events(self, activation: Activation) -> Iterator[Event]:
        """What the activation's next turn may decide on."""
        for answered in activation.answers:
            if not isinstance(answered.outcome, Unknown):
                yield Result(answered.leased.command, answered.outcome)
        for standing in activation.lane:
            if standing.message.ref == activation.killer:
                return  # the fold parks it there
            try:
                yield self._world.read(standing.message)
            except Undecodable:
                return  # the fold parks it there
        bound = self._world.bounds.fold if activation.limit is None else activation.limit
        for entry in islice(activation.mailbox, bound):
            if entry.held is None:
                yield entry.envelope


def _drains(activation: Activation) -> bool:
    """Whether the next turn works on the activation's lane."""
    if activation.memory is None or activation.key.is_external:
        return False
    lane = activation.memory.row.lane
    return lane.depth > 0 and lane.state is LaneState.OPEN

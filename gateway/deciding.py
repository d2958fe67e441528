"""With what a turn is decided, and by whom: the same for a committer, which keeps it, and for a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.decision import Actor
from gateway.activation import Memory
from gateway.loading import Loaded
from gateway.surroundings import Surroundings
from gateway.unreadable import closed, is_unreadable
from gateway.world import World
from schemas.keys import ActorKey


def surroundings(world: World, loaded: Loaded, failed: Callable[[ActorKey, Exception], None]) -> Surroundings:
    """What turns are decided with now; `failed` is told of decisions that raise."""
    return Surroundings(
        world.now(), world.policy(), world.rules(), world.pauses(), loaded.snapshots, world.read, failed,
        world.retry_after, world.bounds.fold, world.bounds.mailbox, loaded.unreadable,
    )  # fmt: skip


def actor_of(memory: Memory, actors: Mapping[str, Actor]) -> Actor:
    """Who decides for a key of ours; for one whose state cannot be read nobody does."""
    return closed(memory.row) if is_unreadable(memory.state) else actors[memory.row.key.entity]

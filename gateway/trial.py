"""A trial: what an event would come to if it came now. It is decided for real on what stands, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from adapters.ports.entities import Entities, Judgement
from adapters.ports.store import Commits
from adapters.ports.turns import Turn
from gateway.activation import Activation, Entry
from gateway.deciding import actor_of, surroundings
from gateway.door import QUEUE_PREFIX, Door
from gateway.draft import Draft
from gateway.fold import fold
from gateway.holding import hold
from gateway.loading import Loaded, Loading
from gateway.references import References
from gateway.source_policy import Source
from gateway.world import World
from schemas.bindings import is_binding
from schemas.codec import STRUCTURED
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey
from schemas.verdicts import Failure, Verdict

ROUNDS: Final = 5
"""Turns that are decided until what they claim is known to be free or held, as a commit says it."""
SNAPSHOTS: Final = 1000
"""References of one trial, which are all read anew."""


class TypeDiffers(ValueError):
    """The event is of another type than was asked about."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What an event would come to.

    `key` and `turn`, which is what would be committed, are None where the door turns it away, with the failure. Behind
    others of its lane it is not decided, as they are first. `known`: the message that came with its source and id; of
    the same content there is no turn either, and the verdict is that of the first.
    """

    verdict: Verdict
    reason: str | None = None
    failure: Failure | None = None
    key: ActorKey | None = None
    known: Judgement | None = None
    turn: Turn | None = None


class Trial:
    """Tries events. `commits` is read from and never committed to; `world` is that of the process."""

    def __init__(
        self,
        door: Door,
        sources: Callable[[], Mapping[str, Source]],
        world: World,
        commits: Commits,
        entities: Entities,
    ) -> None:
        self._door = door
        self._sources = sources
        self._world = world
        self._commits = commits
        self._entities = entities

    async def of(self, type: str, body: bytes) -> Tried:
        """Try an event in structured mode, as if a user of its source had published it.

        Raises `TypeDiffers` and `StoreUnavailable`.
        """
        found = self._door.try_admit(_Handed(type, body, self._user(body)))
        if isinstance(found, Failure):
            return Tried(Verdict.DEAD_LETTER, found.reason, found)
        key, entry = found
        message = entry.message
        if message.type != type:
            raise TypeDiffers(f"the event is of type {message.type}, not {type}")
        known = await self._entities.judged(message.ref, source=message.source, id=message.id)
        if known is not None and known.body_hash == message.body_hash:
            return Tried(known.verdict, "it is known: it would be acknowledged, and nothing done", None, key, known)
        entry.conflict = known is not None
        turn = (await self._drafted(key, entry)).turn
        [judged] = turn.judged
        # What its decision opens has topics; the case of the event itself says why it is stopped or refused.
        failure = next((each.case.failure for each in turn.opened if each.case.topic is None), None)
        return Tried(judged.verdict, judged.reason, failure, turn.key, known, turn)

    def _user(self, body: bytes) -> str | None:
        """Who may publish under the source of an event; None where it has none that is known."""
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        source = self._sources().get(str(event.get("source"))) if isinstance(event, dict) else None
        return None if source is None else source.users[0]

    async def _drafted(self, key: ActorKey, entry: Entry) -> Draft:
        """The turn that would take the event in."""
        # References of its own: what others keep in memory may be out of date, and no commit says so here.
        world = replace(self._world, references=References(self._world.actors, capacity=SNAPSHOTS))
        loading = Loading(self._commits, world)
        activation = await self._activated(key, entry, loading)
        for _ in range(ROUNDS):
            draft = _decided(activation, await loading.references([activation]), world)
            held = await self._held(draft)
            if draft.size and held.keys() <= activation.taken.keys():
                return draft
            activation.taken.update(held)
        raise AssertionError(f"{key}: a trial finds no end")

    async def _activated(self, key: ActorKey, entry: Entry, loading: Loading) -> Activation:
        """The key that an event is for, loaded; for an external one that is bound, the key that it means."""
        activation = Activation(key, [entry])
        await loading.rows([activation])
        if activation.memory is not None and is_binding(activation.memory.state):
            return await self._activated(activation.memory.state.key, entry, loading)
        return activation

    async def _held(self, draft: Draft) -> Mapping[Claim, ActorKey]:
        """What a turn claims and another key has."""
        turn = draft.turn
        claims = {*turn.claims, *(Claim(EXTERNAL, external.id) for external in turn.binds)}
        holders = await self._entities.holders(claims) if claims else {}
        return {claim: holder for claim, holder in holders.items() if holder != turn.key}


@dataclass(frozen=True, slots=True)
class _Handed:
    """An event as a delivery by the queue of its type."""

    type: str
    body: bytes
    user_id: str | None
    content_type: str | None = STRUCTURED
    headers: Mapping[str, object] = field(default_factory=dict)
    delivery_count: int = 0
    is_live: bool = True

    @property
    def queue(self) -> str:
        return f"{QUEUE_PREFIX}{self.type.partition('.')[0]}"

    @property
    def routing_key(self) -> str:
        return self.type.rpartition(".v")[0]

    def ack(self) -> None:
        """Nobody has delivered it."""


def _decided(activation: Activation, loaded: Loaded, world: World) -> Draft:
    memory = activation.memory
    if memory is None:
        raise AssertionError(f"{activation.key} was not loaded")
    if activation.key.is_external:
        return hold(activation, memory, world.rules())
    # A decision that raises is told by its failure.
    around = surroundings(world, loaded, lambda _key, _error: None)
    return fold(actor_of(memory, world.actors), activation, memory, around)

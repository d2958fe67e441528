"""A rehearsal: a turn is decided for real on what stands, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from adapters.ports.store import Commits
from gateway.activation import Activation
from gateway.deciding import actor_of, surroundings
from gateway.draft import Draft
from gateway.fold import fold
from gateway.holding import hold
from gateway.loading import Loaded, Loading
from gateway.world import World
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey

ROUNDS: Final = 5
"""Turns that are decided until what they claim is known to be free or held, as a commit says it."""


class Endless(RuntimeError):
    """A turn claims ever other values, so it cannot be rehearsed: our bug."""


class Holders(Protocol):
    """Who holds which of some values."""

    async def holders(self, claims: Collection[Claim]) -> Mapping[Claim, ActorKey]:
        """Those that somebody holds."""
        ...


class Rehearsal:
    """Decides turns. `commits` is read from and never committed to; `world` has references of its own.

    `failed` hears of decisions that raise, which their verdict says too.
    """

    def __init__(
        self,
        commits: Commits,
        holders: Holders,
        world: World,
        failed: Callable[[ActorKey, Exception], None] = lambda _key, _error: None,
    ) -> None:
        self.loading = Loading(commits, world)
        self._holders = holders
        self._world = world
        self._failed = failed

    async def turn(self, activation: Activation) -> Draft:
        """The turn of an activation whose row is loaded, as it would be. Raises `StoreUnavailable` and `Endless`."""
        for _ in range(ROUNDS):
            draft = self._decided(activation, await self.loading.references([activation]))
            held = await self._held(draft)
            if draft.size and held.keys() <= activation.taken.keys():
                return draft
            activation.taken.update(held)
        raise Endless(f"{activation.key} claims ever other values")

    def _decided(self, activation: Activation, loaded: Loaded) -> Draft:
        memory, world = activation.memory, self._world
        if memory is None:
            raise AssertionError(f"{activation.key} was not loaded")
        if activation.key.is_external:
            return hold(activation, memory, world.rules())
        return fold(actor_of(memory, world.actors), activation, memory, surroundings(world, loaded, self._failed))

    async def _held(self, draft: Draft) -> Mapping[Claim, ActorKey]:
        """What a turn claims and another key has."""
        turn = draft.turn
        claims = {*turn.claims, *(Claim(EXTERNAL, external.id) for external in turn.binds)}
        holders = await self._holders.holders(claims) if claims else {}
        return {claim: holder for claim, holder in holders.items() if holder != turn.key}

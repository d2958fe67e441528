"""Suspicion: messages that were at hand when the process ended, again and again, run alone and are counted first.

A crash gives back every unacked message, and none of them says which it was. So those that came back often run one at
a time, each after its attempt is durable: what the process then dies of has a name. (AMQP has no better sign: the
broker's count says that a message came back, not why.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from adapters.ports.broker import Delivery
from adapters.ports.suspects import Suspects
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.letters import digest_of

SUSPECT_FROM: Final = 3
"""Deliveries taken back until a message is a suspect: a restart, or a lost connection, takes each back once, and that
happens twice in a row without anybody's fault; running alone costs each some milliseconds."""

ROW_SECONDS: Final = 0.5
"""How long suspects may follow each other while results and lanes wait."""


class Treatment(StrEnum):
    """What is done with a suspect."""

    ALONE = "alone"
    """As with any message, but alone."""
    PARKED = "parked"
    """Decoded, so that its key's order is kept, and parked in its lane without a decision."""
    BURIED = "buried"
    """Not even decoded: a dead letter."""


def treatment(attempts: int) -> Treatment:
    """What is done at the attempt with this number, from 1. Pure."""
    if attempts <= 2:
        return Treatment.ALONE
    return Treatment.PARKED if attempts == 3 else Treatment.BURIED


def is_suspect(delivery: Delivery) -> bool:
    """Whether it came back so often that it must run alone."""
    return delivery.delivery_count >= SUSPECT_FROM


class Suspicion:
    """`told` hears of each attempt: its delivery's queue, the number, and the treatment."""

    def __init__(
        self,
        suspects: Suspects,
        bus: Bus,
        burial: Burial,
        backoff: Backoff,
        told: Callable[[str, int, Treatment], None],
    ) -> None:
        self._suspects = suspects
        self._bus = bus
        self._burial = burial
        self._backoff = backoff
        self._told = told
        self._survived: list[bytes] = []

    async def run_alone(
        self,
        first: Delivery,
        treat: Callable[[Delivery, Treatment], None],
        following: Callable[[], Delivery | None] = lambda: None,
    ) -> None:
        """Wait until all else is done; then record the attempt, treat it, and wait until that is durable and acked.

        So too with the suspects of `following`, one by one, before all else goes on: after `ROW_SECONDS` at the latest.
        """
        end = asyncio.get_running_loop().time() + ROW_SECONDS
        async with self._bus.alone():
            await self._burial.quiet()
            suspect: Delivery | None = first
            while suspect is not None:
                await self._run(suspect, treat)
                suspect = following() if asyncio.get_running_loop().time() < end else None

    async def _run(self, suspect: Delivery, treat: Callable[[Delivery, Treatment], None]) -> None:
        if not suspect.is_live:
            return  # it comes again
        digest = digest_of(suspect)
        attempts = await self._attempt(digest)
        chosen = treatment(attempts)
        self._told(suspect.queue, attempts, chosen)
        treat(suspect, chosen)
        await self._burial.quiet()
        await self._bus.quiet()
        self._survived.append(digest)

    async def relieve(self) -> None:
        """Forget the last ones that did no harm; the others went with the attempt behind them."""
        if not self._survived:
            return
        try:
            await self._suspects.clear(self._survived)
        except StoreUnavailable:
            return  # the next attempt takes them along
        self._survived.clear()

    async def _attempt(self, digest: bytes) -> int:
        while True:
            try:
                attempts = await self._suspects.attempt(digest, survived=self._survived)
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                self._survived.clear()
                return attempts

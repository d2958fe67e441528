"""The watermark: a counter that the database raises and RabbitMQ remembers, so that neither can go back unnoticed.

A database below what RabbitMQ, or this process, remembers was restored to an earlier point. That is looked at before
anything is sent, again with each tick, and by the database itself at each claim.

What RabbitMQ keeps is the newest few counters. A start takes them all, compares, publishes its own, and only then drops
what it took: a process that dies in between gives it back. One that finds none though the database has counted waits
for another that may be reading, for a while: then they were lost, and everything is held until a person has looked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

from adapters.ports.broker import BrokerUnavailable, Keepsake, Keepsakes, Outgoing, Published, Publishing
from adapters.ports.restores import Found, Phase, Remembered, Restore, Restores, Tick
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry

QUEUE: Final = "tallystick.watermark"
"""Exchange and queue."""
TICK_SECONDS: Final = 2.0
"""What was committed since the last tick may be lost without notice, should the database go back by less."""
SEARCH_SECONDS: Final = 10.0
ACTOR: Final = "tallystick"

_COUNTER: Final = re.compile(rb"[0-9]{1,18}")
"""The database's is a bigint."""

_REASONS: Final = {
    Found.SERVER: "the database stands in another cluster than before",
    Found.TIMELINE: "the database's cluster was recovered, or a stand-by has taken over",
    Found.WATERMARK: "the database is behind what RabbitMQ or a process remembers of it",
    Found.LOST: "RabbitMQ has lost its watermark, so nobody can tell whether the database went back",
    Found.DECLARED: "declared",
    Found.EPOCH: "a restore was declared while this process ran",
}


class DatabaseWentBack(RuntimeError):
    """The database was restored under a running process, whose memory is of another past: it must start anew."""


class Watermark:
    """Keeps it. `remembered` is shared with the outbox, which claims nothing from a database below it."""

    def __init__(
        self,
        restores: Restores,
        publishing: Publishing,
        remembered: Remembered,
        observed: Callable[[Restore | None], None],
        *,
        every: float = TICK_SECONDS,
        search: float = SEARCH_SECONDS,
    ) -> None:
        self._restores = restores
        self._publishing = publishing
        self._remembered = remembered
        self._observed = observed
        self._every = every
        self._search = search
        self._is_kept = True
        self._is_foreign_told = False

    async def compare(self, keepsakes: Keepsakes) -> None:
        """Before anything is sent: ask RabbitMQ how far the database was, and hold everything if it may have gone back.

        Raises `StoreUnavailable` and `BrokerUnavailable`; to be repeated then, as nothing was dropped.
        """
        try:
            kept = await self._kept(keepsakes)
            if kept is None:
                # Before the tick: until then the database's last watermark says where it may have gone back to.
                await self._hold(Found.LOST)
            self._remember(kept or 0)
            tick = await self._restores.tick(self._remembered.counter)
            if tick.found is not None:
                await self._hold(tick.found)
                tick = await self._restores.tick(self._remembered.counter)
            self._take_over(tick)
            published = await self._publish()
            if published is not Published.CONFIRMED:
                raise BrokerUnavailable(f"publish the watermark to {QUEUE}: {published}")
            await keepsakes.drop()
            self._observed((await self._restores.look()).newest)
        finally:
            await keepsakes.close()

    async def run(self) -> None:
        """Tick for ever. Raises `DatabaseWentBack` when that is seen, after everything is held."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._tick()
            except (StoreUnavailable, BrokerUnavailable):
                continue  # readiness says so; the next tick looks again

    async def _tick(self) -> None:
        tick = await self._restores.tick(self._remembered.counter, self._remembered.epoch)
        if tick.found is Found.EPOCH:
            telemetry.restore_declared_meanwhile()
        elif tick.found is not None:
            await self._hold(tick.found)
        if tick.found is not None:
            raise DatabaseWentBack(f"{_REASONS[tick.found]}: what this process remembers of it is worth nothing")
        self._take_over(tick)
        self._observed((await self._restores.look()).newest)
        await self._publish()

    async def _kept(self, keepsakes: Keepsakes) -> int | None:
        """The highest counter that RabbitMQ knows; 0 where there was none yet; None: it has lost them.

        The database must not be raised before it is compared. This process may have raised it, in a comparison that
        could not be finished: then it remembers by itself.
        """
        counter = (await self._restores.look()).counter
        deadline = asyncio.get_running_loop().time() + self._search
        while True:
            known = self._counters(await keepsakes.take(QUEUE), keepsakes.user)
            if known or not counter or self._remembered.counter:
                return max(known, default=0)
            if asyncio.get_running_loop().time() >= deadline:
                telemetry.watermark_lost(counter)
                return None
            await asyncio.sleep(self._search / 20)

    def _counters(self, kept: list[Keepsake], user: str) -> list[int]:
        """Those that we published ourselves: whatever else stands there is told, once, and never believed."""
        ours = [each for each in kept if each.user_id == user and _COUNTER.fullmatch(each.body)]
        foreign = [each for each in kept if each not in ours]
        if foreign and not self._is_foreign_told:
            self._is_foreign_told = True
            telemetry.watermark_foreign(len(foreign), sorted({str(each.user_id) for each in foreign}))
        return [int(each.body) for each in ours]

    def _take_over(self, tick: Tick) -> None:
        self._remember(tick.counter)
        self._remembered.epoch = tick.epoch

    def _remember(self, counter: int) -> None:
        self._remembered.counter = max(self._remembered.counter, counter)

    async def _hold(self, found: Found) -> None:
        restore = await self._restores.declare(
            since=None, found=found, actor=ACTOR, reason=_REASONS[found], remembered=self._remembered.counter
        )
        telemetry.database_went_back(found, restore.since)

    async def _publish(self) -> Published:
        """Let RabbitMQ remember it, and say whether it does."""
        counter = self._remembered.counter
        outgoing = Outgoing(QUEUE, "", b"%d" % counter, "text/plain", {}, message_id=f"watermark-{counter}")
        [published] = await self._publishing.publish([outgoing])
        is_kept = published is Published.CONFIRMED
        if self._is_kept and not is_kept:
            telemetry.watermark_not_kept(published)
        self._is_kept = is_kept
        return published


def phase_of(restore: Restore | None) -> Phase:
    """How far the newest restore was taken; without one everything is over."""
    return Phase.ENDED if restore is None else restore.phase

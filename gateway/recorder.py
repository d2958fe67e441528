"""The recorder: ends of attempts go into the sent log, many in one round trip, until the database has them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from adapters.ports.outbox import Ended, Outbox
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff

MOST: Final = 500
"""Ends in one round trip, unless one run has more."""


class Recorder:
    """Batches records naturally: what arrives while one round trip runs goes into the next."""

    def __init__(self, outbox: Outbox, backoff: Backoff) -> None:
        self._outbox = outbox
        self._backoff = backoff
        self._waiting: deque[tuple[Sequence[Ended], asyncio.Future[None] | None]] = deque()
        self._added = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def record(self, ended: Sequence[Ended]) -> None:
        """Return once these are durable: the ends of a run, which go in one round trip."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(ended, done)
        await done

    def release(self, ended: Ended) -> None:
        """Record without waiting for it."""
        self._add([ended], None)

    async def quiet(self) -> None:
        """Wait until everything is recorded."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Record for ever."""
        while True:
            if not self._waiting:
                self._is_idle.set()
                self._added.clear()
                await self._added.wait()
            batch, waiters = self._next()
            await self._write(batch)
            for done in waiters:
                if not done.done():
                    done.set_result(None)

    def _next(self) -> tuple[list[Ended], list[asyncio.Future[None]]]:
        """What goes into the next round trip, and who waits for it."""
        batch: list[Ended] = []
        waiters: list[asyncio.Future[None]] = []
        while self._waiting and (not batch or len(batch) + len(self._waiting[0][0]) <= MOST):
            ended, done = self._waiting.popleft()
            batch.extend(ended)
            if done is not None:
                waiters.append(done)
        return batch, waiters

    async def _write(self, batch: list[Ended]) -> None:
        """Recording is idempotent, so it is repeated until it is heard."""
        while True:
            try:
                await self._outbox.record(batch)
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return

    def _add(self, ended: Sequence[Ended], done: asyncio.Future[None] | None) -> None:
        self._waiting.append((ended, done))
        self._is_idle.clear()
        self._added.set()

"""Reading a system for ever: by one process at a time, again after every failure, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from adapters.ports.broker import BrokerUnavailable
from adapters.ports.changes import FeedUnavailable, Positions
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.reader import Reader, Unroutable

STAND_BY_SECONDS: Final = 1.0
"""Between two tries to take over from the process that reads."""
LONGEST_SECONDS: Final = 30.0
"""Between two looks that fail, at most."""

_PASSING: Final = (FeedUnavailable, BrokerUnavailable, Unroutable, StoreUnavailable)


class ReadElsewhere(RuntimeError):
    """Another process reads the system."""


class Reading:
    """All readers of one system. `every` is in seconds, between two looks."""

    def __init__(self, system: str, readers: Sequence[Reader], positions: Positions, *, every: float) -> None:
        self._system = system
        self._readers = readers
        self._positions = positions
        self._every = every
        self._stopped = asyncio.Event()
        self._backoff = Backoff(shortest=min(0.5, every), longest=max(LONGEST_SECONDS, every), sleep=self._pause)
        self._holds: bool | None = None

    def stop(self) -> None:
        """End after the page that is being published."""
        self._stopped.set()

    async def once(self) -> int:
        """Look once at everything; how many events were published.

        Raises `ReadElsewhere`, and what a look raises, once all were looked at.
        """
        if not await self._positions.hold(self._system):
            raise ReadElsewhere(f"another process reads {self._system}: let it, or stop it first")
        return await self._look()

    async def run(self) -> None:
        """Look, and wait, until it is stopped. While another process reads the system, wait for its end."""
        while not self._stopped.is_set():
            try:
                holds = await self._positions.hold(self._system)
                self._tell(holds=holds)
                if holds:
                    await self._look()
            except _PASSING as error:
                telemetry.reader_waits(self._system, str(error))
                await self._backoff.wait()
            else:
                self._backoff.reset()
                await self._pause(self._every if holds else STAND_BY_SECONDS)

    async def _look(self) -> int:
        """Look with every reader; a failure of one keeps no other from its look."""
        published, failures = 0, []
        for reader in self._readers:
            if self._stopped.is_set():
                break
            try:
                looked = await reader.look(self._stopped.is_set)
            except StoreUnavailable:
                raise
            except _PASSING as error:
                await self._positions.failed(self._system, reader.record, str(error))
                failures.append(error)
            except Exception as error:
                reason = f"it ended with {type(error).__name__}, which is a bug: report it"
                await self._positions.failed(self._system, reader.record, reason)
                raise
            else:
                published += looked.published
                telemetry.reader_looked(self._system, reader.record, looked.published, whole=looked.is_whole)
        if failures:
            raise failures[0]
        return published

    def _tell(self, *, holds: bool) -> None:
        """Say once whether we read, or another process does."""
        if self._holds != holds:
            self._holds = holds
            telemetry.reader_holds(self._system, holds=holds)

    async def _pause(self, seconds: float) -> None:
        """Wait, unless it is stopped before."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

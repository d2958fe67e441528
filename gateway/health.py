"""Health: whether the process may be given work, and why not; it asks only the database, others tell it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from adapters.ports.broker import Publishing, Subscription
from adapters.ports.store import Reads
from adapters.ports.turns import StoreUnavailable

PROBE_SECONDS: Final = 1.0
PROBE_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `detail` says what is wrong."""

    name: str
    ok: bool
    detail: str = ""


class Health:
    """Ready: PostgreSQL writable, consumers registered, publisher connected, not draining; never a vendor or a backlog.

    A stand-by, whose queues are consumed by another process, is ready too, or rolling updates would wait for ever.
    """

    def __init__(self, reads: Reads, publishing: Publishing) -> None:
        self._reads = reads
        self._publishing = publishing
        self._subscription: Subscription | None = None
        self._store: str | None = "not asked yet"
        self._dead: str | None = None
        self._start = ""
        self.is_draining = False
        self.has_started = False

    def consuming(self, subscription: Subscription) -> None:
        """From now on readiness needs this subscription's consumers."""
        self._subscription = subscription
        self.has_started = True

    def starting(self, at: str) -> None:
        """What the start is at, which would seem to hang else; "" once that is over."""
        self._start = at

    def died(self, task: str) -> None:
        """A task that runs for ever has ended: the process is of no use any more."""
        self._dead = task

    @property
    def alive(self) -> Check:
        """Whether the supervisor sees all its tasks; that the loop runs is shown by the answer itself."""
        return Check("tasks", self._dead is None, "" if self._dead is None else f"{self._dead} has ended")

    @property
    def started(self) -> Check:
        """Whether the consumers were registered once."""
        return Check("started", self.has_started, self._start or "the consumers are not registered yet")

    @property
    def checks(self) -> list[Check]:
        """Every condition of readiness."""
        subscription = self._subscription
        return [
            self.alive,
            Check("postgresql", self._store is None, self._store or ""),
            Check(
                "consumers",
                subscription is not None and subscription.is_active,
                self._start or "not every queue has its consumer",
            ),
            Check("publisher", self._publishing.is_connected, "the publishing connection is down"),
            Check("draining", not self.is_draining, "the process is shutting down"),
        ]

    @property
    def is_ready(self) -> bool:
        """Whether every condition holds."""
        return all(check.ok for check in self.checks)

    async def run(self) -> None:
        """Ask the database for ever."""
        while True:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await self._reads.probe()
                self._store = None
            except StoreUnavailable as error:
                self._store = str(error)
            except TimeoutError:
                self._store = f"no answer within {PROBE_TIMEOUT:g} s"
            await asyncio.sleep(PROBE_SECONDS)

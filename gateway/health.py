"""Health: whether the process may be given work, and why not; it asks only the database, others tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.ports.broker import Publishing, Subscription
from adapters.ports.store import Reads
from adapters.ports.turns import StoreUnavailable

PROBE_SECONDS: Final = 1.0
PROBE_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `detail` says what is wrong, `note` what is to be known although nothing is."""

    name: str
    ok: bool
    detail: str = ""
    note: str = ""


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
        self._unread: Callable[[], str | None] = lambda: None
        self.is_draining = False
        self.has_started = False

    def consuming(self, subscription: Subscription) -> None:
        """From now on readiness needs this subscription's consumers."""
        self._subscription = subscription
        self.has_started = True

    def deciding(self, unread: Callable[[], str | None]) -> None:
        """From now on it is told which policy in force cannot be read here; that makes nothing unready."""
        self._unread = unread

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
            Check("policy", ok=True, note=self._behind),
        ]

    @property
    def _behind(self) -> str:
        unread = self._unread()
        if unread is None:
            return ""
        return f"behind: {unread} is in force, which this release cannot read, so it decides by the one before"

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

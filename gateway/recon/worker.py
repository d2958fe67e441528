"""Reconciliation at work: one process at a time takes runs step by step, begins those that are due, and repairs.

Runs take turns, a page each, and before each page what is due of schedules and plans is done. So a system that is
silent, or has no end, keeps others waiting for one answer at a time; a look at a plan is bounded, and leaves as long to
others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from adapters.ports.postings import PostingsUnavailable
from adapters.ports.recon import Run, RunAsked, Runs, RunWork, Scheduled
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.recon.notes import note_of
from gateway.recon.schedule import SCHEDULED, ReconciliationPolicy, slot_of
from gateway.recon.steps import Steps
from gateway.recon.tries import TRIES, Tries

ROUND_SECONDS: Final = 5.0
"""Between rounds, once there is nothing more to do."""
REST_SECONDS: Final = 0.05
"""After a round, and at least nine times as long as it took, so that nobody notices who shares the event loop."""
LONGEST_REST: Final = 1.0
"""A round that takes longer than a ninth of this waits for a system or for the store."""
CLEARED: Final = 5000
"""Entries that are removed in one round."""


class Repairs(Protocol):
    """What is to be done about plans of repair."""

    async def go_on(self, paused: Collection[str]) -> bool:
        """Take each as far as it goes without asking a system that is paused; whether any was ended."""
        ...


class Reconciler:
    """Works for ever. `schedules` are the policy's in force; `now` is the wall clock, by which they are due.

    `paused` are the systems that an operator has paused: their books are not read.
    """

    def __init__(
        self,
        work: RunWork,
        runs: Runs,
        steps: Steps,
        repairs: Repairs,
        schedules: Callable[[], Mapping[str, ReconciliationPolicy]],
        paused: Callable[[], Awaitable[Collection[str]]],
        now: Callable[[], datetime],
        backoff: Backoff,
    ) -> None:
        self._work = work
        self._runs = runs
        self._steps = steps
        self._repairs = repairs
        self._schedules = schedules
        self._paused = paused
        self._now = now
        self._backoff = backoff
        self._asked = asyncio.Event()
        self._last = 0
        """The run that had the last turn."""
        self._tries: dict[int, Tries] = {}
        """By run, of those whose system did not answer the last time."""
        self.scheduled: Mapping[tuple[str, str], Scheduled] = {}
        """By the system and the policy's name of the schedule; empty where another process works."""

    def hint(self) -> None:
        """Look at once: a run was asked for, or a plan decided on."""
        self._asked.set()

    async def run(self) -> None:
        """Round after round; while there is nothing to do, one every few seconds."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                went_on = await self.round()
            except StoreUnavailable:
                self._show_nothing()
                await self._backoff.wait()
                continue
            except Exception as error:  # noqa: BLE001  # a mistake here must not end a process that moves money
                telemetry.recon_failed("a round", error)
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if went_on:
                await self._backoff.rest(min(max(REST_SECONDS, 9 * (loop.time() - began)), LONGEST_REST))
            else:
                await self._pause()

    async def round(self) -> bool:
        """What is due, and one step of a run; whether there may be more at once. Raises `StoreUnavailable`."""
        self._asked.clear()
        if not await self._work.hold():
            self._show_nothing()
            return False
        await self._begin_what_is_due()
        paused = await self._paused()
        has_ended = await self._repairs.go_on(paused)
        has_stepped = await self._step(paused)
        has_cleared = await self._work.clear(limit=CLEARED)
        return has_ended or has_stepped or has_cleared

    async def _step(self, paused: Collection[str]) -> bool:
        """One step of the run whose turn it is; whether there was one that does not wait for its system."""
        now = self._now()
        waiting = [id for id, tries in self._tries.items() if now < tries.again_at]
        run = await self._work.next(behind=self._last, without=waiting, unread=paused)
        if run is None:
            return False
        self._last = run.id
        try:
            await self._steps.step(run)
        except PostingsUnavailable as error:
            telemetry.recon_waits(str(error))
            await self._has_failed(run, now, error)
        else:
            self._tries.pop(run.id, None)
        return True

    async def _has_failed(self, run: Run, began: datetime, error: PostingsUnavailable) -> None:
        """The system shall be asked again, but not for ever."""
        now = self._now()
        self._tries[run.id] = failed = self._tries.get(run.id, Tries(now)).failed(now, now - began)
        if failed.count >= TRIES:
            reason = f"{note_of(error)}; so it was {TRIES} times: begin another run once it answers"
            await self._steps.fail(run, reason)
            del self._tries[run.id]

    async def _begin_what_is_due(self) -> None:
        """Each schedule once in its time, whichever process looks: the same time is the same request."""
        now, scheduled = self._now(), dict[tuple[str, str], Scheduled]()
        for name, each in self._schedules().items():
            found = scheduled[each.system, name] = await self._runs.scheduled(name, each.system)
            slot = slot_of(each, now)
            if found.newest is None or slot_of(each, found.newest.started_at) != slot:
                today = now.date()
                first = today - timedelta(days=each.days)
                asked = RunAsked(each.system, first, today, each.entity, each.legal_entity, name)
                await self._runs.begin(asked, by=SCHEDULED, click=f"{slot} {asked}")
        self.scheduled = scheduled

    def _show_nothing(self) -> None:
        """Whoever works shows what there is; what we saw last may be of long ago."""
        self.scheduled = {}

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            return

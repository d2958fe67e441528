"""Reconciliation at work: one process at a time takes runs step by step, begins those that are due, and repairs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from adapters.ports.postings import PostingsUnavailable
from adapters.ports.recon import Run, RunAsked, Runs, RunWork, Scheduled
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.recon.schedule import SCHEDULED, ReconciliationPolicy, slot_of
from gateway.recon.steps import Steps
from gateway.recon.tries import TRIES

ROUND_SECONDS: Final = 5.0


class Repairs(Protocol):
    """What is to be done about plans of repair."""

    async def go_on(self) -> bool:
        """Take each as far as it goes; whether any was ended."""
        ...


class Reconciler:
    """Works for ever. `schedules` are the policy's in force; `now` is the wall clock, by which they are due."""

    def __init__(
        self,
        work: RunWork,
        runs: Runs,
        steps: Steps,
        repairs: Repairs,
        schedules: Callable[[], Mapping[str, ReconciliationPolicy]],
        now: Callable[[], datetime],
        backoff: Backoff,
    ) -> None:
        self._work = work
        self._runs = runs
        self._steps = steps
        self._repairs = repairs
        self._schedules = schedules
        self._now = now
        self._backoff = backoff
        self._asked = asyncio.Event()
        self._unanswered: tuple[int, int] = (0, 0)
        """A run, and how often in a row its system did not answer."""
        self.scheduled: Mapping[tuple[str, str], Scheduled] = {}
        """By the system and the policy's name of the schedule; empty where another process works."""

    def hint(self) -> None:
        """Look at once: a run was asked for, or a plan decided on."""
        self._asked.set()

    async def run(self) -> None:
        """Step after step; while there is nothing to do, a round every few seconds."""
        while True:
            try:
                went_on = await self.round()
            except StoreUnavailable:
                self._show_nothing()
                await self._backoff.wait()
                continue
            except PostingsUnavailable as error:
                telemetry.recon_waits(str(error))
                await self._backoff.wait()
                continue
            except Exception as error:  # noqa: BLE001  # a mistake in a comparison must not end a process that moves money
                telemetry.recon_failed("a round", error)
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if not went_on:
                await self._pause()

    async def round(self) -> bool:
        """One step of a run, or what else is due; whether there may be more at once.

        Raises `StoreUnavailable`, and `PostingsUnavailable` where a system shall be asked again.
        """
        self._asked.clear()
        if not await self._work.hold():
            self._show_nothing()
            return False
        run = await self._work.next()
        if run is not None:
            await self._step(run)
            return True
        await self._begin_what_is_due()
        return await self._repairs.go_on()

    async def _step(self, run: Run) -> None:
        try:
            await self._steps.step(run)
        except PostingsUnavailable as error:
            before, count = self._unanswered
            self._unanswered = (run.id, count + 1 if before == run.id else 1)
            if self._unanswered[1] < TRIES:
                raise
            await self._work.end(run, f"{error}; so it was {TRIES} times: begin another run once it answers")
        else:
            self._unanswered = (0, 0)

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

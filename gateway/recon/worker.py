"""Reconciliation at work: one process at a time takes runs step by step, begins those that are due, and repairs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, NamedTuple, Protocol

from adapters.ports.postings import PostingsUnavailable
from adapters.ports.recon import Kind, Phase, Run, RunAsked, Runs, RunWork
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.recon.schedule import SCHEDULED, ReconciliationPolicy, slot_of
from gateway.recon.steps import Steps
from gateway.recon.tries import TRIES

ROUND_SECONDS: Final = 5.0
SHOWN: Final = 100
"""Runs that are looked through for the newest of each system, whose figures are shown."""


class Repairs(Protocol):
    """What is to be done about plans of repair."""

    async def go_on(self) -> bool:
        """Take each as far as it goes; whether any was ended."""
        ...


class Scheduled(NamedTuple):
    """What became of the runs of a schedule: when the newest was done, None for never, and how many failed since."""

    system: str
    done_at: datetime | None
    failed: int


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
        self.figures: Mapping[tuple[str, Kind], int] = {}
        """Differences by entity and kind, of the newest whole run of each system; empty where another process works."""
        self.scheduled: Mapping[str, Scheduled] = {}
        """By the policy's name of the schedule; empty where another process works."""

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
        self.figures = await self._newest()
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
        now, scheduled = self._now(), dict[str, Scheduled]()
        for name, each in self._schedules().items():
            today = now.date()
            asked = RunAsked(
                each.system, today - timedelta(days=each.days), today, each.entity, each.legal_entity, name
            )
            slot = slot_of(each, now)
            newest = await self._runs.page(system=each.system, before=None, limit=SHOWN)
            own = [run for run in newest if run.asked.schedule == name]
            if not any(slot_of(each, run.started_at) == slot for run in own):
                await self._runs.begin(asked, by=SCHEDULED, click=f"{slot} {asked}")
            scheduled[name] = _seen(each.system, own)
        self.scheduled = scheduled

    async def _newest(self) -> Mapping[tuple[str, Kind], int]:
        figures: dict[tuple[str, Kind], int] = {}
        seen = set[str]()
        for run in await self._runs.page(system=None, before=None, limit=SHOWN):
            asked = run.asked
            if run.phase is Phase.DONE and asked.entity is asked.legal_entity is None and asked.system not in seen:
                seen.add(asked.system)
                for place, count in run.tally.counts.items():
                    figures[place] = figures.get(place, 0) + count
        return figures

    def _show_nothing(self) -> None:
        """Whoever works shows what there is; what we saw last may be of long ago."""
        self.figures, self.scheduled = {}, {}

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(ROUND_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            return


def _seen(system: str, newest_first: Sequence[Run]) -> Scheduled:
    """What became of the runs of one schedule, the newest first."""
    over = [run for run in newest_first if run.phase.is_over]
    failed = sum(1 for _ in takewhile(lambda run: run.phase is Phase.FAILED, over))
    done_at = next((run.ended_at for run in over if run.phase is Phase.DONE), None)
    return Scheduled(system, done_at, failed)

"""What stands open in the database, as gauges: read at most every few seconds, left out while it cannot be read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.ports.replays import Phase
from adapters.ports.store import Reads
from adapters.ports.turns import StoreUnavailable
from adapters.ports.views import StatusReport
from gateway.case_classes import owner_of
from gateway.http.held_systems import gauges
from gateway.http.systems import Systems
from gateway.system_state import SystemState

KEEP_SECONDS: Final = 5.0
TIMEOUT: Final = 4.0
SHARE: Final = 10.0
"""A report is kept at least so many times longer than it took, so that a large backlog is not counted all the time."""

_SHOWN: Final = (Phase.DECIDING, Phase.RUNNING, Phase.PAUSED, Phase.CANCELLING)
"""Phases of replays, also where there are none: an alert on a gauge that comes and goes misses its beginning."""


class OpenWork(Collector):
    """Gauges of a `StatusReport`, and of the systems. `refresh` asks, `collect` shows what was answered last."""

    def __init__(self, reads: Reads, systems: Systems) -> None:
        self._reads = reads
        self._systems = systems
        self._states: list[SystemState] = []
        self._report: StatusReport | None = None
        self._fresh_until = 0.0
        self._asking = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask again if the last answer, or the last try, is old enough; never raises for a database that is away."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            began = loop.time()
            if began < self._fresh_until:
                return
            try:
                async with asyncio.timeout(TIMEOUT):
                    self._report, self._states = await self._reads.status(), await self._systems.states()
            except (StoreUnavailable, TimeoutError):
                self._report = None
            ended = loop.time()
            self._fresh_until = ended + max(KEEP_SECONDS, SHARE * (ended - began))

    def collect(self) -> Iterator[Metric]:
        """The gauges, and whether they could be read."""
        report = self._report
        known = float(report is not None)
        yield _gauge("open_work_known", "Whether what stands open could be read.", (), [((), known)])
        if report is None:
            return
        lanes = report.lanes
        yield _gauge("lanes", "Lanes that hold messages.", ("entity", "state"),
                     (((lane.entity, lane.state), lane.lanes) for lane in lanes))  # fmt: skip
        yield _gauge("lane_messages", "Messages in lanes.", ("entity", "state"),
                     (((lane.entity, lane.state), lane.messages) for lane in lanes))  # fmt: skip
        yield _gauge("lane_oldest_seconds", "How long the oldest lane has been in its state.", ("entity", "state"),
                     (((lane.entity, lane.state), (report.at - lane.oldest).total_seconds())
                      for lane in lanes if lane.oldest is not None))  # fmt: skip
        yield _gauge("conflicts_open", "Open cases of an id that came with another body.", (), [((), report.conflicts)])
        yield _gauge("commands_open", "Commands that are not settled.", ("system",),
                     (((row.system,), row.commands) for row in report.commands))  # fmt: skip
        yield _gauge("commands_parked", "Commands that wait for a person.", ("system",),
                     (((row.system,), row.parked) for row in report.commands))  # fmt: skip
        cases = Counter[tuple[str, ...]]()
        for row in report.cases:
            cases[row.failure_class, owner_of(row.owner, row.failure_class)] += row.cases
        yield _gauge("cases_open", "Cases that a person must settle.", ("class", "owner"), cases.items())
        yield _gauge("dead_letters_stored", "Dead letters.", (), [((), report.dead_letters)])
        yield _gauge("notices_waiting", "Commits and dead letters not published yet.", (), [((), report.notices)])
        replays = dict.fromkeys(_SHOWN, 0) | {row.phase: row.replays for row in report.replays}
        yield _gauge("replays", "Replays that are not over.", ("phase",),
                     (((phase,), count) for phase, count in replays.items()))  # fmt: skip
        yield from gauges(self._states)


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tallystick_{name}", text, labels=labels)
    for key, value in values:
        family.add_metric(list(key), value)
    return family

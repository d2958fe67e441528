"""Counts of what happened, kept in plain dictionaries and turned into metrics when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""


class Histogram:
    """Durations by label value; observing costs a few dictionary operations."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: Counter[tuple[str, ...]] = Counter()

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(BUCKETS) + 1)
        for place, bound in enumerate(BUCKETS):
            if seconds <= bound:
                counts[place] += 1
                break
        else:
            counts[-1] += 1
        self._sums[labels] += seconds  # type: ignore[assignment]  # Counter of floats: typeshed knows integers only

    def family(self, name: str, text: str, labels: tuple[str, ...]) -> HistogramMetricFamily:
        """The metric as of now."""
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, counts in self._counts.items():
            total = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric(list(values), buckets, sum_value=self._sums[values])
        return family


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value that is read when it is asked for, by label values."""

    name: str
    text: str
    labels: tuple[str, ...]
    read: Callable[[], Mapping[tuple[str, ...], float]]


class Counts(Collector):
    """Everything this process counts. Label sets are closed: never an id."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.received: Counter[tuple[str, ...]] = Counter()
        self.types: Counter[tuple[str, ...]] = Counter()
        self.messages: Counter[tuple[str, ...]] = Counter()
        self.duplicates: Counter[tuple[str, ...]] = Counter()
        self.refused: Counter[tuple[str, ...]] = Counter()
        self.dead_letters: Counter[tuple[str, ...]] = Counter()
        self.suspects: Counter[tuple[str, ...]] = Counter()
        self.commands: Counter[tuple[str, ...]] = Counter()
        self.notices: Counter[tuple[str, ...]] = Counter()
        self.removed: Counter[tuple[str, ...]] = Counter()
        self.replayed: Counter[tuple[str, ...]] = Counter()
        self.store_lost: Counter[tuple[str, ...]] = Counter()
        self.stale_writers = 0
        self.batches = 0
        self.turns = 0
        self.commit_seconds = Histogram()
        self.command_seconds = Histogram()
        self.message_seconds = Histogram()
        self.gauges: list[Gauge] = []

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        yield _counter("messages_received", "Deliveries that were admitted.", ("entity",), self.received)
        yield _counter("event_types", "Deliveries that were admitted, by who sends which version.", ("source", "type"),
                       self.types)  # fmt: skip
        yield _counter("messages", "Messages by verdict, counted when they get it.", ("entity", "verdict"),
                       self.messages)  # fmt: skip
        yield _counter("duplicates", "Deliveries of messages that are in the inbox.", ("entity",), self.duplicates)
        yield _counter("turns_refused", "Turns that left nothing and were decided again.", ("why",), self.refused)
        yield _counter("dead_letters", "Deliveries that could not become messages.", ("queue", "class"),
                       self.dead_letters)  # fmt: skip
        yield _counter("suspects", "Messages that came back often, by what was done with them.", ("treatment",),
                       self.suspects)  # fmt: skip
        yield _counter("commands", "Attempts by what they came to.", ("system", "operation", "outcome"),
                       self.commands)  # fmt: skip
        yield _counter("notices", "Notices by what became of them.", ("outcome",), self.notices)
        yield _counter("rows_removed", "Rows removed for their age.", ("kind",), self.removed)
        yield _counter("replay_items", "Messages of replays by what came of them.", ("outcome",), self.replayed)
        yield _counter("store_lost", "Batches that the database did not take, or did not answer.", ("outcome",),
                       self.store_lost)  # fmt: skip
        yield _counter("stale_writer", "Commits that lost their compare-and-set.", (), {(): self.stale_writers})
        yield _counter("commit_batches", "Commits.", (), {(): self.batches})
        yield _counter("commit_turns", "Turns in commits.", (), {(): self.turns})
        yield self.commit_seconds.family("tallystick_commit_seconds", "Duration of commits.", ())
        yield self.command_seconds.family("tallystick_command_seconds", "Duration of attempts.",
                                          ("system", "operation"))  # fmt: skip
        yield self.message_seconds.family("tallystick_message_seconds", "From published to applied.", ("entity",))
        for gauge in self.gauges:
            family = GaugeMetricFamily(f"tallystick_{gauge.name}", gauge.text, labels=gauge.labels)
            for key, value in gauge.read().items():
                family.add_metric(list(key), value)
            yield family
        info = GaugeMetricFamily("tallystick_build_info", "Version of the program.", labels=("version",))
        info.add_metric([self._version], 1)
        yield info


def _counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"tallystick_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key), value)
    return family

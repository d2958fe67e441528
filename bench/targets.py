"""The targets, one line each: what is measured, the bound, and whether a run met it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never


class Kind(StrEnum):
    """The two kinds of run."""

    ORDINARY = "ordinary"
    LARGE = "large"


class Side(StrEnum):
    """On which side of its bound a figure must be. What is only reported has no bound to keep."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Target:
    """One line. `figure` is its name among the figures of the parts."""

    figure: str
    what: str
    side: Side
    bound: float
    unit: str = ""
    kind: Kind = Kind.ORDINARY

    @property
    def wanted(self) -> str:
        """The bound as it is written."""
        match self.side:
            case Side.AT_LEAST:
                return f"≥ {self.bound:,g}{self.unit}"
            case Side.AT_MOST:
                return f"≤ {self.bound:,g}{self.unit}"
            case Side.REPORTED:
                return "reported"
            case _:
                assert_never(self.side)

    def is_met(self, value: float) -> bool:
        """Whether a measured value keeps the bound."""
        match self.side:
            case Side.AT_LEAST:
                return value >= self.bound
            case Side.AT_MOST:
                return value <= self.bound
            case Side.REPORTED:
                return True
            case _:
                assert_never(self.side)


@dataclass(frozen=True, slots=True)
class Line:
    """A target beside what a run measured; None: it did not."""

    target: Target
    measured: float | None

    @property
    def is_met(self) -> bool | None:
        """None where nothing was measured, or nothing is demanded."""
        if self.measured is None or self.target.side is Side.REPORTED:
            return None
        return self.target.is_met(self.measured)


TARGETS: Final = (
    Target("T/A", "T / A, the ceiling", Side.REPORTED, 0),
    Target("T/B", "T / B, an empty consumer that is not durable", Side.AT_LEAST, 1.0),
    Target("T/C", "T / C, an empty subscriber of a framework", Side.AT_LEAST, 2.5),
    Target("T/D", "T / D, what a user writes today", Side.AT_LEAST, 6.0),
    Target("hot", "all messages of one key / of 5,000 keys", Side.AT_LEAST, 0.5),
    Target("poison", "last healthy message with 30 % of keys poisoned / with none", Side.AT_MOST, 1.1),
    Target("critical p50", "published → applied at 1,000 messages/s, median", Side.AT_MOST, 8, " ms"),
    Target("critical p99", "published → applied at 1,000 messages/s, 99th percentile", Side.AT_MOST, 40, " ms"),
    Target("commit", "beside it: one row, committed alone", Side.REPORTED, 0, " ms"),
    Target("replay", "100,000 parked messages, each of its key, replayed by a plan / T", Side.AT_LEAST, 0.7),
    Target("big", "1,000,000 keys and 10,000,000 messages in the inbox / empty", Side.AT_LEAST, 0.8, kind=Kind.LARGE),
    Target("big random", "the same with random event ids", Side.REPORTED, 0, kind=Kind.LARGE),
    Target(
        "memory", "memory with 1,000,000 messages waiting and 1,000,000 parked", Side.AT_MOST, 300, " MiB", Kind.LARGE
    ),
    Target(
        "memory growth", "the same, last quarter of the time / second quarter", Side.AT_MOST, 1.1, kind=Kind.LARGE
    ),
    Target(
        "restart", "restart with 1,000,000 parked and 100,000 open commands → first message applied",
        Side.AT_MOST, 3, " s", Kind.LARGE,
    ),
    Target(
        "relay", "commands to a system that answers in 5 ms, 64 in flight", Side.AT_LEAST, 2_000, "/s", Kind.LARGE
    ),
    Target("lines", "100,000 approved lines, posted in batches", Side.AT_LEAST, 5_000, "/s", Kind.LARGE),
    Target("lines settled", "the same, with the decision on each result", Side.REPORTED, 0, "/s", Kind.LARGE),
    Target("lines apart", "the same, each line of a sheet of its own, posted", Side.REPORTED, 0, "/s", Kind.LARGE),
    Target("lines p50", "published → applied meanwhile, median", Side.REPORTED, 0, " ms", Kind.LARGE),
    Target("lines p99", "published → applied meanwhile, 99th percentile", Side.REPORTED, 0, " ms", Kind.LARGE),
    Target("lines memory", "memory of the process meanwhile", Side.AT_MOST, 300, " MiB", Kind.LARGE),
    Target("retention", "old rows removed / rows written, at full rate", Side.AT_LEAST, 1.0, kind=Kind.LARGE),
    Target("retention cost", "T while old rows are removed / T alone", Side.REPORTED, 0, kind=Kind.LARGE),
    Target(
        "lists", "the slowest list of the API, with 1,000,000 messages stored / one row by its index",
        Side.AT_MOST, 5, kind=Kind.LARGE,
    ),
    Target("list ms", "the median of all lists", Side.REPORTED, 0, " ms", Kind.LARGE),
    Target("row ms", "the one row beside them", Side.REPORTED, 0, " ms", Kind.LARGE),
    Target("sustained", "end to end, relay on, messages", Side.REPORTED, 0, "/s", Kind.LARGE),
)  # fmt: skip


def lines(kind: Kind, figures: Mapping[str, float]) -> Sequence[Line]:
    """Each target of such a run. Raises `ValueError` for a figure that no target of it names."""
    targets = [target for target in TARGETS if target.kind is kind]
    unknown = figures.keys() - {target.figure for target in targets}
    if unknown:
        raise ValueError(f"no target names {', '.join(sorted(unknown))}: add a line to bench.targets")
    return [Line(target, figures.get(target.figure)) for target in targets]

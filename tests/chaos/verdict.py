"""The verdict of a run: what the checker found, whether enough was hit, and the report about both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from tests.chaos.operators import ACTED
from tests.chaos.processes import POINTS
from tests.chaos.run import LONG, Plan
from tests.chaos.servers import TERMINATED
from tests.checker.cells import (
    ALARM,
    AWAY,
    BAD,
    COMMIT,
    CONFLICT,
    CUT,
    DELETED,
    DUPLICATE,
    EARLY,
    KILL,
    LOST,
    OUT_OF_ORDER,
    POISON,
    STOPPED,
    SYSTEM,
    ZOMBIE,
)
from tests.checker.evidence import Cell
from tests.checker.report import Invariant, Report

MINUTES: Final = 10.0
"""What the quotas below are for; a shorter run owes its share of them."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How often cells of some kind must be hit in ten minutes."""

    name: str
    wanted: int
    counts: Callable[[Mapping[Cell, int]], int]

    def owed(self, seconds: float) -> int:
        """What a run of `seconds` owes, one at least."""
        return max(1, ceil(self.wanted * seconds / (MINUTES * 60)))


def _of(*cells: Cell) -> Callable[[Mapping[Cell, int]], int]:
    return lambda faults: sum(faults.get(cell, 0) for cell in cells)


QUOTAS: Final = (
    Quota("process kills", 40, lambda faults: sum(hits for cell, hits in faults.items() if cell.fault == KILL)),
    Quota("backend terminations", 30, _of(TERMINATED)),
    Quota("broker restarts and massacres of connections", 6, _of(CUT, STOPPED)),
    Quota("database restarts", 4, _of(AWAY)),
    Quota("processes that slept through their leases", 3, _of(ZOMBIE)),
    Quota("alarms of the broker", 3, _of(ALARM)),
    Quota("queues deleted", 3, _of(DELETED)),
    Quota("commits whose connection was cut", 4, _of(Cell(COMMIT, LOST))),
    Quota("acts on blocked deals", 5, _of(ACTED)),
    *(
        Quota(f"messages: {cell.fault}", 20, _of(cell))
        for cell in (DUPLICATE, CONFLICT, POISON, BAD, EARLY, OUT_OF_ORDER)
    ),
)
KINDS: Final = 4
"""Kinds of misbehaviour of outside systems, in a run of any length."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to. `too_few` says what was hit too seldom for the run to prove anything."""

    plan: Plan
    report: Report
    too_few: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether every invariant holds and enough was hit."""
        return not self.report.violations and not self.too_few

    def text(self) -> str:
        """For people."""
        lines = [f"chaos, {self.plan.seconds:.0f} s of faults, seed {self.plan.seed}", "", self.report.text(), ""]
        lines.extend(f"TOO FEW {each}" for each in self.too_few)
        lines.append("every promise was kept" if self.is_good else "FAILED")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "seed": self.plan.seed,
            "seconds": self.plan.seconds,
            "good": self.is_good,
            "invariants": {str(each): each not in self.report.broken for each in Invariant},
            "violations": [str(violation) for violation in self.report.violations],
            "too_few": list(self.too_few),
            "counts": dict(self.report.counts),
            "faults": {f"{cell.moment} × {cell.fault}": hits for cell, hits in sorted(self.report.faults.items())},
        }


def judge(plan: Plan, report: Report) -> Verdict:
    """Compare what was hit with what a run of this length owes."""
    faults = report.faults
    few = [
        f"{quota.name}: {quota.counts(faults)} of {quota.owed(plan.seconds)}"
        for quota in QUOTAS
        if quota.counts(faults) < quota.owed(plan.seconds)
    ]
    kinds = sum(hits > 0 and cell.moment == SYSTEM for cell, hits in faults.items())
    if kinds < KINDS:
        few.append(f"kinds of misbehaviour of outside systems: {kinds} of {KINDS}")
    if plan.seconds >= LONG:  # a shorter one cannot hit each of the points
        few.extend(
            f"kills at: {moment}" for moment in dict.fromkeys(point[0] for point in POINTS)
            if not faults.get(Cell(moment, KILL))
        )  # fmt: skip
    return Verdict(plan, report, tuple(few))

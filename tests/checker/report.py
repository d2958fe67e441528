"""What a check came to: violations by invariant, counts, and how often each cell of faults was hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tests.checker.evidence import Cell


class Invariant(Enum):
    """What is promised, by number and name."""

    NO_LOSS = (1, "no loss")
    ONE_EFFECT = (2, "at most one effect")
    STABLE_KEYS = (3, "stable keys")
    ATOMIC = (4, "atomic")
    ORDER = (5, "order")
    ISOLATION = (6, "isolation")
    TOTALS = (7, "totals")
    REPLAY = (8, "replay is safe")
    LIVE = (9, "live")
    CLOCKS = (10, "clocks decide nothing")
    CONFLICT_SEEN = (11, "a conflict is seen")
    LIMITS = (12, "limits are kept")

    def __str__(self) -> str:
        number, name = self.value
        return f"{number} {name}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: which, of what key, message, or command, and how."""

    invariant: Invariant
    of: str
    why: str

    def __str__(self) -> str:
        return f"[{self.invariant}] {self.of}: {self.why}"


@dataclass(frozen=True, slots=True)
class Report:
    """Violations in the order of the invariants; `faults` by cell, `counts` by what was counted."""

    violations: tuple[Violation, ...]
    faults: Mapping[Cell, int]
    counts: Mapping[str, int]

    @property
    def broken(self) -> frozenset[Invariant]:
        """The invariants that do not hold."""
        return frozenset(violation.invariant for violation in self.violations)

    def text(self) -> str:
        """For people: each invariant, what broke it, the counts, and the cells."""
        lines = []
        for invariant in Invariant:
            against = [violation for violation in self.violations if violation.invariant is invariant]
            lines.append(f"{invariant!s:28} {'holds' if not against else f'BROKEN {len(against)} times'}")
            lines.extend(f"    {violation.of}: {violation.why}" for violation in against)
        lines.extend(f"{name:28} {count}" for name, count in self.counts.items())
        lines.extend(f"{moment} × {fault}: {hits}" for (moment, fault), hits in sorted(self.faults.items()))
        return "\n".join(lines)


class TooFewFaults(AssertionError):
    """A run that was not hit enough proves nothing."""


def demand(report: Report, minimums: Mapping[Cell, int]) -> None:
    """Raises `TooFewFaults` that names each cell that was hit less often than `minimums` ask."""
    few = [
        f"{cell.moment} × {cell.fault}: {report.faults.get(cell, 0)} of {wanted}"
        for cell, wanted in sorted(minimums.items())
        if report.faults.get(cell, 0) < wanted
    ]
    if few:
        raise TooFewFaults("too few faults were hit, let it run longer: " + "; ".join(few))

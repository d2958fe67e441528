"""Processor time that this machine wanted, and its host gave to others: no load average shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

STAT: Final = Path("/proc/stat")
MOST: Final = 0.03
"""Share of the wanted time; above it the contenders of a round did not have the same machine."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Processor time since the machine started, in ticks: what was `wanted`, and what of it was `stolen`."""

    wanted: int
    stolen: int

    @classmethod
    def read(cls, stat: Path = STAT) -> Self:
        """By now; nothing where the system does not tell (proc_stat(5) of Linux)."""
        if not stat.exists():
            return cls(0, 0)
        user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, stat.read_text().split()[1:9])
        return cls(user + nice + system + irq + softirq + stolen, stolen)

    def share_since(self, before: Ticks) -> float:
        """The stolen share of what was wanted since then, 0 to 1."""
        wanted = self.wanted - before.wanted
        return (self.stolen - before.stolen) / wanted if wanted else 0.0


def stolen_warning(share: float) -> str | None:
    """Why such a run's figures may not be trusted."""
    if share <= MOST:
        return None
    return (
        f"other machines of the host took {share:.0%} of the processor time that this run wanted: its ratios may be off"
    )

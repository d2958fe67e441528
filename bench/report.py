"""The report of a run, and its form as JSON: the machine, every round, medians, ratios, and each target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median

import orjson

from bench.machine import Machine
from bench.part import Found
from bench.sizes import Sizes
from bench.stolen import stolen_warning
from bench.targets import Kind, Line, lines


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `is_full`: every part at its full size, so that its figures may be shown.

    `stolen` is the share of the processor time, wanted while it ran, that the host gave to others.
    """

    at: datetime
    kind: Kind
    is_full: bool
    machine: Machine
    sizes: Sizes
    parts: Mapping[str, Found]
    stolen: float = 0.0

    @property
    def stamp(self) -> str:
        """The run's name among the results."""
        return f"{self.at:%Y-%m-%dT%H%M%SZ}"

    @property
    def figures(self) -> Mapping[str, float]:
        """Those of all parts."""
        return {name: value for found in self.parts.values() for name, value in found.figures.items()}

    @property
    def lines(self) -> list[Line]:
        """Each target with what was measured."""
        return list(lines(self.kind, self.figures))

    @property
    def ratios(self) -> Mapping[str, float]:
        """T to each other contender, medians of neighbours; empty where they did not run."""
        return {name: round(value, 3) for name, value in self.figures.items() if name.startswith("T/")}

    @property
    def notes(self) -> list[str]:
        """What a reader must know."""
        first = [warning for warning in (self.machine.warning, stolen_warning(self.stolen)) if warning is not None]
        if not self.is_full:
            first.append(f"not the full run ({self._unlike_full()})")
        return first + [note for found in self.parts.values() for note in found.notes]

    def _unlike_full(self) -> str:
        full = asdict(Sizes())
        other = [f"{name} {value}" for name, value in asdict(self.sizes).items() if value != full[name]]
        return ", ".join(other) or "parts are missing, or settings differ"

    def to_json(self) -> bytes:
        """All of it; throughput is in messages per second."""
        return orjson.dumps(
            {
                "at": self.at.isoformat(timespec="seconds"),
                "kind": self.kind,
                "full": self.is_full,
                "ratios": self.ratios,
                "targets": [_line(line) for line in self.lines],
                "medians": {
                    part: {name: round(median(values), 3) for name, values in found.rounds.items() if values}
                    for part, found in self.parts.items()
                },
                "rounds": {part: found.rounds for part, found in self.parts.items()},
                "notes": self.notes,
                "stolen": round(self.stolen, 3),
                "machine": asdict(self.machine),
                "sizes": asdict(self.sizes),
            },
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )


def _line(line: Line) -> dict[str, object]:
    return {
        "figure": line.target.figure,
        "what": line.target.what,
        "target": line.target.wanted,
        "measured": None if line.measured is None else round(line.measured, 3),
        "met": line.is_met,
    }

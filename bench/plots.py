"""The plots of a report: throughput as bars, critical time over load, throughput over keys and rows."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from bench.critical import MEDIAN, TAIL
from bench.part import Found
from bench.report import Report
from bench.svg import Curve, bars, curves


def plots(report: Report) -> Mapping[str, str]:
    """Name -> SVG, of what the run measured."""
    drawn: dict[str, str] = {}
    found = report.parts.get("throughput")
    if found is not None:
        values = {name: median(rounds) for name, rounds in found.rounds.items()}
        drawn["throughput"] = bars("Throughput (T: the gateway, durable)", "messages/s", values)
    found = report.parts.get("critical")
    if found is not None:
        lines = [Curve("median", _over_rates(found, MEDIAN)), Curve("99th percentile", _over_rates(found, TAIL))]
        if lines[0].points:
            drawn["latency"] = curves("From published to applied", "ms", "messages per second", lines)
    found = report.parts.get("big")
    if found is not None:
        cost = [(float(name.partition(" ")[0]), median(rounds)) for name, rounds in found.rounds.items()
                if name.endswith(" rows")]  # fmt: skip
        drawn["size"] = curves(
            "Throughput over the size of the database (one key for ten rows)", "messages/s", "rows in the inbox",
            [Curve("time-ordered event ids", cost)],
        )  # fmt: skip
    return drawn


def _over_rates(found: Found, which: str) -> list[tuple[float, float]]:
    """Rate and median milliseconds of the rounds."""
    named = [(name.split("/s "), rounds) for name, rounds in found.rounds.items() if name.endswith(f"/s {which}")]
    return [(float(rate), median(rounds)) for (rate, _), rounds in named]

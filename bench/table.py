"""A report as Markdown: what each contender reached, each target, and what the run ran on."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.contenders import CONTENDERS
from bench.report import Report
from bench.targets import Line


def table(report: Report) -> str:
    """The tables, warnings first, and the conditions in one line."""
    return "\n".join(_parts(report))


def _parts(report: Report) -> Iterator[str]:
    for note in report.notes:
        yield f"**Note:** {note}."
        yield ""
    found = report.parts.get("throughput")
    if found is not None:
        yield "| | what it does per message | messages/s, median | rounds |"
        yield "|---|---|--:|--:|"
        for contender in CONTENDERS:
            rounds = found.rounds[contender.name]
            shown = " · ".join(f"{value:,.0f}" for value in rounds)
            yield f"| {contender.name} | {contender.what} | {median(rounds):,.0f} | {shown} |"
        yield ""
    yield "| | measured | target | |"
    yield "|---|--:|--:|---|"
    yield from (_row(line) for line in report.lines)
    yield ""
    yield _conditions(report)


def _row(line: Line) -> str:
    verdict = {None: "", True: "met", False: "**missed**"}[line.is_met]
    measured = "not measured" if line.measured is None else f"{_figure(line.measured)}{line.target.unit}"
    return f"| {line.target.what} | {measured} | {line.target.wanted} | {verdict} |"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def _conditions(report: Report) -> str:
    machine = report.machine
    settings = ", ".join(f"{name} {value}" for name, value in machine.settings.items())
    servers = ", ".join(machine.servers.values())
    return (
        f"{report.at:%d %B %Y}; {machine.cores} cores shared with broker and database, {machine.memory_mib:,} MiB; "
        f"{servers}; Python {machine.python}; {settings}."
    )

"""The report of a run: every round, medians, ratios, and the machine, as JSON and Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import orjson

from bench.rounds import CONTENDERS

LIBRARIES = ("aio-pika", "aiormq", "asyncpg", "pydantic", "orjson", "uvloop")
TARGETS = {"T/D": 6.0}


def report(
    rounds: Mapping[str, Sequence[float]], count: int, keys: int, servers: Mapping[str, str]
) -> dict[str, object]:
    """What a run says, ready for JSON; throughput is in messages per second."""
    medians = {name: median(values) for name, values in rounds.items()}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "servers": dict(servers),
        "libraries": {name: version(name) for name in LIBRARIES},
        "input": {"messages": count, "keys": keys},
        "rounds": {name: [round(value) for value in values] for name, values in rounds.items()},
        "medians": {name: round(value) for name, value in medians.items()},
        "ratios": {f"T/{name}": round(medians["T"] / medians[name], 2) for name in medians if name != "T"},
        "targets": TARGETS,
    }


def table(found: Mapping[str, object]) -> str:
    """The same as a Markdown table."""
    medians, rounds, ratios = found["medians"], found["rounds"], found["ratios"]
    if not (isinstance(medians, dict) and isinstance(rounds, dict) and isinstance(ratios, dict)):
        raise TypeError("not a report")
    lines = ["| contender | what it does per message | messages/s (median) | rounds |", "|---|---|---|---|"]
    lines += [
        f"| {contender.name} | {contender.what} | {medians[contender.name]:,} | "
        f"{', '.join(f'{value:,}' for value in rounds[contender.name])} |"
        for contender in CONTENDERS
    ]
    lines += ["", "| ratio | measured | target |", "|---|---|---|"]
    lines += [f"| {name} | {value} | ≥ {TARGETS[name]:g} |" for name, value in ratios.items()]
    return "\n".join(lines)


def write(found: Mapping[str, object], folder: Path) -> Path:
    """Write `<time>.json` and `<time>.md` into `folder`; the path of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{str(found['at']).replace(':', '').replace('+0000', 'Z')}.json"
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    path.with_suffix(".md").write_text(table(found) + "\n", encoding="utf-8")
    return path

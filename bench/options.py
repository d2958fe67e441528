"""What is asked of a run, read from its arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import big, critical, hot, lines, memory, poison, relay, restart, results, retention, throughput
from bench.part import Measure
from bench.sizes import Sizes
from bench.targets import Kind

ORDINARY: Final[Mapping[str, Measure]] = {
    "throughput": throughput.measure,
    "hot": hot.measure,
    "poison": poison.measure,
    "critical": critical.measure,
}
LARGE: Final[Mapping[str, Measure]] = {
    "relay": relay.measure,
    "lines": lines.measure,
    "restart": restart.measure,
    "memory": memory.measure,
    "retention": retention.measure,
    "big": big.measure,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One run. `postgres` are settings of the private server; `folder` takes the results."""

    kind: Kind
    parts: Mapping[str, Measure]
    sizes: Sizes
    is_full: bool
    postgres: Mapping[str, str]
    folder: Path


def read(arguments: Sequence[str], *, is_quick: bool = False) -> Asked:
    """What the arguments ask for. Ends the process with 2 and a plain message if they are wrong."""
    parser = argparse.ArgumentParser(
        prog='make bench ARGS="…"', description="Measure the gateway beside other consumers.", allow_abbrev=False
    )
    parser.add_argument("--large", action="store_true", help="the parts that take long: " + ", ".join(LARGE))
    parser.add_argument("--only", action="append", metavar="PART", help="one part, to be repeated; else all of them")
    parser.add_argument("--scale", type=_share, default=1.0, help="every size times this, to try a part quickly")
    parser.add_argument("--rounds", type=_count, help="rounds of each contender")
    parser.add_argument(
        "--postgres", action="append", type=_setting, default=[], metavar="NAME=VALUE", help="a setting of its server"
    )
    parser.add_argument("--results", type=Path, default=results.FOLDER, metavar="FOLDER", help="where they go")
    given = parser.parse_args(arguments)
    kind, known = (Kind.LARGE, LARGE) if given.large else (Kind.ORDINARY, ORDINARY)
    wanted = given.only or list(known)
    for name in wanted:
        if name not in known:
            other = " (without --large)" if name in ORDINARY else " (with --large)" if name in LARGE else ""
            parser.error(f"argument --only: there is no part {name!r} here{other}; choose from {', '.join(known)}")
    sizes = Sizes()
    if is_quick:
        sizes = sizes.quick()
    sizes = sizes.scaled(given.scale).with_rounds(given.rounds)
    is_full = sizes == Sizes() and set(wanted) == set(known) and not given.postgres
    parts = {name: measure for name, measure in known.items() if name in wanted}
    return Asked(kind, parts, sizes, is_full, dict(given.postgres), given.results)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number above 0 and at most 1, such as 0.01")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r}: write a whole number from 1 to 100")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and value and re.fullmatch(r"[a-z_]+", name)):
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME=VALUE, such as shared_buffers=1GB")
    return name, value

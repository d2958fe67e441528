"""What a running gateway would make of events, asked one by one and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
import orjson

from gateway.cli.events_file import Line
from gateway.cli.options import JSON
from gateway.cli.output import show_json, show_table
from gateway.cli.refusals import refusal_of
from gateway.cli.remote import Remote
from gateway.exits import Exit, Failed
from schemas.verdicts import Verdict

WELL: Final = frozenset({Verdict.APPLIED, Verdict.IGNORED})
"""Verdicts by which nobody has to do anything."""


@dataclass(frozen=True, slots=True)
class TriedLine:
    """A line, and what the gateway answered of it; see `gateway.http.trials`."""

    line: Line
    answer: Mapping[str, Any]


def tried(api: Remote, lines: Iterable[Line]) -> Iterator[TriedLine]:
    """Ask of each line; what is no event is told without asking. Raises `Failed`."""
    for line in lines:
        refused = refusal_of(line)
        if refused is not None:
            failure = {"class": refused.failure.failure_class, "code": refused.failure.code}
            answer = {"verdict": Verdict.DEAD_LETTER, "reason": refused.failure.reason, "failure": failure}
            yield TriedLine(line, answer)
            continue
        event = orjson.loads(line.body)
        yield TriedLine(line, api.send("POST", f"/v1/events/validate/{event['type']}", event).content)


def show_tried(found: Iterable[TriedLine], output: str) -> None:
    """All answers; ends with 1 if one event would neither be applied nor ignored. Raises `Failed`."""
    rows = list(found)
    if output == JSON:
        show_json([{"file": each.line.file, "line": each.line.number, **each.answer} for each in rows])
    elif rows:
        show_table(["event", "key", "verdict", "reason", "would ask"], [_row(each) for each in rows])
    if not rows:
        raise Failed(Exit.FAILED, "there is no event in there")
    if any(each.answer["verdict"] not in WELL for each in rows):
        raise click.exceptions.Exit(Exit.FAILED)


def _row(each: TriedLine) -> tuple[str, ...]:
    answer = each.answer
    key = f"{answer['entity']}/{answer['key']}" if answer.get("key") else ""
    repeated = answer.get("repeats")
    reason = str(answer.get("reason") or "")
    if repeated is not None:
        reason = f"its id came before, as {repeated['ref']}; {reason}".removesuffix("; ")
    return str(each.line), key, str(answer["verdict"]), reason, _asked(answer.get("commands", ()))


def _asked(commands: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter((command["system"], command["operation"]) for command in commands)
    return ", ".join(f"{system} {operation} ×{count}" for (system, operation), count in counts.items())

"""What messages of an intake become, shown before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.cli.events_file import Line
from gateway.cli.refusals import RefusedLine
from gateway.exits import Exit, Failed
from gateway.intakes.mapping import NamedIntake
from gateway.policy_file import read_policy
from schemas.envelope import Undecodable


@dataclass(frozen=True, slots=True)
class Became:
    """A line, and the event that it becomes as the gateway would store it."""

    line: Line
    event: dict[str, object]


def the_intake(policy: Path, name: str) -> NamedIntake:
    """The intake of a policy file. Raises `Failed` if there is none of that name, and `PolicyInvalid`."""
    intakes = read_policy(policy).intakes
    if name not in intakes:
        known = f"known are {', '.join(intakes)}" if intakes else "it has none"
        raise Failed(Exit.NOT_FOUND, f"{policy} has no intake {name}: {known}")
    return NamedIntake(name, intakes[name])


def became(intake: NamedIntake, lines: Iterable[Line]) -> Iterator[Became | RefusedLine]:
    """What becomes of each line at the door, up to who may send it."""
    for line in lines:
        try:
            body, _ = intake.read(line.body)
        except Undecodable as undecodable:
            yield RefusedLine(line, undecodable.failure)
        else:
            yield Became(line, orjson.loads(body))

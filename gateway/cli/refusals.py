"""What is wrong with events, line by line, exactly as the gateway would refuse them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.cli.events_file import Line
from gateway.door import refuse_inner
from schemas.codec import STRUCTURED, decode
from schemas.envelope import Undecodable
from schemas.verdicts import Failure


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that is no event that the gateway takes."""

    line: Line
    failure: Failure


def refusals_in(lines: Iterable[Line]) -> Iterator[RefusedLine]:
    """The lines that would become dead letters."""
    for line in lines:
        refused = refusal_of(line)
        if refused is not None:
            yield refused


def refusal_of(line: Line) -> RefusedLine | None:
    """Why the gateway would refuse this line; None if it would not."""
    try:
        refuse_inner(decode(line.body, STRUCTURED, {}))
    except Undecodable as undecodable:
        return RefusedLine(line, undecodable.failure)
    return None

"""Events from a file: one on each line, or a whole file that is one event; never more than a line in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, Final

import orjson

from schemas.parsing import LIMITS

CAP: Final = LIMITS.body_bytes
"""Bytes of an event that the gateway takes; a line beyond it is cut one byte later, and so refused by whoever reads it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it stands in a file. `number` counts lines from 1."""

    file: str
    number: int
    body: bytes

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def read_lines(file: str, stream: BinaryIO) -> Iterator[Line]:
    """The events in `stream`, blank lines left out. A file written over many lines counts as one event."""
    lines = enumerate(_cut(stream), start=1)
    for number, body in lines:
        if body.strip():
            whole = None if _is_json(body) else _rest_of_one(body, lines)
            yield from [Line(file, number, whole)] if isinstance(whole, bytes) else _each(file, number, body, whole)
            break
    for number, body in lines:
        if body.strip():
            yield Line(file, number, body.strip())

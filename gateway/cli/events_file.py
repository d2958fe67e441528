"""Events from a file: one on each line, or one that is written over the whole file; a line in memory at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import IO, Final

import orjson

from schemas.parsing import LIMITS

STDIN: Final = "-"

CAP: Final = LIMITS.body_bytes
"""Bytes of an event that the gateway takes; of a longer line one byte more is kept, so that its reader refuses it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it stands in a file. `number` counts lines from 1."""

    file: str
    number: int
    body: bytes

    def __str__(self) -> str:
        return f"{'standard input' if self.file == STDIN else self.file}:{self.number}"


def read_files(files: Iterable[str]) -> Iterator[Line]:
    """The events in these files, one file after the other; `-` is standard input. Raises `OSError`."""
    for file in files:
        with _opened(file) as stream:
            yield from read_lines(file, stream)


def read_lines(file: str, stream: IO[bytes]) -> Iterator[Line]:
    """The events in a stream, blank lines left out.

    Where the first line is no JSON value, but all of a stream of at most `CAP` bytes is one, it is taken for one event.
    """
    lines = _lines(file, stream)
    for first in lines:
        if _is_json(first.body):
            yield first
        else:
            opening = [first, *_up_to_cap(lines)]
            whole = b"\n".join(line.body for line in opening)
            yield from [Line(file, first.number, whole)] if _is_json(whole) else opening
        break
    yield from lines


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    if file != STDIN:
        return Path(file).open("rb")
    try:
        # Not Python's own object: a thread that waits on that one makes the interpreter abort when it ends.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except UnsupportedOperation:  # what stands for standard input is no file
        return nullcontext(sys.stdin.buffer)


def _lines(file: str, stream: IO[bytes]) -> Iterator[Line]:
    number = 0
    while raw := stream.readline(CAP + 1):
        number += 1
        if body := raw.strip():
            yield Line(file, number, body)
        while len(raw) > CAP and not raw.endswith(b"\n"):
            raw = stream.readline(CAP + 1)


def _up_to_cap(lines: Iterator[Line]) -> Iterator[Line]:
    size = 0
    for line in lines:
        yield line
        size += len(line.body)
        if size > CAP:
            return


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True

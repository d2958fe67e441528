"""The journal of a sandbox system: every effect it ever made, one row each, in memory and, if wanted, in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from pydantic import TypeAdapter

from adapters.sandbox.entries import Entry


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect. `seq` counts from 1, `amount` is a decimal as it was sent, `at` is UTC in ISO 8601.

    `shown`: decimals by name, of what shows money and moves none.
    """

    seq: int
    system: str
    operation: str
    key: str
    idempotency_key: str
    body_hash: str
    legal_entity: str | None
    amount: str | None
    currency: str | None
    reference: str
    at: str
    shown: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: the effect, the id that was answered for it, and what it wrote into the books."""

    effect: Effect
    external_id: str
    entry: Entry | None = None


_LINE = TypeAdapter(Line)


class Journal:
    """Rows are kept as they go out, so that a page of any size costs a slice and a join."""

    def __init__(self, path: Path | None) -> None:
        self._rows: list[bytes] = []
        self._path = path
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def open(self) -> Iterator[Line]:
        """Open the file, if there is one, and give what it holds; a line cut short by a crash is cut off.

        Raises pydantic's ValidationError if the file is not a journal.
        """
        if self._path is None:
            return
        with suppress(FileNotFoundError), self._path.open("rb+") as kept:
            end = 0
            for raw in kept:
                if not raw.endswith(b"\n"):
                    kept.truncate(end)
                    break
                end += len(raw)
                line = _LINE.validate_json(raw)
                self._rows.append(orjson.dumps(line.effect))
                yield line
        # Unbuffered: what was written outlives this process before the answer is sent.
        self._file = self._path.open("ab", buffering=0)

    def append(self, line: Line) -> None:
        """Keep an effect, in the file first."""
        if self._file is not None:
            self._file.write(orjson.dumps(asdict(line)) + b"\n")
        self._rows.append(orjson.dumps(line.effect))

    def page(self, after: int, limit: int | None) -> bytes:
        """The effects with `seq` above `after` as a JSON array, `limit` of them at most."""
        end = None if limit is None else after + limit
        return b"[" + b",".join(self._rows[after:end]) + b"]"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

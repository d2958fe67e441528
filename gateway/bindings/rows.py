"""Rows of a file of bindings, as CSV or as JSON lines: read with every mistake at its line, and written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson
from pydantic import ValidationError

from adapters.ports.bindings import External
from schemas.envelope import Undecodable
from schemas.keys import ActorKey
from schemas.parsing import Limits, parse
from schemas.record import Record
from schemas.refusals import refused_data, shown
from schemas.values import Id, System

COLUMNS: Final = ("entity", "key", "system", "kind", "external_id", "legal_entity")
MOST: Final = 10_000
"""Rows of one file."""
TOLD: Final = 50
"""Mistakes that are told at once."""
_LINE: Final = Limits(body_bytes=16 * 1024, depth=4)


class Form(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSONL = "jsonl"


class RowsInvalid(ValueError):
    """A file that is no list of bindings; each mistake with its line."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        shown_mistakes = list(mistakes[:TOLD])
        if len(mistakes) > TOLD:
            shown_mistakes.append(f"and {len(mistakes) - TOLD} more")
        super().__init__("\n".join(shown_mistakes))
        self.mistakes = tuple(shown_mistakes)


class Row(Record):
    """A binding as a file has it."""

    entity: Id
    """The entity of ours: customer, project, or invoice."""
    key: Id
    """Our id of it."""
    system: System
    """The system's name in the policy file."""
    kind: Id | None = None
    """The kind of record there; left out: the same as `entity`."""
    external_id: Id
    """The system's own id."""
    legal_entity: Id | None = None
    """The legal entity for which the system has it; left out where the id is the same for all."""

    @property
    def external(self) -> External:
        """The id as a key is made of it."""
        return External(self.system, self.kind or self.entity, self.external_id)

    @property
    def ours(self) -> ActorKey:
        """Our key."""
        return ActorKey(self.entity, self.key)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A row, and the line where it begins."""

    line: int
    row: Row


def read_rows(content: bytes, form: Form) -> list[Numbered]:
    """The rows of a file, at most `MOST`. Raises `RowsInvalid`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RowsInvalid([f"line {line}: it is not UTF-8 text: save the file as UTF-8"]) from error
    found: list[Numbered] = []
    mistakes: list[str] = []
    entries: Iterator[tuple[int, bytes | dict[str, str]]] = _csv(text) if form is Form.CSV else _json_lines(text)
    for line, entry in entries:
        if len(found) >= MOST:
            raise RowsInvalid([f"line {line}: a file may have {MOST} rows: import the rest from another"])
        try:
            found.append(Numbered(line, Row.model_validate(parse(entry, _LINE) if isinstance(entry, bytes) else entry)))
        except ValidationError as error:
            mistakes.append(f"line {line}: {refused_data(error).failure.reason.removeprefix('data.')}")
        except Undecodable as error:
            mistakes.append(f"line {line}: {error.failure.reason}")
    if mistakes:
        raise RowsInvalid(mistakes)
    if not found:
        raise RowsInvalid(["line 1: there is no row in it"])
    return found


def write_csv(rows: Iterable[Row], *, header: bool) -> str:
    """Rows as `read_rows` reads them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) or "" for column in COLUMNS] for row in rows)
    return stream.getvalue()


def write_json_lines(rows: Iterable[Row]) -> str:
    """The same as JSON, a row on each line."""
    return "".join(f"{orjson.dumps(row.model_dump(exclude_none=True)).decode()}\n" for row in rows)


def _csv(text: str) -> Iterator[tuple[int, bytes | dict[str, str]]]:
    """Each row by the names in the first line, empty fields left out. Raises `RowsInvalid`."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if ";" in first and "," not in first else ",", strict=True)
    columns: list[str] | None = None
    begins = 1
    try:
        for fields in reader:
            if columns is None:
                columns = _columns(fields)
            elif any(fields):
                if len(fields) != len(columns):
                    raise RowsInvalid([f"line {begins}: it has {len(fields)} fields, and the first {len(columns)}"])
                yield begins, {name: field for name, field in zip(columns, fields, strict=True) if field}
            begins = reader.line_num + 1
    except csv.Error as error:
        raise RowsInvalid([f"line {begins}: it is not CSV: {error}"]) from error


def _columns(fields: Sequence[str]) -> list[str]:
    names = [field.strip() for field in fields]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or len(set(names)) != len(names):
        wrong = f"there is no column {shown(unknown[0])}" if unknown else "a column stands in it twice"
        raise RowsInvalid(
            [f"line 1: {wrong}: name the columns {', '.join(COLUMNS)}, of which the last may be left out"]
        )
    return names


def _json_lines(text: str) -> Iterator[tuple[int, bytes | dict[str, str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.encode()

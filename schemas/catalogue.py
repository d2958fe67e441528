"""All schemas that somebody outside relies on, by name: events that are taken, notices and commands that are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic.json_schema import JsonSchemaValue

from schemas.json_schema import json_schema
from schemas.notices import NOTICES
from schemas.operations.table import OPERATIONS
from schemas.record import Record
from schemas.registry import EVENTS


class Way(StrEnum):
    """Who writes what a schema describes."""

    TAKEN = "taken"
    """Others: what they send today must be taken tomorrow."""
    GIVEN = "given"
    """The gateway: what others read today must be there tomorrow. They ignore members that they do not know."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A schema. `name` is a type of event, `notice.<what>`, or `operation.<operation>`."""

    name: str
    way: Way
    model: type[Record]
    title: str

    @property
    def schema(self) -> JsonSchemaValue:
        """JSON Schema (2020-12)."""
        return json_schema(self.model, self.title, "serialization" if self.name.startswith(_NOTICE) else "validation")


_NOTICE: Final = "notice."
_OPERATION: Final = "operation."


def notice_name(pattern: str) -> str:
    """The name of the schema of a notice: the first word of its binding pattern, or the last if that is no star."""
    first, _, rest = pattern.partition(".")
    return f"{_NOTICE}{first if '*' in rest else rest}"


def _entries() -> tuple[Entry, ...]:
    return (
        *(Entry(type_, Way.TAKEN, EVENTS.find(type_).model, type_) for type_ in EVENTS.offered_types),
        *(Entry(notice_name(pattern), Way.GIVEN, model, pattern) for pattern, model in NOTICES.items()),
        *(Entry(f"{_OPERATION}{name}", Way.GIVEN, model, name) for name, model in OPERATIONS.items()),
    )


CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType({entry.name: entry for entry in _entries()})


def record() -> dict[str, JsonSchemaValue]:
    """Everything, to be compared with what another release has."""
    return {name: {"way": entry.way.value, "schema": entry.schema} for name, entry in CATALOGUE.items()}


def newer(type: str) -> str | None:
    """The type that takes the place of an older version; None for the latest, and for what is not known."""
    name = type.rpartition(".")[0]
    latest = EVENTS.latest(name).type if name in EVENTS.offered_names else type
    return latest if latest != type and type in EVENTS.types else None

"""Records as Tryton answers them: each value is asked for by the type that it must have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from adapters.tryton.failures import Failed
from schemas.commands import Deferred, Unknown
from schemas.verdicts import Failure, FailureClass

T = TypeVar("T")


class Row:
    """One record. Raises `Failed` for a value that is not of the type asked for: then it is another Tryton."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __repr__(self) -> str:
        return f"Row({dict(self._values)!r})"

    @property
    def id(self) -> int:
        """The record's number."""
        return self._of("id", int)

    @property
    def timestamp(self) -> str:
        """What a write is tied to, so that it fails if the record has changed since it was read."""
        return self._of("_timestamp", str)

    def text(self, name: str) -> str | None:
        """A text; None where it is empty."""
        return self._maybe(name, str) or None

    def number(self, name: str) -> int | None:
        """The number of a record that it refers to."""
        return self._maybe(name, int)

    def flag(self, name: str) -> bool:
        """A boolean."""
        return bool(self._maybe(name, bool))

    def decimal(self, name: str) -> Decimal | None:
        """An amount or a quantity with its digits."""
        return self._maybe(name, Decimal)

    def real(self, name: str) -> float | None:
        """A number of no certain scale, such as a progress."""
        return self._maybe(name, float)

    def day(self, name: str) -> date | None:
        """A date."""
        return self._maybe(name, date)

    def moment(self, name: str) -> datetime | None:
        """A time; Tryton's are UTC."""
        found = self._maybe(name, datetime)
        return None if found is None else found.replace(tzinfo=UTC)

    def duration(self, name: str) -> timedelta | None:
        """A duration."""
        return self._maybe(name, timedelta)

    def numbers(self, name: str) -> list[int]:
        """The numbers of records that refer to it."""
        return [each for each in self._of(name, list) if isinstance(each, int)]

    def of(self, name: str) -> Row | None:
        """The record that it refers to, of which fields were asked for by `name.field`; None where there is none."""
        found = self._maybe(f"{name}.", dict)
        return None if found is None else Row(found)

    def _maybe(self, name: str, kind: type[T]) -> T | None:
        return None if self._values.get(name) is None else self._of(name, kind)

    def _of(self, name: str, kind: type[T]) -> T:
        value = self._values.get(name)
        if not isinstance(value, kind):
            raise malformed(f"{name} is no {kind.__name__}")
        return value


def rows(result: object) -> list[Row]:
    """The records in a result."""
    if not isinstance(result, list) or not all(isinstance(each, dict) for each in result):
        raise malformed("it is no list of records")
    return [Row(each) for each in result]


def unreadable_effect() -> Failed:
    """A writing call was carried out, and its answer cannot be read: what it made is there, and not known."""
    reason = "Tryton's answer to a writing call has another form than that of series 8.0."
    return Failed(Unknown(Failure(FailureClass.UNKNOWN_OUTCOME, "answer_malformed", reason)))


def malformed(what: str) -> Failed:
    """An answer to a reading call that is not of the form that Tryton 8.0 gives it."""
    reason = f"Tryton's answer has another form than that of series 8.0: {what}."
    return Failed(Deferred(Failure(FailureClass.INTERNAL, "answer_malformed", reason), None))

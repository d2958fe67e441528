"""From a message to the values of an event. Pure, and bounded: the event is no larger than a message may be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, assert_never
from zoneinfo import ZoneInfo

import orjson
from jiter import LosslessFloat

from gateway.intakes.pointer import Pointer
from gateway.intakes.values import Constant, Digest, Each, Form, Found, Joined, Nested, Value
from schemas.refusals import shown
from schemas.verdicts import FailureClass

LARGEST: Final = 2**63 - 1
"""Whole numbers beyond it are ids, which are texts here."""
ITEM: Final = 16
"""Bytes that an item of a list counts for at least: a list of nothing costs time too."""
DIGITS: Final = 40
"""Digits before and behind the point of a decimal that an exponent may stand for."""


class Unmapped(Exception):
    """A message of which the event cannot be made; `field` is the path in the message."""

    def __init__(
        self, code: str, reason: str, field: str | None, failure_class: FailureClass = FailureClass.SCHEMA
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.field = field
        self.failure_class = failure_class


@dataclass(slots=True)
class Room:
    """What a message may still cost: a list may repeat a long text, or a long look, for each of its items.

    `left` is in bytes of the event, `looks` in bytes that are digested.
    """

    left: int
    looks: int

    def take(self, size: int) -> None:
        """Raises `Unmapped` when there is no room left."""
        self.left -= size
        if self.left < 0:
            raise Unmapped("body_too_large", "the event would be larger than a message may be: send less at once", None)

    def look(self, size: int) -> None:
        """Raises `Unmapped` when too much was looked at."""
        self.looks -= size
        if self.looks < 0:
            raise Unmapped("body_too_large", "there is too much in it to make digests of: send less at once", None)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where one stands in a message; `at` is the pointer of `here`."""

    message: object
    here: object
    room: Room
    at: str = ""


def evaluate(value: Value, scope: Scope) -> object:
    """A JSON value; None where it is left out. Raises `Unmapped`."""
    match value:
        case Pointer():
            return _plain(_needed(value, scope), value, scope)
        case Found():
            return _found(value, scope)
        case Constant():
            scope.room.take(len(value.value) if isinstance(value.value, str) else len(orjson.dumps(value.value)))
            return value.value
        case Joined():
            joined = value.with_.join(text_of(part, scope) or "" for part in value.join)
            scope.room.take(len(joined))
            return joined
        case Digest():
            return _digest(value, scope)
        case Nested():
            return _object(value, scope)
        case Each():
            return _list(value, scope)
        case _:
            assert_never(value)


def text_of(value: Value, scope: Scope) -> str | None:
    """A value as one text: a whole number as its digits. Raises `Unmapped`."""
    match evaluate(value, scope):
        case None:
            return None
        case str() as text:
            return text
        case bool() | dict() | list():
            path = value.path if isinstance(value, Found) else value
            at = shown(path.seen_from(scope.at)) if isinstance(path, Pointer) else "a value"
            raise Unmapped("intake_not_text", f"{at} must be one text or whole number here", at)
        case other:
            return str(other)


def _needed(path: Pointer, scope: Scope) -> object:
    found = path.find(scope.message, scope.here)
    if found is None:
        at = path.seen_from(scope.at)
        raise Unmapped("intake_path_missing", f"{shown(at)} is missing in the message: send it", shown(at))
    return found


def _found(value: Found, scope: Scope) -> object:
    found = value.path.find(scope.message, scope.here)
    if found is None:
        return value.default if value.optional or value.default is not None else _needed(value.path, scope)
    if value.map is not None:
        return _mapped(value, _key(found), scope)
    if value.as_ is None:
        return _plain(found, value.path, scope)
    text = _written(found, value.path, scope)
    scope.room.take(len(text))
    match value.as_:
        case Form.TEXT:
            return text
        case Form.DECIMAL:
            return text if isinstance(found, str) else _decimal(text, value.path, scope)
        case Form.DAY | Form.MOMENT:
            return _moment(text, value, scope)
        case _:
            assert_never(value.as_)


def _plain(found: object, path: Pointer, scope: Scope) -> object:
    """A value as it stands in the message."""
    at = shown(path.seen_from(scope.at))
    match found:
        case bool():
            scope.room.take(5)
        case str():
            scope.room.take(len(found))
        case int() if abs(found) <= LARGEST:
            scope.room.take(len(str(found)))
        case int():
            raise Unmapped("intake_number", f"{at} is a very long number: let the policy write `as: text`", at)
        case LosslessFloat():
            reason = f"{at} is a number with decimals: let the policy write `as: decimal`"
            raise Unmapped("intake_number", reason, at)
        case _:
            reason = f"{at} is an object or a list: let the policy name a path within, or use `object` or `each`"
            raise Unmapped("intake_not_scalar", reason, at)
    return found


def _key(found: object) -> str | None:
    match found:
        case bool():
            return "true" if found else "false"
        case str():
            return found
        case int() | LosslessFloat():
            return str(found)
        case _:
            return None


def _mapped(value: Found, key: str | None, scope: Scope) -> object:
    table = value.map or {}
    if key is None or key not in table:
        at = shown(value.path.seen_from(scope.at))
        is_what = "an object or a list" if key is None else f'"{shown(key)}"'
        reason = f"{at} is {is_what}, which its `map` in the policy file does not have: add it, then retry"
        raise Unmapped("intake_value_unmapped", reason, at, FailureClass.MAPPING)
    scope.room.take(len(str(table[key])))
    return table[key]


def _written(found: object, path: Pointer, scope: Scope) -> str:
    """A text, or a number with the very digits that stand in the message."""
    if isinstance(found, str):
        return found
    if isinstance(found, int | LosslessFloat) and not isinstance(found, bool):
        return str(found)
    at = shown(path.seen_from(scope.at))
    raise Unmapped("intake_not_text", f"{at} must be a text or a number", at)


def _decimal(text: str, path: Pointer, scope: Scope) -> str:
    """A JSON number without an exponent: the same value, digit by digit."""
    if "e" not in text and "E" not in text:
        return text
    try:
        number = Decimal(text[: DIGITS + 1])
    except InvalidOperation:  # its exponent is beyond all bounds
        number = Decimal("Infinity")
    if not number.is_finite() or abs(number.adjusted()) > DIGITS or len(text) > DIGITS:
        at = shown(path.seen_from(scope.at))
        raise Unmapped("intake_number", f"{at} is no amount that can be: send it as a text", at)
    return format(number, "f")


def _moment(text: str, value: Found, scope: Scope) -> str:
    form = value.format or ""
    try:
        if not text.isascii():
            raise ValueError
        read = datetime.strptime(text, form)  # noqa: DTZ007 - its zone comes from the format or from the policy
        if value.as_ is Form.DAY:
            return read.date().isoformat()
        return (read if value.zone is None else read.replace(tzinfo=ZoneInfo(value.zone))).isoformat()
    except ValueError as error:
        at = shown(value.path.seen_from(scope.at))
        reason = f'{at} is "{shown(text)}", which is not written as {form}: correct it'
        raise Unmapped("intake_time", reason, at) from error


def _digest(value: Digest, scope: Scope) -> str:
    """Of the values with their types, so that "1" and 1 differ, and with the digits that stand in the message."""
    found = [_needed(path, scope) for path in value.digest_of]
    scope.room.take(64)
    canonical = orjson.dumps([_canonical(each) for each in found], option=orjson.OPT_SORT_KEYS)
    scope.room.look(len(canonical))
    return hashlib.sha256(canonical).hexdigest()


def _canonical(found: object) -> object:
    match found:
        case dict():
            return {name: _canonical(each) for name, each in found.items()}
        case list():
            return [_canonical(each) for each in found]
        case bool() | None:
            return found
        case str():
            return f"text {found}"
        case _:
            return f"number {found}"


def _object(value: Nested, scope: Scope) -> dict[str, object] | None:
    if value.where is not None and value.where.find(scope.message, scope.here) is None:
        return None
    return fields_of(value.object, scope)


def fields_of(fields: Mapping[str, Value], scope: Scope) -> dict[str, object]:
    """The fields that are not left out. Raises `Unmapped`."""
    made: dict[str, object] = {}
    for name, value in fields.items():
        scope.room.take(len(name) + 6)
        found = evaluate(value, scope)
        if found is not None:
            made[name] = found
    return made


def _list(value: Each, scope: Scope) -> list[object] | None:
    found = value.each.find(scope.message, scope.here) if value.optional else _needed(value.each, scope)
    if found is None:
        return None
    at = value.each.seen_from(scope.at)
    if not isinstance(found, list):
        raise Unmapped("intake_not_list", f"{shown(at)} must be a list", shown(at))
    made: list[object] = []
    at = "" if at == "the message" else at
    for place, item in enumerate(found):
        scope.room.take(ITEM)
        each = evaluate(value.item, replace(scope, here=item, at=f"{at}/{place}"))
        if each is not None:
            made.append(each)
    return made

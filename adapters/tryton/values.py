"""Values as Tryton's JSON carries them: decimals, dates, durations under a `__class__` (trytond.protocols.jsonrpc)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

import orjson

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME


def encode(value: object) -> bytes:
    """JSON in which Tryton finds the types again. Times are UTC without a zone, as Tryton keeps them."""
    return orjson.dumps(value, default=_typed, option=_OPTIONS)


def decode(body: bytes) -> object:
    """What Tryton wrote; raises ValueError for what it would not write."""
    return _plain(orjson.loads(body))


def _typed(value: object) -> dict[str, object]:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case datetime():
            return {
                "__class__": "datetime", "year": value.year, "month": value.month, "day": value.day,
                "hour": value.hour, "minute": value.minute, "second": value.second, "microsecond": value.microsecond,
            }  # fmt: skip
        case date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
        case timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
        case _:
            raise TypeError(f"Tryton's JSON has no {type(value).__name__}")


def _plain(value: object) -> object:
    match value:
        case {"__class__": str(name), **members}:
            return _read(name, members)
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _read(name: str, members: Mapping[object, object]) -> object:
    match name, members:
        case "Decimal", {"decimal": str(digits)}:
            return Decimal(digits)
        case "date", {"year": int(year), "month": int(month), "day": int(day)}:
            return date(year, month, day)
        case "datetime", {"year": int(year), "month": int(month), "day": int(day), "hour": int(hour),
                          "minute": int(minute), "second": int(second), "microsecond": int(microsecond)}:  # fmt: skip
            return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - UTC without a zone
        case "timedelta", {"seconds": int() | float() as seconds}:
            return timedelta(seconds=seconds)
        case _:
            raise ValueError(f"Tryton's answer has a {name} that cannot be read")

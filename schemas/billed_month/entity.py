"""The sheets that have billed time of one month under one contract, version 1."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Final

from pydantic import BaseModel, ConfigDict

from schemas.values import ID_BYTES

AHEAD: Final = 31
"""Days from now for which time may be billed already: a contract tells no later month that it has changed."""

_MONTHS: Final = 12


class BilledMonth(BaseModel):
    """Who is to be told of other rates."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sheets: tuple[str, ...] = ()
    """In the order in which they came."""
    amended: int = 0
    """Number of the last amendment that changed rates or end for days of the month; 0: none."""
    told: int = 0
    """How many messages were sent; part of each command's identity."""


def month_of(contract: str, day: date) -> str:
    """The key of a contract's month, as in `2026-03/SOW-1`; a digest stands for an id that makes it too long."""
    month = f"{day:%Y-%m}/"
    if len(contract.encode()) + len(month) <= ID_BYTES:
        return month + contract
    return month + sha256(contract.encode()).hexdigest()


def months_between(first: date, last: date) -> Iterator[date]:
    """The first day of each month from that of `first` to that of `last`."""
    for number in range(first.year * _MONTHS + first.month - 1, last.year * _MONTHS + last.month):
        yield date(number // _MONTHS, number % _MONTHS + 1, 1)

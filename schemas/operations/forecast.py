"""What a planning system is asked to do about the work that is expected."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Name, PlannedHours, Revision


class PlannedWork(Record):
    """Work that is expected, of a role or a period or both."""

    role: Id | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    hours: PlannedHours | None = None
    amount: Amount | None = None
    """What it is expected to bring."""


class ForecastPut(Record):
    """Keep this as the forecast of a deal or of a contract, in place of what was there."""

    forecast_id: Id
    """Our canonical id of the engagement or contract."""
    kind: Literal["opportunity", "contract"]
    version: Revision
    """Rises with each state of the same forecast."""
    legal_entity: Id
    currency: Currency
    name: Name | None = None
    probability: Annotated[int, Field(ge=0, le=100)] = 100
    """How likely it comes, in per cent."""
    value: Amount | None = None
    """What it is expected to bring in all."""
    starts_on: Day | None = None
    ends_on: Day | None = None
    work: Annotated[tuple[PlannedWork, ...], Field(strict=False, max_length=1000)] = ()

    @property
    def amount(self) -> None:
        """Moves no money."""
        return

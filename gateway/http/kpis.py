"""What the API shows of the business: figures over some days, objectives of the policy, and what waits now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from adapters.ports.kpis import Kpis, Period, Progress, Sum, Waiting
from gateway.http.answers import json_answer
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import Text, query
from gateway.kpis.figures import FIGURES, MONTHS, STOCKS, Figure
from gateway.kpis.objectives import Objectives, attained
from schemas.record import Record
from schemas.values import Day

DAYS: Final = 30
"""Days that are shown where nobody says otherwise, up to and with today."""
_FINE: Final = Decimal("0.001")
"""Seconds, days, and per cent are shown to this; money as it is."""


class KpisQuery(Record):
    """`GET /v1/kpis`. Both days belong to the period; `from` is a word of Python's."""

    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="to")] = None
    legal_entity: Text | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is shown of a period."""

    period: Period
    progress: Progress
    sums: Sequence[Sum]
    waiting: Sequence[Waiting]


class KpiViews:
    """Answers one route. `objectives` are those of the policy in force."""

    def __init__(self, kpis: Kpis, objectives: Callable[[], Objectives]) -> None:
        self._kpis = kpis
        self._objectives = objectives

    async def kpis(self, request: web.Request) -> web.Response:
        """Figures and objectives of some days, and what waits. Raises `Problem` and `StoreUnavailable`."""
        asked = query(request, KpisQuery)
        progress = await self._kpis.progress()
        period = _period(asked, progress.at.astimezone(UTC).date())
        sums = await self._kpis.sums(period, stocks=STOCKS, months=MONTHS)
        waiting = await self._kpis.waiting()
        return json_answer(told(Shown(period, progress, sums, waiting), self._objectives()))


def told(shown: Shown, objectives: Objectives) -> dict[str, object]:
    """What is shown, as JSON; `counted_until` is when the newest line was committed that is counted."""
    period = shown.period
    return {
        "from": period.first,
        "to": period.end - timedelta(days=1),
        "legal_entity": period.legal_entity,
        "at": shown.progress.at,
        "counted_until": shown.progress.until,
        "figures": [_figure(figure, shown.sums) for figure in FIGURES],
        "objectives": [
            {
                "objective": each.objective, "within": each.within, "share": each.share, "reached": _fine(each.reached),
                "of": each.of, "is_met": each.is_met,
            }
            for each in attained(objectives, shown.sums)
        ],
        "waiting": [_waiting(each, shown.progress.at) for each in shown.waiting],
    }  # fmt: skip


def _period(asked: KpisQuery, today: date) -> Period:
    last = asked.last or today
    if last.toordinal() < DAYS:
        raise Problem(REQUEST_INVALID, f"to: {last} is before anything there is: write a later day.")
    first = asked.first or last - timedelta(days=DAYS - 1)
    if last < first:
        raise Problem(REQUEST_INVALID, f"to: {last} is before {first}: write the day of `from` or a later one.")
    if last == date.max:
        raise Problem(REQUEST_INVALID, "to: write an earlier day.")
    return Period(first, last + timedelta(days=1), asked.legal_entity)


def _figure(figure: Figure, sums: Sequence[Sum]) -> dict[str, object]:
    is_money = figure.unit == "money"
    values = [
        {"currency": each.currency, "value": each.value if is_money else _fine(each.value), "of": each.of}
        for each in figure.of(sums)
    ]
    return {"figure": figure.name, "says": figure.says, "unit": figure.unit, "values": values}


def _waiting(waiting: Waiting, at: datetime) -> dict[str, object]:
    oldest = None if waiting.oldest is None else round((at - waiting.oldest).total_seconds())
    return {
        "flow": waiting.flow, "count": waiting.count, "oldest": waiting.oldest, "oldest_seconds": oldest,
        "money": dict(waiting.money),
    }  # fmt: skip


def _fine(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_FINE, ROUND_HALF_EVEN)

"""Billed month: each sheet with time of the month hears of rates that changed, before it was listed or after."""

from __future__ import annotations

from datetime import date

import pytest

from actors.entities.billed_month import ACTOR
from schemas.billed_month.entity import BilledMonth, month_of, months_between
from schemas.billed_month.v1 import Amended, Listed
from schemas.commands import SELF
from schemas.keys import ActorKey
from schemas.timesheet.v1 import RatesChanged
from tests.actors.firm import approved
from tests.actors.stage import REFUSED, Given, reason_to_ignore, refusal

MARCH = ActorKey("billed_month", "2026-03/SOW-1")
NEW = Given(ACTOR, MARCH, BilledMonth())


def listed(sheet: str) -> Listed:
    """A sheet has time of the month."""
    return Listed(to=MARCH.id, contract="SOW-1", sheet=sheet)


def amended(number: int = 2) -> Amended:
    """The rates have changed."""
    return Amended(to=MARCH.id, contract="SOW-1", number=number)


def told(given: Given, happened: Listed | Amended) -> list[tuple[str, int]]:
    """The sheets that are told, and of which amendment."""
    requests = given.asked(happened)
    assert all(request.system == SELF for request in requests)
    assert len({request.line for request in requests}) == len(requests)
    return [(r.body.to, r.body.number) for r in requests if isinstance(r.body, RatesChanged)]


def test_all_sheets_of_the_month_are_told() -> None:
    given = NEW.after(listed("T-1"), listed("T-2"))
    assert told(given, amended()) == [("T-1", 2), ("T-2", 2)]
    again = given.after(amended())
    assert told(again, amended(3)) == [("T-1", 3), ("T-2", 3)]
    lines = {r.line for r in given.asked(amended())} & {r.line for r in again.asked(amended(3))}
    assert lines == set(), "no command is asked for twice"


def test_a_sheet_that_comes_after_the_change_is_told_too() -> None:
    assert told(NEW, listed("T-1")) == []
    assert told(NEW.after(amended()), listed("T-1")) == [("T-1", 2)]


def test_a_sheet_is_listed_once() -> None:
    assert "already" in reason_to_ignore(NEW.after(listed("T-1")).when(listed("T-1")))


def test_answers_and_other_events_change_nothing() -> None:
    given = NEW.after(listed("T-1"))
    (request,) = given.asked(amended())
    assert reason_to_ignore(given.when(given.confirmed(request)))
    assert refusal(given.when(given.refused(request))) == REFUSED
    assert "timesheet.approved" in reason_to_ignore(given.when(approved()))


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2025, 11, 30), date(2026, 2, 1), ["2025-11", "2025-12", "2026-01", "2026-02"]),
        (date(2026, 3, 31), date(2026, 3, 1), ["2026-03"]),
        (date(2026, 4, 1), date(2026, 3, 31), []),
    ],
)
def test_months(first: date, last: date, months: list[str]) -> None:
    assert [f"{month:%Y-%m}" for month in months_between(first, last)] == months


def test_two_contracts_share_no_month() -> None:
    ids = {month_of(contract, date(2026, 3, 2)) for contract in ("SOW-1", "SOW-2", "é" * 100, "é" * 99 + "è")}
    assert len(ids) == 4
    assert all(len(id.encode()) <= 200 for id in ids)

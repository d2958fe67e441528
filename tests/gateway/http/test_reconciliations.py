"""Reconciliations over the API: begun once for each click, shown in pages, compared, and planned to be repaired."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.ports.recon import Difference, Kind, Tally
from schemas.repair.v1 import MOST_ITEMS, Planned
from tests.contracts.test_store_recon import EUR, FOREIGN, OURS, TALLY
from tests.gateway.http.stand import TOKEN, Page, Stand, listening
from tests.gateway.http.test_cases import people

RUNS = "/v1/reconciliations"
MARCH = {"system": "erp", "first": "2026-03-01", "last": "2026-03-31"}


async def begun(stand: Stand, click: str = "1", **changed: str) -> Page:
    return await stand.asked_by(TOKEN, "POST", RUNS, MARCH | changed, Idempotency_Key=click)


async def done(stand: Stand, *differences: Difference, click: str = "1", tally: Tally = TALLY) -> int:
    """A run that has found this."""
    run = int(str((await begun(stand, click)).json["id"]))
    read = await stand.work.next()
    assert read is not None
    assert read.id == run
    await stand.work.found(read, differences, tally, cursor="x")
    await stand.work.end(replace(read, cursor="x"))
    return run


def missing(number: int = 1) -> Difference:
    ours = replace(OURS, reference=f"timesheet/T-{number}/l1.r1/1")
    return Difference(Kind.MISSING, ours.name, ours, None, (), {EUR: Decimal("-720.00")})


async def test_a_run_is_begun_once_for_each_click(stand: Stand) -> None:
    first = await begun(stand)
    assert (first.status, first.json["phase"], first.json["is_clean"]) == (202, "theirs", False)
    assert (await begun(stand)).json["id"] == first.json["id"]
    assert (await begun(stand, "2")).json["id"] != first.json["id"]
    reused = await begun(stand, entity="expense")
    assert (reused.status, "another Idempotency-Key" in reused.detail) == (422, True)
    assert len(stand.hints) == 3


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"system": "sap"}, 404, "lists no system sap"),
        ({"system": "crm"}, 409, "give it `postings`"),
        ({"last": "2026-02-28"}, 400, "up to 3660 days later"),
        ({"first": "yesterday"}, 400, "ISO date"),
        ({"entity": "sheet"}, 400, "timesheet, expense, project, or invoice"),
        ({"legal": "US01"}, 400, "no such field"),
    ],
)
async def test_a_wrong_request_says_what_to_change(
    stand: Stand, changed: dict[str, str], status: int, said: str
) -> None:
    answer = await begun(stand, **changed)
    assert answer.status == status
    assert said in answer.detail


async def test_runs_are_listed_newest_first_in_pages(stand: Stand) -> None:
    ids = [(await begun(stand, str(click))).json["id"] for click in range(3)]
    page = await stand.get(f"{RUNS}?limit=2")
    assert [run["id"] for run in page.items] == ids[:0:-1]
    rest = await stand.get(f"{RUNS}?limit=2&cursor={page.json['next']}")
    assert ([run["id"] for run in rest.items], rest.json["next"]) == (ids[:1], None)
    assert (await stand.get(f"{RUNS}?system=crm")).items == []


async def test_one_run_says_what_it_has_come_to(stand: Stand) -> None:
    run = await done(stand, missing())
    told = (await stand.get(f"{RUNS}/{run}")).json
    assert told["totals"] == [
        {"legal_entity": "DE01", "currency": "EUR", "ours": "720.00", "theirs": "0.10", "difference": "-719.90",
         "on_its_way": "0"}
    ]  # fmt: skip
    assert told["counts"] == [{"entity": "timesheet", "kind": "missing", "count": 2}]
    assert (told["phase"], told["differences"], told["kept"], told["is_clean"]) == ("done", 2, 1, False)
    assert (await stand.get(f"{RUNS}/99")).status == 404
    assert (await stand.get(f"{RUNS}/x")).status == 400


async def test_differences_are_shown_whole_and_by_kind(stand: Stand) -> None:
    extra = Difference(Kind.EXTRA, FOREIGN.name, None, FOREIGN)
    run = await done(stand, missing(), extra)
    first, second = (await stand.get(f"{RUNS}/{run}/differences")).items
    assert (first["kind"], first["key"], first["effect"]) == (
        "missing", "T-1", [{"legal_entity": "DE01", "currency": "EUR", "amount": "-720.00"}],
    )  # fmt: skip
    assert (second["name"], second["key"], second["ours"]) == ("~/cost/X-1", None, None)
    theirs: Any = second["theirs"]
    assert (theirs["external_id"], theirs["day"], theirs["open"]) == ("X-1", "2026-03-06", "1.50")
    assert (await stand.get(f"{RUNS}/{run}/differences?kind=extra")).items == [second]
    assert (await stand.get(f"{RUNS}/{run}/differences?kind=odd")).status == 400


async def test_a_run_is_compared_with_an_earlier_one(stand: Stand) -> None:
    earlier = await done(stand, missing(1), missing(2))
    later = await done(stand, missing(2), missing(3), click="2")

    async def keys(change: str) -> list[object]:
        page = await stand.get(f"{RUNS}/{later}/compare?with={earlier}&change={change}")
        return [item["key"] for item in page.items]

    assert (await keys("new"), await keys("gone"), await keys("still")) == (["T-3"], ["T-1"], ["T-2"])
    assert (await stand.get(f"{RUNS}/{later}/compare")).status == 400


async def test_a_plan_is_shown_and_then_told_to_its_entity(stand: Stand) -> None:
    run = await done(stand, missing(), Difference(Kind.EXTRA, FOREIGN.name, None, FOREIGN))
    shown = await stand.post(f"{RUNS}/{run}/plan", {"reason": "look", "dry_run": True})
    assert (shown.json["plan"], stand.told_plans.plans) == (None, [])
    answer = await stand.post(f"{RUNS}/{run}/plan", {"reason": "as found"})
    assert answer.status == 202
    assert {**answer.json, "plan": None} == shown.json
    [plan] = stand.told_plans.plans
    planned = Planned.model_validate_json(plan.body)
    assert (planned.run, planned.requested_by, planned.items[0].booking) == (run, "api-token", "l1.r1")
    left: Any = answer.json["left"]
    assert left[0]["name"] == FOREIGN.name
    plans: Any = (await stand.get(f"{RUNS}/{run}")).json["plans"]
    assert [each["id"] for each in plans] == [plan.id]


async def test_a_second_plan_begins_behind_the_first_once_that_is_ended(stand: Stand) -> None:
    run = await done(stand, *(missing(number) for number in range(1, MOST_ITEMS + 3)))
    path = f"{RUNS}/{run}/plan"

    async def planned(click: str) -> Page:
        return await stand.asked_by(TOKEN, "POST", path, {"reason": "as found"}, Idempotency_Key=click)

    first = await planned("1")
    assert (first.status, first.json["more"]) == (202, 2)
    # The same click again is the same plan, another one is refused while that is not ended
    assert (await planned("1")).json == first.json
    refused = await planned("2")
    assert (refused.status, f"Plan {run}.1 of erp is not ended" in refused.detail) == (409, True)
    # And then the rest is planned
    await stand.plans.end(f"{run}.1")
    second = await planned("2")
    items: Any = second.json["items"]
    left: Any = second.json["left"]
    assert [item["key"] for item in items] == [f"T-{MOST_ITEMS + 1}", f"T-{MOST_ITEMS + 2}"]
    assert (len(left), f"plan {run}.1 has it" in left[0]["why"]) == (MOST_ITEMS, True)


async def test_without_anything_to_repair_there_is_no_plan(stand: Stand) -> None:
    run = await done(stand)
    assert (await stand.post(f"{RUNS}/{run}/plan", {"reason": "look"})).status == 409
    under_way = (await begun(stand, "2")).json["id"]
    refused = await stand.post(f"{RUNS}/{under_way}/plan", {"reason": "look"})
    assert (refused.status, "plan from one that is done" in refused.detail) == (409, True)


async def test_a_run_is_cancelled_with_its_reason(stand: Stand) -> None:
    run = (await begun(stand)).json["id"]
    path, because = f"{RUNS}/{run}/cancel", {"reason": "its pages have no end"}
    assert (await stand.post(path, {})).status == 400
    for _ in range(2):
        cancelled = await stand.post(path, because)
        assert (cancelled.status, cancelled.json["phase"], cancelled.json["reason"]) == (
            200, "failed", "cancelled by api-token: its pages have no end",
        )  # fmt: skip
    over = await done(stand, click="2")
    refused = await stand.post(f"{RUNS}/{over}/cancel", because)
    assert (refused.status, "nothing to cancel" in refused.detail) == (409, True)
    assert (await stand.post(f"{RUNS}/99/cancel", because)).status == 404


async def test_a_run_says_that_its_system_is_paused(stand: Stand) -> None:
    assert (await begun(stand)).json["waits"] is None
    await stand.post("/v1/systems/erp/pause", {"reason": "month end"})
    told = "erp is paused by api-token: month end"
    [shown] = (await stand.get(RUNS)).items
    assert shown["waits"] == told
    assert (await stand.get(f"{RUNS}/{shown['id']}")).json["waits"] == told
    over = await done(stand)
    assert (await stand.get(f"{RUNS}/{over}")).json["waits"] is None


async def test_a_plan_needs_what_differences_need_too(database_url: str, token_file: Path, tmp_path: Path) -> None:
    callers = people(tmp_path, {"oskar": (["read", "operate"], []), "olga": (["read", "operate", "entities"], [])})
    async with listening(database_url, token_file, callers_file=callers) as stand:
        run = await done(stand, missing())
        look = {"reason": "look", "dry_run": True}
        refused = await stand.asked_by("oskar", "POST", f"{RUNS}/{run}/plan", look)
        assert (refused.status, "needs the permission entities" in refused.detail) == (403, True)
        assert (await stand.asked_by("oskar", "GET", f"{RUNS}/{run}/differences")).status == 403
        assert (await stand.asked_by("olga", "POST", f"{RUNS}/{run}/plan", look)).status == 200

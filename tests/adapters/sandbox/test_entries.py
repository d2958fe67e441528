"""The books of a sandbox system as they are read: what stands, page by page, and what is changed by hand."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.sandbox.operations import Role
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import BILLABLE, COST, TOKEN, Caller, Reply, Starting

MARK = "timesheet/S1/L1/1"
REVERSAL = {**BILLABLE, "amount": "-1200.50", "hours": "-8", "reverses": MARK}


@pytest.fixture
async def erp(starting: Starting) -> Caller:
    caller = await starting(SandboxSettings(Role.ERP, TOKEN))
    await caller.ready_for_billing()
    return caller


async def asked(erp: Caller, query: str = "first=2026-11-01&last=2026-11-30") -> Reply:
    return await erp.ask("GET", f"/postings?{query}", Authorization=f"Bearer {TOKEN}")


async def standing(erp: Caller) -> list[dict[str, Any]]:
    return [*(await asked(erp)).json["items"]]


async def by_hand(erp: Caller, *hands: dict[str, object]) -> Reply:
    return await erp.ask("POST", "/by-hand", raw=orjson.dumps(hands))


async def post(erp: Caller, reference: str = MARK, **changed: object) -> str:
    reply = await erp.post("billable.post", {**BILLABLE, **changed}, key=f"k {reference}", reference=reference)
    return str(reply.json["id"])


async def test_an_entry_says_all_that_it_was_posted_with(erp: Caller) -> None:
    posted = await post(erp, revenue="8400")
    assert await standing(erp) == [
        {
            "sort": "billable", "external_id": posted, "reference": MARK, "legal_entity": "DE01", "day": "2026-11-02",
            "amount": "1200.50", "currency": "EUR", "account": "8400", "body": {**BILLABLE, "revenue": "8400"},
        }
    ]  # fmt: skip


async def test_cost_stands_on_its_cost_centre(erp: Caller) -> None:
    await erp.post("cost.post", COST, key="cost", reference="timesheet/S1/L2/1")
    [entry] = await standing(erp)
    assert (entry["sort"], entry["account"], entry["amount"]) == ("cost", "CC-1", None)


async def test_what_was_reversed_does_not_stand(erp: Caller) -> None:
    await post(erp)
    await erp.post("billable.reverse", REVERSAL, key="r", reference=MARK)
    assert await standing(erp) == []


async def test_a_second_reversal_stands_by_itself(erp: Caller) -> None:
    await post(erp)
    await erp.post("billable.reverse", REVERSAL, key="r", reference=MARK)
    await erp.post("billable.reverse", REVERSAL, key="r2", reference="timesheet/S1/L1.again/1")
    [entry] = await standing(erp)
    assert entry["amount"] == "-1200.50"


async def test_pages_go_on_behind_each_other(erp: Caller) -> None:
    for number in range(3):
        await post(erp, f"timesheet/S{number}/L1/1")
    first = (await asked(erp, "first=2026-11-01&last=2026-11-30&limit=2")).json
    rest = (await asked(erp, f"first=2026-11-01&last=2026-11-30&limit=2&after={first['next']}")).json
    assert [entry["reference"] for entry in (*first["items"], *rest["items"])] == [
        f"timesheet/S{number}/L1/1" for number in range(3)
    ]
    assert rest["next"] is None


async def test_other_days_are_not_told(erp: Caller) -> None:
    await post(erp)
    assert (await asked(erp, "first=2026-11-03&last=2026-11-30")).json["items"] == []


@pytest.mark.parametrize(
    "query", ["", "first=2026-11-01", "first=x&last=y", "first=2026-11-01&last=2026-11-30&limit=0"]
)
async def test_a_wrong_page_is_refused(erp: Caller, query: str) -> None:
    assert (await asked(erp, query)).json["code"] == "invalid_page"


async def test_the_books_are_not_for_everybody(erp: Caller) -> None:
    assert (await erp.ask("GET", "/postings?first=2026-11-01&last=2026-11-30")).status == 401


async def test_what_is_deleted_by_hand_may_be_posted_again(erp: Caller) -> None:
    posted = await post(erp)
    assert (await by_hand(erp, {"do": "remove", "external_id": posted})).json == [posted]
    assert await standing(erp) == []
    again = await erp.post("billable.post", BILLABLE, key="another", reference=MARK)
    assert again.status == 201


async def test_without_its_reversal_an_entry_stands_again(erp: Caller) -> None:
    posted = await post(erp)
    reversal = (await erp.post("billable.reverse", REVERSAL, key="r", reference=MARK)).json["id"]
    await by_hand(erp, {"do": "remove", "external_id": reversal})
    assert [entry["external_id"] for entry in await standing(erp)] == [posted]


async def test_an_entry_is_changed_and_added_by_hand(erp: Caller) -> None:
    posted = await post(erp)
    added = {
        "sort": "billable", "legal_entity": "DE01", "day": "2026-11-04", "amount": "5.00", "currency": "EUR",
    }  # fmt: skip
    change: dict[str, object] = {"do": "change", "external_id": posted, "amount": "1.00", "day": "2026-11-03"}
    assert (await by_hand(erp, change, {"do": "add", **added})).status == 200
    changed, new = await standing(erp)
    assert (changed["amount"], changed["day"], changed["currency"]) == ("1.00", "2026-11-03", "EUR")
    assert {name: new[name] for name in added} == added


async def test_an_entry_is_copied_by_hand(erp: Caller) -> None:
    posted = await post(erp)
    await by_hand(erp, {"do": "copy", "external_id": posted})
    first, second = await standing(erp)
    assert {**first, "external_id": second["external_id"]} == second


@pytest.mark.parametrize("hand", [{"do": "remove", "external_id": "B-99"}, {"do": "burn"}, {"do": "add"}])
async def test_what_cannot_be_done_by_hand_is_refused(erp: Caller, hand: dict[str, object]) -> None:
    assert (await by_hand(erp, hand)).status == 422

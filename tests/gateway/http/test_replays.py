"""Replays over the API: planned, started by the token of the plan, shown, and steered."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.ports.replays import Fate, Outcome, Outlook, Progress
from schemas.keys import ActorKey
from schemas.verdicts import Verdict
from tests.contracts.turns import OTHER_SHEET, SHEET, message
from tests.gateway.http.planning import MENDED, PLANS, REPLAYS, plan, ready
from tests.gateway.http.stand import MOST_REPLAYED, Page, Stand


async def start(stand: Stand, **changed: object) -> Page:
    return await stand.post(REPLAYS, {"token": "1-a", **MENDED, **changed})


async def test_a_plan_is_frozen_and_shown(stand: Stand) -> None:
    await stand.park(SHEET, message("1"), message("2"))
    made = await plan(stand, {"class": "mapping"})
    assert made.status == 202
    told: dict[str, Any] = made.json
    assert (told["phase"], told["keys"], told["messages"], told["matched"]) == ("deciding", 1, 2, 1)
    assert (told["filter"], told["token"], told["by"]) == ({"class": "mapping"}, None, "api-token")
    assert (await plan(stand, {"class": "mapping"})).json["id"] == told["id"]
    reused = await plan(stand, {"entity": "timesheet"})
    assert (reused.status, "another Idempotency-Key" in reused.detail) == (422, True)
    assert [row["id"] for row in (await stand.get(PLANS)).items] == [told["id"]]
    assert (await stand.get(REPLAYS)).items == []
    assert (await stand.get(f"{REPLAYS}/{told['id']}")).status == 404
    assert len(stand.hints) == 2


@pytest.mark.parametrize(
    ("chosen", "status", "said"),
    [
        ({"entity": "project"}, 404, "widen the filter"),
        ({"key": "T-1"}, 400, "give `entity` with `key`"),
        ({"verdict": "applied"}, 400, "only what stands still"),
        ({"verdict": "odd"}, 400, "write one of parked"),
        ({"class": "odd"}, 400, "write one of"),
        ({"since": "yesterday"}, 400, "with its zone"),
        ({"case": 0}, 400, "number of the case"),
        ({"colour": "red"}, 400, "no such field"),
    ],
)
async def test_a_wrong_filter_says_what_to_change(
    stand: Stand, chosen: dict[str, object], status: int, said: str
) -> None:
    await stand.park(SHEET, message("1"))
    answer = await plan(stand, chosen)
    assert (answer.status, said in answer.detail) == (status, True), answer.detail


async def test_a_plan_that_is_too_large_says_how_to_narrow_it(stand: Stand) -> None:
    await stand.park(SHEET, *(message(str(number)) for number in range(MOST_REPLAYED + 1)))
    answer = await plan(stand)
    assert answer.status == 422
    assert f"{MOST_REPLAYED + 1} messages" in answer.detail
    assert "narrow the filter" in answer.detail


async def test_a_plan_is_started_once_by_its_token(stand: Stand) -> None:
    made = await ready(stand)
    shown = (await stand.get(f"{PLANS}/{made.id}")).json
    assert (shown["phase"], shown["token"], shown["verdicts"]) == ("ready", "1-a", {"applied": 2})
    begun = await start(stand, rate=5)
    told: dict[str, Any] = begun.json
    assert (begun.status, told["phase"], told["name"], told["rate"], told["stop_share"]) == (
        202, "running", "rates", 5, 0.2,
    )  # fmt: skip
    assert (await start(stand, rate=5)).json == told
    assert (await start(stand, rate=6)).status == 409
    assert (await start(stand, token="1-b")).status == 404
    assert [row["id"] for row in (await stand.get(REPLAYS)).items] == [made.id]
    assert (await stand.get(f"{PLANS}/{made.id}")).json["phase"] == "running"


@pytest.mark.parametrize(
    "changed",
    [
        {"rate": 0},
        {"rate": 1.5},
        {"stop_share": 0},
        {"stop_share": 2},
        {"reason": ""},
        {"name": ""},
        {"name": "done\n9 bob approval.give"},
        {"name": "\x1b[2J"},
    ],
)
async def test_wrong_terms_are_refused(stand: Stand, changed: dict[str, object]) -> None:
    assert (await start(stand, **changed)).status == 400


async def test_a_plan_that_expired_is_planned_again(stand: Stand) -> None:
    await stand.park(SHEET, message("1"))
    await plan(stand)
    made = await stand.replay_work.deciding()
    assert made is not None
    await stand.replay_work.ready(made, Outlook(), policy=None, token="1-a", seconds=0)
    answer = await start(stand)
    assert (answer.status, "plan again" in answer.detail) == (409, True)


async def test_a_plan_of_another_policy_is_planned_again(stand: Stand) -> None:
    await ready(stand, policy="q")
    answer = await start(stand)
    assert (answer.status, answer.json["type"]) == (409, "/problems/replay-policy-changed")
    assert "Policy p is in force, and the plan was made under q: plan again" in answer.detail


async def test_it_is_resumed_under_another_policy_by_who_names_that(stand: Stand) -> None:
    # Given a replay that goes on under another policy, in force when it was started
    made = await ready(stand)
    await start(stand)
    stand.in_force[0] = "abcdefabcdef"

    async def steer(act: str, **more: object) -> Page:
        return await stand.post(f"{REPLAYS}/{made.id}/{act}", {"reason": "go on", **more})

    await steer("pause")
    # When it is resumed, then the policy has to be named
    for named, said in (
        ({}, "was made under p, so it does not say what the 2 messages"),
        ({"policy": "0123456789ab"}, "Policy abcdefabcdef is in force, and not 0123456789ab"),
    ):
        refused = await steer("resume", **named)
        assert (refused.status, refused.json["type"]) == (409, "/problems/replay-policy-changed")
        assert said in refused.detail
    assert "with `policy` abcdefabcdef" in (await steer("resume")).detail
    assert (await steer("resume", policy="x")).status == 400
    told = (await steer("resume", policy="abcdefabcdef")).json
    assert (told["phase"], told["policy"], told["resumed_under"]) == ("running", "p", "abcdefabcdef")
    # And is known from then on, as is that of the plan
    for policy in ("abcdefabcdef", "p"):
        stand.in_force[0] = policy
        await steer("pause")
        assert (await steer("resume")).status == 200, policy
    # And one that is not in force cannot be named, also where nothing is to be resumed
    assert (await steer("resume", policy="abcdefabcdef")).status == 409


async def test_messages_are_shown_with_what_was_predicted_and_what_came(stand: Stand) -> None:
    made = await ready(stand)
    first, second = (await stand.get(f"{REPLAYS}/{made.id}/items")).items
    assert (first["number"], first["key"], first["was"], first["chosen"], first["result"]) == (
        1, "T-1", "parked", True, None,
    )  # fmt: skip
    assert first["predicted"] == {
        "verdict": "applied", "reason": None, "code": None,
        "commands": [{"system": "erp", "operation": "billable.post", "reference": "timesheet/T-1/l1/1",
                      "amount": None, "currency": None}],
        "changes": [{"path": "status", "before": "1", "after": None}],
    }  # fmt: skip
    await start(stand)
    [replay] = await stand.replay_work.started()
    fates = [Fate(1, Outcome.AS_PLANNED, Verdict.APPLIED), Fate(2, Outcome.OTHERWISE, Verdict.PARKED, "odd", "why")]
    progress = Progress(0, 2, 1, {Outcome.AS_PLANNED: 1, Outcome.OTHERWISE: 1})
    await stand.replay_work.record(replay, fates, progress)
    [odd] = (await stand.get(f"{REPLAYS}/{made.id}/items?outcome=otherwise")).items
    assert odd["result"] == {"outcome": "otherwise", "verdict": "parked", "code": "odd", "reason": "why"}
    told = (await stand.get(f"{REPLAYS}/{made.id}")).json
    assert (told["settled"], told["failed"], told["outcomes"]) == (2, 1, {"as_planned": 1, "otherwise": 1})
    page = await stand.get(f"{REPLAYS}/{made.id}/items?limit=1")
    rest = await stand.get(f"{REPLAYS}/{made.id}/items?limit=1&cursor={page.json['next']}")
    assert [page.items[0]["number"], rest.items[0]["number"], rest.json["next"]] == [1, second["number"], None]
    assert (await stand.get(f"{REPLAYS}/99/items")).status == 404
    assert (await stand.get(f"{REPLAYS}/x/items")).status == 400


async def test_a_replay_is_paused_resumed_and_cancelled(stand: Stand) -> None:
    made = await ready(stand)

    async def steer(act: str, id: int = made.id) -> Page:
        return await stand.post(f"{REPLAYS}/{id}/{act}", {"reason": "close"})

    assert (await steer("pause")).status == 404  # it was not started
    await start(stand)
    phases = [(await steer(act)).json["phase"] for act in ("pause", "resume", "pause", "cancel")]
    assert phases == ["paused", "running", "paused", "cancelling"]
    refused = await steer("resume")
    assert (refused.status, "is cancelling" in refused.detail) == (409, True)
    assert (await steer("pause", 99)).status == 404


async def test_plans_are_of_what_stands_still_alone(stand: Stand) -> None:
    await stand.park(OTHER_SHEET, message("3"))
    found = (await plan(stand, {"entity": "timesheet", "key": OTHER_SHEET.id})).json
    assert (found["keys"], found["filter"]) == (1, {"entity": "timesheet", "key": OTHER_SHEET.id})
    assert (await stand.row(ActorKey("timesheet", OTHER_SHEET.id))).state == "parked"

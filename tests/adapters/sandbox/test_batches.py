"""Batches of the sandbox systems: each line is settled and answered for itself; faults strike lines or the whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson
import pytest

from adapters.sandbox.batches import MOST
from adapters.sandbox.operations import Role
from adapters.sandbox.settings import SandboxSettings
from tests.adapters.sandbox.conftest import BILLABLE, TOKEN, Caller, Reply, Starting


@pytest.fixture
async def erp(starting: Starting) -> Caller:
    caller = await starting(SandboxSettings(Role.ERP, TOKEN))
    await caller.ready_for_billing()
    return caller


def line(number: int, **changed: object) -> dict[str, object]:
    reference = f"timesheet/S{number}/L/1"
    return {"idempotency_key": f"k{number}", "reference": reference, "body": {**BILLABLE, **changed}}


async def post(erp: Caller, lines: object) -> Reply:
    raw = orjson.dumps({"lines": lines})
    return await erp.ask("POST", "/billables/batch", raw=raw, Authorization=f"Bearer {TOKEN}")


async def billed(erp: Caller) -> list[str]:
    """References of what was billed, in order."""
    return [row["reference"] for row in await erp.journal() if row["operation"] == "billable.post"]


def statuses(reply: Reply) -> Mapping[str, int]:
    return {each["idempotency_key"]: each["status"] for each in reply.json["lines"]}


REFERENCES = [f"timesheet/S{number}/L/1" for number in range(4)]
LINES = [line(number) for number in range(4)]


async def test_each_line_is_settled_and_answered_for_itself(erp: Caller) -> None:
    reply = await post(erp, [line(0), line(1, currency="CHF"), line(2, amount="many"), line(3)])
    assert reply.status == 207
    assert statuses(reply) == {"k0": 201, "k1": 422, "k2": 422, "k3": 201}
    assert [each.get("error", {}).get("code") for each in reply.json["lines"]] == [
        None, "wrong_currency", "invalid_field", None,
    ]  # fmt: skip
    assert await billed(erp) == [REFERENCES[0], REFERENCES[3]]


async def test_a_line_is_the_same_alone_and_in_a_batch(erp: Caller) -> None:
    first = await erp.post("billable.post", BILLABLE, key="k1", reference=REFERENCES[1])
    reply = await post(erp, LINES)
    assert reply.json["lines"][1] == {"idempotency_key": "k1", "status": 201, "id": first.json["id"]}
    again = await erp.post("billable.post", BILLABLE, key="k2", reference=REFERENCES[2])
    assert again.json["id"] == reply.json["lines"][2]["id"]
    assert sorted(await billed(erp)) == REFERENCES


async def test_another_body_under_a_known_key_is_refused_in_a_batch_too(erp: Caller) -> None:
    await post(erp, LINES)
    reply = await post(erp, [line(0, amount="1.00"), line(1)])
    assert statuses(reply) == {"k0": 422, "k1": 201}
    assert reply.json["lines"][0]["error"]["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ({}, 400),
        ([], 400),
        ([{"idempotency_key": "k", "reference": "r"}], 400),
        ([{"idempotency_key": "", "reference": "r", "body": {}}], 400),
        ([{"idempotency_key": 1, "reference": "r", "body": {}}], 400),
        ([LINES[0]] * (MOST + 1), 413),
    ],
)
async def test_a_malformed_batch_is_refused_as_a_whole(erp: Caller, lines: object, status: int) -> None:
    reply = await post(erp, lines)
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json")
    assert await billed(erp) == []


async def test_a_batch_needs_the_token(erp: Caller) -> None:
    raw = orjson.dumps({"lines": LINES})
    assert (await erp.ask("POST", "/billables/batch", raw=raw)).status == 401


@pytest.mark.parametrize(("fault", "status"), [("throttle", 429), ("down", 503), ("token_expired", 401)])
async def test_what_turns_a_request_away_does_nothing_with_any_line(erp: Caller, fault: str, status: int) -> None:
    await erp.faults({"fault": fault, "count": 1})
    assert ((await post(erp, LINES)).status, await billed(erp)) == (status, [])
    assert len(statuses(await post(erp, LINES))) == 4


@pytest.mark.parametrize(
    ("fault", "status", "done"), [("refuse", 422, 3), ("error", 500, 3), ("apply_then_500", 500, 4)]
)
async def test_one_line_can_go_wrong(erp: Caller, fault: str, status: int, done: int) -> None:
    await erp.faults({"fault": fault, "count": 1, "key": "timesheet/S2", "seconds": 10})
    reply = await post(erp, LINES)
    assert statuses(reply) == {"k0": 201, "k1": 201, "k2": status, "k3": 201}
    assert len(await billed(erp)) == done


async def test_half_a_batch_lands_and_the_connection_is_cut(erp: Caller) -> None:
    await erp.faults({"fault": "half_applied", "count": 1, "seconds": 0})
    with pytest.raises(aiohttp.ClientError):
        await post(erp, LINES)
    assert await billed(erp) == REFERENCES[:2]


async def test_lines_are_left_out_of_the_answer(erp: Caller) -> None:
    await erp.faults({"fault": "lines_left_out", "count": 1})
    assert list(statuses(await post(erp, LINES))) == ["k0", "k2"]
    assert await billed(erp) == REFERENCES


async def test_lines_are_answered_in_another_order(erp: Caller) -> None:
    await erp.faults({"fault": "shuffled", "count": 1})
    assert list(statuses(await post(erp, LINES))) == ["k3", "k2", "k1", "k0"]
    assert await billed(erp) == REFERENCES


async def test_faults_of_batches_leave_single_postings_alone(erp: Caller) -> None:
    await erp.faults(*({"fault": fault, "count": 1} for fault in ("half_applied", "lines_left_out", "shuffled")))
    assert (await erp.post("billable.post", BILLABLE)).status == 201


async def test_a_slow_batch_is_answered_when_all_of_it_is_done(erp: Caller) -> None:
    await erp.faults({"fault": "slow", "count": 1, "seconds": 0.05})
    asked = asyncio.create_task(post(erp, [*LINES, line(4, amount="many")]))
    reply = await asked
    assert list(statuses(reply).values()) == [201, 201, 201, 201, 422]


async def test_a_late_batch_comes_after_its_connection_was_cut(erp: Caller) -> None:
    await erp.faults({"fault": "late_apply", "count": 1, "seconds": 0.05})
    with pytest.raises(aiohttp.ClientError):
        await post(erp, LINES)
    async with asyncio.timeout(5):
        while len(await billed(erp)) < 4:
            pass
    assert sorted(await billed(erp)) == REFERENCES


async def test_a_key_in_progress_is_said_so_for_its_line_alone(erp: Caller) -> None:
    await erp.faults({"fault": "late_apply", "count": 1, "seconds": 5, "key": "timesheet/S1"})
    with pytest.raises(aiohttp.ClientError):
        await erp.post("billable.post", BILLABLE, key="k1", reference=REFERENCES[1])
    reply = await post(erp, LINES)
    answers: Sequence[Any] = reply.json["lines"]
    assert statuses(reply) == {"k0": 201, "k1": 409, "k2": 201, "k3": 201}
    assert (answers[1]["error"]["code"], answers[1]["retry_after"]) == ("in_progress", 1)


def following(number: int, other: int, **changed: object) -> dict[str, object]:
    return {**line(number, **changed), "follows": f"k{other}"}


async def test_a_line_that_follows_another_comes_after_it(erp: Caller) -> None:
    reply = await post(erp, [line(0), line(1), following(2, 0), following(3, 2)])
    assert set(statuses(reply).values()) == {201}
    assert await billed(erp) == REFERENCES


async def test_what_follows_an_undone_line_is_not_begun_nor_what_follows_that(erp: Caller) -> None:
    reply = await post(erp, [line(0, currency="CHF"), line(1), following(2, 0), following(3, 2)])
    assert statuses(reply) == {"k0": 422, "k1": 201, "k2": 424, "k3": 424}
    assert await billed(erp) == [REFERENCES[1]]
    # Then they can be sent again
    again = await post(erp, [line(0), following(2, 0), following(3, 2)])
    assert set(statuses(again).values()) == {201}


async def test_what_follows_a_line_that_is_not_there_is_not_begun(erp: Caller) -> None:
    assert statuses(await post(erp, [following(1, 0)])) == {"k1": 424}


async def test_a_late_batch_keeps_to_what_follows_what(erp: Caller) -> None:
    await erp.faults({"fault": "late_apply", "count": 1, "seconds": 0.01})
    with pytest.raises(aiohttp.ClientError):
        await post(erp, [line(0, currency="CHF"), following(1, 0), line(2), following(3, 2)])
    async with asyncio.timeout(5):
        while len(await billed(erp)) < 2:
            pass
    assert await billed(erp) == REFERENCES[2:]

"""Systems in the API: what holds each back and until when, and how operators pause and resume it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from adapters.ports.gate import BreakerRule, Heard, Limits, Speech
from adapters.ports.inspection import NotInspected, Right
from adapters.ports.outbox import Ended, Ending
from adapters.postgres.gates import PostgresGates
from adapters.postgres.positions import PostgresPositions
from schemas.verdicts import FailureClass
from tests.contracts.turns import SHEET, applied, asking, command, message, send_lane, uuid
from tests.gateway.http.stand import Stand
from tests.gateway.http.test_acts import audit
from tests.gateway.inspecting import Answers, Late, inspection

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
ONCE = BreakerRule(failures=1, open_for=600, longest=600)


async def hear(stand: Stand, heard: Heard, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
    """Let the ERP answer to one attempt, from which this is heard."""
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("e1")), command()))
    claimed = await stand.outbox.claim([send_lane()], holder=uuid("us"), token=uuid("t"), limits=limits)
    [leased] = claimed.leased
    ended = Ended(
        leased.command, leased.token, leased.attempt, Ending.DEFERRED, None, FailureClass.AUTH, "http_401",
        "The token has run out.", 0.0, heard,
    )  # fmt: skip
    await stand.outbox.record([ended])


async def held(stand: Stand, system: str = "erp") -> Sequence[dict[str, object]]:
    """What holds a system back."""
    page = await stand.get(f"/v1/systems/{system}")
    assert page.status == 200
    found = page.json["held"]
    assert isinstance(found, list)
    return found


async def readers(stand: Stand, system: str) -> list[dict[str, object]]:
    """What is told of the reading of a system."""
    found = (await stand.get(f"/v1/systems/{system}")).json["readers"]
    assert isinstance(found, list)
    return found


async def test_every_system_of_the_policy_is_listed_also_if_it_was_never_used(stand: Stand) -> None:
    erp, crm = (await stand.get("/v1/systems")).items
    assert (erp["system"], erp["held"], erp["breaker"], erp["in_flight"]) == ("erp", [], "closed", 0)
    assert (erp["concurrency"], erp["tokens"], erp["quota_used"], erp["quota"]) == (16, 2.0, 0, 100)
    assert [hold["reason"] for hold in crm["held"]] == ["window"]  # type: ignore[attr-defined]  # read from JSON


async def test_closed_hours_say_when_they_end(stand: Stand) -> None:
    [hold] = await held(stand, "crm")
    assert hold["reason"] == "window"
    assert hold["until"] is not None


async def test_an_open_breaker_says_why_and_until_when(stand: Stand) -> None:
    await hear(stand, Heard(Speech.FAILED, ONCE))
    [hold] = await held(stand)
    assert (hold["reason"], hold["why"]) == ("breaker", "1 failures in a row, the last one http_401")
    assert isinstance(hold["until"], str)
    metrics = (await stand.ops("/metrics")).text
    assert 'tallystick_breaker{system="erp"} 2.0' in metrics
    assert 'tallystick_breaker{system="crm"} 0.0' in metrics
    assert 'tallystick_system_held{reason="breaker",system="erp"} 1.0' in metrics
    assert 'tallystick_system_held{reason="window",system="crm"} 1.0' in metrics


async def test_quota_and_rate_are_counted_over_all_processes(stand: Stand) -> None:
    page = await stand.get("/v1/systems/erp")
    assert page.json["quota_used"] == 0
    limits = Limits(rate=2, burst=2, quota=100)
    await hear(stand, Heard(Speech.NEITHER, ONCE, 600), limits)
    [hold] = await held(stand)
    assert hold["reason"] == "retry_after"
    metrics = (await stand.ops("/metrics")).text
    assert 'tallystick_quota_left{system="erp"}' in metrics
    assert 'tallystick_rate_wait_seconds{system="erp"} 0.0' in metrics


async def test_a_refused_token_is_a_case_until_the_system_is_resumed(stand: Stand) -> None:
    await hear(stand, Heard(Speech.REFUSED, ONCE))
    [hold] = await held(stand)
    assert (hold["reason"], hold["until"]) == ("paused", None)
    assert hold["why"] == "by gateway: The token has run out. (heard for timesheet/T-1, reference timesheet/T-1/1/1)"
    [case] = (await stand.get("/v1/cases")).items
    assert (case["entity"], case["key"], case["failure_class"], case["code"]) == ("system", "erp", "auth", "http_401")
    assert (await stand.post("/v1/systems/erp/resume", {"reason": "token renewed"})).status == 200
    assert await held(stand) == []
    assert (await stand.get("/v1/cases")).items == []


async def test_an_operator_pauses_and_resumes_with_a_reason(stand: Stand, database_url: str) -> None:
    page = await stand.post("/v1/systems/erp/pause", {"reason": "month end"})
    assert page.status == 200
    assert page.json == {"done": "pause", "system": "erp", "by": "api-token", "reason": "month end"}
    [hold] = await held(stand)
    assert (hold["reason"], hold["why"]) == ("paused", "by api-token: month end")
    assert (await stand.post("/v1/systems/erp/resume", {"reason": "books are open"})).status == 200
    assert await held(stand) == []
    assert stand.systems_looked_at == ["erp", "erp"]
    assert await audit(database_url) == [
        ("api-token", "system.pause", "system", "erp", "month end"),
        ("api-token", "system.resume", "system", "erp", "books are open"),
    ]


async def test_a_system_whose_changes_nobody_ever_read_is_seen(stand: Stand) -> None:
    assert await readers(stand, "erp") == []
    [reader] = await readers(stand, "crm")
    assert set(reader.values()) == {None}
    assert 'tallystick_reader_behind_seconds{record="",system="crm"} +Inf' in (await stand.ops("/metrics")).text


async def test_who_reads_a_system_how_far_and_what_failed(stand: Stand, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        positions = PostgresPositions(database_url, "host:1")
        stack.push_async_callback(positions.close)
        assert await positions.hold("crm")
        position = await positions.position("crm", "deal")
        noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
        await positions.advance(position, noon, forget_before=noon)
        await positions.failed("crm", "deal", "it does not answer")
    [reader] = await readers(stand, "crm")
    assert (reader["record"], reader["reader"], reader["failure"]) == ("deal", "host:1", "it does not answer")
    assert reader["read_until"] == "2026-11-21T12:00:00Z"
    assert isinstance(reader["behind_seconds"], float)
    metrics = (await stand.ops("/metrics")).text
    assert 'tallystick_reader_behind_seconds{record="deal",system="crm"}' in metrics
    assert "+Inf" not in [line.rpartition(" ")[2] for line in metrics.splitlines() if "reader_behind" in line]


async def test_commands_for_a_system_that_the_policy_does_not_list_are_shown(stand: Stand) -> None:
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("e1")), command(system="psa"), command(line="2", system="psa")))
    *listed, psa = (await stand.get("/v1/systems")).items
    assert [(system["listed"], system["commands"], system["oldest"]) for system in listed] == [(True, None, None)] * 2
    assert (psa["system"], psa["listed"], psa["commands"]) == ("psa", False, 2)
    assert str(psa["oldest"]).endswith("Z")
    [hold] = await held(stand, "psa")
    assert (hold["reason"], hold["until"]) == ("unlisted", None)
    assert "the policy file does not list it, and commands are open: 2, the oldest since" in str(hold["why"])
    assert 'tallystick_system_held{reason="unlisted",system="psa"} 1.0' in (await stand.ops("/metrics")).text
    assert (await stand.post("/v1/systems/psa/pause", {"reason": "a"})).status == 404


async def test_a_system_that_nobody_lists_and_that_has_no_commands_is_not_found(stand: Stand) -> None:
    page = await stand.get("/v1/systems/psa")
    assert (page.status, page.json["type"]) == (404, "/problems/system-not-found")
    assert "erp, crm" in page.detail


@pytest.mark.parametrize("act", ["pause", "resume"])
async def test_a_system_that_nobody_knows_is_not_changed(stand: Stand, database_url: str, act: str) -> None:
    page = await stand.post(f"/v1/systems/psa/{act}", {"reason": "a"})
    assert (page.status, page.json["type"]) == (404, "/problems/system-not-found")
    assert "erp, crm" in page.detail
    assert stand.systems_looked_at == []
    assert await audit(database_url) == []


async def test_a_system_that_was_paused_and_taken_out_of_the_policy_is_resumed(stand: Stand, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        gates = PostgresGates(database_url)
        stack.push_async_callback(gates.close)
        await gates.pause("psa", actor="ann", reason="month end")
        resumed = await stand.post("/v1/systems/psa/resume", {"reason": "it is gone"})
        [row] = await gates.gates()
    assert resumed.status == 200
    assert (row.system, row.paused_at) == ("psa", None)
    assert await audit(database_url) == [
        ("ann", "system.pause", "system", "psa", "month end"),
        ("api-token", "system.resume", "system", "psa", "it is gone"),
    ]


async def test_a_system_that_has_only_commands_is_resumed(stand: Stand) -> None:
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("e1")), command(system="psa")))
    assert (await stand.post("/v1/systems/psa/resume", {"reason": "a"})).status == 200


@pytest.mark.parametrize("act", ["pause", "resume"])
async def test_a_reason_is_needed(alone: Stand, act: str) -> None:
    page = await alone.post(f"/v1/systems/erp/{act}", {})
    assert (page.status, page.detail) == (400, "reason: add it.")


async def test_without_a_database_nothing_is_said_of_systems(alone: Stand) -> None:
    assert (await alone.get("/v1/systems")).status == 503
    assert (await alone.post("/v1/systems/erp/pause", {"reason": "a"})).status == 503


@pytest.mark.parametrize("act", ["pause", "resume"])
async def test_what_is_built_in_is_neither_paused_nor_resumed_as_a_system(stand: Stand, act: str) -> None:
    page = await stand.post(f"/v1/systems/self/{act}", {"reason": "a"})
    assert (page.status, page.json["type"]) == (409, "/problems/system-built-in")
    assert "or everything, at /v1/pauses" in page.detail
    assert stand.systems_looked_at == []


async def test_a_system_is_asked_who_we_are_there_and_what_is_missing(stand: Stand) -> None:
    stand.inspected["erp"] = Answers(inspection(Right("post"), Right("read", "give the role read"), clock=NOON))
    told = (await stand.post("/v1/systems/erp/test", {})).json
    assert (told["system"], told["refused"]) == ("erp", None)
    assert told["inspection"] == {
        "version": "5.0.4", "identity": "gateway (no administrator)", "clock": "2026-03-06T12:00:00Z", "limits": {},
        "rights": [{"name": "post", "missing": None}, {"name": "read", "missing": "give the role read"}],
    }  # fmt: skip


async def test_a_system_that_cannot_be_asked_says_why(stand: Stand) -> None:
    stand.inspected["erp"] = Answers(NotInspected("the key is refused", "renew it"))
    told = (await stand.post("/v1/systems/erp/test", {})).json
    assert (told["inspection"], told["refused"]) == (None, {"found": "the key is refused", "change": "renew it"})
    stand.inspected["erp"] = Late()
    told = (await stand.post("/v1/systems/erp/test", {})).json
    assert told["refused"]["found"] == "it did not answer all questions within 8 s"  # type: ignore[index]  # read from JSON


@pytest.mark.parametrize(("name", "status"), [("sap", 404), ("self", 409)])
async def test_what_is_no_system_is_not_asked(stand: Stand, name: str, status: int) -> None:
    assert (await stand.post(f"/v1/systems/{name}/test", {})).status == status

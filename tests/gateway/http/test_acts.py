"""Retry, discard, close a gap: with a reason, audited, fenced by what was seen, and followed at once."""

from __future__ import annotations

import asyncpg
import pytest

from gateway.failures import KILLS
from schemas.sequence import Cursor
from schemas.verdicts import LaneState
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, SHEET, applied, asking, command, message, numbered, queued
from tests.gateway.http.stand import TOKEN, Stand

LANE = "/v1/lanes/timesheet/T-1"


async def audit(url: str) -> list[tuple[str, ...]]:
    """Who did what to which key, and why."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT actor, action, entity, key, reason FROM tallystick.audit ORDER BY id")
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


async def test_a_retry_opens_the_lane_and_is_audited(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, message("e1"), message("e2"))
    page = await stand.post(f"{LANE}/retry", {"reason": "profile mapped"})
    assert page.status == 200
    assert page.json == {
        "done": "retry", "lane": {"entity": "timesheet", "key": "T-1"}, "by": "api-token", "reason": "profile mapped",
    }  # fmt: skip
    assert (await stand.row(SHEET)).state is LaneState.OPEN
    assert stand.looked_at == [SHEET]
    assert await audit(database_url) == [("api-token", "lane.retry", "timesheet", "T-1", "profile mapped")]


async def test_a_message_that_has_ended_the_process_is_retried_by_force_alone(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, message("e1"), message("e2"), failure=KILLS)
    page = await stand.post(f"{LANE}/retry", {"reason": "perhaps"})
    assert (page.status, page.json["type"]) == (409, "/problems/lane-kills")
    assert "Discard it" in page.detail
    assert '"force": true' in page.detail
    assert (await stand.row(SHEET)).state is LaneState.PARKED
    assert stand.looked_at == []
    assert await audit(database_url) == []
    assert (await stand.post(f"{LANE}/retry", {"reason": "mended", "force": True})).status == 200
    assert (await stand.row(SHEET)).state is LaneState.OPEN
    assert stand.looked_at == [SHEET]


async def test_a_discard_ends_the_head_and_is_audited(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, message("e1"), message("e2"))
    page = await stand.post(f"{LANE}/discard", {"reason": "sent in error", "head": str(message("e1").ref)})
    assert page.status == 200
    assert (await stand.row(SHEET)).depth == 1
    assert stand.looked_at == [SHEET]
    assert await audit(database_url) == [("api-token", "lane.discard", "timesheet", "T-1", "sent in error")]
    discarded = (await stand.get(f"/v1/messages/{message('e1').ref}")).json
    assert (discarded["verdict"], discarded["reason"]) == ("discarded", "api-token: sent in error")


async def test_a_head_that_moved_is_not_discarded(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, message("e1"), message("e2"))
    page = await stand.post(f"{LANE}/discard", {"reason": "sent in error", "head": str(message("e2").ref)})
    assert (page.status, page.json["type"]) == (409, "/problems/lane-changed")
    assert "again" in page.detail
    assert page.json["instance"] == f"{LANE}/discard"
    assert (await stand.row(SHEET)).depth == 2
    assert stand.looked_at == []
    assert await audit(database_url) == []


async def test_a_lane_that_is_not_there_is_not_found(stand: Stand) -> None:
    for act, body in (("retry", {}), ("discard", {"head": str(message("e1").ref)})):
        page = await stand.post(f"/v1/lanes/timesheet/T-0/{act}", {"reason": "try"} | body)
        assert (page.status, page.json["type"]) == (404, "/problems/lane-not-found")
        assert "T-0" in page.detail
    assert stand.looked_at == []


async def test_an_external_lane_is_named_by_its_encoded_key(stand: Stand) -> None:
    row = (await stand.commits.load([EXTERNAL_PROJECT]))[EXTERNAL_PROJECT]
    await stand.commit(queued(row, message("x1"), state=LaneState.WAITING))
    body = {"reason": "sent in error", "head": str(message("x1").ref)}
    assert (await stand.post("/v1/lanes/external/psa%2Fproject%2F4711/discard", body)).status == 200
    assert stand.looked_at == [EXTERNAL_PROJECT]
    assert (await stand.post("/v1/lanes/external/psa/project/4711/discard", body)).status == 404


@pytest.mark.parametrize(
    ("act", "body", "told"),
    [
        ("retry", {}, "reason: add it"),
        ("retry", {"reason": ""}, "reason: say why in 1 to 1000 characters"),
        ("retry", {"reason": " \n "}, "reason: say why"),
        ("retry", {"reason": "a\u0007b"}, "reason: say why"),
        ("retry", {"reason": "x" * 1001}, "reason: say why"),
        ("retry", {"reason": 5}, "reason: say why"),
        ("retry", {"reason": "a", "force": "yes"}, "force: "),
        ("retry", {"reason": "a", "head": "b"}, "head: there is no such field; there are reason"),
        ("retry", [], "body: send a JSON object"),
        ("discard", {"reason": "a"}, "head: add it"),
        ("discard", {"reason": "a", "head": "e1"}, "head: write the reference of a message, a UUID"),
        ("discard", {"head": "e1"}, "reason: add it; head: write the reference"),
    ],
)
async def test_a_wrong_body_is_told_what_to_change(alone: Stand, act: str, body: object, told: str) -> None:
    page = await alone.post(f"{LANE}/{act}", body)
    assert (page.status, page.json["type"]) == (400, "/problems/request-invalid")
    assert told in page.detail


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b'{"reason": "a"}', "application/x-www-form-urlencoded", "Content-Type: application/json"),
        (b'{"reason": "a"}', "", "Content-Type: application/json"),
        (b"{", "application/json", "not valid JSON"),
        (b"", "application/json", "not valid JSON"),
        (b'{"reason": "a", "reason": "b"}', "application/json", "same key twice"),
        (b'{"reason": NaN}', "application/json", "NaN"),
        (b'{"reason": "a\\u0000"}', "application/json", "U+0000"),
        (b'{"reason": "\xff"}', "application/json", "UTF-8"),
        (b'{"reason": ' + b"[" * 50 + b"]" * 50 + b"}", "application/json", "nested deeper than 8"),
    ],
)
async def test_what_is_not_json_is_told_what_to_change(alone: Stand, content: bytes, kind: str, told: str) -> None:
    page = await alone.api("POST", f"{LANE}/retry", content, Authorization=f"Bearer {TOKEN}", Content_Type=kind)
    assert page.status == 400
    assert told in page.detail


async def test_retry_works_where_nothing_stands_in_the_lane(stand: Stand) -> None:
    await stand.commit(queued((await stand.commits.load([PROJECT]))[PROJECT], message("p1")))
    assert (await stand.post("/v1/lanes/project/P-1/retry", {"reason": "look again"})).status == 200


async def test_a_gap_that_was_closed_lets_the_head_run(stand: Stand, database_url: str) -> None:
    row = (await stand.commits.load([SHEET]))[SHEET]
    turn = queued(row, numbered(3))
    turn.cursors = {"crm": Cursor(through=0)}
    await stand.commit(turn)
    asked = {"reason": "the CRM lost it", "series": "crm", "through": 2}
    page = await stand.post(f"{LANE}/close-gap", asked)
    assert (page.status, page.json["done"]) == (200, "close-gap")
    assert stand.looked_at == [SHEET]
    assert await audit(database_url) == [
        ("api-token", "lane.close_gap", "timesheet", "T-1", "crm up to 2: the CRM lost it")
    ]
    again = await stand.post(f"{LANE}/close-gap", asked)
    assert again.status == 409
    assert "are closed already" in again.detail
    assert (await stand.post(f"{LANE}/close-gap", asked | {"series": "hr"})).status == 404
    assert (await stand.post(f"{LANE}/close-gap", asked | {"through": 0})).status == 400


async def test_what_a_person_found_out_of_a_command_is_taken_and_audited(stand: Stand, database_url: str) -> None:
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("e1")), command()))
    say = {
        "command": str(command().id), "attempts": 0, "outcome": "done", "external_id": "4711",
        "reason": "it is in the ledger",
    }  # fmt: skip
    # Given a command that may be sent at any time
    page = await stand.post(f"{LANE}/settle", say)
    assert (page.status, page.json["type"]) == (409, "/problems/command-in-use")
    assert "pause timesheet/T-1 first" in page.detail
    # When nobody can send it
    assert (await stand.post(f"{LANE}/pause", {"reason": "to settle"})).status == 200
    page = await stand.post(f"{LANE}/settle", say)
    assert (page.status, page.json["done"]) == (200, "settle")
    assert page.json["told"] == f"{command().reference} counts as done"
    assert stand.looked_at[-1] == SHEET
    again = await stand.post(f"{LANE}/settle", say)
    assert (again.status, again.json["type"]) == (409, "/problems/command-changed")
    assert "look in the system once more" in again.detail
    assert (await audit(database_url))[-1] == (
        "api-token", "command.settle", "timesheet", "T-1", f"{command().reference} is there: it is in the ledger",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "status", "says"),
    [
        ({"command": "00000000-0000-0000-0000-000000000000"}, 404, "no open command"),
        ({"outcome": "perhaps"}, 400, "outcome"),
        ({"outcome": "not_done", "external_id": "4711"}, 400, "external_id"),
        ({"external_id": ""}, 400, "external_id"),
        ({"reason": " "}, 400, "say why"),
        ({"attempts": 1}, 409, "is not as it was seen"),
        ({"attempts": None}, 400, "attempts"),
    ],
)
async def test_what_is_said_wrongly_of_a_command_is_refused(
    stand: Stand, wrong: dict[str, object], status: int, says: str
) -> None:
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(asking(applied(row, message("e1")), command()))
    said = {"command": str(command().id), "attempts": 0, "outcome": "done", "reason": "seen"}
    page = await stand.post(f"{LANE}/settle", said | wrong)
    assert page.status == status
    assert says in page.text

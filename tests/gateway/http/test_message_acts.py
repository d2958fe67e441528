"""Acts on one message: undiscard, force, and edit, each with a reason, audited, and followed at once."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.ports.turns import Judged, Message, Turn
from schemas.keys import ActorKey
from schemas.values import Reference
from schemas.verdicts import LaneState, Verdict
from schemas.vocabulary import VOCABULARY
from tests.contracts.turns import SHEET, applied, message, numbered, queued, uuid
from tests.gateway.http.stand import Stand
from tests.gateway.http.test_acts import LANE, audit
from tests.integration.events import sheet

EVENT = sheet("T-1", Reference(id="P1")).body
HOURS = {"lines": [orjson.loads(EVENT)["data"]["lines"][0] | {"hours": "5.00"}]}
T1 = {"entity": "timesheet", "key": "T-1"}


def approved() -> Message:
    envelope = VOCABULARY.decode_stored(EVENT)
    return Message(uuid("e1"), envelope.source, envelope.id, envelope.type, envelope.body_hash, EVENT)


async def ended(stand: Stand, key: ActorKey, message: Message, verdict: Verdict) -> None:
    row = (await stand.commits.load([key]))[key]
    turn = Turn(row, row.lane, row.entity_version)
    turn.judged.append(Judged(message, verdict, row.entity_version))
    await stand.commit(turn)


async def test_a_discard_is_taken_back(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, message("e1"), message("e2"))
    ref = str(message("e1").ref)
    await stand.post(f"{LANE}/discard", {"reason": "sent in error", "head": ref})
    page = await stand.post(f"{LANE}/undiscard", {"reason": "it was right", "message": ref})
    assert page.status == 200
    assert page.json == {
        "done": "undiscard", "message": ref, "lane": T1, "by": "api-token", "reason": "it was right",
    }  # fmt: skip
    lane = await stand.row(SHEET)
    assert (lane.state, lane.depth) == (LaneState.OPEN, 2)
    assert stand.looked_at == [SHEET, SHEET]
    assert (await audit(database_url))[1:] == [
        ("api-token", "message.undiscard", "timesheet", "T-1", "it was right")
    ]  # fmt: skip


async def test_a_discard_is_not_taken_back_once_something_later_was_applied(stand: Stand) -> None:
    await stand.park(SHEET, message("e1"))
    ref = str(message("e1").ref)
    await stand.post(f"{LANE}/discard", {"reason": "sent in error", "head": ref})
    await stand.commit(applied((await stand.commits.load([SHEET]))[SHEET], message("e2")))
    page = await stand.post(f"{LANE}/undiscard", {"reason": "it was right", "message": ref})
    assert (page.status, page.json["type"]) == (409, "/problems/message-overtaken")
    assert "new event" in page.detail
    assert stand.looked_at == [SHEET]


@pytest.mark.parametrize(
    ("lane", "name", "status", "kind"),
    [
        (LANE, "e1", 409, "message-in-another-state"),
        (LANE, "e9", 404, "message-not-found"),
        ("/v1/lanes/timesheet/T-2", "e1", 404, "message-not-found"),
    ],
)
async def test_what_was_not_discarded_there_is_not_taken_back(
    stand: Stand, lane: str, name: str, status: int, kind: str
) -> None:
    await stand.park(SHEET, message("e1"))
    page = await stand.post(f"{lane}/undiscard", {"reason": "it was right", "message": str(message(name).ref)})
    assert (page.status, page.json["type"]) == (status, f"/problems/{kind}")
    assert stand.looked_at == []


async def test_a_stale_message_is_forced(stand: Stand, database_url: str) -> None:
    await ended(stand, SHEET, numbered(1), Verdict.STALE)
    path = f"/v1/messages/{numbered(1).ref}/force"
    page = await stand.post(path, {"reason": "it must count"})
    assert (page.status, page.json["done"], page.json["lane"]) == (200, "force", T1)
    assert (await stand.row(SHEET)).depth == 1
    assert stand.looked_at == [SHEET]
    assert await audit(database_url) == [("api-token", "message.force", "timesheet", "T-1", "it must count")]
    page = await stand.post(path, {"reason": "it must count"})
    assert (page.status, page.json["type"]) == (409, "/problems/message-in-another-state")
    assert (await stand.post(f"/v1/messages/{uuid('x')}/force", {"reason": "why"})).status == 404
    assert (await stand.post("/v1/messages/x/force", {"reason": "why"})).status == 400


async def test_an_edit_is_tried_and_then_made(stand: Stand, database_url: str) -> None:
    await stand.park(SHEET, approved())
    path, asked = f"/v1/messages/{approved().ref}/edit", {"reason": "five hours", "changes": HOURS}
    changes = [{"path": "lines[0].hours", "before": '"7.50"', "after": '"5.00"'}]
    tried = await stand.post(path, asked | {"dry_run": True})
    told = {name: each for name, each in tried.json.items() if name != "predicted"}
    assert (tried.status, told) == (
        200, {"would": "edit", "message": str(approved().ref), "lane": T1, "changes": changes},
    )  # fmt: skip
    predicted: Any = tried.json["predicted"]
    assert (predicted["verdict"], predicted["waits_for"]) == ("waiting", {"entity": "project", "key": "P1"})
    assert ((await stand.row(SHEET)).state, stand.looked_at) == (LaneState.PARKED, [])
    made = await stand.post(path, asked)
    assert (made.status, made.json["done"], made.json["changes"]) == (200, "edit", changes)
    assert ((await stand.row(SHEET)).state, stand.looked_at) == (LaneState.OPEN, [SHEET])
    new = (await stand.get(f"/v1/messages/{made.json['edited']}")).json
    assert (new["verdict"], new["position"]) == ("queued", 1)
    old = (await stand.get(f"/v1/messages/{approved().ref}")).json
    assert (old["verdict"], old["reason"]) == ("superseded", f"api-token edited it, as {new['id']}: five hours")
    act = ("api-token", "message.edit", "timesheet", "T-1", f"as {new['id']}: five hours")
    assert await audit(database_url) == [act]
    # Sent once more, as after a lost answer, it is the same
    assert (await stand.post(path, asked)).json == made.json
    assert await audit(database_url) == [act]


async def test_a_trial_of_an_edit_does_not_show_what_is_about_people(stand: Stand, database_url: str) -> None:
    event = orjson.loads(EVENT)
    event["data"]["employee"]["name"] = "Ann Fox"
    kept = approved()._replace(body=orjson.dumps(event))
    await stand.park(SHEET, kept)
    asked = {"reason": "who is it?", "changes": {"employee": {"name": "?"}}, "dry_run": True}
    tried = await stand.post(f"/v1/messages/{kept.ref}/edit", asked)
    mask = '"[personal]"'
    assert (tried.status, tried.json["changes"]) == (200, [{"path": "employee.name", "before": mask, "after": mask}])
    assert "Ann Fox" not in tried.text
    assert await audit(database_url) == []


async def test_what_was_discarded_is_edited_too_unless_it_was_overtaken(stand: Stand) -> None:
    await ended(stand, SHEET, approved(), Verdict.DISCARDED)
    path, asked = f"/v1/messages/{approved().ref}/edit", {"reason": "five hours", "changes": HOURS}
    assert (await stand.post(path, asked | {"dry_run": True})).status == 200
    await stand.commit(applied((await stand.commits.load([SHEET]))[SHEET], message("e2")))
    page = await stand.post(path, asked)
    assert (page.status, page.json["type"]) == (409, "/problems/message-overtaken")


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"lines": []}, 422, "edit-invalid"),
        ({"legal_entity": None}, 422, "edit-invalid"),
        ({}, 400, "request-invalid"),
        ({"note": "\x00"}, 400, "request-invalid"),
    ],
)
async def test_an_edit_that_makes_no_valid_message_is_refused(
    stand: Stand, database_url: str, changes: dict[str, Any], status: int, kind: str
) -> None:
    await stand.park(SHEET, approved())
    page = await stand.post(f"/v1/messages/{approved().ref}/edit", {"reason": "why", "changes": changes})
    assert (page.status, page.json["type"]) == (status, f"/problems/{kind}")
    assert await audit(database_url) == []


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_was_applied_is_not_edited(stand: Stand, dry_run: bool) -> None:  # noqa: FBT001  # both ways
    await stand.commit(applied((await stand.commits.load([SHEET]))[SHEET], approved()))
    asked = {"reason": "why", "changes": HOURS, "dry_run": dry_run}
    page = await stand.post(f"/v1/messages/{approved().ref}/edit", asked)
    assert (page.status, page.json["type"]) == (409, "/problems/message-in-another-state")
    assert "event of its source" in page.detail


async def test_a_lane_of_an_id_that_is_not_bound_takes_no_edit(stand: Stand) -> None:
    key = ActorKey("external", "psa/timesheet/1")
    row = (await stand.commits.load([key]))[key]
    await stand.commit(queued(row, approved(), state=LaneState.WAITING))
    page = await stand.post(f"/v1/messages/{approved().ref}/edit", {"reason": "why", "changes": HOURS})
    assert page.status == 409

"""One entity in the API: its state, what means it, its lane, and its story in pages."""

from __future__ import annotations

from adapters.ports.outbox import Ended, Ending
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    PROJECT,
    SHEET,
    applied,
    asking,
    command,
    message,
    send_lane,
    settled,
    uuid,
)
from tests.gateway.http.stand import Stand
from tests.gateway.http.test_views import column, walk


async def row_of(stand: Stand) -> None:
    """A sheet whose second event asked the ERP for a line, which it has."""
    await stand.commit(applied((await stand.commits.load([SHEET]))[SHEET], message("e1")))
    one = command()
    await stand.commit(asking(applied((await stand.commits.load([SHEET]))[SHEET], message("e2")), one))
    [leased] = (await stand.outbox.claim([send_lane()], holder=uuid("us"), token=uuid("t"))).leased
    await stand.outbox.record([Ended(one, uuid("t"), leased.attempt, Ending.CONFIRMED, "77")])
    await stand.commit(settled((await stand.commits.load([SHEET]))[SHEET], (one, uuid("t"))))


async def test_the_whole_of_it_from_event_to_answer(stand: Stand) -> None:
    await row_of(stand)
    page = await stand.get("/v1/entities/timesheet/T-1")
    assert page.status == 200
    told = page.json
    assert (told["entity"], told["key"], told["version"], told["state"]) == ("timesheet", "T-1", 3, {})
    assert (told["bound_to"], told["externals"], told["next"]) == (None, [], None)
    assert isinstance(told["lane"], dict)
    assert (told["lane"]["state"], told["lane"]["depth"]) == ("open", 0)
    done, second, first = page.items
    assert [each["what"] for each in (done, second, first)] == ["command_done", "applied", "applied"]
    assert isinstance(second["message"], dict)
    assert (second["message"]["source"], second["message"]["id"], second["version"]) == ("psa", "e2", 2)
    assert isinstance(second["asked"], list)
    asked = second["asked"][0]
    assert (asked["system"], asked["reference"], asked["state"]) == ("erp", "timesheet/T-1/1/1", "ended")
    [answer] = asked["attempts"]
    assert (answer["number"], answer["ending"], answer["external_id"]) == (1, "confirmed", "77")
    assert (first["asked"], done["command"]) == ([], str(command().id))
    assert {each["policy"] for each in page.items} == {None}


async def test_the_story_comes_in_pages_and_loses_nothing_between_them(stand: Stand) -> None:
    await row_of(stand)
    pages = await walk(stand, "/v1/entities/timesheet/T-1?limit=1")
    assert column(pages, "what") == ["command_done", "applied", "applied"]
    assert [len(asked) for asked in column(pages, "asked")] == [0, 1, 0]  # type: ignore[arg-type]  # read from JSON


async def test_an_external_key_says_what_it_is_bound_to(stand: Stand) -> None:
    turn = applied((await stand.commits.load([PROJECT]))[PROJECT], message("e1"))
    turn.binds.append(EXTERNAL_PROJECT)
    await stand.commit(turn)
    external = (await stand.get("/v1/entities/external/psa%2Fproject%2F4711")).json
    assert external["bound_to"] == {"entity": "project", "key": "P-1"}
    assert (await stand.get("/v1/entities/project/P-1")).json["externals"] == ["psa/project/4711"]


async def test_what_nobody_named_and_what_cannot_be_read(stand: Stand) -> None:
    page = await stand.get("/v1/entities/timesheet/T-9")
    assert (page.status, page.json["type"]) == (404, "/problems/entity-not-found")
    assert "Nobody ever named timesheet/T-9" in page.detail
    for path in ("/v1/entities/timesheet/%FF", "/v1/entities/timesheet/T-1?limit=0", "/v1/entities/a/b?cursor=x"):
        assert (await stand.get(path)).status in (400, 404)
    await row_of(stand)
    assert (await stand.get("/v1/entities/timesheet/T-1?cursor=x")).status == 400

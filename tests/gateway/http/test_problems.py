"""Each way to fail has its problem, which says what to change and gives nothing away."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.http.problems import problems
from tests.contracts.turns import SHEET, message
from tests.gateway.http.stand import TOKEN, Stand, listening


async def test_an_unknown_path(alone: Stand) -> None:
    page = await alone.get("/v1/lane")
    assert page.status == 404
    assert page.json == {
        "type": "/problems/not-found",
        "title": "There is nothing here",
        "status": 404,
        "detail": "There is no /v1/lane. Begin with /v1/status.",
        "instance": "/v1/lane",
    }


async def test_a_wrong_method(alone: Stand) -> None:
    page = await alone.post("/v1/messages", {})
    assert (page.status, page.json["type"]) == (405, "/problems/method-not-allowed")
    assert page.headers["Allow"] == "GET,HEAD"
    assert page.detail == "/v1/messages takes GET,HEAD, not POST."


async def test_a_body_that_is_too_large(alone: Stand) -> None:
    page = await alone.post("/v1/lanes/timesheet/T-1/retry", {"reason": "x" * 65536})
    assert (page.status, page.json["type"]) == (413, "/problems/body-too-large")
    assert page.detail == "Send at most 65536 bytes."


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/messages?limit=0", "limit: write a whole number from 1 to 500"),
        ("/v1/messages?limit=501", "limit: write a whole number from 1 to 500"),
        ("/v1/messages?limit=1_0", "limit: write a whole number from 1 to 500"),
        ("/v1/messages?verdict=done", "verdict: write one of queued, waiting"),
        ("/v1/messages?verdict=dead_letter", "dead letters are at /v1/dead-letters"),
        ("/v1/messages?source=", "source: write 1 to 1000 characters"),
        ("/v1/messages?source=%00", "source: write 1 to 1000 characters"),
        ("/v1/messages?verdct=parked", "verdct: there is no such field; there are limit, cursor, source, id, verdict"),
        ("/v1/messages?limit=1&limit=2", "Send limit once."),
        ("/v1/messages?cursor=%21", "cursor: take it from the Link header"),
        ("/v1/messages?cursor=bnVsbA", "cursor: take it from the Link header"),
        ("/v1/lanes?cursor=WyJhIl0", "cursor: take it from the Link header"),
        ("/v1/lanes?cursor=WyJhIiwiXHUwMDAwIl0", "cursor: take it from the Link header"),
        ("/v1/cases?cursor=LTE", "cursor: take it from the Link header"),
        ("/v1/cases?cursor=MWU5OQ", "cursor: take it from the Link header"),
        ("/v1/dead-letters?cursor=WyJhIiwiYiJd", "cursor: take it from the Link header"),
        ("/v1/lanes?state=stuck", "state: write one of open, backoff, waiting, parked, paused"),
        ("/v1/status?x=1", "x: there is no such field; there are none"),
    ],
)
async def test_a_wrong_query(alone: Stand, path: str, told: str) -> None:
    page = await alone.get(path)
    assert (page.status, page.json["type"]) == (400, "/problems/request-invalid")
    assert told in page.detail


async def test_a_database_that_is_away(alone: Stand) -> None:
    lane = "/v1/lanes/timesheet/T-1"
    for path in ("/v1/status", "/v1/messages", "/v1/lanes", lane, "/v1/cases", "/v1/dead-letters"):
        page = await alone.get(path)
        assert (page.status, page.json["type"]) == (503, "/problems/store-unavailable")
        assert page.headers["Retry-After"] == "2"
        assert "canary" not in page.text
    page = await alone.post(f"{lane}/retry", {"reason": "try"})
    assert page.status == 503
    assert "may or may not have been made: look before you repeat it" in page.detail
    for path in ("/readyz?verbose", "/metrics"):
        assert "canary" not in (await alone.ops(path)).text


async def test_a_database_that_does_not_answer_in_time(database_url: str, token_file: Path) -> None:
    """Given a table that somebody has locked, its questions get a 503; others and readiness do not notice."""
    async with listening(database_url, token_file, patience=0.3) as stand:
        await stand.park(SHEET, message("e1"))
        locking = await asyncpg.connect(database_url)
        async with locking.transaction():
            await locking.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            page = await stand.get("/v1/messages")
            assert (page.status, page.json["type"]) == (503, "/problems/store-unavailable")
            assert (await stand.get("/v1/cases")).status == 200
            assert "[+]postgresql ok" in (await stand.ops("/readyz?verbose")).text
        await locking.close()
        assert (await stand.get("/v1/messages")).status == 200


async def test_an_answer_that_takes_too_long() -> None:
    async def stall(_: web.Request) -> web.Response:
        raise TimeoutError

    app = web.Application(middlewares=[problems])
    app.router.add_get("/stall", stall)
    async with TestClient(TestServer(app)) as client, client.get("/stall") as answer:
        members = await answer.json(content_type="application/problem+json")
    assert (answer.status, answer.headers["Retry-After"], members["type"]) == (503, "2", "/problems/timed-out")


async def test_a_fault_of_ours_is_logged_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError(f"postgresql://tally:{TOKEN}@host")

    app = web.Application(middlewares=[problems])
    app.router.add_get("/fail", fail)
    async with TestClient(TestServer(app)) as client, client.get("/fail") as answer:
        members = await answer.json(content_type="application/problem+json")
    assert (answer.status, members["type"]) == (500, "/problems/internal")
    assert TOKEN not in str(members)
    assert "Traceback" not in str(members)
    written = capsys.readouterr()
    assert "request_failed" in written.out + written.err

"""Canaries: a secret and what is about people never come out where nobody asked for them with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import orjson
import pytest
from structlog.testing import capture_logs

from adapters.ports.letters import DeadLetter
from adapters.ports.replays import Outlook
from adapters.ports.turns import Message
from gateway.http.api import Route
from gateway.http.description.declared import declared
from gateway.http.description.openapi import template
from gateway.telemetry import json_line
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.contracts.turns import SHEET, applied, asking, command, message
from tests.gateway.http.stand import TOKEN, Stand

PERSON: Final = "Canary-Robin"
MAIL: Final = "canary.robin@example.com"
NOTE: Final = "canary note of an illness"
BYTES: Final = "canary bytes of a body"
CANARIES: Final = (PERSON, MAIL, NOTE, BYTES, TOKEN)
STATES: Final = {
    SHEET: {"legal_entity": "DE01", "employee": {"id": "E-1", "name": PERSON}, "lines": [{"note": NOTE}]},
    ActorKey("employee", "E-1"): {"profile": {"name": PERSON, "email": MAIL, "legal_entity": "DE01"}},
    ActorKey("customer", "C-1"): {"profile": {"name": "Globex AG", "billing_email": MAIL}},
}
GETS: Final[Mapping[str, Sequence[str]]] = {
    "/v1/lanes/{entity}/{key}": ("/v1/lanes/timesheet/T-1", "/v1/lanes/timesheet/T-2"),
    "/v1/entities/{entity}/{key}": tuple(f"/v1/entities/{key}" for key in STATES),
    "/v1/systems/{name}": ("/v1/systems/erp",),
    "/v1/messages/{ref}": ("/v1/messages/{ref}",),
    "/v1/cases/{id}": ("/v1/cases/{case}",),
    "/v1/dead-letters/{digest}": ("/v1/dead-letters/{letter}",),
    **{
        f"/v1/reconciliations/{{id}}{what}": (f"/v1/reconciliations/{{run}}{what}{query}",)
        for what, query in (("", ""), ("/differences", ""), ("/compare", "?with={run}"))
    },
    **{
        path: (path.replace("{id}", "{plan}"),)
        for path in ("/v1/replays/plans/{id}", "/v1/replays/{id}", "/v1/replays/{id}/items")
    },
}
"""What to ask of each route with names in its path."""
UNMASKED: Final = {"/v1/messages/{ref}/payload", "/v1/dead-letters/{digest}/payload"}
"""Those that show everything, for a reason."""
PARTS: Final = {
    "entity": "timesheet", "key": "T-2", "ref": "8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f", "id": "1", "digest": "00",
    "name": "erp", "what": "ab" * 32, "type": "timesheet.approved.v1", "act": "retry",
}  # fmt: skip
"""Something for each name in the path of a change."""


def saying(id: str) -> Message:
    """A message whose body holds what nobody should read."""
    sent = message(id)
    body = orjson.dumps({"id": id, "data": {"employee": {"name": PERSON}, "note": NOTE, "raw": BYTES}})
    return sent._replace(body=body)


@pytest.fixture
async def full(stand: Stand) -> Stand:
    """A gateway whose every table holds a canary where it may."""
    for key, state in STATES.items():
        row = (await stand.commits.load([key]))[key]
        await stand.commit(applied(row, saying(f"of {key.id}"), state=orjson.dumps(state)))
    row = (await stand.commits.load([SHEET]))[SHEET]
    asked = command(SHEET)._replace(body=orjson.dumps({"note": NOTE, "email": MAIL, "name": PERSON}))
    await stand.commit(asking(applied(row, saying("e2"), state=orjson.dumps(STATES[SHEET])), asked))
    await stand.park(ActorKey("timesheet", "T-2"), saying("e3"))
    letter = DeadLetter(
        b"canary", "tallystick.timesheet", "timesheet.approved", FailureClass.SCHEMA, "not_json",
        "the body is not valid JSON", "application/json", {}, orjson.dumps({"raw": BYTES, "note": NOTE}),
    )  # fmt: skip
    await stand.dead_letters.bury([letter])
    return stand


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def asked_for(route: Route) -> Sequence[str]:
    """Paths of a route that shows something, which name what is there."""
    path = template(route.path)
    return GETS[path] if "{" in path else (path,)


async def names(full: Stand) -> dict[str, object]:
    """What paths name of what is there."""
    run = {"system": "erp", "first": "2026-03-01", "last": "2026-03-31"}
    plan = await full.post("/v1/replays/plans", {"reason": "look", "filter": {}})
    made = await full.replay_work.deciding()
    assert made is not None
    await full.replay_work.ready(made, Outlook(), policy="p", token="1-a", seconds=60)
    await full.post("/v1/replays", {"token": "1-a", "name": "n", "reason": "r"})
    return {
        "ref": (await full.get("/v1/messages?id=e3")).items[0]["ref"],
        "case": (await full.get("/v1/cases")).items[0]["id"],
        "letter": (await full.get("/v1/dead-letters")).items[0]["digest"],
        "run": (await full.post("/v1/reconciliations", run)).json["id"],
        "plan": plan.json["id"],
    }


async def test_nothing_leaks_from_what_is_shown(full: Stand) -> None:
    """Whatever route there is: a new one is asked as well, or fails here."""
    shown = [route for route in declared() if route.method == "GET" and template(route.path) not in UNMASKED]
    assert len(shown) > 30
    with capture_logs() as logs:
        known = await names(full)
        for path in (path.format(**known) for route in shown for path in asked_for(route)):
            page = await full.get(path)
            assert page.status == 200, (path, page.text)
            assert leaks(page.text) == [], path
        for path in ("/metrics", "/livez?verbose", "/readyz?verbose", "/version"):
            assert leaks((await full.ops(path)).text) == [], path
        for path in ("/openapi.json", "/asyncapi.json", "/docs"):
            assert leaks((await full.api("GET", path)).text) == [], path
    assert leaks(str(logs)) == []


async def test_nothing_leaks_from_what_is_refused(full: Stand) -> None:
    """Of every route that changes something, and every field that it does not know or that is not as it must be."""
    changes = [route for route in declared() if route.method != "GET"]
    assert len(changes) > 30
    asked = {"reason": 7, "oops": BYTES, "head": MAIL, "name": 7, "rows": NOTE, "filter": PERSON, "rate": NOTE}
    with capture_logs() as logs:
        for route in changes:
            path = template(route.path).format(**PARTS)
            page = await full.asked_by(TOKEN, route.method, f"{path}?more=1", asked, If_Match='"1"')
            assert 400 <= page.status < 500, path
            assert leaks(page.text) == [], path
            page = await full.asked_by(TOKEN, route.method, path, asked, If_Match='"1"')
            assert leaks(page.text) == [], path
        page = await full.asked_by(f"{TOKEN}x", "GET", "/v1/status")
        assert (page.status, leaks(page.text)) == (401, [])
        page = await full.post("/v1/events/validate/timesheet.approved.v1", {"data": {"raw": BYTES}})
        assert leaks(page.text) == []
    assert leaks(str(logs)) == []


async def test_the_key_of_a_program_is_told_once(full: Stand, http_database_url: str) -> None:
    with capture_logs() as logs:
        made = await full.post("/v1/api-keys", {"name": "canary", "reason": "why not", "permissions": ["admin"]})
        key = str(made.json["key"])
        found = [await full.asked_by(key, "GET", path) for path in ("/v1/status", "/v1/api-keys", "/v1/audit")]
        assert [page.status for page in found] == [200] * 3
        await full.asked_by(key, "DELETE", f"/v1/api-keys/{made.json['id']}?reason=leaked")
        found += [await full.asked_by(key, "GET", "/v1/status"), await full.ops("/metrics")]
    connection = await asyncpg.connect(http_database_url)
    rows = await connection.fetch(
        "SELECT k::text FROM tallystick.api_key k UNION SELECT a::text FROM tallystick.audit a"
    )
    await connection.close()
    everything = [page.text for page in found] + [str(logs), str(rows)]
    assert [text for text in everything if key in text or key.encode().hex() in text] == []


async def test_a_payload_is_shown_once_asked_for_and_not_kept_in_the_audit(full: Stand, http_database_url: str) -> None:
    [sent] = (await full.get("/v1/messages?id=e3")).items
    page = await full.get(f"/v1/messages/{sent['ref']}/payload?reason=why%20not")
    assert leaks(page.text) == [PERSON, NOTE, BYTES]
    connection = await asyncpg.connect(http_database_url)
    rows = await connection.fetch("SELECT a::text FROM tallystick.audit a")
    await connection.close()
    assert [leaks(row[0]) for row in rows] == [[]]


async def test_a_dump_holds_no_secret_and_people_only_where_they_belong(full: Stand, http_database_url: str) -> None:
    """In a dump bytes are hexadecimal; what is about people stands in states, events, and commands alone."""
    connection = await asyncpg.connect(http_database_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'tallystick'")
    dump = {name: str(await connection.fetch(f"SELECT t::text FROM tallystick.{name} t")) for (name,) in tables}  # noqa: S608
    await connection.close()
    assert len(dump) > 20
    held = {
        name: {each for each in CANARIES if each in text or each.encode().hex() in text} for name, text in dump.items()
    }
    assert {name for name, found in held.items() if found} == {"entity", "inbox", "outbox", "dead_letter"}
    assert all(TOKEN not in found for found in held.values())


async def test_the_password_of_the_database_is_never_told(alone: Stand) -> None:
    """The stand without a database is given a URL with the password `canary`."""
    with capture_logs() as logs:
        for path in ("/v1/status", "/v1/cases", "/v1/audit", "/v1/entities/timesheet/T-1"):
            page = await alone.get(path)
            assert (page.status, "canary" in page.text) == (503, False), path
        for path in ("/readyz?verbose", "/metrics"):
            assert "canary" not in (await alone.ops(path)).text
    assert "canary" not in str(logs)


@pytest.mark.parametrize(
    "url", ["postgresql://tally:canary@db/x", "amqp://tally:canary@broker:5672/%2F", "postgresql://:canary@/x"]
)
def test_a_log_line_has_no_password_of_a_url(url: str) -> None:
    line = json_line({"event": "task_died", "exception": f'Traceback: cannot reach "{url}" or {url}'})
    assert "canary" not in line
    assert line.count("[secret]@") == 2


def test_a_log_line_is_left_as_it_is() -> None:
    event = {"event": "x", "url": "http://127.0.0.1:8080/a", "key": "a:b@c", "mail": "see https://x.example: a@b"}
    assert orjson.loads(json_line(event)) == event

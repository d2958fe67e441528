"""Canaries: a secret and what is about people never come out where nobody asked for them with a reason."""

from __future__ import annotations

from typing import Final

import asyncpg
import orjson
import pytest
from structlog.testing import capture_logs

from adapters.ports.letters import DeadLetter
from adapters.ports.turns import Message
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
GETS: Final = (
    "/v1/status", "/v1/messages", "/v1/messages/{ref}", "/v1/lanes", "/v1/lanes/timesheet/T-1",
    "/v1/lanes/timesheet/T-2", "/v1/entities/timesheet/T-1", "/v1/entities/employee/E-1", "/v1/entities/customer/C-1",
    "/v1/cases", "/v1/cases.csv", "/v1/cases/{case}", "/v1/pauses", "/v1/systems", "/v1/systems/erp",
    "/v1/dead-letters", "/v1/dead-letters/{letter}", "/v1/mappings", "/v1/bindings", "/v1/reconciliations", "/v1/kpis",
    "/v1/audit", "/v1/audit/head", "/v1/audit/verify", "/v1/restore",
)  # fmt: skip


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


async def test_nothing_leaks_from_what_is_shown(full: Stand) -> None:
    with capture_logs() as logs:
        names = {
            "ref": (await full.get("/v1/messages?id=e3")).items[0]["ref"],
            "case": (await full.get("/v1/cases")).items[0]["id"],
            "letter": (await full.get("/v1/dead-letters")).items[0]["digest"],
        }
        for path in GETS:
            page = await full.get(path.format(**names))
            assert page.status == 200, path
            assert leaks(page.text) == [], path
        for path in ("/metrics", "/livez?verbose", "/readyz?verbose", "/version"):
            assert leaks((await full.ops(path)).text) == [], path
    assert leaks(str(logs)) == []


async def test_nothing_leaks_from_what_is_refused(full: Stand) -> None:
    with capture_logs() as logs:
        asked = {"reason": NOTE, "oops": BYTES, "head": MAIL}
        for path in ("/v1/lanes/timesheet/T-2/discard", "/v1/pauses", "/v1/mappings/rollback", "/v1/bindings/import"):
            page = await full.post(path, asked)
            assert page.status == 400, path
            assert leaks(page.text) == [], path
        page = await full.asked_by(f"{TOKEN}x", "GET", "/v1/status")
        assert (page.status, leaks(page.text)) == (401, [])
        page = await full.post("/v1/events/validate/timesheet.approved.v1", {"data": {"raw": BYTES}})
        assert leaks(page.text) == []
    assert leaks(str(logs)) == []


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

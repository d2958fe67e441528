"""`POST /v1/events/validate/{type}`: what would come of an event, and nothing comes of it."""

from __future__ import annotations

import time
from io import BytesIO

import orjson
import pytest

from schemas.keys import ActorKey
from schemas.parsing import LIMITS
from tests.gateway.http.stand import TOKEN, Page, Stand
from tests.schemas.messages import example

TYPE = "timesheet.approved.v1"
VALIDATE = "/v1/events/validate"
PATH = f"{VALIDATE}/{TYPE}"
SHEET = ActorKey("timesheet", "TS-2026-44-1042")


def said(**changes: object) -> bytes:
    """An approved sheet as the stand's source would publish it."""
    return orjson.dumps(example(TYPE) | {"source": "urn:psa"} | changes)


async def ask(stand: Stand, body: bytes, path: str = PATH, kind: str = "application/cloudevents+json") -> Page:
    """Ask as somebody with the token."""
    return await stand.api("POST", path, body, Authorization=f"Bearer {TOKEN}", Content_Type=kind)


async def test_what_would_come_of_it_is_told_and_nothing_is_kept(stand: Stand) -> None:
    page = await ask(stand, said())
    assert page.status == 200
    assert {name: page.json[name] for name in ("verdict", "entity", "key", "commands", "repeats", "policy")} == {
        "verdict": "waiting", "entity": "timesheet", "key": SHEET.id, "commands": [], "repeats": None,
        "policy": "a-policy",
    }  # fmt: skip
    assert page.json["waits_for"] is not None
    row = (await stand.commits.load([SHEET]))[SHEET]
    assert (row.row_version, row.lane.depth) == (0, 0)
    assert (await stand.get("/v1/messages")).items == []


async def test_what_would_be_a_dead_letter_says_what_to_change(stand: Stand) -> None:
    page = await ask(stand, said(source="urn:stranger"), kind="application/json")
    assert (page.status, page.json["verdict"], page.json["key"]) == (200, "dead_letter", None)
    failure = page.json["failure"]
    assert isinstance(failure, dict)
    assert (failure["class"], failure["code"], failure["field"]) == ("auth", "source_unknown", "source")


@pytest.mark.parametrize(
    ("body", "path", "kind", "status", "why"),
    [
        (said(), f"{VALIDATE}/timesheet.submitted.v1", "application/json", 400, "is of type timesheet.approved"),
        (said(), PATH, "text/plain", 400, "cloudevents"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    stand: Stand, body: bytes, path: str, kind: str, status: int, why: str
) -> None:
    page = await ask(stand, body, path, kind)
    assert (page.status, why in page.detail) == (status, True), page.detail


async def test_an_event_is_bounded(alone: Stand) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = BytesIO(b" " * (LIMITS.body_bytes + 1))
    async with alone.session.post(f"{alone.addresses.api}{PATH}", data=body, headers=headers) as answer:
        assert (answer.status, "at most" in await answer.text()) == (413, True)


async def test_an_answer_takes_less_than_50_ms(stand: Stand) -> None:
    # The fastest of some: how busy this machine is, is not the question.
    took: list[float] = []
    for number in range(20):
        body = said(id=f"quick-{number}")
        began = time.perf_counter()
        page = await ask(stand, body)
        took.append(time.perf_counter() - began)
        assert page.json["verdict"] == "waiting"
    assert min(took) < 0.05

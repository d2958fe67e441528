"""Reach: who is limited to some entities or legal entities sees and does nothing outside of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import yaml

from adapters.ports.turns import Opened
from gateway.callers import Permission, digest
from schemas.acts import Act
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState
from tests.contracts.turns import applied, message, queued
from tests.gateway.http.stand import Page, Stand, listening
from tests.gateway.http.test_message_acts import EVENT, approved

DE: Final = ActorKey("timesheet", "T-1")
US: Final = ActorKey("timesheet", "T-2")
DEAL: Final = ActorKey("engagement", "D-1")
FAILURE: Final = Failure(FailureClass.BUSINESS_RULE, "approval_needed", "a partner must approve")
REACHES: Final[dict[str, dict[str, list[str]]]] = {
    "german": {"legal_entities": ["DE01"]},
    "sheets": {"entities": ["timesheet"]},
    "german-deals": {"legal_entities": ["DE01"], "entities": ["engagement"]},
    "everywhere": {},
}


@pytest.fixture
async def stand(database_url: str, token_file: Path, tmp_path: Path) -> AsyncIterator[Stand]:
    """The listeners for people who may do everything, each within their reach; and a case of each of three keys."""
    file = tmp_path / "callers.yaml"
    entries = [
        {
            "name": name, "token_sha256": digest(name.encode()).hex(), "permissions": [*map(str, Permission)],
            "roles": ["finance"], **reach,
        }
        for name, reach in REACHES.items()
    ]  # fmt: skip
    file.write_text(yaml.safe_dump(entries))
    async with listening(database_url, token_file, callers_file=file) as stand:
        for key, state in ((DE, b'{"legal_entity": "DE01"}'), (US, b'{"legal_entity": "US01"}'), (DEAL, b"{}")):
            row = (await stand.commits.load([key]))[key]
            turn = applied(row, message(f"of {key.id}"), state=state)
            turn.opened.append(Opened(Case(FAILURE, topic="approval", acts=(Act.APPROVE,), owner="finance")))
            await stand.commit(turn)
        yield stand


async def cases(stand: Stand, by: str, query: str = "") -> list[object]:
    """The keys of the cases that somebody is shown."""
    return [item["key"] for item in (await stand.asked_by(by, "GET", f"/v1/cases{query}")).items]


async def case_of(stand: Stand, key: ActorKey) -> int:
    """The number of its case."""
    [item] = (await stand.asked_by("everywhere", "GET", f"/v1/cases?key={key.id}")).items
    return int(str(item["id"]))


@pytest.mark.parametrize(
    ("by", "keys"),
    [("everywhere", ["T-1", "T-2", "D-1"]), ("german", ["T-1"]), ("sheets", ["T-1", "T-2"]), ("german-deals", [])],
)
async def test_cases_are_listed_from_within(stand: Stand, by: str, keys: list[str]) -> None:
    assert await cases(stand, by) == keys
    groups = (await stand.asked_by(by, "GET", "/v1/cases?group=true")).items
    assert sum(int(str(group["cases"])) for group in groups) == len(keys)
    file = (await stand.asked_by(by, "GET", "/v1/cases.csv")).text
    assert len(file.splitlines()) == 1 + len(keys)


def is_refused(page: Page) -> bool:
    """Whether the reason is the caller's reach."""
    return page.status == 403 and page.json["type"] == "/problems/out-of-reach"


@pytest.mark.parametrize(
    ("by", "key", "is_within"),
    [
        ("german", DE, True), ("german", US, False), ("german", DEAL, False),
        ("sheets", US, True), ("sheets", DEAL, False), ("german-deals", DE, False),
    ],
)  # fmt: skip
async def test_one_thing_is_shown_and_changed_from_within(
    stand: Stand, by: str, key: ActorKey, *, is_within: bool
) -> None:
    number, path = await case_of(stand, key), f"{key.entity}/{key.id}"
    [sent] = (await stand.asked_by("everywhere", "GET", f"/v1/messages?id=of%20{key.id}")).items
    shown = (f"/v1/cases/{number}", f"/v1/lanes/{path}", f"/v1/entities/{path}", f"/v1/messages/{sent['ref']}")
    for each in shown:
        page = await stand.asked_by(by, "GET", each)
        assert (page.status == 200, is_refused(page)) == (is_within, not is_within), each
    noted = await stand.asked_by(by, "PATCH", f"/v1/cases/{number}", {"note": "seen"}, If_Match='"1"')
    assert (noted.status == 200, is_refused(noted)) == (is_within, not is_within)
    paused = await stand.asked_by(by, "POST", f"/v1/lanes/{path}/pause", {"reason": "disputed"})
    assert (paused.status == 200, is_refused(paused)) == (is_within, not is_within)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("GET", "/v1/lanes"),
        ("GET", "/v1/audit"),
        ("GET", "/v1/bindings"),
        ("POST", "/v1/pauses"),
        ("POST", "/v1/systems/erp/pause"),
        ("GET", "/v1/dead-letters"),
        ("POST", "/v1/mappings/reload"),
    ],
)
async def test_what_is_of_everybody_is_for_who_reaches_everything(stand: Stand, method: str, path: str) -> None:
    for by in ("german", "sheets"):
        page = await stand.asked_by(by, method, path, None if method == "GET" else {"reason": "why not"})
        assert is_refused(page), path
        assert page.detail.startswith(f"{by} reaches ")


async def test_what_is_not_there_is_outside(stand: Stand) -> None:
    for path in ("/v1/cases/999999", "/v1/lanes/timesheet/T-9", "/v1/messages/8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f"):
        assert is_refused(await stand.asked_by("german", "GET", path)), path


@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_edit_brings_nothing_out_of_reach(stand: Stand, dry_run: bool) -> None:  # noqa: FBT001  # both ways
    # Given a sheet within reach, and a message of it that names the same legal entity
    event = orjson.loads(EVENT)
    event["data"]["legal_entity"] = "DE01"
    sheet = approved()._replace(body=orjson.dumps(event))
    row = (await stand.commits.load([DE]))[DE]
    await stand.commit(queued(row, sheet, state=LaneState.PARKED))
    path, asked = f"/v1/messages/{sheet.ref}/edit", {"reason": "whose is it?", "dry_run": dry_run}
    # When somebody would have it name another one
    moved = await stand.asked_by("german", "POST", path, asked | {"changes": {"legal_entity": "US01"}})
    # Then that takes a reach over both
    assert is_refused(moved), moved.text
    lane: Any = (await stand.asked_by("german", "GET", "/v1/lanes/timesheet/T-1")).json
    assert [each["verdict"] for each in lane["messages"]] == ["queued"]
    stayed = await stand.asked_by("german", "POST", path, asked | {"changes": {"project": {"id": "P2"}}})
    assert stayed.status == 200, stayed.text
    ref = sheet.ref if dry_run else stayed.json["edited"]
    everywhere = await stand.asked_by(
        "everywhere", "POST", f"/v1/messages/{ref}/edit", asked | {"changes": {"legal_entity": "US01"}}
    )
    assert everywhere.status == 200

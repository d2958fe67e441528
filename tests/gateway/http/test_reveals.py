"""What is about people: masked, unless somebody may see it and says why; each look is in the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from gateway.callers import digest
from schemas.personal import MASK
from tests.contracts.turns import SHEET, applied, message
from tests.gateway.http.stand import Stand, listening

STATE: Final = b'{"employee": {"id": "E-1", "name": "Ann Fox"}, "lines": [{"note": "was ill"}]}'
SHOWN: Final = {"employee": {"id": "E-1", "name": MASK}, "lines": [{"note": MASK}]}
PATH: Final = "/v1/entities/timesheet/T-1"
ALL_BUT: Final = ["read", "entities", "settle", "audit", "operate"]


@pytest.fixture
async def stand(database_url: str, token_file: Path, tmp_path: Path) -> AsyncIterator[Stand]:
    """The listeners for somebody who may do everything but reveal, and a sheet."""
    file = tmp_path / "callers.yaml"
    entry = {"name": "bob", "token_sha256": digest(b"bob").hex(), "permissions": ALL_BUT}
    file.write_text(yaml.safe_dump([entry]))
    async with listening(database_url, token_file, callers_file=file) as stand:
        row = (await stand.commits.load([SHEET]))[SHEET]
        await stand.commit(applied(row, message("e1"), state=STATE))
        yield stand


async def acts(stand: Stand) -> list[tuple[object, ...]]:
    """What the audit says."""
    items = (await stand.get("/v1/audit")).items
    return [(item["by"], item["action"], item["key"], item["reason"]) for item in items]


async def test_an_entity_is_masked_for_everybody(stand: Stand) -> None:
    assert (await stand.get(PATH)).json["state"] == SHOWN
    assert (await stand.asked_by("bob", "GET", PATH)).json["state"] == SHOWN
    assert await acts(stand) == []


async def test_with_a_reason_it_is_whole_and_audited(stand: Stand) -> None:
    told = (await stand.get(f"{PATH}?reveal=the%20client%20asks")).json["state"]
    assert told == {"employee": {"id": "E-1", "name": "Ann Fox"}, "lines": [{"note": "was ill"}]}
    assert await acts(stand) == [("api-token", "entity.reveal", "T-1", "the client asks")]


async def test_a_message_is_shown_with_a_reason(stand: Stand) -> None:
    [sent] = (await stand.get("/v1/messages?id=e1")).items
    page = await stand.get(f"/v1/messages/{sent['ref']}/payload?reason=the%20client%20asks")
    assert (page.status, page.headers["Content-Type"]) == (200, "application/cloudevents+json")
    assert page.content == message("e1").body
    assert await acts(stand) == [("api-token", "message.payload", "T-1", "the client asks")]


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}?reveal=why%20not",
        "/v1/messages/8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f/payload?reason=why%20not",
        "/v1/dead-letters/00/payload?reason=why%20not",
    ],
)
async def test_without_the_permission_nothing_is_revealed(stand: Stand, path: str) -> None:
    page = await stand.asked_by("bob", "GET", path)
    assert (page.status, "permission reveal" in page.detail) == (403, True)
    assert await acts(stand) == []


@pytest.mark.parametrize(
    "path", [f"{PATH}?reveal=", "/v1/messages/8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f/payload"], ids=["entity", "message"]
)
async def test_without_a_reason_nothing_is_revealed(stand: Stand, path: str) -> None:
    assert (await stand.get(path)).status == 400
    assert await acts(stand) == []


async def test_a_message_that_is_not_kept_is_no_look(stand: Stand) -> None:
    path = "/v1/messages/8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f/payload?reason=why%20not"
    assert (await stand.get(path)).json["type"] == "/problems/message-not-found"
    assert await acts(stand) == []

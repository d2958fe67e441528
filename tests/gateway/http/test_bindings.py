"""Bindings over the API: listed in pages, and imported after a match report."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import asyncpg
import pytest

from gateway.bindings.rows import MOST
from gateway.http.answers import cursor_of
from tests.gateway.http.stand import TOKEN, Stand

IMPORT = "/v1/bindings/import"


def row(key: str, external_id: str, **more: object) -> dict[str, object]:
    return {
        "entity": "customer",
        "key": key,
        "system": "erp",
        "external_id": external_id,
        "legal_entity": "US01",
        **more,
    }


async def imported(stand: Stand, *rows: dict[str, object], **asked: object) -> dict[str, Any]:
    answer = await stand.post(IMPORT, {"reason": "wave 1", "rows": rows, "unknown_keys": True, **asked})
    assert answer.status == 200, answer.text
    return answer.json


async def test_what_was_imported_is_listed_in_pages(stand: Stand) -> None:
    done = await imported(
        stand, row("C-1", "9001"), row("C-2", "90/02"), row("C-3", "A-7", system="crm", legal_entity=None)
    )
    assert (done["applied"], done["counts"], done["left"]) == (True, {"new": 3}, [])
    found: list[tuple[object, ...]] = []
    path = "/v1/bindings?limit=2"
    while path:
        page = await stand.get(path)
        found += [(item["system"], item["external_id"], item["key"]) for item in page.items]
        path = f"/v1/bindings?limit=2&cursor={page.json['next']}" if page.json["next"] else ""
    assert found == [("crm", "A-7", "C-3"), ("erp", "90/02", "C-2"), ("erp", "9001", "C-1")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("system=erp", ["9001", "9002"]), ("key=C-2", ["9002"]), ("entity=customer&external_id=9001", ["9001"]),
        ("kind=project", []), ("entity=project", []), ("system=erp&key=C-1", ["9001"]),
    ],
)  # fmt: skip
async def test_filters(stand: Stand, asked: str, expected: list[str]) -> None:
    await imported(stand, row("C-1", "9001"), row("C-2", "9002"))
    page = await stand.get(f"/v1/bindings?{asked}")
    assert [item["external_id"] for item in page.items] == expected


async def test_a_row_says_all_of_a_binding(stand: Stand) -> None:
    await imported(stand, row("C-1", "9001"))
    [item] = (await stand.get("/v1/bindings")).items
    assert item == {
        "entity": "customer", "key": "C-1", "system": "erp", "kind": "customer", "external_id": "9001",
        "legal_entities": ["US01"],
    }  # fmt: skip


async def test_a_dry_run_reports_and_changes_nothing(stand: Stand, database_url: str) -> None:
    await imported(stand, row("C-1", "9001"), row("C-4", "9004"))
    rows = (row("C-4", "9004", line=2), row("C-2", "9001", line=3), row("C-3", "9003", line=4))
    report = await imported(stand, *rows, dry_run=True)
    assert (report["applied"], report["counts"]) == (False, {"same": 1, "new": 1, "other_key": 1})
    [conflict], [new] = report["conflicts"], report["new"]
    assert (conflict["line"], conflict["match"], conflict["key"]) == (3, "other_key", "C-2")
    assert conflict["detail"] == "9001 means customer/C-1"
    assert (new["line"], new["key"]) == (4, "C-3")
    assert len((await stand.get("/v1/bindings")).items) == 2
    assert len(await audit(database_url)) == 2, "of the first import alone"


async def test_an_import_with_conflicts_changes_nothing_unless_they_are_skipped(stand: Stand) -> None:
    await imported(stand, row("C-1", "9001"))
    rows = [row("C-2", "9001"), row("C-3", "9003")]
    refused = await stand.post(IMPORT, {"reason": "wave 1", "rows": rows, "unknown_keys": True})
    assert (refused.status, refused.json["type"]) == (409, "/problems/bindings-conflict")
    assert "1 of 2 rows" in refused.detail
    assert len((await stand.get("/v1/bindings")).items) == 1
    assert (await imported(stand, *rows, skip_conflicts=True))["applied"]
    assert [item["key"] for item in (await stand.get("/v1/bindings")).items] == ["C-1", "C-3"]


async def test_it_is_audited_before_and_after(stand: Stand, database_url: str) -> None:
    await imported(stand, row("C-1", "9001"))
    [before, after] = await audit(database_url)
    assert (before[0], before[1], after[1]) == ("api-token", "binding.import", "binding.import.done")
    assert before[2].startswith("wave 1 (rows ")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"rows": []}, "reason: add it"),
        ({"reason": "x", "rows": []}, "rows"),
        ({"reason": "x", "rows": [row("", "9001")]}, "rows.0.key"),
        ({"reason": "x", "rows": [row("C-1", "9001", system="ERP")]}, "rows.0.system"),
        ({"reason": "x", "rows": [row("C-1", "9001", colour="red")]}, "rows.0.colour"),
        ({"reason": "x", "rows": [row("C-1", "9001")] * (MOST + 1)}, "rows"),
    ],
)
async def test_what_cannot_be_understood_is_told(stand: Stand, body: object, told: str) -> None:
    answer = await stand.post(IMPORT, body)
    assert answer.status == 400
    assert told in answer.detail


async def test_a_body_is_bounded(alone: Stand) -> None:
    body = BytesIO(b'{"reason": "%s"}' % (b"x" * (4 * 1024 * 1024)))
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with alone.session.post(f"{alone.addresses.api}{IMPORT}", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json(content_type=None))["type"]) == (413, "/problems/body-too-large")


async def test_a_cursor_that_is_not_ours_is_refused(stand: Stand) -> None:
    assert (await stand.get("/v1/bindings?cursor=WzEsMl0")).status == 400
    with_null = cursor_of(["a\0", "b", "c"])
    page = await stand.get(f"/v1/bindings?cursor={with_null}")
    assert (page.status, "take it from the Link header" in page.detail) == (400, True)


async def audit(database_url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetch("SELECT actor, action, reason FROM tallystick.audit ORDER BY id")
    finally:
        await connection.close()
    return [(each[0], each[1], each[2]) for each in found]

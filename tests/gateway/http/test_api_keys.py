"""Keys of programs: made and shown once, never wider than who makes them, and gone at once when they are revoked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import yaml

from gateway.callers import digest
from gateway.four_eyes import FourEyes
from tests.gateway.http.stand import TOKEN, Page, Stand, listening

KEYS: Final = "/v1/api-keys"
MAY: Final = {
    "ann": {"permissions": ["read", "administer", "operate"]},
    "bob": {"permissions": ["admin"]},
    "lim": {"permissions": ["admin"], "legal_entities": ["DE01"]},
    "opa": {"permissions": ["operator"]},
}


@pytest.fixture
async def stand(database_url: str, token_file: Path, tmp_path: Path) -> AsyncIterator[Stand]:
    """The listeners for two who administer, one who is limited, and an operator; one item takes two people."""
    file = tmp_path / "callers.yaml"
    entries = [{"name": name, "token_sha256": digest(name.encode()).hex(), **may} for name, may in MAY.items()]
    file.write_text(yaml.safe_dump(entries))
    rule = FourEyes(items_above=0)
    async with listening(database_url, token_file, callers_file=file, four_eyes=rule) as stand:
        yield stand


async def makes(stand: Stand, by: str, **asked: object) -> Page:
    body = {"name": "export", "reason": "the export at night", "permissions": ["read"], **asked}
    return await stand.asked_by(by, "POST", KEYS, body)


async def revokes(stand: Stand, by: str, id: object) -> Page:
    return await stand.asked_by(by, "DELETE", f"{KEYS}/{id}?reason=it+leaked")


async def statuses(stand: Stand, token: str, *paths: str) -> list[int]:
    return [(await stand.asked_by(token, "GET", path)).status for path in paths]


async def test_a_key_opens_what_it_says_and_no_more(stand: Stand) -> None:
    made = await makes(stand, "ann", days=7)
    told: dict[str, Any] = made.json
    key = told.pop("key")
    assert (made.status, key[:4], len(key) > 40) == (201, "tsk_", True)
    assert (told["name"], told["permissions"], told["by"], told["entities"]) == ("export", ["read"], "ann", None)
    assert await statuses(stand, key, "/v1/status", "/v1/messages", "/v1/audit", KEYS) == [200, 200, 403, 403]
    assert (await stand.asked_by("ann", "GET", KEYS)).items == [told], "what opens is not shown again"


async def test_only_its_digest_is_kept(stand: Stand, database_url: str) -> None:
    key = str((await makes(stand, "ann")).json["key"])
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow("SELECT * FROM tallystick.api_key")
        acts = await connection.fetch("SELECT * FROM tallystick.audit")
    finally:
        await connection.close()
    assert row is not None
    assert row["digest"] == digest(key.encode())
    assert key not in repr(row) + repr(acts)


async def test_its_acts_are_the_audits_under_its_own_name(stand: Stand) -> None:
    key = str((await makes(stand, "ann", permissions=["read", "operate"])).json["key"])
    assert (await stand.asked_by(key, "POST", "/v1/lanes/timesheet/T-1/pause", {"reason": "too loud"})).status == 200
    acts = [(item["by"], item["action"], item["key"]) for item in (await stand.get("/v1/audit")).items]
    assert acts == [("key:export", "pause.begin", "T-1"), ("ann", "api_key.make", "export")]


async def test_it_reaches_no_further_than_it_says(stand: Stand) -> None:
    key = str((await makes(stand, "bob", permissions=["viewer"], entities=["timesheet"])).json["key"])
    found = await statuses(stand, key, "/v1/lanes/timesheet/T-1", "/v1/lanes/project/P-1", "/v1/cases", "/v1/lanes")
    assert found == [404, 403, 200, 403]


@pytest.mark.parametrize(
    ("by", "asked", "kind"),
    [
        ("ann", {"permissions": ["read", "reveal"]}, "api-key-too-wide"),
        ("ann", {"permissions": ["admin"]}, "api-key-too-wide"),
        ("ann", {"permissions": ["viewer"]}, "api-key-too-wide"),
        ("lim", {}, "out-of-reach"),
        ("opa", {}, "forbidden"),
        ("ann", {"permissions": []}, "request-invalid"),
        ("ann", {"permissions": ["rule"]}, "request-invalid"),
        ("ann", {"name": "key:x"}, "request-invalid"),
        ("ann", {"name": ""}, "request-invalid"),
        ("ann", {"days": 367}, "request-invalid"),
        ("ann", {"days": 0}, "request-invalid"),
        ("ann", {"roles": ["finance"]}, "request-invalid"),
        ("ann", {"reason": " "}, "request-invalid"),
    ],
)
async def test_what_nobody_makes(stand: Stand, by: str, asked: dict[str, object], kind: str) -> None:
    page = await makes(stand, by, **asked)
    assert page.json["type"] == f"/problems/{kind}", page.detail
    assert (await stand.asked_by("bob", "GET", KEYS)).items == []


async def test_a_key_makes_no_keys(stand: Stand) -> None:
    key = str((await makes(stand, "bob", permissions=["admin"])).json["key"])
    page = await makes(stand, key, name="other")
    assert (page.json["type"], "People make keys" in page.detail) == ("/problems/api-key-too-wide", True)


async def test_a_name_is_taken_for_ever(stand: Stand) -> None:
    made = await makes(stand, "ann")
    assert (await revokes(stand, "bob", made.json["id"])).status == 200
    assert (await makes(stand, "bob")).json["type"] == "/problems/api-key-name-taken"


async def test_it_is_revoked_at_once(stand: Stand) -> None:
    made = (await makes(stand, "ann")).json
    key = str(made["key"])
    assert await statuses(stand, key, "/v1/status") == [200]
    assert (await revokes(stand, "opa", made["id"])).status == 403
    revoked = await revokes(stand, "bob", made["id"])
    assert (revoked.status, revoked.json["revoked_by"]) == (200, "bob")
    page = await stand.asked_by(key, "GET", "/v1/status")
    assert (page.status, "revoked" in page.detail, key in page.text) == (401, True, False)
    assert (await revokes(stand, "bob", made["id"])).json == revoked.json
    assert (await revokes(stand, "bob", "99999")).json["type"] == "/problems/api-key-not-found"
    assert (await revokes(stand, "bob", "x")).status == 400


async def test_it_does_not_count_while_the_database_is_away(alone: Stand) -> None:
    page = await alone.asked_by("tsk_0123456789", "GET", "/v1/status")
    assert (page.status, page.json["type"]) == (503, "/problems/store-unavailable")


async def test_who_has_a_key_is_one_person_to_the_four_eyes(stand: Stand) -> None:
    await stand.bury("a")
    key = str((await makes(stand, "ann", permissions=["operate"])).json["key"])
    retry = {"reason": "mended", "class": "schema"}
    asked = await stand.asked_by(key, "POST", "/v1/dead-letters/retry", retry)
    approval = f"/v1/approvals/{asked.detail.partition('/v1/approvals/')[2][:64]}"
    for by in ("ann", key):
        refused = await stand.asked_by(by, "POST", approval, {"reason": "sure"})
        assert (refused.status, "same person" in refused.detail) == (409, True)
    assert (await stand.asked_by("bob", "POST", approval, {"reason": "seen"})).status == 200
    assert (await stand.asked_by(key, "POST", "/v1/dead-letters/retry", retry)).status == 200
    steps = (await stand.get("/v1/audit?entity=approval")).items
    named = "key:export"
    assert [(step["by"], step["action"]) for step in reversed(steps)] == [
        (named, "approval.ask"), ("bob", "approval.give"), (named, "approval.use"),
    ]  # fmt: skip


async def test_with_a_key_nobody_is_a_second_person(stand: Stand) -> None:
    await stand.bury("a", "b")
    stolen = str((await makes(stand, "bob", permissions=["operate"])).json["key"])
    retry = {"reason": "mended", "class": "schema"}
    asked = await stand.asked_by("opa", "POST", "/v1/dead-letters/retry", retry)
    approval = f"/v1/approvals/{asked.detail.partition('/v1/approvals/')[2][:64]}"
    refused = await stand.asked_by(stolen, "POST", approval, {"reason": "sure"})
    assert (refused.status, refused.json["type"]) == (409, "/problems/approval-refused")
    steps = (await stand.get("/v1/audit?entity=approval")).items
    assert [(step["by"], step["action"]) for step in steps] == [("opa", "approval.ask")]
    assert (await stand.asked_by("opa", "POST", "/v1/dead-letters/retry", retry)).status == 409
    assert (await stand.asked_by("bob", "POST", approval, {"reason": "seen"})).status == 200


async def test_the_list_comes_in_pages(stand: Stand) -> None:
    for name in ("a", "b", "c"):
        await makes(stand, "ann", name=name)
    first = await stand.asked_by(TOKEN, "GET", f"{KEYS}?limit=2")
    rest = await stand.asked_by(TOKEN, "GET", f"{KEYS}?limit=2&cursor={first.json['next']}")
    assert [item["name"] for item in (*first.items, *rest.items)] == ["c", "b", "a"]
    assert rest.json["next"] is None

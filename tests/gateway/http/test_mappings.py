"""Policies by the API: reload, roll back, and the history of both."""

from __future__ import annotations

from hashlib import sha256

import asyncpg
import pytest

from gateway.http.answers import cursor_of
from tests.gateway.http.stand import EXAMPLE, TOKEN, Stand

NORWAY = "  NO01:\n    currency: NOK\n    tax_codes: {standard: NO-25}\n"
WITH_NORWAY = EXAMPLE.replace("  DE01:", f"{NORWAY}  DE01:", 1)


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


@pytest.fixture
async def started(stand: Stand) -> Stand:
    """A process that has started with the example."""
    await stand.book.begin()
    return stand


async def test_a_reload_puts_the_file_in_force_and_says_who_and_why(started: Stand, database_url: str) -> None:
    started.texts.text = WITH_NORWAY
    page = await started.post("/v1/mappings/reload", {"reason": "Norway joins"})
    assert page.status == 200
    shown = page.json
    assert (shown["policy"], shown["how"], shown["by"], shown["reason"], shown["in_force"]) == (
        hash_of(WITH_NORWAY), "reload", "api-token", "Norway joins", True,
    )  # fmt: skip
    assert "NO01" in started.book.policy().legal_entities
    history = (await started.get("/v1/mappings")).items
    assert [(row["policy"], row["how"], row["in_force"]) for row in history] == [
        (hash_of(WITH_NORWAY), "reload", True), (hash_of(EXAMPLE), "start", False),
    ]  # fmt: skip
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT actor, action, reason FROM tallystick.audit ORDER BY id")
    finally:
        await connection.close()
    assert tuple(rows[-1]) == ("api-token", "policy.reload", f"{hash_of(WITH_NORWAY)}: Norway joins")


async def test_a_file_with_mistakes_changes_nothing_and_tells_all_of_them_with_their_lines(started: Stand) -> None:
    started.texts.text = EXAMPLE.replace("currency: EUR", "currency: EURO").replace("currency: GBP", "curency: GBP")
    page = await started.post("/v1/mappings/reload", {"reason": "Norway joins"})
    assert (page.status, page.json["type"]) == (422, "/problems/policy-invalid")
    mistakes = page.detail.splitlines()[1:]
    assert [mistake.split(":")[0] for mistake in mistakes] == ["policy.yaml"] * 3
    assert any("legal_entities.DE01.currency: write the currency" in mistake for mistake in mistakes)
    assert any("did you mean currency?" in mistake for mistake in mistakes)
    assert started.book.hash() == hash_of(EXAMPLE)
    assert len((await started.get("/v1/mappings")).items) == 1


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("http://127.0.0.1:18083", "http://127.0.0.1:18089", "systems.erp"),
        ("inbox_days: 400", "inbox_days: 500", "retention"),
        ("first_seconds: 30", "first_seconds: 31", "retries"),
    ],
)
async def test_what_is_made_at_the_start_needs_one(started: Stand, old: str, new: str, named: str) -> None:
    started.texts.text = EXAMPLE.replace(old, new, 1)
    page = await started.post("/v1/mappings/reload", {"reason": "another server"})
    assert (page.status, page.json["type"]) == (409, "/problems/policy-needs-restart")
    assert page.detail.startswith(f"Nothing was changed. {named}: ")
    assert started.book.hash() == hash_of(EXAMPLE)


async def test_a_rollback_goes_to_what_was_loaded_before(started: Stand) -> None:
    started.texts.text = WITH_NORWAY
    await started.post("/v1/mappings/reload", {"reason": "Norway joins"})
    page = await started.post("/v1/mappings/rollback", {"to": hash_of(EXAMPLE), "reason": "not yet"})
    assert (page.status, page.json["policy"], page.json["how"]) == (200, hash_of(EXAMPLE), "rollback")
    assert "NO01" not in started.book.policy().legal_entities


async def test_a_policy_that_was_never_loaded_is_not_found(started: Stand) -> None:
    page = await started.post("/v1/mappings/rollback", {"to": "0123456789ab", "reason": "not yet"})
    assert (page.status, page.json["type"]) == (404, "/problems/policy-not-found")
    page = await started.post("/v1/mappings/rollback", {"to": "0123", "reason": "not yet"})
    assert page.status == 400
    assert "12 hex digits" in page.detail


async def test_both_need_a_reason(started: Stand) -> None:
    assert (await started.post("/v1/mappings/reload", {})).status == 400
    assert (await started.post("/v1/mappings/rollback", {"to": hash_of(EXAMPLE)})).status == 400


async def test_the_history_comes_in_pages(started: Stand) -> None:
    for _ in range(2):
        await started.post("/v1/mappings/reload", {"reason": "once more"})
    page = await started.get("/v1/mappings?limit=2")
    assert len(page.items) == 2
    rest = await started.get(f"/v1/mappings?limit=2&cursor={page.json['next']}")
    assert [row["how"] for row in rest.items] == ["start"]
    assert rest.json["next"] is None


async def test_without_a_database_nothing_is_reloaded(alone: Stand) -> None:
    page = await alone.api(
        "POST", "/v1/mappings/reload", b'{"reason": "x"}', Authorization=f"Bearer {TOKEN}",
        Content_Type="application/json",
    )  # fmt: skip
    assert (page.status, page.json["type"]) == (503, "/problems/store-unavailable")


@pytest.mark.parametrize("place", [2**63, -1, "x"])
async def test_a_cursor_that_is_not_ours_is_refused(started: Stand, place: object) -> None:
    page = await started.get(f"/v1/mappings?cursor={cursor_of(place)}")
    assert (page.status, "take it from the Link header" in page.detail) == (400, True)

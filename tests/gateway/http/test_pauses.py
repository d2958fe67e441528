"""Pauses over the API: named, with a reason, audited, listed, and ended."""

from __future__ import annotations

import pytest

from tests.gateway.http.stand import TOKEN, Stand

LANE = "/v1/lanes/timesheet/T-1"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"everything": True}, "everything"),
        ({"entity": "timesheet"}, "entity timesheet"),
        ({"entity": "timesheet", "key": "T-1"}, "timesheet/T-1"),
        ({"legal_entity": "DE01"}, "legal entity DE01"),
    ],
)
async def test_a_pause_is_listed_until_it_ends(stand: Stand, asked: dict[str, object], told: str) -> None:
    page = await stand.post("/v1/pauses", asked | {"reason": "month end"})
    assert (page.status, page.json["pauses"], page.json["by"]) == (200, told, "api-token")
    [row] = (await stand.get("/v1/pauses")).items
    assert (row["pauses"], row["reason"], row["id"]) == (told, "month end", page.json["id"])
    ended = await stand.api("DELETE", f"/v1/pauses/{row['id']}?reason=closed", Authorization=f"Bearer {TOKEN}")
    assert (ended.status, ended.json["reason"]) == (200, "closed")
    assert (await stand.get("/v1/pauses")).items == []
    assert len(stand.hints) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"everything": True, "entity": "timesheet"},
        {"key": "T-1"},
        {"entity": "timesheet", "legal_entity": "DE01"},
    ],
)
async def test_what_is_to_be_paused_must_be_clear(stand: Stand, asked: dict[str, object]) -> None:
    page = await stand.post("/v1/pauses", asked | {"reason": "month end"})
    assert page.status == 400
    assert page.detail.startswith("Name ")
    assert stand.hints == []


async def test_one_key_is_paused_and_resumed_by_its_lane(stand: Stand) -> None:
    page = await stand.post(f"{LANE}/pause", {"reason": "disputed"})
    assert (page.status, page.json["pauses"]) == (200, "timesheet/T-1")
    assert (await stand.post(f"{LANE}/resume", {"reason": "settled"})).status == 200
    page = await stand.post(f"{LANE}/resume", {"reason": "settled"})
    assert (page.status, page.detail) == (404, "timesheet/T-1 is not paused by itself: look at /v1/pauses.")


@pytest.mark.parametrize(("id", "status"), [("7", 404), ("x", 400), ("9" * 30, 400)])
async def test_only_a_pause_in_force_can_end(stand: Stand, id: str, status: int) -> None:
    page = await stand.api("DELETE", f"/v1/pauses/{id}?reason=closed", Authorization=f"Bearer {TOKEN}")
    assert page.status == status
    assert "/v1/pauses" in page.detail


async def test_many_come_in_pages(stand: Stand) -> None:
    for key in ("T-1", "T-2", "T-3"):
        await stand.post(f"/v1/lanes/timesheet/{key}/pause", {"reason": "look"})
    first = await stand.get("/v1/pauses?limit=2")
    rest = await stand.get(f"/v1/pauses?limit=2&cursor={first.json['next']}")
    assert [row["key"] for row in (*first.items, *rest.items)] == ["T-1", "T-2", "T-3"]
    assert rest.json["next"] is None
    assert (await stand.get("/v1/pauses?cursor=WzFd")).status == 400

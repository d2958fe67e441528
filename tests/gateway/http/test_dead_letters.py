"""Dead letters through the API: shown, read with their bytes, retried one by one or many, discarded, and audited."""

from __future__ import annotations

import asyncpg
import orjson
import pytest

from adapters.ports.letters import DeadLetter
from schemas.verdicts import FailureClass
from tests.gateway.deliveries import Parcel, parcel
from tests.gateway.http.stand import TOKEN, Stand

AUTH = FailureClass.AUTH
REASON = {"reason": "policy mended"}


def letter(name: str, delivery: Parcel | None = None, *, code: str = "user_differs", cut: bool = False) -> DeadLetter:
    """A dead letter of a delivery that the door takes by now, or of what is given."""
    given = delivery or parcel(id=name)
    return DeadLetter(
        name.encode(), given.queue, given.routing_key, AUTH, code, "not allowed", given.content_type,
        {"x": 1}, given.body, given.user_id, is_cut=cut,
    )  # fmt: skip


def path(name: str, act: str = "") -> str:
    return f"/v1/dead-letters/{name.encode().hex()}{act}"


async def audit(url: str) -> list[tuple[str, str, str]]:
    """Who did what, and why."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT action, key, reason FROM tallystick.audit ORDER BY id")
        return [(row[0], bytes.fromhex(row[1]).decode(), row[2]) for row in rows]
    finally:
        await connection.close()


async def test_one_is_shown_with_its_headers_and_without_its_body(stand: Stand) -> None:
    await stand.dead_letters.bury([letter("a")])
    page = await stand.get(path("a"))
    assert page.status == 200
    times = {name: page.json.pop(name) for name in ("first_at", "last_at")}
    assert all(str(time).endswith("Z") for time in times.values())
    shown = {name: value for name, value in page.json.items() if name not in times}
    assert shown == {
        "digest": "61", "state": "buried", "seen": 1, "queue": "tallystick.timesheet",
        "routing_key": "timesheet.approved", "user_id": "psa-user", "failure_class": "auth", "code": "user_differs",
        "reason": "not allowed", "content_type": "application/cloudevents+json", "is_cut": False,
        "bytes": len(parcel(id="a").body), "settled_at": None, "settled_by": None, "settled_reason": None,
        "headers": {"x": 1},
    }  # fmt: skip


async def test_its_bytes_are_given_for_a_reason_and_audited(stand: Stand, database_url: str) -> None:
    await stand.bury("a")
    assert (await stand.get(path("a", "/payload"))).status == 400
    page = await stand.get(path("a", "/payload?reason=look+at+it"))
    assert (page.status, page.content) == (200, b'{"secret": "body"}')
    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert await audit(database_url) == [("dead_letter.payload", "a", "look at it")]


async def test_a_retry_that_is_admitted_settles_it(stand: Stand, database_url: str) -> None:
    await stand.dead_letters.bury([letter("a")])
    page = await stand.post(path("a", "/retry"), REASON)
    assert (page.status, page.json) == (
        200, {"done": "retry", "dead_letter": "61", "by": "api-token", "reason": "policy mended"},
    )  # fmt: skip
    shown = (await stand.get(path("a"))).json
    assert (shown["state"], shown["settled_by"], shown["settled_reason"]) == ("admitted", "api-token", "policy mended")
    assert await audit(database_url) == [("dead_letter.retry", "a", "policy mended")]
    # then: it is out of the counts and of the list of what stands open, and readable
    assert (await stand.get("/v1/status")).json["open"]["dead_letters"] == 0  # type: ignore[index]
    assert (await stand.get("/v1/dead-letters")).items == []
    assert [row["digest"] for row in (await stand.get("/v1/dead-letters?state=admitted")).items] == ["61"]
    again = await stand.post(path("a", "/retry"), REASON)
    assert (again.status, again.json["type"]) == (409, "/problems/dead-letter-settled")


async def test_a_retry_in_vain_tells_the_present_reason(stand: Stand) -> None:
    await stand.dead_letters.bury([letter("a", parcel(source="urn:nobody"))])
    page = await stand.post(path("a", "/retry"), REASON)
    assert (page.status, page.json["type"]) == (409, "/problems/dead-letter-refused")
    assert "source_unknown" in page.detail
    assert "urn:nobody" in page.detail
    shown = (await stand.get(path("a"))).json
    assert (shown["state"], shown["code"]) == ("buried", "source_unknown")


async def test_one_whose_headers_were_cut_cannot_be_retried(stand: Stand) -> None:
    await stand.dead_letters.bury([letter("a", cut=True)])
    page = await stand.post(path("a", "/retry"), REASON)
    assert (page.status, page.json["type"]) == (409, "/problems/dead-letter-cut")
    assert "data_refused" in page.detail
    assert "publish it again" in page.detail


async def test_a_killer_is_retried_too(stand: Stand) -> None:
    await stand.dead_letters.bury([letter("a", code="kills_process")])
    assert (await stand.post(path("a", "/retry"), REASON)).status == 200


async def test_a_discard_settles_it_once(stand: Stand, database_url: str) -> None:
    await stand.bury("a")
    assert (await stand.post(path("a", "/discard"), {"reason": "junk"})).json["done"] == "discard"
    assert (await stand.get(path("a"))).json["settled_reason"] == "junk"
    again = await stand.post(path("a", "/discard"), {"reason": "junk"})
    assert (again.status, again.json["type"]) == (409, "/problems/dead-letter-settled")
    assert await audit(database_url) == [("dead_letter.discard", "a", "junk")]


async def test_what_is_not_there_is_not_found(stand: Stand) -> None:
    pages = [await stand.get(path("a")), await stand.get(path("a", "/payload?reason=x"))]
    pages += [await stand.post(path("a", act), REASON) for act in ("/retry", "/discard")]
    for page in pages:
        assert (page.status, page.json["type"]) == (404, "/problems/dead-letter-not-found")


async def test_many_are_retried_page_by_page_with_a_result_each(stand: Stand) -> None:
    bad = parcel(source="urn:nobody")
    for each in (letter("a"), letter("b", bad), letter("c", cut=True), letter("d"), letter("e", code="type_forbidden")):
        await stand.dead_letters.bury([each])
    first = await stand.post("/v1/dead-letters/retry", REASON | {"code": "user_differs", "limit": 3})
    assert first.status == 200
    assert first.json["counts"] == {"admitted": 1, "refused": 1, "cut": 1}
    items = first.json["items"]
    assert isinstance(items, list)
    assert [(item["digest"], item["outcome"], item["code"]) for item in items] == [
        ("61", "admitted", None), ("62", "refused", "source_unknown"), ("63", "cut", None),
    ]  # fmt: skip
    body = REASON | {"code": "user_differs", "cursor": first.json["next"]}
    second = await stand.post("/v1/dead-letters/retry", body)
    assert (second.json["counts"], second.json["next"]) == ({"admitted": 1}, None)
    assert [row["digest"] for row in (await stand.get("/v1/dead-letters")).items] == ["65", "63", "62"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "reason: add it"),
        (REASON, "write class, code, or queue"),
        (REASON | {"class": "weird"}, "class: write one of schema, auth"),
        (REASON | {"code": "x", "limit": 101}, "limit: write a whole number from 1 to 100"),
        (REASON | {"code": "x", "cursor": "!"}, "cursor: take it"),
        (REASON | {"failure_class": "auth"}, "there are reason, class, code, queue, limit, cursor"),
    ],
)
async def test_a_wrong_bulk_retry_is_told_what_to_change(alone: Stand, given: object, told: str) -> None:
    page = await alone.post("/v1/dead-letters/retry", given)
    assert (page.status, page.json["type"]) == (400, "/problems/request-invalid")
    assert told in page.detail


@pytest.mark.parametrize("digest", ["xyz", "AB", "abc", "a" * 200])
async def test_a_digest_that_is_none_is_told(alone: Stand, digest: str) -> None:
    page = await alone.get(f"/v1/dead-letters/{digest}")
    assert page.status == 400
    assert "hexadecimal" in page.detail


async def test_lists_are_narrowed_by_class_code_and_queue(stand: Stand) -> None:
    await stand.dead_letters.bury([letter("a"), letter("b", code="type_forbidden")])
    await stand.bury("c")
    for narrowed, digests in (
        ("class=auth", ["62", "61"]), ("code=type_forbidden", ["62"]), ("queue=tallystick.none", []),
        ("class=schema&queue=tallystick.timesheet", ["63"]),
    ):  # fmt: skip
        assert [row["digest"] for row in (await stand.get(f"/v1/dead-letters?{narrowed}")).items] == digests
    page = await stand.get("/v1/dead-letters?state=none")
    assert "state: write one of buried, admitted, discarded" in page.detail


async def test_bodies_are_read_strictly(alone: Stand) -> None:
    for content in (b"{", b'{"reason": "a", "reason": "b"}', orjson.dumps({"reason": " "})):
        page = await alone.api(
            "POST", path("a", "/retry"), content, Authorization=f"Bearer {TOKEN}", Content_Type="application/json"
        )
        assert (page.status, page.json["type"]) == (400, "/problems/request-invalid")

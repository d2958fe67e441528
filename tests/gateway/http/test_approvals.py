"""Four eyes: what is large is done once another person has allowed just that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import yaml

from adapters.ports.replays import Replay, Steer
from adapters.postgres.replays import PostgresReplays
from gateway.callers import digest
from gateway.four_eyes import FourEyes
from gateway.http.answers import cursor_of
from gateway.policy_file import parse_policy
from schemas.verdicts import Verdict
from tests.contracts.tampering import tamper
from tests.gateway.http.planning import MENDED, REPLAYS, ready
from tests.gateway.http.stand import EXAMPLE, TOKEN, Page, Stand, listening

IMPORT: Final = "/v1/bindings/import"
LIMITS: Final = "four_eyes: {items_above: 1000000}\n"
DEALS: Final = "approvals: {deals: {role: partner, remind_hours: 24, deadline_hours: 72}}\n"


@pytest.fixture
async def stand(database_url: str, token_file: Path, tmp_path: Path) -> AsyncIterator[Stand]:
    """The listeners for three operators and one who only looks on; more than one row takes two of them."""
    file = tmp_path / "callers.yaml"
    may = {"ann": "operator", "bob": "operator", "eve": "operator", "leo": "viewer"}
    entries = [
        {"name": name, "token_sha256": digest(name.encode()).hex(), "permissions": [bundle]}
        for name, bundle in may.items()
    ]
    file.write_text(yaml.safe_dump(entries))
    async with listening(database_url, token_file, callers_file=file, four_eyes=FourEyes(items_above=1)) as stand:
        yield stand


def rows(*keys: str) -> list[dict[str, object]]:
    return [
        {"entity": "customer", "key": key, "system": "erp", "external_id": f"X-{key}", "legal_entity": "US01"}
        for key in keys
    ]


async def imports(stand: Stand, by: str, *keys: str, **others: object) -> Page:
    asked = {"reason": "the ERP's list", "rows": rows(*keys), "unknown_keys": True, **others}
    return await stand.asked_by(by, "POST", IMPORT, asked)


async def asked_for(stand: Stand, by: str, *keys: str) -> str:
    """The name of the approval that is missing."""
    page = await imports(stand, by, *keys)
    assert (page.status, page.json["type"]) == (409, "/problems/approval-needed")
    assert "2 items" in page.detail
    return page.detail.partition("/v1/approvals/")[2][:64]


async def approves(stand: Stand, by: str, name: str) -> Page:
    return await stand.asked_by(by, "POST", f"/v1/approvals/{name}", {"reason": "I have seen the list"})


async def acts(stand: Stand) -> list[tuple[Any, Any]]:
    """Who did what, the first first."""
    items = (await stand.get("/v1/audit?entity=approval")).items
    return [(item["by"], item["action"]) for item in reversed(items)]


async def starts(stand: Stand, by: str, token: str) -> Page:
    return await stand.asked_by(by, "POST", REPLAYS, {"token": token, **MENDED})


async def retries(stand: Stand, by: str, **others: object) -> Page:
    asked = {"reason": "the policy is mended", "class": "schema", "limit": 1, **others}
    return await stand.asked_by(by, "POST", "/v1/dead-letters/retry", asked)


def missing(page: Page) -> str:
    """The name of the approval that this asks for."""
    assert (page.status, page.json["type"]) == (409, "/problems/approval-needed"), page.text
    return page.detail.partition("/v1/approvals/")[2][:64]


async def test_what_is_small_needs_nobody(stand: Stand) -> None:
    assert (await imports(stand, "ann", "C-1")).json["applied"]
    assert (await imports(stand, "ann", "C-1", "C-2", dry_run=True)).status == 200
    assert await acts(stand) == []


async def test_what_is_large_is_done_once_after_another_person_allowed_it(stand: Stand) -> None:
    name = await asked_for(stand, "ann", "C-1", "C-2")
    assert (await stand.get("/v1/bindings")).items == []
    refused = await approves(stand, "ann", name)
    assert (refused.status, "by the same person" in refused.detail) == (409, True)
    assert (await approves(stand, "leo", name)).json["type"] == "/problems/forbidden"
    given = await approves(stand, "bob", name)
    assert given.json == {"done": "approve", "approval": name, "by": "bob", "reason": "I have seen the list"}
    assert (await approves(stand, "eve", name)).status == 409
    assert (await imports(stand, "ann", "C-1", "C-2")).json["applied"]
    assert await asked_for(stand, "ann", "C-1", "C-2") == name, "it was used up"
    assert await acts(stand) == [
        ("ann", "approval.ask"), ("bob", "approval.give"), ("ann", "approval.use"), ("ann", "approval.ask"),
    ]  # fmt: skip


async def test_it_is_for_this_request_of_this_person_alone(stand: Stand) -> None:
    name = await asked_for(stand, "ann", "C-1", "C-2")
    await approves(stand, "bob", name)
    for by, keys in (
        ("ann", ("C-1", "C-3")),
        ("ann", ("C-2", "C-1")),
        ("eve", ("C-1", "C-2")),
        ("bob", ("C-1", "C-2")),
    ):
        assert await asked_for(stand, by, *keys) != name
    other = await imports(stand, "ann", "C-1", "C-2", skip_conflicts=True)
    assert other.status == 409
    assert (await imports(stand, "ann", "C-1", "C-2")).json["applied"]


async def test_of_many_clicks_one_is_let_through(stand: Stand) -> None:
    await approves(stand, "bob", await asked_for(stand, "ann", "C-1", "C-2"))
    pages = await asyncio.gather(*(imports(stand, "ann", "C-1", "C-2") for _ in range(6)))
    assert sorted(page.status for page in pages) == [200] + [409] * 5


@pytest.mark.parametrize("name", ["ab", "x" * 64, "AB" * 32])
async def test_a_name_that_is_none(stand: Stand, name: str) -> None:
    assert (await approves(stand, "bob", name)).json["type"] == "/problems/request-invalid"
    assert orjson.loads((await approves(stand, "bob", "ab" * 32)).content)["type"] == "/problems/approval-refused"


async def test_a_large_replay_is_started_by_two(stand: Stand) -> None:
    await ready(stand)
    name = missing(await starts(stand, "ann", "1-a"))
    assert (await approves(stand, "ann", name)).status == 409
    assert (await approves(stand, "bob", name)).status == 200
    assert missing(await starts(stand, "eve", "1-a")) != name, "it is ann's"
    begun = await starts(stand, "ann", "1-a")
    assert (begun.status, begun.json["started_by"]) == (202, "ann")
    assert (await starts(stand, "ann", "1-a")).json == begun.json, "the same start, and not another one"
    assert [step for who, step in await acts(stand) if who == "ann"] == ["approval.ask", "approval.use"]
    assert (await starts(stand, "ann", "1-b")).json["type"] == "/problems/replay-not-found"


@pytest.mark.parametrize(("above", "status"), [("100", 202), ("99.99", 409)])
async def test_the_money_of_a_replay_counts_whichever_way_it_goes(
    database_url: str, token_file: Path, above: str, status: int
) -> None:
    rule = FourEyes(amount_above={"EUR": Decimal(above)})
    async with listening(database_url, token_file, four_eyes=rule) as stand:
        await ready(stand, "60", "-40")
        assert (await starts(stand, TOKEN, "1-a")).status == status


@pytest.mark.parametrize(
    ("second", "status"),
    [(Verdict.APPLIED, 202), (Verdict.IGNORED, 202), (Verdict.PARKED, 409), (Verdict.QUEUED, 409)],
)
async def test_money_that_a_plan_does_not_foretell_is_above(
    database_url: str, token_file: Path, second: Verdict, status: int
) -> None:
    rule = FourEyes(amount_above={"EUR": Decimal(100)})
    async with listening(database_url, token_file, four_eyes=rule) as stand:
        await ready(stand, "100", second=second)
        page = await starts(stand, TOKEN, "1-a")
        assert page.status == status, page.text
        assert (status == 202) is ("nobody can foretell" not in page.text)


async def test_what_goes_on_under_another_policy_is_above(database_url: str, token_file: Path) -> None:
    rule = FourEyes(amount_above={"EUR": Decimal(100)})
    async with listening(database_url, token_file, four_eyes=rule) as stand:
        # Given a replay that one person may start, and another policy since
        made = await ready(stand, "100")
        assert (await starts(stand, TOKEN, "1-a")).status == 202
        path, asked = f"{REPLAYS}/{made.id}", {"reason": "the rest, too", "policy": "abcdefabcdef"}
        await stand.post(f"{path}/pause", {"reason": "look"})
        stand.in_force[0] = "abcdefabcdef"
        # When it is resumed under that, then another person is asked, for that policy
        name = missing(await stand.post(f"{path}/resume", asked))
        stand.in_force[0] = "0123456789ab"
        assert missing(await stand.post(f"{path}/resume", {**asked, "policy": "0123456789ab"})) != name


async def test_what_is_paused_while_it_is_looked_at_does_not_go_on_under_another_policy(
    database_url: str, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, look = FourEyes(amount_above={"EUR": Decimal(100)}), PostgresReplays.replay

    async def paused_at_once(store: PostgresReplays, id: int) -> Replay | None:
        found = await look(store, id)
        await store.steer(id, Steer.PAUSE, by="ann", reason="at once")
        return found

    async with listening(database_url, token_file, four_eyes=rule) as stand:
        # Given a replay under way, and another policy since
        made = await ready(stand, "100")
        await starts(stand, TOKEN, "1-a")
        stand.in_force[0] = "abcdefabcdef"
        # When it is resumed under that, and somebody pauses it meanwhile
        monkeypatch.setattr(PostgresReplays, "replay", paused_at_once)
        asked = {"reason": "the rest, too", "policy": "abcdefabcdef"}
        refused = await stand.post(f"{REPLAYS}/{made.id}/resume", asked)
        # Then it stays paused, since nobody was asked
        assert (refused.status, refused.json["type"]) == (409, "/problems/replay-in-another-phase"), refused.text
        assert "just now" in refused.detail
        # And the next one asks another person
        missing(await stand.post(f"{REPLAYS}/{made.id}/resume", asked))


async def test_where_nothing_is_left_nobody_is_asked(database_url: str, token_file: Path) -> None:
    rule = FourEyes(amount_above={"EUR": Decimal(100)})
    async with listening(database_url, token_file, four_eyes=rule) as stand:
        made = await ready(stand, "100")
        await starts(stand, TOKEN, "1-a")
        [replay] = await stand.replay_work.started()
        assert await stand.replay_work.release(replay, allow=9, most=9, moving=False) is not None
        stand.in_force[0] = "abcdefabcdef"
        await stand.post(f"{REPLAYS}/{made.id}/pause", {"reason": "look"})
        asked = {"reason": "nothing is left", "policy": "abcdefabcdef"}
        assert (await stand.post(f"{REPLAYS}/{made.id}/resume", asked)).status == 200


@pytest.mark.parametrize("policy", ["p", "q"])
async def test_what_cannot_be_started_uses_no_approval(stand: Stand, database_url: str, policy: str) -> None:
    # Given a large plan that somebody has allowed
    made = await ready(stand)
    await approves(stand, "bob", missing(await starts(stand, "ann", "1-a")))
    # When it has expired, or another policy is in force, then it is refused before that is used up
    stand.in_force[0] = policy
    if policy == "p":
        await tamper(database_url, "UPDATE tallystick.replay SET expires_at = now() WHERE id = $1", made.id)
    refused = await starts(stand, "ann", "1-a")
    assert (refused.status, "plan again" in refused.detail) == (409, True)
    assert [step for _, step in await acts(stand)] == ["approval.ask", "approval.give"]


async def test_many_dead_letters_are_retried_by_two_page_after_page(stand: Stand) -> None:
    await stand.bury("a", "b", "c")
    name = missing(await retries(stand, "ann"))
    assert missing(await retries(stand, "ann", limit=2)) == name, "it is for all of them, however they are taken"
    assert (await approves(stand, "bob", name)).status == 200
    first = await retries(stand, "ann")
    assert (first.status, first.json["counts"]) == (200, {"refused": 1})
    cursor = first.json["next"]
    assert missing(await retries(stand, "eve", cursor=cursor)) != name
    second = await retries(stand, "ann", cursor=cursor)
    third = await retries(stand, "ann", cursor=second.json["next"])
    assert [page.status for page in (second, third)] == [200, 200]
    assert missing(await retries(stand, "ann")) == name, "from the beginning it is another act"


async def test_what_was_buried_after_it_was_allowed_is_not_retried(stand: Stand) -> None:
    await stand.bury("a", "b")
    await approves(stand, "bob", missing(await retries(stand, "ann")))
    cursor = (await retries(stand, "ann")).json["next"]
    await stand.bury("c", "d", "e")
    digests: list[object] = []
    while cursor is not None:
        page = await retries(stand, "ann", cursor=cursor)
        assert page.status == 200, page.text
        digests += [each["digest"] for each in page.items]
        cursor = page.json["next"]
    assert digests == [b"b".hex()]
    missing(await retries(stand, "ann"))


async def test_slices_from_the_end_are_not_retried_alone(stand: Stand) -> None:
    # Given more dead letters than one person retries, and a cursor that leaves few of them
    await stand.bury("a", "b", "c")
    letters = sorted((await stand.get("/v1/dead-letters")).items, key=lambda each: (each["first_at"], each["digest"]))
    cursor = cursor_of((letters[-2]["first_at"], letters[-2]["digest"]))
    name = missing(await retries(stand, "ann", cursor=cursor))
    # Then that is asked for as all of them are
    assert missing(await retries(stand, "ann")) == name


async def test_the_last_page_too_has_only_what_was_there_when_it_was_allowed(stand: Stand) -> None:
    # Given a page of what was allowed, after which so little is left that one person might retry it
    await stand.bury("a", "b")
    await approves(stand, "bob", missing(await retries(stand, "ann")))
    cursor = (await retries(stand, "ann")).json["next"]
    for name in ("a", "b"):
        path = f"/v1/dead-letters/{name.encode().hex()}/discard"
        assert (await stand.post(path, {"reason": "of no use"})).status == 200
    # When another one is buried behind it, then it is not part of the next page
    await stand.bury("c")
    page = await retries(stand, "ann", cursor=cursor)
    assert (page.status, page.items) == (200, [])


async def test_a_few_dead_letters_need_nobody(stand: Stand) -> None:
    await stand.bury("a")
    assert (await retries(stand, "ann", limit=100)).status == 200
    assert await acts(stand) == []


async def reloads(stand: Stand, by: str, text: str) -> Page:
    stand.texts.text = text
    return await stand.asked_by(by, "POST", "/v1/mappings/reload", {"reason": "the rules of 2027"})


async def rolls_back(stand: Stand, by: str, text: str) -> Page:
    asked = {"reason": "back again", "to": parse_policy(text, "policy.yaml").hash}
    return await stand.asked_by(by, "POST", "/v1/mappings/rollback", asked)


@pytest.mark.parametrize("rule", [LIMITS, DEALS])
async def test_who_must_allow_what_is_changed_by_two(stand: Stand, rule: str) -> None:
    # Given a policy under which a second person was not asked, or the business did not approve
    await stand.book.begin()
    before, other = stand.book.hash(), f"{EXAMPLE}\n{rule}"
    # When one person reads another one in, or goes back to it, then nothing is changed before somebody else allows it
    name = missing(await reloads(stand, "ann", other))
    assert (await approves(stand, "ann", name)).status == 409
    assert (await approves(stand, "bob", name)).status == 200
    assert missing(await reloads(stand, "ann", f"{other}# and now\n")) != name, "it is for that policy"
    assert stand.book.hash() == before
    assert (await reloads(stand, "ann", other)).json["by"] == "ann"
    back = missing(await rolls_back(stand, "ann", EXAMPLE))
    assert stand.book.hash() != before
    await approves(stand, "bob", back)
    assert (await rolls_back(stand, "ann", EXAMPLE)).status == 200
    assert stand.book.hash() == before


async def test_a_policy_with_the_same_rules_of_that_needs_nobody(stand: Stand) -> None:
    await stand.book.begin()
    assert (await reloads(stand, "ann", f"{EXAMPLE}\n# and now\n")).status == 200
    assert (await rolls_back(stand, "ann", EXAMPLE)).status == 200
    assert await acts(stand) == []


async def test_where_nobody_needs_a_second_person_the_first_rules_need_none(
    database_url: str, token_file: Path
) -> None:
    async with listening(database_url, token_file) as stand:
        await stand.book.begin()
        assert (await reloads(stand, TOKEN, f"{EXAMPLE}\n{LIMITS}")).status == 200

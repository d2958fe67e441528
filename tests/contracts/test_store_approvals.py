"""What a second person must allow, on both stores."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from typing_extensions import TypedDict

from adapters.ports.api_keys import Scope as KeyScope
from adapters.ports.approvals import NotToApprove
from adapters.ports.pauses import Scope
from tests.contracts.store_stands import Process, StoreStand

WHAT = "ab" * 32


class Asking(TypedDict):
    """Who asks, and why."""

    actor: str
    reason: str


ASKING: Final[Asking] = {"actor": "ann", "reason": "all of DE01"}


async def test_what_another_person_allows_is_done_once(store: StoreStand, process: Process) -> None:
    assert not await process.approvals.use(WHAT, **ASKING)
    assert not await process.approvals.use(WHAT, **ASKING)
    await process.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    assert await process.approvals.use(WHAT, **ASKING)
    assert not await process.approvals.use(WHAT, **ASKING)
    assert await store.audit() == [
        ("ann", "approval.ask", f"approval/{WHAT}", "all of DE01"),
        ("bob", "approval.give", f"approval/{WHAT}", "I have seen the file"),
        ("ann", "approval.use", f"approval/{WHAT}", "all of DE01"),
        ("ann", "approval.ask", f"approval/{WHAT}", "all of DE01"),
    ]


async def test_nobody_allows_what_is_their_own_or_what_nobody_asks_for(store: StoreStand, process: Process) -> None:
    with pytest.raises(NotToApprove, match="nobody asks"):
        await process.approvals.give(WHAT, actor="bob", reason="in advance")
    await process.approvals.use(WHAT, actor="ann", reason="all of DE01")
    with pytest.raises(NotToApprove, match="same person"):
        await process.approvals.give(WHAT, actor="ann", reason="I am sure")
    await process.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    for actor in ("ann", "bob", "eve"):
        with pytest.raises(NotToApprove, match="nobody asks"):
            await process.approvals.give(WHAT, actor=actor, reason="twice")
    assert [act for _, act, _ in await store.acts()] == ["approval.ask", "approval.give"]


async def test_of_many_at_one_time_one_uses_it(store: StoreStand) -> None:
    one, other = store.process(), store.process()
    await one.approvals.use(WHAT, actor="ann", reason="all of DE01")
    await one.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    uses = (each.approvals.use(WHAT, actor="ann", reason="now") for each in (one, other) * 4)
    used = [each for each in await asyncio.gather(*uses) if each is not None]
    assert len(used) == 1


async def test_one_thing_says_nothing_about_another(process: Process) -> None:
    await process.approvals.use(WHAT, actor="ann", reason="all of DE01")
    await process.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    assert not await process.approvals.use("cd" * 32, actor="ann", reason="all of US01")


async def test_what_was_used_goes_on_while_it_counts(process: Process) -> None:
    assert await process.approvals.used(WHAT) is None
    assert not await process.approvals.use(WHAT, **ASKING)
    await process.approvals.give(WHAT, actor="bob", reason="I have seen them")
    assert await process.approvals.used(WHAT) is None, "it was given, and not used"
    used = await process.approvals.use(WHAT, **ASKING)
    assert used is not None
    assert [await process.approvals.used(WHAT) for _ in range(2)] == [used] * 2, "of one moment"
    assert not await process.approvals.use(WHAT, **ASKING)
    assert await process.approvals.used(WHAT) is None, "it was asked for anew"


async def test_what_else_is_done_under_its_name_is_no_step(process: Process) -> None:
    async def pause() -> None:
        begun = await process.pauses.begin(Scope("approval", WHAT), actor="eve", reason="in between")
        await process.pauses.end(begun.id, actor="eve", reason="in between")

    await process.approvals.use(WHAT, **ASKING)
    await pause()
    await process.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    await pause()
    assert await process.approvals.use(WHAT, **ASKING)
    await pause()
    assert await process.approvals.used(WHAT)


async def test_what_a_key_asks_for_is_not_given_by_its_maker(store: StoreStand, process: Process) -> None:
    scope = KeyScope(("operate",))
    await process.api_keys.make("nightly", b"n" * 32, scope, days=1, actor="ann", reason="nightly")
    asking: Asking = {"actor": "key:nightly", "reason": "all of DE01"}
    await process.approvals.use(WHAT, **asking)
    with pytest.raises(NotToApprove, match="same person"):
        await process.approvals.give(WHAT, actor="ann", reason="I am sure")
    await process.approvals.give(WHAT, actor="bob", reason="I have seen the file")
    assert await process.approvals.use(WHAT, **asking)
    told = [(who, act) for who, act, about, _ in await store.audit() if about == f"approval/{WHAT}"]
    assert told == [("key:nightly", "approval.ask"), ("bob", "approval.give"), ("key:nightly", "approval.use")]

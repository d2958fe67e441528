"""The audit: acts as they are found, and sealed behind the acts, on both stores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.ports.audit import ANY_ACT, NOTHING_BEFORE, ActFilter, Head, sealed
from adapters.ports.pauses import Scope
from gateway.audit_check import BEGINNING, check_page
from schemas.keys import ActorKey
from tests.contracts.sealing import seal_all
from tests.contracts.store_stands import Process, StoreStand

SHEET = ActorKey("timesheet", "T-1")
REASONS = ("month end", 'quoted "twice" \\ and\nbroken\tup', "Grüße – 你好 \x7f \u2028 👍", "{}")


async def act(process: Process, *reasons: str) -> None:
    """Do something for each reason."""
    for reason in reasons:
        pause = await process.pauses.begin(Scope("timesheet", "T-1"), actor="ann", reason=reason)
        await process.pauses.end(pause.id, actor="bob", reason=reason)


class TestPage:
    async def test_newest_first_and_page_by_page(self, process: Process) -> None:
        await act(process, *REASONS)
        first = await process.audit.page(ANY_ACT, before=None, limit=3)
        assert [(each.act.actor, each.act.action, each.act.reason) for each in first] == [
            ("bob", "pause.end", REASONS[3]), ("ann", "pause.begin", REASONS[3]), ("bob", "pause.end", REASONS[2]),
        ]  # fmt: skip
        assert {(each.act.entity, each.act.key, each.act.ref, each.seal) for each in first} == {
            ("timesheet", "T-1", None, None)
        }
        rest = await process.audit.page(ANY_ACT, before=first[-1].act.id, limit=100)
        assert [each.act.reason for each in rest] == [REASONS[2], REASONS[1], REASONS[1], REASONS[0], REASONS[0]]

    @pytest.mark.parametrize(
        ("chosen", "count"),
        [
            (ActFilter(actor="ann"), 2),
            (ActFilter(action="pause.end"), 1),
            (ActFilter(action="pause"), 2),
            (ActFilter(action="pau"), 0),
            (ActFilter(entity="timesheet", key="T-1"), 2),
            (ActFilter(entity="system"), 1),
            (ActFilter(key="T-2"), 0),
            (ActFilter(actor="bob", action="pause", entity="timesheet"), 1),
        ],
        ids=str,
    )
    async def test_only_what_is_asked_for(self, process: Process, chosen: ActFilter, count: int) -> None:
        await act(process, "month end")
        await process.gates.pause("erp", actor="ann", reason="down")
        assert len(await process.audit.page(chosen, before=None, limit=9)) == count

    async def test_by_time(self, store: StoreStand, process: Process) -> None:
        await act(process, "long ago")
        await store.pass_time(3600)
        await act(process, "now")
        half = await store.now() - timedelta(minutes=30)
        for chosen, reason in ((ActFilter(since=half), "now"), (ActFilter(until=half), "long ago")):
            found = await process.audit.page(chosen, before=None, limit=9)
            assert {each.act.reason for each in found} == {reason}


class TestSealing:
    async def test_nothing_is_sealed_before_a_second_call(self, process: Process) -> None:
        assert await process.sealing.until() is None
        await act(process, "month end")
        assert await process.sealing.seal(page=9) == 0
        chain = await process.audit.chain()
        assert (chain.head, chain.unsealed) == (Head(0, NOTHING_BEFORE), 2)
        assert await seal_all(process.sealing, process.audit) == [2]
        chain = await process.audit.chain()
        assert (chain.head.place, chain.unsealed, chain.until is None) == (2, 0, False)
        assert await process.sealing.until() == chain.until

    async def test_each_seal_follows_from_its_act_and_the_one_before(self, process: Process) -> None:
        await act(process, *REASONS)
        assert await seal_all(process.sealing, process.audit) == [8]
        before, chain = NOTHING_BEFORE, await process.audit.chain()
        for place, each in enumerate(reversed(await process.audit.page(ANY_ACT, before=None, limit=9)), 1):
            assert each.seal is not None
            assert each.seal == sealed(place, each.seal.sealed_at, each.act, before)
            before = each.seal.hash
        assert chain.head == Head(8, before)

    async def test_a_chain_goes_on_where_it_was_left(self, process: Process, store: StoreStand) -> None:
        await act(process, "one")
        await seal_all(process.sealing, process.audit)
        noted = (await process.audit.chain()).head
        await act(process, "two", "three")
        another = store.process()
        other = another.audit
        assert await seal_all(another.sealing, other, page=3) == [3, 1]
        report = await check_page(other, BEGINNING, most=9, noted=noted)
        assert (report.checked, report.findings, report.is_last) == (6, (), True)
        assert report.reached.head == (await other.chain()).head

"""The contract of retention: what is final and old goes, a batch at a time, and nothing that stands open."""

from __future__ import annotations

from dataclasses import replace

from adapters.ports.cases import CaseFilter
from adapters.ports.letters import DeadLetter
from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.recon import Run, Tally
from adapters.ports.retention import Old
from adapters.ports.turns import Again, Committed, Judged, Opened, Refused, Settlement
from schemas.commands import Command
from schemas.facts import Case
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.test_store_recon import MARCH, difference
from tests.contracts.turns import (
    OTHER_SHEET,
    SHEET,
    applied,
    asking,
    command,
    message,
    queued,
    send_lane,
    settled,
    uuid,
)

DAY = 86_400.0


async def remove(process: Process, old: Old, *, limit: int = 100) -> int | None:
    return await process.retention.remove(old, age=DAY, limit=limit)


async def sent(process: Process, asked: Command) -> Leased:
    """Claim the sheet's head, and record that it was confirmed."""
    [leased] = (await process.outbox.claim([send_lane()], holder=uuid("ann"), token=uuid("token"))).leased
    assert leased.command == asked
    await process.outbox.record([Ended(asked, leased.token, leased.attempt, Ending.CONFIRMED)])
    return leased


async def tell(process: Process) -> None:
    """Publish what is committed, as the notifier does."""
    rows = await process.notices.pending(limit=100)
    await process.notices.published(sorted({row.id for row in rows}))


class TestInbox:
    async def test_old_final_messages_go_and_the_young_stay(self, store: StoreStand, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("1"), message("2")))
        await tell(process)
        await store.pass_time(DAY + 1)
        await process.commit(applied(await process.row(SHEET), message("3")))
        assert await remove(process, Old.INBOX) == 2
        assert await remove(process, Old.INBOX) == 0
        assert (await store.counts()).inbox == 1

    async def test_at_most_a_batch_goes_at_once(self, store: StoreStand, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), *(message(str(number)) for number in range(5))))
        await tell(process)
        await store.pass_time(DAY + 1)
        assert [await remove(process, Old.INBOX, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    async def test_what_stands_in_a_lane_stays(self, store: StoreStand, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("1"), state=LaneState.PARKED))
        await tell(process)
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.INBOX) == 0

    async def test_what_has_an_open_case_stays(self, store: StoreStand, process: Process) -> None:
        turn = applied(await process.row(SHEET), message("1"))
        failure = Failure(FailureClass.MAPPING, "unmapped", "map it")
        turn.opened.append(Opened(Case(failure), turn.judged[0].message.ref))
        await process.commit(turn)
        await tell(process)
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.INBOX) == 0

    async def test_a_conflict_goes_once_nobody_need_settle_it_any_more(
        self, store: StoreStand, process: Process
    ) -> None:
        reused = message("1", source="conflict:psa")
        failure = Failure(FailureClass.CONFLICT, "id_reused", "send the change under a new id", "id")
        turn = applied(await process.row(SHEET))
        turn.judged.append(Judged(reused, Verdict.CONFLICT, 0, reason=failure.reason))
        turn.opened.append(Opened(Case(failure), reused.ref))
        await process.commit(turn)
        await tell(process)
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.INBOX) == 0
        [case] = await process.cases.find(CaseFilter(), after=0, limit=10)
        await process.cases.resolve(case.id, actor="ann")
        await tell(process)
        assert await remove(process, Old.INBOX) == 1
        assert (await store.counts()).inbox == 0

    async def test_messages_of_a_key_with_an_open_command_stay(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("1")), command()))
        await process.commit(applied(await process.row(OTHER_SHEET), message("2")))
        await tell(process)
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.INBOX) == 1
        leased = await sent(process, command())
        await process.commit(settled(await process.row(SHEET), (command(), leased.token)))
        assert await remove(process, Old.INBOX) == 1

    async def test_a_duplicate_is_known_as_long_as_its_message_is_there(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.commit(applied(await process.row(SHEET), message("1")))
        [known] = await process.commit(applied(await process.row(SHEET), message("1", delivery=2)))
        assert isinstance(known, Refused)
        assert known.why is Again.DUPLICATE
        await tell(process)
        await store.pass_time(DAY + 1)
        await remove(process, Old.INBOX)
        assert await process.commit(applied(await process.row(SHEET), message("1", delivery=3))) == [Committed()]

    async def test_what_is_not_told_yet_stays(self, store: StoreStand, process: Process) -> None:
        """A message that was parked for longer than the window can be final and old at once."""
        await process.commit(applied(await process.row(SHEET), message("1"), message("2")))
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.INBOX) == 0
        assert len(await process.notices.pending(limit=10)) == 2
        await tell(process)
        assert await remove(process, Old.INBOX) == 2


class TestAttempts:
    async def test_those_of_settled_commands_go(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("1")), command()))
        leased = await sent(process, command())
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.ATTEMPTS) == 0
        await process.commit(settled(await process.row(SHEET), (command(), leased.token)))
        assert await remove(process, Old.ATTEMPTS) == 1

    async def test_those_of_parked_commands_stay(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("1")), command()))
        leased = await sent(process, command())
        turn = settled(await process.row(SHEET), (command(), leased.token), settlement=Settlement.PARKED)
        await process.commit(turn)
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.ATTEMPTS) == 0


class TestReconciliations:
    async def done(self, process: Process, click: str) -> Run:
        """A run that has found three differences."""
        run = await process.runs.begin(MARCH, by="ann", click=click)
        await process.run_work.found(run, [difference()] * 3, Tally(), cursor="c")
        await process.run_work.end(replace(run, cursor="c"))
        return run

    async def test_old_ones_go_their_differences_first(self, store: StoreStand, process: Process) -> None:
        old = await self.done(process, "1")
        plan = await process.plans.keep(old.id, b"{}", by="ann", click="1", reason="as found")
        await process.plans.end(plan.id)
        await store.pass_time(DAY + 1)
        young = await self.done(process, "2")
        assert [await remove(process, Old.RECONCILIATIONS, limit=2) for _ in range(4)] == [2, 1, 1, 0]
        assert (await process.runs.run(old.id), await process.plans.of(old.id)) == (None, [])
        found = await process.runs.differences(young.id, kind=None, beside=None, after=0, limit=9)
        assert len(found) == 3

    async def test_what_is_under_way_stays(self, store: StoreStand, process: Process) -> None:
        planned, running = await self.done(process, "1"), await process.runs.begin(MARCH, by="ann", click="2")
        await process.plans.keep(planned.id, b"{}", by="ann", click="1", reason="as found")
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.RECONCILIATIONS) == 0
        assert await process.runs.run(running.id) is not None
        assert len(await process.plans.of(planned.id)) == 1


class TestTheRest:
    async def test_old_lines_of_the_timeline_go(self, store: StoreStand, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("1"), message("2")))
        await store.pass_time(DAY + 1)
        await process.commit(applied(await process.row(SHEET), message("3")))
        assert await remove(process, Old.TIMELINE) == 2
        assert (await store.counts()).timeline == 1

    async def test_closed_cases_go_and_open_ones_stay(self, store: StoreStand, process: Process) -> None:
        failure = Failure(FailureClass.MAPPING, "unmapped", "map it")
        for key in (SHEET, OTHER_SHEET):
            first = message(f"of {key.id}")
            turn = queued(await process.row(key), first, state=LaneState.PARKED)
            turn.opened.append(Opened(Case(failure), first.ref))
            await process.commit(turn)
        [head] = await process.lane(SHEET)
        await process.acts.discard(SHEET, head=head.message.ref, actor="ann", reason="old")
        assert await remove(process, Old.CASES) == 0
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.CASES) == 1
        counts = await store.counts()
        assert (counts.cases, await store.open_cases()) == (1, 1)

    async def test_settled_dead_letters_go_and_buried_ones_stay(self, store: StoreStand, process: Process) -> None:
        letters = [
            DeadLetter(name, "q", "r", FailureClass.SCHEMA, "not_json", "no JSON", None, {}, b"")
            for name in (b"1", b"2")
        ]
        await process.dead_letters.bury(letters)
        await process.dead_letters.discard(b"1", actor="ann", reason="junk")
        assert await remove(process, Old.DEAD_LETTERS) == 0
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.DEAD_LETTERS) == 1
        assert [digest for digest, _ in await store.dead_letters()] == [b"2"]

    async def test_abandoned_tokens_go(self, store: StoreStand, process: Process) -> None:
        await process.outbox.abandon(uuid("lost"))
        assert await remove(process, Old.ABANDONED) == 0
        await store.pass_time(DAY + 1)
        assert await remove(process, Old.ABANDONED) == 1

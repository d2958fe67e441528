"""The contract of commands: settled once, retried under the same identity unless every attempt was refused."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.pauses import Scope
from adapters.ports.store import CommandChanged, CommandInUse, CommandNotFound, SeenAttempts
from adapters.ports.turns import Again, Committed, Opened, Refused, Settlement
from schemas.commands import command_id
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import PROJECT, SHEET, applied, asking, command, message, send_lane, settled, uuid

ANN = uuid("process ann")
FIRST, SECOND = command(line="1"), command(line="2")


async def claim(process: Process, token: str) -> Leased:
    """Claim the sheet's lane, which must succeed."""
    [leased] = (await process.outbox.claim([send_lane()], holder=ANN, token=uuid(token))).leased
    return leased


async def attempt(process: Process, ending: Ending | None, number: int) -> Leased:
    """Make an attempt that ended so, and that is not the last."""
    leased = await claim(process, f"t{number}")
    if ending is None:
        await process.outbox.take_over([ANN])
    else:
        await process.outbox.record([Ended(leased.command, leased.token, leased.attempt, ending, hold=0.0)])
    return leased


async def parked(process: Process, endings: Sequence[Ending | None]) -> None:
    """Let attempts at the first of two commands end so, and park it."""
    await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST, SECOND))
    leases = [await attempt(process, ending, number) for number, ending in enumerate(endings)]
    turn = settled(await process.row(SHEET), (FIRST, leases[-1].token), settlement=Settlement.PARKED)
    assert await process.commit(turn) == [Committed()]


class TestSettling:
    async def test_a_done_command_leaves_the_outbox(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST, SECOND))
        leased = await claim(process, "t1")
        await process.commit(settled(await process.row(SHEET), (leased.command, leased.token)))
        assert (await store.counts()).commands == 1
        assert (await claim(process, "t2")).command == SECOND

    async def test_a_result_is_decided_once(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST))
        leased = await claim(process, "t1")
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token)))
        before = await store.counts()
        again = settled(await process.row(SHEET), (FIRST, leased.token))
        assert await process.commit(again) == [Refused(Again.SETTLED, settled=(FIRST.id,))]
        assert await store.counts() == before

    async def test_a_result_of_a_parked_command_is_not_decided_on(self, process: Process) -> None:
        await parked(process, [Ending.REJECTED])
        again = settled(await process.row(SHEET), (FIRST, uuid("t0")))
        assert await process.commit(again) == [Refused(Again.SETTLED, settled=(FIRST.id,))]

    async def test_only_the_commands_that_are_gone_are_told(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST, SECOND))
        leased = await claim(process, "t1")
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token)))
        both = settled(await process.row(SHEET), (FIRST, leased.token), (SECOND, leased.token))
        assert await process.commit(both) == [Refused(Again.SETTLED, settled=(FIRST.id,))]

    async def test_the_lease_of_another_survives_the_decision_on_a_zombies_result(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST, SECOND))
        zombie = await attempt(process, None, 1)
        await claim(process, "t2")
        assert await process.commit(settled(await process.row(SHEET), (FIRST, zombie.token))) == [Committed()]
        assert not (await process.outbox.claim([send_lane()], holder=ANN, token=uuid("t3"))).leased


class TestRetry:
    @pytest.mark.parametrize(
        "endings",
        [
            [Ending.REJECTED],
            [Ending.REJECTED, Ending.REJECTED],
            [Ending.DEFERRED, Ending.UNSENT, Ending.REJECTED],
            [Ending.ABSENT],
            [Ending.UNKNOWN, None, Ending.ABSENT],
            [Ending.UNKNOWN, Ending.ABSENT, Ending.DEFERRED, Ending.REJECTED],
        ],
    )
    async def test_a_command_that_did_nothing_gets_a_new_generation_at_the_same_place(
        self, process: Process, endings: list[Ending]
    ) -> None:
        await parked(process, endings)
        await process.acts.retry(SHEET, actor="ann", reason="period opened")
        leased = await claim(process, "again")
        assert leased.command.generation == 2
        assert leased.command.id == command_id("erp", FIRST.operation, SHEET, "1", 2)
        assert leased.command.reference == "timesheet/T-1/1/2"
        assert leased.command.body == FIRST.body
        assert (leased.attempt, leased.earlier) == (1, ())

    @pytest.mark.parametrize(
        "endings",
        [
            [Ending.UNKNOWN],
            [Ending.UNKNOWN, Ending.REJECTED],
            [None, Ending.REJECTED],
            [Ending.CONFIRMED, Ending.REJECTED],
            [Ending.DEFERRED],
            [Ending.UNSENT],
            [Ending.ABSENT, Ending.UNKNOWN],
            [Ending.ABSENT, None, Ending.REJECTED],
        ],
    )
    async def test_a_command_that_may_have_been_done_or_was_never_refused_keeps_its_identity(
        self, process: Process, endings: list[Ending | None]
    ) -> None:
        await parked(process, endings)
        await process.acts.retry(SHEET, actor="ann", reason="looked it up")
        leased = await claim(process, "again")
        assert leased.command == FIRST
        assert leased.attempt == len(endings) + 1
        decisive = [ending for ending in endings if ending not in (Ending.DEFERRED, Ending.UNSENT)]
        assert [earlier.ending for earlier in leased.earlier] == decisive

    async def test_the_case_of_a_command_that_runs_again_is_closed(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST))
        leased = await attempt(process, Ending.REJECTED, 1)
        turn = settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED)
        failure = Failure(FailureClass.BUSINESS_RULE, "period_closed", "open the period")
        turn.opened.append(Opened(Case(failure), command_id=FIRST.id))
        await process.commit(turn)
        assert await store.open_cases() == 1
        await process.acts.retry(SHEET, actor="ann", reason="period opened")
        assert await store.open_cases() == 0

    async def test_a_late_result_of_the_former_generation_is_dropped(self, process: Process) -> None:
        await parked(process, [Ending.REJECTED])
        await process.acts.retry(SHEET, actor="ann", reason="period opened")
        late = settled(await process.row(SHEET), (FIRST, uuid("t0")))
        assert await process.commit(late) == [Refused(Again.SETTLED, settled=(FIRST.id,))]

    async def test_successors_wait_for_the_new_generation(self, process: Process) -> None:
        await parked(process, [Ending.REJECTED])
        await process.acts.retry(SHEET, actor="ann", reason="period opened")
        leased = await claim(process, "again")
        await process.commit(settled(await process.row(SHEET), (leased.command, leased.token)))
        assert (await claim(process, "next")).command == SECOND

    async def test_a_held_back_command_of_the_key_is_not_hurried(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST))
        leased = await claim(process, "t1")
        await process.outbox.record([Ended(FIRST, leased.token, 1, Ending.UNKNOWN, hold=30.0)])
        await process.acts.retry(SHEET, actor="ann", reason="look again")
        assert await process.outbox.free("erp", after=None, limit=10) == []


async def say(
    process: Process, *, is_there: bool, attempts: int, external_id: str | None = None, key: ActorKey = SHEET,
    id: UUID = FIRST.id,
) -> str:  # fmt: skip
    """Ann says what became of a command after so many attempts; the reference that counts from now on."""
    seen = SeenAttempts(attempts)
    return await process.acts.settle(
        key, command=id, seen=seen, is_there=is_there, external_id=external_id, actor="ann", reason="looked"
    )


class TestWhatAPersonSays:
    """The sent log takes it as the newest attempt, and whoever runs the command next goes by it."""

    async def test_done_settles_as_if_the_system_had_confirmed(self, store: StoreStand, process: Process) -> None:
        await parked(process, [Ending.UNKNOWN])
        assert await store.open_cases() == 0
        assert await say(process, is_there=True, attempts=1, external_id="4711") == FIRST.reference
        leased = await claim(process, "t9")
        assert leased.command == FIRST
        assert (leased.earlier[-1].ending, leased.earlier[-1].external_id) == (Ending.CONFIRMED, "4711")
        assert leased.earlier[-1].reason == "ann: looked"
        assert await store.acts() == [("ann", "command.settle", f"{FIRST.reference} is there: looked")]

    async def test_not_done_runs_again_under_another_identity(self, store: StoreStand, process: Process) -> None:
        await parked(process, [Ending.UNKNOWN, None])
        assert await say(process, is_there=False, attempts=2) == "timesheet/T-1/1/2"
        leased = await claim(process, "t9")
        assert leased.command.id == command_id("erp", FIRST.operation, SHEET, "1", 2)
        assert leased.earlier == ()
        assert await store.acts() == [("ann", "command.settle", f"{FIRST.reference} is not there: looked")]

    async def test_its_case_closes(self, store: StoreStand, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST))
        leased = await attempt(process, Ending.UNKNOWN, 0)
        turn = settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED)
        unknown = Failure(FailureClass.UNKNOWN_OUTCOME, "outcome_unknown", "nobody knows")
        turn.opened.append(Opened(Case(unknown), command_id=FIRST.id))
        await process.commit(turn)
        assert await store.open_cases() == 1
        await say(process, is_there=True, attempts=1)
        assert await store.open_cases() == 0

    async def test_what_may_be_sent_at_any_time_is_not_settled(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST))
        with pytest.raises(CommandInUse, match="pause timesheet/T-1 first"):
            await say(process, is_there=True, attempts=0)
        # nor is one that was on its way when its key was paused
        await claim(process, "t1")
        await process.pauses.begin(Scope(SHEET.entity, SHEET.id), actor="ann", reason="look")
        with pytest.raises(CommandInUse, match="is being sent"):
            await say(process, is_there=True, attempts=1)
        # but once that has ended
        await process.outbox.take_over([ANN])
        await say(process, is_there=True, attempts=1)

    async def test_what_was_tried_again_since_it_was_seen_is_not_settled(self, process: Process) -> None:
        # Given a command that is tried once more, and parked again, after Ann saw it
        await parked(process, [Ending.UNKNOWN])
        await process.acts.retry(SHEET, actor="bob", reason="ask again")
        leased = await attempt(process, Ending.UNKNOWN, 1)
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED))
        # Then what she found out does not count
        with pytest.raises(CommandChanged):
            await say(process, is_there=False, attempts=1)
        await say(process, is_there=False, attempts=2)

    async def test_what_somebody_else_has_said_of_it_stands(self, process: Process) -> None:
        # Given a paused command of which Bob says that it is there
        await parked(process, [Ending.UNKNOWN])
        pause = await process.pauses.begin(Scope(SHEET.entity, SHEET.id), actor="ann", reason="look")
        await say(process, is_there=True, attempts=1)
        # When Ann, who saw it as he did, says that it is not
        with pytest.raises(CommandChanged):
            await say(process, is_there=False, attempts=1)
        # Then it is not sent under another identity
        await process.pauses.end(pause.id, actor="ann", reason="done")
        leased = await claim(process, "t9")
        assert (leased.command, leased.earlier[-1].ending) == (FIRST, Ending.CONFIRMED)

    async def test_a_command_that_is_not_there_is_not_found(self, process: Process) -> None:
        await parked(process, [Ending.UNKNOWN])
        for key, id in ((SHEET, uuid("another")), (PROJECT, FIRST.id)):
            with pytest.raises(CommandNotFound):
                await say(process, is_there=True, attempts=1, key=key, id=id)


async def found_later(process: Process, generation: int) -> None:
    """The system has the effect of a later generation of the first of two commands, which is parked."""
    await process.commit(asking(applied(await process.row(SHEET), message("e1")), FIRST, SECOND))
    leased = await claim(process, "t1")
    end = Ended(leased.command, leased.token, leased.attempt, Ending.UNKNOWN, "88", found_generation=generation)
    await process.outbox.record([end])
    turn = settled(await process.row(SHEET), (leased.command, leased.token), settlement=Settlement.PARKED)
    assert await process.commit(turn) == [Committed()]


class TestWhatStandsUnderALaterGeneration:
    """After a restore: a retry of the lost time had raised it."""

    @pytest.mark.parametrize(("said", "id"), [(None, "88"), ("99", "99")])
    async def test_done_means_that_generation(
        self, store: StoreStand, process: Process, said: str | None, id: str
    ) -> None:
        await found_later(process, 3)
        assert await say(process, is_there=True, attempts=1, external_id=said) == "timesheet/T-1/1/3"
        leased = await claim(process, "t9")
        assert leased.command == command(line="1", generation=3)
        assert [(each.ending, each.external_id) for each in leased.earlier] == [(Ending.CONFIRMED, id)]
        assert await store.acts() == [("ann", "command.settle", "timesheet/T-1/1/3 is there: looked")]
        # and its successors go on
        await process.commit(settled(await process.row(SHEET), (leased.command, leased.token)))
        assert (await claim(process, "next")).command == SECOND

    async def test_not_done_goes_on_behind_that_generation(self, process: Process) -> None:
        await found_later(process, 3)
        assert await say(process, is_there=False, attempts=1) == "timesheet/T-1/1/4"
        leased = await claim(process, "t9")
        assert leased.command == command(line="1", generation=4)
        assert leased.earlier == ()

    async def test_a_retry_of_what_was_refused_since_goes_on_behind_it_too(self, process: Process) -> None:
        await found_later(process, 3)
        await process.acts.retry(SHEET, actor="ann", reason="undone there")
        await attempt(process, Ending.ABSENT, 2)
        leased = await attempt(process, Ending.REJECTED, 3)
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED))
        await process.acts.retry(SHEET, actor="ann", reason="period opened")
        assert (await claim(process, "t9")).command == command(line="1", generation=4)

    async def test_done_means_its_own_once_everything_was_proved_absent_since(self, process: Process) -> None:
        await found_later(process, 3)
        await process.acts.retry(SHEET, actor="ann", reason="undone there")
        leased = await attempt(process, Ending.ABSENT, 2)
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED))
        await say(process, is_there=True, attempts=2)
        assert (await claim(process, "t9")).command == FIRST

    @pytest.mark.parametrize("since", [Ending.UNANSWERED, Ending.UNSENT, Ending.DEFERRED, Ending.UNKNOWN, None])
    async def test_done_means_what_was_found_whatever_was_logged_behind_it(
        self, process: Process, since: Ending | None
    ) -> None:
        await found_later(process, 3)
        await process.acts.retry(SHEET, actor="ann", reason="ask again")
        leased = await attempt(process, since, 2)
        await process.commit(settled(await process.row(SHEET), (FIRST, leased.token), settlement=Settlement.PARKED))
        await say(process, is_there=True, attempts=2)
        assert (await claim(process, "t9")).command == command(line="1", generation=3)

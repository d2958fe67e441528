"""The contract of the outbox: one lease per (system, key), attempts logged before they are made, order kept."""

from __future__ import annotations

from uuid import UUID

import pytest

from adapters.ports.outbox import Attempt, Ended, Ending, Leased
from adapters.ports.turns import Settlement
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, asking, command, message, send_lane, settled, uuid

ANN, BOB = uuid("process ann"), uuid("process bob")
FIRST, SECOND = command(line="1"), command(line="2")


async def ask(process: Process, key: ActorKey, *commands: Command) -> None:
    """Commit a turn that adds commands to the outbox."""
    row = await process.row(key)
    await process.commit(asking(applied(row, message(f"{key.id}/{row.entity_version}")), *commands))


async def claim(process: Process, token: str, holder: UUID = ANN, key: ActorKey = SHEET) -> Leased | None:
    """Claim one lane under a token of this name."""
    claimed = await process.outbox.claim([send_lane(key)], holder=holder, token=uuid(token))
    return claimed.leased[0] if claimed.leased else None


async def sent(process: Process, token: str, holder: UUID = ANN) -> Leased:
    """Claim the sheet's lane, which must succeed."""
    leased = await claim(process, token, holder)
    assert leased is not None
    return leased


async def settle(process: Process, leased: Leased, settlement: Settlement = Settlement.DONE) -> None:
    """Commit the decision on a result."""
    key = leased.command.key
    turn = settled(await process.row(key), (leased.command, leased.token), settlement=settlement)
    await process.commit(turn)


def end(leased: Leased, ending: Ending, hold: float | None = None) -> Ended:
    """The end of a leased attempt."""
    return Ended(leased.command, leased.token, leased.attempt, ending, hold=hold)


async def free(process: Process, system: str = "erp") -> list[ActorKey]:
    """Keys whose head may be sent."""
    return [lane.key for lane in await process.outbox.free(system, after=None, limit=100)]


class TestClaim:
    async def test_the_head_is_leased_with_its_attempt_logged(self, process: Process) -> None:
        await ask(process, SHEET, FIRST, SECOND)
        assert await claim(process, "t1") == Leased(FIRST, uuid("t1"), 1, ())

    async def test_of_two_claimants_one_has_the_lease(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await ask(process, SHEET, FIRST, SECOND)
        assert await claim(process, "t1", ANN)
        assert await claim(other, "t2", BOB) is None
        assert await claim(process, "t3", ANN) is None

    async def test_lanes_of_other_keys_and_systems_are_other_leases(self, process: Process) -> None:
        crm = command(line="3", system="crm")
        await ask(process, SHEET, FIRST, crm)
        await ask(process, OTHER_SHEET, command(OTHER_SHEET))
        lanes = [send_lane(), send_lane(OTHER_SHEET), send_lane(ActorKey("x", "y"))]
        claimed = await process.outbox.claim([*lanes, send_lane()], holder=ANN, token=uuid("t1"))
        assert [leased.command for leased in claimed.leased] == [FIRST, command(OTHER_SHEET)]
        assert (list(claimed.left), claimed.hold) == ([], None)
        others = await process.outbox.claim([send_lane(system="crm")], holder=ANN, token=uuid("t2"))
        assert [leased.command for leased in others.leased] == [crm]

    async def test_commands_go_in_the_order_of_entity_version_and_index(self, process: Process) -> None:
        await ask(process, SHEET, command(line="b"), command(line="a"))
        await ask(process, SHEET, command(line="0"))
        lines = []
        for token in ("t1", "t2", "t3"):
            leased = await sent(process, token)
            lines.append(leased.command.line)
            await settle(process, leased)
        assert lines == ["b", "a", "0"]

    async def test_the_second_command_waits_for_the_decision_on_the_first(self, process: Process) -> None:
        await ask(process, SHEET, FIRST, SECOND)
        leased = await sent(process, "t1")
        await process.outbox.record([end(leased, Ending.CONFIRMED)])
        assert await claim(process, "t2") is None
        await settle(process, leased)
        assert (await sent(process, "t3")).command == SECOND

    async def test_a_parked_head_holds_its_successors(self, process: Process) -> None:
        await ask(process, SHEET, FIRST, SECOND)
        await settle(process, await sent(process, "t1"), Settlement.PARKED)
        assert await claim(process, "t2") is None
        assert await free(process) == []

    async def test_an_empty_lane_is_not_leased(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        assert await claim(process, "t1") is None
        await ask(process, SHEET, FIRST)
        assert await claim(other, "t2", BOB)


class TestFree:
    async def test_lanes_of_one_system_come_in_key_order_by_pages(self, process: Process) -> None:
        keys = [ActorKey("timesheet", f"T-{number}") for number in range(5)]
        for key in reversed(keys):
            await ask(process, key, command(key), command(key, "2"), command(key, "3", system="crm"))
        first = await process.outbox.free("erp", after=None, limit=3)
        rest = await process.outbox.free("erp", after=first[-1].key, limit=3)
        assert first + rest == [send_lane(key) for key in keys]
        assert await free(process, "psa") == []

    async def test_a_leased_lane_is_not_free_until_its_command_is_settled(self, process: Process) -> None:
        await ask(process, SHEET, FIRST, SECOND)
        leased = await sent(process, "t1")
        assert await free(process) == []
        await process.outbox.record([end(leased, Ending.CONFIRMED)])
        assert await free(process) == []
        await settle(process, leased)
        assert await free(process) == [SHEET]


class TestRecord:
    async def test_a_held_command_comes_back_when_its_time_has_come(self, store: StoreStand, process: Process) -> None:
        await ask(process, SHEET, FIRST, SECOND)
        leased = await sent(process, "t1")
        await process.outbox.record([end(leased, Ending.DEFERRED, hold=30.0)])
        assert await free(process) == []
        assert await claim(process, "t2") is None
        await store.pass_time(31)
        assert await free(process) == [SHEET]
        assert (await sent(process, "t3")).command == FIRST

    async def test_earlier_attempts_come_with_the_lease(self, store: StoreStand, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        first = await sent(process, "t1")
        failed = Ended(
            FIRST, first.token, 1, Ending.UNKNOWN, "X-1", FailureClass.TIMEOUT, "timeout", "no answer", hold=0.0
        )
        await process.outbox.record([failed])
        await store.pass_time(60)
        second = await sent(process, "t2")
        [earlier] = second.earlier
        assert second.attempt == 2
        assert earlier.started_for == pytest.approx(60, abs=5)
        assert earlier.ended_for == pytest.approx(60, abs=5)
        assert earlier == Attempt(
            1,
            Ending.UNKNOWN,
            earlier.started_for,
            earlier.ended_for,
            "X-1",
            FailureClass.TIMEOUT,
            "timeout",
            "no answer",
        )

    async def test_an_end_is_recorded_once(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        first = await sent(process, "t1")
        await process.outbox.record([end(first, Ending.UNKNOWN, hold=0.0)])
        await process.outbox.record([end(first, Ending.CONFIRMED, hold=0.0)])
        assert [attempt.ending for attempt in (await sent(process, "t2")).earlier] == [Ending.UNKNOWN]

    async def test_attempts_that_did_nothing_are_forgotten_and_numbers_rise(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        endings = [Ending.DEFERRED, Ending.UNKNOWN, Ending.DEFERRED, Ending.UNSENT, Ending.ABSENT, Ending.DEFERRED]
        for number, ending in enumerate(endings, 1):
            leased = await sent(process, f"t{number}")
            assert leased.attempt == number
            await process.outbox.record([end(leased, ending, hold=0.0)])
        last = await sent(process, "last")
        assert last.attempt == len(endings) + 1
        assert [(each.number, each.ending) for each in last.earlier] == [(2, Ending.UNKNOWN), (5, Ending.ABSENT)]

    async def test_an_end_under_another_token_is_not_recorded(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        first = await sent(process, "t1")
        await process.outbox.record([Ended(FIRST, uuid("other"), first.attempt, Ending.CONFIRMED, hold=0.0)])
        await process.outbox.take_over([ANN])
        assert [attempt.ending for attempt in (await sent(process, "t2")).earlier] == [None]

    async def test_only_its_token_releases_a_lease(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await ask(process, SHEET, FIRST)
        zombie = await sent(process, "t1", ANN)
        await other.outbox.take_over([ANN])
        await sent(other, "t2", BOB)
        await process.outbox.record([end(zombie, Ending.UNKNOWN, hold=0.0)])
        assert await claim(process, "t3", ANN) is None
        assert await free(process) == []

    async def test_a_lease_whose_command_is_gone_is_given_back(self, store: StoreStand) -> None:
        # given: a zombie's answer settled the command that another process is sending again
        process, other = store.process(), store.process()
        await ask(process, SHEET, FIRST, SECOND)
        zombie = await sent(process, "t1", ANN)
        await other.outbox.take_over([ANN])
        again = await sent(other, "t2", BOB)
        await settle(process, zombie)
        assert await claim(process, "t3", ANN) is None
        # when: the other's result is dropped, and its lease given back
        await other.outbox.record([end(again, Ending.CONFIRMED, hold=0.0)])
        assert (await sent(process, "t4")).command == SECOND

    async def test_nothing_to_record_is_nothing(self, process: Process) -> None:
        await process.outbox.record([])


class TestAbandon:
    async def test_an_abandoned_claim_sent_nothing_and_holds_nothing(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        await sent(process, "t1")
        await process.outbox.abandon(uuid("t1"))
        again = await sent(process, "t2")
        assert (again.attempt, again.earlier) == (2, ())

    async def test_other_tokens_stay(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        await ask(process, OTHER_SHEET, command(OTHER_SHEET))
        await sent(process, "t1")
        await claim(process, "t2", key=OTHER_SHEET)
        await process.outbox.abandon(uuid("t1"))
        assert await free(process) == [SHEET]

    async def test_a_claim_that_arrives_after_it_was_abandoned_takes_nothing(self, store: StoreStand) -> None:
        process, late = store.process(), store.process()
        await ask(process, SHEET, FIRST)
        await process.outbox.abandon(uuid("t1"))
        assert await claim(late, "t1") is None
        assert await free(process) == [SHEET]


class TestHeartbeat:
    async def test_each_process_sees_the_counters_of_all(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        assert await process.outbox.beat(ANN) == {ANN: 1}
        assert await other.outbox.beat(BOB) == {ANN: 1, BOB: 1}
        assert await process.outbox.beat(ANN) == {ANN: 2, BOB: 1}

    async def test_a_process_that_claims_is_seen_before_its_first_beat(self, process: Process) -> None:
        await ask(process, SHEET, FIRST)
        await sent(process, "t1", ANN)
        assert await process.outbox.beat(BOB) == {ANN: 0, BOB: 1}

    async def test_the_lease_of_a_silent_process_is_free_and_its_attempt_has_no_end(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await ask(process, SHEET, FIRST)
        await ask(process, OTHER_SHEET, command(OTHER_SHEET))
        await sent(process, "t1", ANN)
        await claim(process, "t2", BOB, OTHER_SHEET)
        assert await other.outbox.take_over([ANN]) == 1
        assert await other.outbox.beat(BOB) == {BOB: 1}
        again = await sent(other, "t3", BOB)
        assert again.attempt == 2
        assert again.earlier == (Attempt(1, None, again.earlier[0].started_for, None),)

    async def test_nobody_silent_frees_nothing(self, process: Process) -> None:
        assert await process.outbox.take_over([]) == 0

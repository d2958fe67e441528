"""The contract of runs: commands of one key that are leased together, and what ends their lease."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from adapters.ports.gate import BreakerRule, Heard, Limits, Speech
from adapters.ports.outbox import Claimed, Ended, Ending, Leased
from adapters.ports.restores import Found
from adapters.ports.turns import Committed, Settled, Settlement, Turn
from schemas.commands import Command
from schemas.keys import ActorKey
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import SHEET, applied, asking, command, message, send_lane, settled, uuid

ANN = uuid("process ann")
OTHER = ActorKey("timesheet", "T-other")
THIRD = ActorKey("timesheet", "T-third")
OPERATION: Final = "billable.create"
SIZE: Final = 4

_TOKENS = count()


def lines(number: int, key: ActorKey = SHEET) -> list[Command]:
    return [command(key, f"{line}") for line in range(1, number + 1)]


async def ask(process: Process, *commands: Command) -> None:
    """Commit a turn of their key that asks for these."""
    key = commands[0].key
    row = await process.row(key)
    await process.commit(asking(applied(row, message(f"{key.id}/{row.entity_version}")), *commands))


def limits(**others: Any) -> Limits:  # Any: whatever `Limits` takes
    return Limits(**({"together": {OPERATION: SIZE}, "in_order": frozenset({OPERATION})} | others))


async def claim(process: Process, *keys: ActorKey, within: Limits | None = None) -> Claimed:
    token = uuid(f"run {next(_TOKENS)}")
    lanes = [send_lane(key) for key in keys or (SHEET,)]
    return await process.outbox.claim(lanes, holder=ANN, token=token, limits=limits() if within is None else within)


async def leased(process: Process, *keys: ActorKey, within: Limits | None = None) -> list[str]:
    """What a claim leases, as `key line`."""
    return [
        f"{each.command.key.id} {each.command.line}" for each in (await claim(process, *keys, within=within)).leased
    ]


def names(*commands: Command) -> list[str]:
    return [f"{each.key.id} {each.line}" for each in commands]


def ended(each: Leased, ending: Ending, hold: float | None) -> Ended:
    return Ended(each.command, each.token, each.attempt, ending, hold=hold)


async def end(process: Process, run: Sequence[Leased], *endings: tuple[Ending, float | None]) -> None:
    await process.outbox.record([ended(each, *ending) for each, ending in zip(run, endings, strict=True)])


CONFIRMED: Final = (Ending.CONFIRMED, None)
REFUSED: Final = (Ending.REJECTED, 0.0)
NOTHING: Final = (Ending.DEFERRED, 0.0)


class TestWhatIsARun:
    async def test_the_head_and_those_right_behind_it_have_one_lease(self, process: Process) -> None:
        asked = lines(3)
        await ask(process, *asked)
        claimed = await claim(process)
        assert [each.command for each in claimed.leased] == asked
        assert len({each.token for each in claimed.leased}) == 1
        assert {each.attempt for each in claimed.leased} == {1}
        [gate] = await process.gates.gates()
        assert gate.in_flight == 1

    async def test_commands_of_several_turns_are_a_run_in_their_order(self, process: Process) -> None:
        first, second, third = lines(3)
        await ask(process, second, first)
        await ask(process, third)
        assert await leased(process) == names(second, first, third)

    async def test_of_a_system_that_keeps_no_order_only_the_head_is_leased(self, process: Process) -> None:
        await ask(process, *lines(3))
        assert await leased(process, within=limits(in_order=frozenset())) == names(*lines(1))

    @pytest.mark.parametrize(
        "other",
        [
            command(line="other")._replace(operation="customer.put"),
            command(line="other")._replace(body=b'{"legal_entity": "US01"}'),
        ],
        ids=["operation", "legal entity"],
    )
    async def test_it_ends_before_what_is_not_alike(self, process: Process, other: Command) -> None:
        first, second, third = lines(3)
        await ask(process, first, second, other, third)
        assert await leased(process) == names(first, second)

    async def test_it_ends_before_what_was_tried(self, process: Process) -> None:
        run = await self._ended(process, (Ending.DEFERRED, 0.0), (Ending.UNKNOWN, 0.0), (Ending.DEFERRED, 0.0))
        assert await leased(process) == names(run[0].command)

    async def test_a_head_that_was_tried_is_alone(self, process: Process) -> None:
        run = await self._ended(process, (Ending.UNKNOWN, 0.0), NOTHING, NOTHING)
        assert await leased(process) == names(run[0].command)

    async def test_it_ends_before_what_is_held_back(self, process: Process) -> None:
        run = await self._ended(process, NOTHING, (Ending.DEFERRED, 100.0), NOTHING)
        assert await leased(process) == names(run[0].command)

    async def test_attempts_that_did_nothing_do_not_count(self, process: Process) -> None:
        run = await self._ended(process, NOTHING, (Ending.UNSENT, 0.0), NOTHING)
        again = (await claim(process)).leased
        assert [each.command for each in again] == [each.command for each in run]
        assert [(each.attempt, each.earlier) for each in again] == [(2, ())] * 3

    async def test_after_a_restore_each_is_alone(self, process: Process) -> None:
        await ask(process, *lines(2))
        await process.restores.tick(0)
        await process.restores.declare(since=None, found=Found.DECLARED, actor="ann", reason="base of noon")
        await process.restores.release(actor="bob", reason="old processes are gone")
        assert await leased(process) == names(*lines(1))

    async def test_a_trial_is_one_command(self, store: StoreStand, process: Process) -> None:
        rule = BreakerRule(failures=1, open_for=10, longest=40)
        await ask(process, *lines(3))
        [head] = (await claim(process, within=limits(in_order=frozenset()))).leased
        failed = Ended(head.command, head.token, 1, Ending.DEFERRED, hold=0.0, heard=Heard(Speech.FAILED, rule))
        await process.outbox.record([failed])
        await store.pass_time(11)
        assert await leased(process) == names(*lines(1))

    async def _ended(self, process: Process, *endings: tuple[Ending, float | None]) -> Sequence[Leased]:
        await ask(process, *lines(3))
        run = (await claim(process)).leased
        await end(process, run, *endings)
        return run


class TestHowLongItIs:
    async def test_it_ends_where_its_request_is_full(self, process: Process) -> None:
        await ask(process, *lines(3))
        await ask(process, *lines(3, OTHER))
        await ask(process, *lines(2, THIRD))
        # Then the second run gets the place that is left of four, and the third what those behind the cut leave
        claimed = await leased(process, SHEET, OTHER, THIRD, within=limits(concurrency=2))
        assert claimed == names(*lines(3), *lines(1, OTHER), *lines(2, THIRD))
        [gate] = await process.gates.gates()
        assert gate.in_flight == 2

    async def test_one_request_takes_no_more_than_its_size(self, process: Process) -> None:
        await ask(process, *lines(6))
        assert await leased(process) == names(*lines(SIZE))

    async def test_what_the_gate_holds_back_is_left_as_a_lane(self, process: Process) -> None:
        await ask(process, *lines(SIZE))
        await ask(process, *lines(2, OTHER))
        claimed = await claim(process, SHEET, OTHER, within=limits(concurrency=1))
        assert [each.command for each in claimed.leased] == lines(SIZE)
        assert list(claimed.left) == [send_lane(OTHER)]

    async def test_a_claim_takes_no_more_commands_than_it_is_told(self, process: Process) -> None:
        await ask(process, *lines(3))
        await ask(process, *lines(2, OTHER))
        await ask(process, *lines(1, THIRD))
        claimed = await claim(process, SHEET, OTHER, THIRD, within=limits(most=4))
        assert [each.command for each in claimed.leased] == [*lines(3), *lines(1, OTHER)]
        assert (list(claimed.left), claimed.hold) == ([send_lane(THIRD)], None)

    async def test_behind_the_lanes_that_fill_it_a_claim_looks_at_none(self, process: Process) -> None:
        await ask(process, *lines(SIZE))
        claimed = await claim(process, SHEET, OTHER, within=limits(most=SIZE))
        assert [each.command for each in claimed.leased] == lines(SIZE)
        assert list(claimed.left) == [send_lane(OTHER)]
        # Then nobody knows yet that this one has nothing to send
        rest = await claim(process, OTHER, within=limits(most=SIZE))
        assert (list(rest.leased), list(rest.left)) == ([], [])


class TestItsLease:
    async def test_it_ends_with_the_decision_that_says_so(self, process: Process) -> None:
        asked = lines(3)
        await ask(process, *asked)
        run = (await claim(process)).leased
        await end(process, run, CONFIRMED, CONFIRMED, CONFIRMED)
        await self._decide(process, run[0], None)
        assert await leased(process) == []
        await self._decide(process, run[1], run[1].token)
        # Then whoever is next reads back what was confirmed
        [third] = (await claim(process)).leased
        assert (third.command, [attempt.ending for attempt in third.earlier]) == (asked[2], [Ending.CONFIRMED])

    async def test_it_stays_while_one_has_a_result(self, process: Process) -> None:
        await ask(process, *lines(3))
        run = (await claim(process)).leased
        await end(process, run, CONFIRMED, REFUSED, NOTHING)
        assert await leased(process) == []
        await self._decide(process, run[0], run[0].token)
        [second] = (await claim(process)).leased
        assert (second.command, [each.ending for each in second.earlier]) == (run[1].command, [Ending.REJECTED])

    async def test_it_ends_with_the_record_if_none_has_a_result(self, process: Process) -> None:
        await ask(process, *lines(2))
        await end(process, (await claim(process)).leased, REFUSED, NOTHING)
        assert await leased(process) == names(*lines(1))

    async def test_an_abandoned_run_did_nothing(self, process: Process) -> None:
        await ask(process, *lines(2))
        run = (await claim(process)).leased
        await process.outbox.abandon(run[0].token)
        assert await leased(process) == names(*lines(2))

    async def test_of_a_silent_process_each_command_is_in_doubt(self, process: Process) -> None:
        await ask(process, *lines(2))
        await claim(process)
        await process.outbox.take_over([ANN])
        [first] = (await claim(process)).leased
        assert [attempt.ending for attempt in first.earlier] == [None]
        await process.outbox.record([ended(first, *CONFIRMED)])
        await self._decide(process, first, first.token)
        [second] = (await claim(process)).leased
        assert (second.command, [each.ending for each in second.earlier]) == (lines(2)[1], [None])

    async def test_several_results_are_decided_in_one_turn(self, store: StoreStand, process: Process) -> None:
        await ask(process, *lines(3))
        run = (await claim(process)).leased
        await end(process, run, CONFIRMED, CONFIRMED, CONFIRMED)
        turn: Turn = settled(await process.row(SHEET), *((each.command, each.token) for each in run))
        assert await process.commit(turn) == [Committed()]
        assert (await store.counts()).commands == 0

    async def _decide(self, process: Process, each: Leased, token: UUID | None) -> None:
        turn = settled(await process.row(SHEET))
        turn.settled.append(Settled(each.command, Settlement.DONE, token))
        assert await process.commit(turn) == [Committed()]

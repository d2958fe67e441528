"""The contract of gates: what they hold back, for how long, over all processes, and what operators do to them.

Longer than a file should be, so that the contract stays one list, and nobody runs half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import orjson
import pytest

from adapters.ports.gate import BreakerRule, BreakerState, GateRow, Heard, Hold, HoldReason, Limits, Speech
from adapters.ports.outbox import NO_LIMITS, Claimed, Ended, Ending, Leased, NoticeRow
from adapters.ports.turns import Settlement
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import applied, asking, command, message, send_lane, settled, uuid

ANN, BOB = uuid("process ann"), uuid("process bob")
RULE = BreakerRule(failures=3, open_for=10, longest=40)
KEYS = [ActorKey("timesheet", f"T-{number}") for number in range(8)]
LANES = [send_lane(key) for key in KEYS]
WELL = Heard(Speech.WELL, RULE)
FAILED = Heard(Speech.FAILED, RULE)
REFUSED = Heard(Speech.REFUSED, RULE)

_TOKENS = count()


def about(reason: HoldReason, seconds: float, *, within: float) -> Hold:
    """A hold for about so many seconds: on PostgreSQL time passes by itself, too."""
    approximately: Any = pytest.approx(seconds, abs=within)  # Any: it stands for a float
    return Hold(reason, approximately)


def asks_to_wait(seconds: float) -> Heard:
    return Heard(Speech.NEITHER, RULE, seconds)


@pytest.fixture(autouse=True)
async def _commands(process: Process) -> None:
    """A command for the ERP, and one for the CRM, of each key."""
    for key in KEYS:
        row = await process.row(key)
        await process.commit(asking(applied(row, message(key.id)), command(key), command(key, "2", system="crm")))


async def claim(
    process: Process, limits: Limits = NO_LIMITS, *, holder: UUID = ANN, keys: Sequence[ActorKey] = KEYS
) -> Claimed:
    """Claim lanes of the ERP."""
    token = uuid(f"token {next(_TOKENS)}")
    return await process.outbox.claim([send_lane(key) for key in keys], holder=holder, token=token, limits=limits)


async def end(process: Process, leased: Leased, heard: Heard | None, *, hold: float | None = 0.0) -> None:
    """Record an end from which this was heard."""
    ended = Ended(
        leased.command, leased.token, leased.attempt, Ending.DEFERRED, None, FailureClass.AUTH, "http_500", "It hurts.",
        hold, heard,
    )  # fmt: skip
    await process.outbox.record([ended])


async def fail(process: Process, times: int) -> None:
    """Let the ERP fail so many times in a row."""
    for _ in range(times):
        [leased] = (await claim(process, keys=KEYS[:1])).leased
        await end(process, leased, FAILED)


async def gate(process: Process, system: str = "erp") -> GateRow:
    [row] = [row for row in await process.gates.gates() if row.system == system]
    return row


async def held(process: Process, limits: Limits = NO_LIMITS) -> Hold:
    """What holds everything back."""
    claimed = await claim(process, limits)
    assert (list(claimed.leased), list(claimed.left)) == ([], LANES)
    assert claimed.hold is not None
    return claimed.hold


class TestBreaker:
    async def test_it_opens_after_failures_in_a_row_and_logs_nothing_while_it_is_open(
        self, store: StoreStand, process: Process
    ) -> None:
        await fail(process, 2)
        assert (await gate(process)).breaker is BreakerState.CLOSED
        await fail(process, 1)
        assert await held(process) == about(HoldReason.BREAKER, 10, within=5)
        row = await gate(process)
        assert (row.breaker, row.failures, row.last_failure) == (BreakerState.OPEN, 3, "http_500")
        await store.pass_time(15)
        [leased] = (await claim(process)).leased
        assert leased.attempt == 4, "what was held back was not logged"

    async def test_an_answer_in_between_begins_the_count_anew(self, process: Process) -> None:
        await fail(process, 2)
        [leased] = (await claim(process, keys=KEYS[:1])).leased
        await end(process, leased, WELL)
        await fail(process, 2)
        assert (await claim(process)).hold is None

    async def test_what_is_no_sign_of_health_neither_counts_nor_begins_anew(self, process: Process) -> None:
        await fail(process, 2)
        [leased] = (await claim(process, keys=KEYS[:1])).leased
        await end(process, leased, None)
        await fail(process, 1)
        assert (await held(process)).reason is HoldReason.BREAKER

    async def test_several_ends_of_one_record_count_in_their_order(self, process: Process) -> None:
        leased = (await claim(process)).leased
        heard = [FAILED, FAILED, WELL, FAILED, FAILED]
        await process.outbox.record(
            [
                Ended(each.command, each.token, each.attempt, Ending.UNKNOWN, hold=0.0, heard=of)
                for each, of in zip(leased[:5], heard, strict=True)
            ]
        )
        row = await gate(process)
        assert (row.failures, row.breaker) == (2, BreakerState.CLOSED)

    async def test_a_record_that_is_repeated_tells_the_gate_nothing(self, process: Process) -> None:
        [leased] = (await claim(process, keys=KEYS[:1])).leased
        for _ in range(5):
            await end(process, leased, FAILED)
        assert (await gate(process)).failures == 1

    async def test_half_open_lets_one_command_pass_over_all_processes(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await fail(process, 3)
        await store.pass_time(15)
        assert (await gate(process)).breaker is BreakerState.HALF_OPEN
        trial = await claim(process)
        assert (len(trial.leased), list(trial.left)) == (1, LANES[1:])
        assert trial.hold == Hold(HoldReason.BREAKER, None)
        assert await held(other) == Hold(HoldReason.BREAKER, None)
        # when it goes well, then all others pass
        await end(process, trial.leased[0], WELL)
        row = await gate(process)
        assert (row.breaker, row.failures, row.open_until) == (BreakerState.CLOSED, 0, None)
        assert len((await claim(other)).leased) == len(KEYS)

    async def test_a_trial_that_fails_opens_it_for_longer_up_to_the_longest(
        self, store: StoreStand, process: Process
    ) -> None:
        await fail(process, 3)
        for seconds in (20, 40, 40):
            await store.pass_time(41)
            [trial] = (await claim(process)).leased
            await end(process, trial, FAILED)
            assert await held(process) == about(HoldReason.BREAKER, seconds, within=5)

    async def test_what_was_sent_before_it_opened_says_nothing_new(self, store: StoreStand, process: Process) -> None:
        early = (await claim(process, keys=KEYS[4:])).leased
        await fail(process, 3)
        await end(process, early[0], WELL)
        await end(process, early[1], FAILED)
        assert await held(process) == about(HoldReason.BREAKER, 10, within=5)
        await store.pass_time(15)
        [trial] = (await claim(process, keys=KEYS[:2])).leased
        await end(process, early[2], WELL)
        assert (await held(process)).reason is HoldReason.BREAKER
        await end(process, trial, WELL)
        assert (await gate(process)).breaker is BreakerState.CLOSED

    async def test_a_trial_whose_process_fell_silent_makes_room_for_another(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await fail(process, 3)
        await store.pass_time(15)
        [silent] = (await claim(process)).leased
        assert (await held(other)).reason is HoldReason.BREAKER
        await other.outbox.take_over([ANN])
        [trial] = (await claim(other, holder=BOB)).leased
        await end(process, silent, WELL)
        assert (await gate(other)).breaker is BreakerState.HALF_OPEN, "whoever was taken over decides nothing"
        await end(other, trial, WELL)
        assert (await gate(other)).breaker is BreakerState.CLOSED

    async def test_a_trial_that_was_given_back_or_says_nothing_makes_room_too(
        self, store: StoreStand, process: Process
    ) -> None:
        await fail(process, 3)
        await store.pass_time(15)
        [trial] = (await claim(process)).leased
        await process.outbox.abandon(trial.token)
        [trial] = (await claim(process)).leased
        await end(process, trial, None)
        assert len((await claim(process)).leased) == 1

    async def test_a_lane_with_nothing_to_send_is_no_trial(self, store: StoreStand, process: Process) -> None:
        await fail(process, 3)
        await store.pass_time(15)
        empty = await claim(process, keys=[ActorKey("timesheet", "none"), *KEYS])
        assert (list(empty.leased), list(empty.left)) == ([], LANES)
        assert len((await claim(process)).leased) == 1

    async def test_other_systems_do_not_notice(self, process: Process) -> None:
        await fail(process, 3)
        lanes = [send_lane(key, "crm") for key in KEYS]
        claimed = await process.outbox.claim(lanes, holder=ANN, token=uuid("crm"))
        assert (len(claimed.leased), claimed.hold) == (len(KEYS), None)


class TestRetryAfter:
    async def test_the_whole_system_waits_and_the_longest_wait_counts(
        self, store: StoreStand, process: Process
    ) -> None:
        first, second = (await claim(process, keys=KEYS[:2])).leased
        await end(process, first, asks_to_wait(30))
        await end(process, second, asks_to_wait(5))
        assert await held(process) == about(HoldReason.RETRY_AFTER, 30, within=5)
        row = await gate(process)
        assert (row.failures, row.breaker) == (0, BreakerState.CLOSED)
        await store.pass_time(31)
        assert len((await claim(process)).leased) == len(KEYS)

    async def test_a_trial_that_is_asked_to_wait_is_followed_by_another(
        self, store: StoreStand, process: Process
    ) -> None:
        await fail(process, 3)
        await store.pass_time(15)
        [trial] = (await claim(process)).leased
        await end(process, trial, asks_to_wait(30))
        assert (await held(process)).reason is HoldReason.RETRY_AFTER
        await store.pass_time(31)
        assert len((await claim(process)).leased) == 1


class TestRate:
    LIMITS = Limits(rate=1 / 60, burst=3)

    async def test_a_burst_passes_and_then_as_much_as_the_rate(self, store: StoreStand, process: Process) -> None:
        first = await claim(process, self.LIMITS)
        assert [leased.command.key for leased in first.leased] == KEYS[:3]
        assert (list(first.left), first.hold) == (LANES[3:], about(HoldReason.RATE, 60, within=30))
        assert (await held(process, self.LIMITS)).reason is HoldReason.RATE
        await store.pass_time(121)
        assert len((await claim(process, self.LIMITS, keys=KEYS[3:])).leased) == 2
        await store.pass_time(10_000)
        assert len((await claim(process, self.LIMITS, keys=KEYS[5:])).leased) == 3

    async def test_processes_share_it(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await claim(process, self.LIMITS)
        assert (await held(other, self.LIMITS)).reason is HoldReason.RATE

    async def test_what_was_not_leased_is_not_spent(self, process: Process) -> None:
        none = [ActorKey("timesheet", f"none {number}") for number in range(3)]
        claimed = await claim(process, self.LIMITS, keys=[*none, *KEYS])
        assert (list(claimed.leased), list(claimed.left)) == ([], LANES)
        assert len((await claim(process, self.LIMITS)).leased) == 3


class TestQuota:
    async def limits(self, store: StoreStand) -> Limits:
        now: datetime = await store.now()
        return Limits(quota=3, resets=[now + timedelta(hours=hours) for hours in (-25, -1, 23, 47)])

    async def test_it_is_used_up_until_the_reset_and_survives_restarts(self, store: StoreStand) -> None:
        limits = await self.limits(store)
        first = await claim(store.process(), limits)
        assert len(first.leased) == 3
        assert first.hold == about(HoldReason.QUOTA, 23 * 3600, within=5)
        restarted = store.process()
        assert (await held(restarted, limits)).reason is HoldReason.QUOTA
        assert (await gate(restarted)).used == 3
        await store.pass_time(24 * 3600)
        assert len((await claim(restarted, limits, keys=KEYS[3:])).leased) == 3

    async def test_a_process_whose_clock_is_days_off_does_not_begin_a_new_day(self, store: StoreStand) -> None:
        process, limits = store.process(), await self.limits(store)
        await claim(process, limits)
        wrong = Limits(quota=3, resets=[moment + timedelta(days=9) for moment in limits.resets])
        assert (await held(process, wrong)).reason is HoldReason.QUOTA


class TestConcurrency:
    LIMITS = Limits(concurrency=2)

    async def test_attempts_of_all_processes_count_until_they_end(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        claimed = await claim(process, self.LIMITS)
        assert (len(claimed.leased), list(claimed.left)) == (2, LANES[2:])
        assert claimed.hold == Hold(HoldReason.CONCURRENCY, None)
        assert await held_after_a_look(other, self.LIMITS) == Hold(HoldReason.CONCURRENCY, None)
        assert (await gate(other)).in_flight == 2
        first, second = claimed.leased
        await end(process, first, WELL)
        assert len((await claim(other, self.LIMITS, keys=KEYS[2:])).leased) == 1
        # what waits for the decision on its result is in flight no more
        await end(process, second, WELL, hold=None)
        assert len((await claim(other, self.LIMITS, keys=KEYS[3:])).leased) == 1
        row = await process.row(second.command.key)
        await process.commit(settled(row, (second.command, second.token), settlement=Settlement.DONE))
        assert (await gate(other)).in_flight == 2

    async def test_attempts_of_a_silent_process_count_no_more(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await claim(process, self.LIMITS, keys=KEYS[:2])
        await other.outbox.take_over([ANN])
        assert len((await claim(other, self.LIMITS)).leased) == 2


class TestRequests:
    """Attempts that travel together are one request, and requests are what the gate counts."""

    TOGETHER = MappingProxyType({"billable.create": 3})
    OTHERS: Final = [ActorKey("timesheet", f"O-{number}") for number in range(4)]

    @pytest.fixture(autouse=True)
    async def _other_commands(self, process: Process) -> None:
        """Commands of another legal entity, and one of another operation."""
        for key in self.OTHERS[:3]:
            other = command(key)._replace(body=b'{"legal_entity": "US01"}')
            await process.commit(asking(applied(await process.row(key), message(key.id)), other))
        alone = command(self.OTHERS[3])._replace(operation="customer.put")
        row = await process.row(self.OTHERS[3])
        await process.commit(asking(applied(row, message(self.OTHERS[3].id)), alone))

    def limits(self, **others: Any) -> Limits:
        return Limits(together=self.TOGETHER, **others)

    async def test_one_request_takes_as_many_as_its_size(self, process: Process) -> None:
        limits = self.limits(rate=1 / 3600, burst=2)
        claimed = await claim(process, limits)
        assert [leased.command.key for leased in claimed.leased] == KEYS[:6]
        assert list(claimed.left) == LANES[6:]
        assert (await held(process, limits)).reason is HoldReason.RATE

    async def test_legal_entities_and_operations_share_no_request(self, process: Process) -> None:
        # Given heads of two legal entities in turn, and one that goes alone, and three requests
        keys = [KEYS[0], self.OTHERS[0], self.OTHERS[3], KEYS[1], self.OTHERS[1], KEYS[2], KEYS[3], self.OTHERS[2]]
        claimed = await claim(process, self.limits(concurrency=3), keys=keys)
        # Then only what would be a fourth is left, wherever it stands
        assert [leased.command.key for leased in claimed.leased] == [key for key in keys if key != KEYS[3]]
        assert list(claimed.left) == [send_lane(KEYS[3])]
        assert claimed.hold == Hold(HoldReason.CONCURRENCY, None)
        assert (await gate(process)).in_flight == 3

    async def test_a_request_is_in_flight_until_its_last_attempt_has_ended(self, process: Process) -> None:
        limits = self.limits(concurrency=1)
        first, second, third = (await claim(process, limits)).leased
        for leased in (first, second):
            await end(process, leased, WELL, hold=100)
            assert (await gate(process)).in_flight == 1
            assert await held_after_a_look(process, limits) == Hold(HoldReason.CONCURRENCY, None)
        await end(process, third, WELL, hold=100)
        assert len((await claim(process, limits)).leased) == 3

    async def test_the_quota_counts_requests(self, store: StoreStand, process: Process) -> None:
        now: datetime = await store.now()
        limits = self.limits(quota=2, resets=[now + timedelta(hours=hours) for hours in (-1, 23)])
        assert len((await claim(process, limits)).leased) == 6
        assert (await gate(process)).used == 2

    async def test_a_command_that_nobody_knows_the_end_of_is_a_request_of_its_own(self, process: Process) -> None:
        limits = self.limits(concurrency=2)
        [first] = (await claim(process, limits, keys=KEYS[:1])).leased
        unknown = Ended(first.command, first.token, first.attempt, Ending.UNKNOWN, hold=0.0)
        await process.outbox.record([unknown])
        claimed = await claim(process, limits, keys=KEYS[:6])
        assert [leased.command.key for leased in claimed.leased] == KEYS[:4]
        assert (await gate(process)).in_flight == 2

    async def test_a_trial_is_one_command(self, store: StoreStand, process: Process) -> None:
        await fail(process, 3)
        await store.pass_time(11)
        claimed = await claim(process, self.limits())
        assert len(claimed.leased) == 1
        assert list(claimed.left) == LANES[1:]


async def held_after_a_look(process: Process, limits: Limits) -> Hold | None:
    """What holds back those that were looked at."""
    claimed = await claim(process, limits)
    assert list(claimed.leased) == []
    return claimed.hold


class TestPause:
    async def test_a_refused_token_pauses_the_system_with_one_case(self, store: StoreStand, process: Process) -> None:
        first, second = (await claim(process, keys=KEYS[:2])).leased
        await end(process, first, REFUSED)
        await end(process, second, REFUSED)
        assert await held(process) == Hold(HoldReason.PAUSED, None)
        row = await gate(process)
        reason = f"It hurts. (heard for {first.command.key}, reference {first.command.reference})"
        assert (row.paused_by, row.pause_reason) == ("gateway", reason)
        assert await store.open_cases() == 1
        assert case_notices(await process.notices.pending(limit=100)) == [("opened", "auth", "system", "erp")]
        # when an operator resumes
        await process.gates.resume("erp", actor="ann", reason="token renewed")
        assert len((await claim(process)).leased) == len(KEYS)
        assert await store.open_cases() == 0
        assert case_notices(await process.notices.pending(limit=100))[1:] == [("closed", "auth", "system", "erp")]
        assert await store.audit() == [("ann", "system.resume", "system/erp", "token renewed")]

    async def test_an_operator_pauses_and_resumes(self, store: StoreStand, process: Process) -> None:
        await process.gates.pause("erp", actor="ann", reason="month end")
        assert await held(process) == Hold(HoldReason.PAUSED, None)
        row = await gate(process)
        assert (row.paused_by, row.pause_reason) == ("ann", "month end")
        await process.gates.resume("erp", actor="bob", reason="books are open")
        row = await gate(process)
        assert (row.paused_at, row.paused_by, row.pause_reason) == (None, None, None)
        assert len((await claim(process)).leased) == len(KEYS)
        assert await store.audit() == [
            ("ann", "system.pause", "system/erp", "month end"),
            ("bob", "system.resume", "system/erp", "books are open"),
        ]

    async def test_a_pause_that_is_paused_again_keeps_its_beginning(self, store: StoreStand, process: Process) -> None:
        await process.gates.pause("erp", actor="ann", reason="month end")
        began = (await gate(process)).paused_at
        await process.gates.pause("erp", actor="bob", reason="year end")
        row = await gate(process)
        assert (row.paused_at, row.paused_by, row.pause_reason) == (began, "bob", "year end")

    async def test_a_resume_ends_waits_and_lets_an_open_breaker_try_at_once(self, process: Process) -> None:
        [leased] = (await claim(process, keys=KEYS[:1])).leased
        await end(process, leased, asks_to_wait(300))
        await process.gates.resume("erp", actor="ann", reason="it is back")
        assert len((await claim(process, keys=KEYS[1:2])).leased) == 1
        await fail(process, 3)
        await process.gates.resume("erp", actor="ann", reason="it is back")
        assert (await gate(process)).breaker is BreakerState.HALF_OPEN
        assert len((await claim(process)).leased) == 1

    async def test_a_resume_of_what_was_never_used_is_audited_all_the_same(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.gates.resume("psa", actor="ann", reason="to be sure")
        assert "psa" not in [row.system for row in await process.gates.gates()]
        assert await store.audit() == [("ann", "system.resume", "system/psa", "to be sure")]


def case_notices(pending: Sequence[NoticeRow]) -> list[tuple[str, str, str, str]]:
    """What was told of cases: what, class, entity, key."""
    told = []
    for row in pending:
        if row.routing_key.startswith("case."):
            body = orjson.loads(row.body)
            told.append((body["what"], body["class"], body["entity"], body["key"]))
    return told

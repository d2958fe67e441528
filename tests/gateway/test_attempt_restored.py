"""A step after a restore: what was retried in the lost time was sent under a later generation, and is asked for too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from adapters.ports.outbox import Attempt, Ended, Ending, Leased, LostTime
from adapters.ports.system import Absent
from gateway.attempt import Attempts
from gateway.gate_policy import BreakerPolicy
from gateway.hearing import Ear
from gateway.retry import Retries
from gateway.settlement import LATER_GENERATIONS, UNPROVABLE, UNSETTLED
from schemas.commands import Command, Confirmed, Deferred, Outcome, Unknown, command_id, command_reference
from schemas.verdicts import FailureClass
from tests.gateway.toy import ERP, A, Ask
from tests.runtime.vendor import BUSY, LOOKED_UP, NO_ANSWER, Vendor

FIRST = command_id(ERP, "job.do", A, "1", 1)
LONG_DECLARED = LostTime(started_for=3600, ended_for=301)
FOUND = Attempt(1, Ending.UNKNOWN, 900, 900, "erp-9", code=UNPROVABLE, found_generation=2)
"""The system was found to have the second generation, and a person was asked."""

NOTHING = Unknown(NO_ANSWER)


@dataclass
class Tiring(Vendor):
    """It answers so many look-ups, and all others like this."""

    answers: int = 0
    then: Deferred | Unknown = NOTHING

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        found = await super().look_up(command)
        return found if self.look_ups <= self.answers else self.then


def leased(lost: LostTime | None, *earlier: Attempt) -> Leased:
    body = Ask(line="1").model_dump_json().encode()
    command = Command(FIRST, ERP, "job.do", A, "1", 1, body, command_reference(A, "1", 1))
    return Leased(command, FIRST, len(earlier) + 1, earlier, lost)


async def step(vendor: Vendor, lost: LostTime | None = LONG_DECLARED, *earlier: Attempt) -> tuple[Outcome, Ended]:
    retries = Retries()
    ear = Ear(BreakerPolicy().rule, retries, 60)
    [stepped] = await Attempts(vendor, retries, ear, lambda: 0.5).step([leased(lost, *earlier)])
    return stepped


async def test_what_stands_under_a_later_generation_is_parked_and_neither_sent_nor_confirmed() -> None:
    for generation in range(2, 2 + LATER_GENERATIONS):
        there = command_reference(A, "1", generation)
        vendor = Vendor(LOOKED_UP, effects=[there])
        outcome, record = await step(vendor)
        assert isinstance(outcome, Unknown)
        assert outcome.failure.failure_class is FailureClass.UNKNOWN_OUTCOME
        assert there in outcome.failure.reason
        assert (record.ending, record.hold) == (Ending.UNKNOWN, None)
        assert (record.found_generation, record.external_id) == (generation, "erp-1")
        assert vendor.effects == [there]
        assert vendor.requests == []


async def test_of_several_later_generations_the_latest_counts_and_all_are_told() -> None:
    vendor = Vendor(LOOKED_UP, effects=["job/a/1/2", "job/a/1/4"])
    outcome, record = await step(vendor)
    assert isinstance(outcome, Unknown)
    assert "job/a/1/2, its id " in outcome.failure.reason
    assert "job/a/1/4, its id " in outcome.failure.reason
    assert (record.found_generation, record.external_id) == (4, "erp-1")
    assert outcome.failure.code == UNPROVABLE
    assert "undo job/a/1/2 there first, whatever you say of job/a/1/4" in outcome.failure.reason
    assert "or undo all of them, and settle it as not done" in outcome.failure.reason


@pytest.mark.parametrize("then", [Deferred(BUSY, 3.0), Unknown(NO_ANSWER)])
async def test_what_was_found_is_told_though_it_stops_answering(then: Deferred | Unknown) -> None:
    vendor = Tiring(LOOKED_UP, effects=["job/a/1/2", "job/a/1/4"], answers=3, then=then)
    outcome, record = await step(vendor)
    assert vendor.look_ups == 4
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == UNSETTLED
    assert "job/a/1/2, its id erp-1" in outcome.failure.reason
    assert "did not say whether it has others" in outcome.failure.reason
    assert (record.hold, record.found_generation, record.external_id) == (None, 2, "erp-1")


async def test_what_was_found_is_told_again_by_who_can_ask_no_more() -> None:
    # Given that a person let it run again, and the process was killed in its look-ups
    killed = Attempt(2, None, 400, None)
    vendor = Vendor(LOOKED_UP, effects=["job/a/1/2"])
    outcome, record = await step(vendor, LONG_DECLARED, FOUND, killed)
    assert isinstance(outcome, Unknown)
    assert "it had job/a/1/2, its id erp-9: look for each generation up to that one as well" in outcome.failure.reason
    assert "done settles the command under job/a/1/2" in outcome.failure.reason
    assert (record.ending, record.hold) == (Ending.UNKNOWN, None)
    assert (record.found_generation, record.external_id) == (2, "erp-9")
    assert vendor.requests == []
    # and by whoever comes after
    told = Attempt(3, record.ending, 1, 1, record.external_id, code=record.code, found_generation=2)
    _, record = await step(vendor, LONG_DECLARED, FOUND, killed, told)
    assert (record.found_generation, record.external_id) == (2, "erp-9")


async def test_what_was_found_and_proved_absent_since_is_told_no_more() -> None:
    absent, killed = Attempt(2, Ending.ABSENT, 500, 500), Attempt(3, None, 400, None)
    outcome, record = await step(Vendor(LOOKED_UP), LONG_DECLARED, FOUND, absent, killed)
    assert isinstance(outcome, Unknown)
    assert "job/a/1/2" not in outcome.failure.reason
    assert (record.found_generation, record.external_id) == (None, None)


async def test_what_stands_under_no_generation_is_sent() -> None:
    vendor = Vendor(LOOKED_UP)
    outcome, _ = await step(vendor)
    assert isinstance(outcome, Confirmed)
    assert vendor.effects == ["job/a/1/1"]
    assert vendor.look_ups == 1 + LATER_GENERATIONS


async def test_what_stands_under_its_own_generation_is_confirmed() -> None:
    vendor = Vendor(LOOKED_UP, effects=["job/a/1/1"])
    outcome, _ = await step(vendor)
    assert isinstance(outcome, Confirmed)
    assert vendor.requests == []


async def test_while_it_does_not_answer_nothing_is_sent() -> None:
    vendor = Vendor(LOOKED_UP, is_mute=True)
    _, record = await step(vendor)
    assert record.ending is Ending.UNANSWERED
    assert vendor.requests == []


async def test_without_lost_time_nothing_is_asked() -> None:
    vendor = Vendor(LOOKED_UP, effects=["job/a/1/2"])
    await step(vendor, None)
    assert vendor.look_ups == 0
    assert vendor.effects[-1] == "job/a/1/1"

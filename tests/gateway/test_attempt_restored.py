"""A step after a restore: what was retried in the lost time was sent under a later generation, and is asked for too."""

from __future__ import annotations

from adapters.ports.outbox import Ended, Ending, Leased, LostTime
from gateway.attempt import Attempts
from gateway.gate_policy import BreakerPolicy
from gateway.hearing import Ear
from gateway.retry import Retries
from gateway.settlement import LATER_GENERATIONS
from schemas.commands import Command, Confirmed, Outcome, Unknown, command_id, command_reference
from schemas.verdicts import FailureClass
from tests.gateway.toy import ERP, A, Ask
from tests.runtime.vendor import LOOKED_UP, Vendor

FIRST = command_id(ERP, "job.do", A, "1", 1)
LONG_DECLARED = LostTime(started_for=3600, ended_for=301)


def leased(lost: LostTime | None) -> Leased:
    body = Ask(line="1").model_dump_json().encode()
    command = Command(FIRST, ERP, "job.do", A, "1", 1, body, command_reference(A, "1", 1))
    return Leased(command, FIRST, 1, (), lost)


async def step(vendor: Vendor, lost: LostTime | None = LONG_DECLARED) -> tuple[Outcome, Ended]:
    retries = Retries()
    ear = Ear(BreakerPolicy().rule, retries, 60)
    return await Attempts(vendor, retries, ear, lambda: 0.5).step(leased(lost))


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

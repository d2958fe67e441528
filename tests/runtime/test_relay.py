"""The relay: one command of a lane at a time, each at most once, whoever dies, stalls, or does not answer.

Longer than a file should be: it is one list of rules, each a few lines, read from top to bottom.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from random import Random

import pytest

from adapters.ports.outbox import Ending
from adapters.ports.restores import Found as FoundBy
from adapters.ports.store import SeenAttempts
from adapters.ports.system import Capability
from gateway.activation import Answered
from gateway.attempt import Attempts
from gateway.backoff import Backoff
from gateway.gate import SystemGate
from gateway.gate_policy import BreakerPolicy, GatePolicy
from gateway.hearing import Ear
from gateway.relay import PAGE, Desk, Relay
from gateway.retry import Retries, Rule
from schemas.commands import Command, Deferred, Outcome, command_id
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.gateway.toy import ERP, A, B, Step
from tests.runtime.town import SMALL, Process, Town, until
from tests.runtime.vendor import KEYED, LOOKED_UP, STALL, Mood, Vendor
from tests.runtime.virtual import run

FIRST = command_id(ERP, "job.do", A, "1", 1)
ASKS = Step(name="a1", asks=("1", "2"))
BLIND = replace(LOOKED_UP, look_up=False)


def endings(process: Process) -> list[Ending | None]:
    """How the attempts at the first command ended."""
    return [attempt.ending for attempt in process.outbox.log(FIRST)]


def moody(*moods: Mood, capability: Capability = KEYED) -> Vendor:
    """A vendor that treats the first requests so."""
    vendor = Vendor(capability_of_all=capability)
    vendor.moods.extend(moods)
    return vendor


# ---------------------------------------------------------------------------------------------------------------- order


def test_commands_of_a_job_go_one_at_a_time_each_after_the_decision_on_the_one_before() -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.5)
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: len(town.vendor.requests) == 1, step=0.01)
        assert town.steps(A) == ("a1",)
        await until(lambda: len(town.vendor.requests) == 2, step=0.01)
        assert town.steps(A) == ("a1", "+1")
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


def test_keys_do_not_hold_each_other_up() -> None:
    async def story() -> None:
        town = Town(vendor=moody(*[Mood.REJECTS]))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: town.cases() == ["wrong"])
        process.deliver(B, Step(name="b1", asks=("1",)))
        await until(lambda: town.steps(B) == ("b1", "+1"))
        assert town.vendor.effects == ["job/b/1/1"], "what follows a parked command is held"
        await town.close()

    run(story())


@pytest.mark.parametrize("seed", range(5))
def test_two_processes_never_have_the_same_lane(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        town = Town(vendor=Vendor(LOOKED_UP, seconds=lambda: chance.uniform(0, 0.3)))
        processes = [town.process() for _ in range(3)]
        keys = [ActorKey("job", f"{n}") for n in range(6)]
        for key in keys:
            chance.choice(processes).deliver(key, Step(name=key.id, asks=("1", "2", "3")))
        await until(lambda: all(len(town.steps(key)) == 4 for key in keys))
        assert sorted(town.vendor.effects) == sorted(f"job/{key.id}/{line}/1" for key in keys for line in "123")
        await town.close()

    run(story())


def test_a_process_that_knows_nothing_finds_commands_in_the_outbox() -> None:
    async def story() -> None:
        town = Town()
        town.process(sends=False).deliver(A, ASKS)
        await until(lambda: bool(town.events(A)))
        town.process()
        await until(lambda: len(town.vendor.effects) == 2)
        await town.close()

    run(story())


# ------------------------------------------------------------------------------------------------------------- outcomes


def test_what_asks_to_come_back_later_spends_nothing_and_keeps_its_place() -> None:
    async def story() -> None:
        town = Town(vendor=moody(*[Mood.BUSY] * 60))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: len(town.vendor.effects) == 2)
        assert endings(process) == [Ending.CONFIRMED], "what was put off leaves no row behind"
        assert len(town.vendor.requests) == 62
        assert asyncio.get_running_loop().time() >= 180, "three seconds each, as it asked for"
        assert town.cases() == []
        await town.close()

    run(story())


def test_a_refusal_parks_the_command_with_a_case() -> None:
    async def story() -> None:
        town = Town(vendor=moody(Mood.REJECTS))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: town.cases() == ["wrong"])
        assert endings(process) == [Ending.REJECTED, Ending.UNSENT]
        assert town.vendor.requests == ["job/a/1/1"], "a refusal is read back, not asked for again"
        await town.close()

    run(story())


@pytest.mark.parametrize("mood", [Mood.TIMES_OUT, Mood.APPLIES_THEN_TIMES_OUT, Mood.APPLIES_LATE, Mood.RAISES])
@pytest.mark.parametrize("capability", [KEYED, LOOKED_UP], ids=["key", "look-up"])
def test_an_attempt_without_an_answer_ends_as_one_effect(mood: Mood, capability: Capability) -> None:
    async def story() -> None:
        town = Town(vendor=moody(mood, capability=capability))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        await asyncio.sleep(60)
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"]
        assert endings(process)[0] is Ending.UNKNOWN
        await town.close()

    run(story())


def test_where_nothing_protects_a_person_is_asked() -> None:
    async def story() -> None:
        town = Town(vendor=moody(Mood.APPLIES_THEN_TIMES_OUT, capability=BLIND))
        town.process().deliver(A, ASKS)
        await until(lambda: town.cases() == ["outcome_unprovable"])
        await asyncio.sleep(600)
        assert town.vendor.requests == ["job/a/1/1"]
        await town.close()

    run(story())


@pytest.mark.parametrize("is_there", [True, False])
def test_what_a_person_found_out_settles_what_nobody_else_can(is_there: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        mood = Mood.APPLIES_THEN_TIMES_OUT if is_there else Mood.TIMES_OUT
        town = Town(vendor=moody(mood, capability=BLIND))
        town.process().deliver(A, ASKS)
        await until(lambda: town.cases() == ["outcome_unprovable"])
        await town.store.clients().acts.settle(
            A, command=FIRST, seen=SeenAttempts(2), is_there=is_there, external_id=None, actor="ann",
            reason="looked in the ERP",
        )  # fmt: skip
        # Then it counts as done, or is sent under another generation; and what stood behind it goes on
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.cases() == []
        assert town.vendor.effects == ["job/a/1/1" if is_there else "job/a/1/2", "job/a/2/1"]
        await town.close()

    run(story())


@pytest.mark.parametrize("is_there", [True, False])
def test_after_a_restore_it_goes_on_with_the_generation_that_the_system_has(is_there: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        # Given a command that was retried in the lost time, so that the system has its second generation
        vendor = Vendor(KEYED, effects=["job/a/1/2"])
        vendor.remember(command_id(ERP, "job.do", A, "1", 2))
        town = Town(vendor=vendor)
        town.process(sends=False).deliver(A, ASKS)
        await until(lambda: bool(town.store.tables.outbox))
        restores = town.store.clients().restores
        await restores.declare(since=None, found=FoundBy.DECLARED, actor="ann", reason="the base of Friday")
        await restores.release(actor="ann", reason="old processes are gone")
        process = town.process()
        await until(lambda: town.cases() == ["outcome_unprovable"])
        # When a person says that it is there; or undoes it, so that the system remembers its key alone
        if not is_there:
            vendor.effects.remove("job/a/1/2")
        seen = SeenAttempts(process.outbox.log(FIRST)[-1].number)
        await town.store.clients().acts.settle(
            A, command=FIRST, seen=seen, is_there=is_there, external_id=None, actor="ann", reason="looked"
        )
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        # Then what is confirmed is what stands there, once
        assert vendor.effects == ["job/a/1/2" if is_there else "job/a/1/3", "job/a/2/1"]
        confirmed = command_id(ERP, "job.do", A, "1", 2 if is_there else 3)
        assert Ending.CONFIRMED in [each.ending for each in process.outbox.log(confirmed)]
        await town.close()

    run(story())


def test_a_rejection_does_not_settle_while_an_earlier_attempt_may_still_land() -> None:
    async def story() -> None:
        # Given an attempt that timed out and lands half a minute later, and a second one that is rejected
        town = Town(vendor=moody(Mood.APPLIES_LATE, Mood.REJECTS))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: Ending.REJECTED in endings(process))
        # Then the system is asked until it has the effect, and it is recorded as what it is
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.look_ups > 1
        assert town.cases() == []
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


def test_an_outage_past_the_deadline_ends_in_a_case_and_a_persons_retry_sends_again() -> None:
    async def story() -> None:
        town = Town(vendor=moody(*[Mood.TIMES_OUT] * 8), retries=Retries(Rule(deadline=300)))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: town.cases() == ["outcome_unknown"], 3000, step=1.0)
        assert asyncio.get_running_loop().time() > 300, "longer each time, so that an outage must last to come to this"
        assert len(town.vendor.requests) == 7, "5 + 10 + 20 + 40 + 80 + 160 seconds"
        town.vendor.moods.clear()
        await town.store.clients().acts.retry(A, actor="ann", reason="the ERP is back")
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"], "the same generation: it might have landed"
        await town.close()

    run(story())


def test_look_ups_without_an_answer_come_less_and_less_often_and_end_in_a_case() -> None:
    async def story() -> None:
        # Given a system that can only be asked, an attempt that timed out, and no answer to any question
        patient = GatePolicy(breaker=BreakerPolicy(failures=1000))
        town = Town(
            vendor=moody(Mood.TIMES_OUT, capability=LOOKED_UP), gate=patient, retries=Retries(Rule(deadline=300))
        )
        town.vendor.is_mute = True
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: town.cases() == ["outcome_unknown"], 1200, step=1.0)
        assert town.vendor.look_ups == 6, "after 5, 10, 20, 40, 80, and 160 seconds"
        assert asyncio.get_running_loop().time() > 315
        assert endings(process) == [Ending.UNKNOWN, *[Ending.UNANSWERED] * 6, Ending.UNKNOWN]
        # When somebody retries once it answers, then it is absent, and sent again
        town.vendor.is_mute = False
        await town.store.clients().acts.retry(A, actor="ann", reason="the ERP answers")
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


# ---------------------------------------------------------------------------------------------------- deaths and stalls


def test_what_was_recorded_when_its_process_died_is_settled_by_another_and_not_sent_again() -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.2)
        first = town.process()
        first.deliver(A, ASKS)
        await until(lambda: endings(first) == [Ending.CONFIRMED], step=0.001)
        await first.kill()
        assert town.steps(A) == ("a1",)
        second = town.process()
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert endings(second) == [Ending.CONFIRMED, Ending.UNSENT]
        assert town.vendor.requests == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


@pytest.mark.parametrize("capability", [KEYED, LOOKED_UP, BLIND], ids=["key", "look-up", "nothing"])
def test_a_process_that_died_while_sending_leaves_one_effect_or_a_case(capability: Capability) -> None:
    async def story() -> None:
        town = Town(vendor=Vendor(capability, seconds=lambda: 1.0))
        first = town.process()
        first.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: len(town.vendor.requests) == 1, step=0.01)
        await first.kill()
        town.process()
        await until(lambda: "+1" in town.steps(A) or town.cases() == ["outcome_unprovable"])
        assert len(town.vendor.effects) <= 1
        assert (town.cases() == []) == (capability is KEYED), "its attempt never got an end, so it may still land"
        await town.close()

    run(story())


@pytest.mark.parametrize("capability", [KEYED, LOOKED_UP], ids=["key", "look-up"])
def test_a_process_that_stalls_past_its_lease_makes_no_second_effect(capability: Capability) -> None:
    async def story() -> None:
        # Given a process that claims, and then stands still for longer than others take it to live
        town = Town(vendor=moody(Mood.STALLS, capability=capability))
        stalled = town.process()
        stalled.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: bool(stalled.relay.in_flight), step=0.01)
        stalled.stall()
        town.process()
        # Then there is one effect, whoever sent it
        await asyncio.sleep(STALL)
        stalled.recover()
        await asyncio.sleep(200)
        assert town.vendor.effects == ["job/a/1/1"]
        assert "+1" in town.steps(A) or town.cases() == ["outcome_unprovable"]
        await town.close()

    run(story())


def test_a_rejection_does_not_settle_while_an_attempt_of_a_successor_may_still_land() -> None:
    async def story() -> None:
        # Given a process that stalls past its lease, and a successor whose attempt lands late
        town = Town(vendor=moody(Mood.STALLS_THEN_REJECTS, Mood.APPLIES_LATE, Mood.TIMES_OUT))
        stalled = town.process()
        stalled.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: bool(stalled.relay.in_flight), step=0.01)
        stalled.stall()
        successor = town.process()
        await until(lambda: "job/a/1/1" in town.vendor.requests)
        # When the first one is rejected after all, then that is not recorded as what became of the command
        await until(lambda: Ending.REJECTED in endings(successor))
        stalled.recover()
        await until(lambda: "+1" in town.steps(A))
        assert town.cases() == []
        assert town.vendor.effects == ["job/a/1/1"]
        await town.close()

    run(story())


def test_a_claim_whose_answer_was_lost_is_abandoned_and_its_attempt_counts_as_not_sent() -> None:
    async def story() -> None:
        town = Town(vendor=Vendor(BLIND))
        process = town.process()
        process.outbox.lost_claims = 2
        process.deliver(A, ASKS)
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert endings(process) == [Ending.CONFIRMED], "what was not sent leaves no row behind"
        assert town.store.tables.leases == {}
        await town.close()

    run(story())


def test_an_outage_of_the_database_while_sending_sends_nothing_twice() -> None:
    async def story() -> None:
        town = Town(vendor=Vendor(LOOKED_UP, seconds=lambda: 1.0))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: len(town.vendor.requests) == 1, step=0.01)
        town.outage.is_away = True
        await asyncio.sleep(300)
        town.outage.is_away = False
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.requests == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


def test_two_processes_that_were_both_cut_off_do_not_take_each_other_for_dead() -> None:
    async def story() -> None:
        # Given two processes with a command each on its way, at a system where only a look-up tells
        town = Town(vendor=Vendor(LOOKED_UP, seconds=lambda: 1.0))
        first, second = town.process(), town.process()
        first.deliver(A, Step(name="a1", asks=("1",)))
        second.deliver(B, Step(name="b1", asks=("1",)))
        await until(lambda: len(town.vendor.requests) == 2, step=0.01)
        # When the database is away for a long while
        town.outage.is_away = True
        await asyncio.sleep(300)
        town.outage.is_away = False
        # Then each records what it has heard, and nobody is asked
        await until(lambda: "+1" in town.steps(A) and "+1" in town.steps(B))
        assert town.cases() == []
        await town.close()

    run(story())


# ------------------------------------------------------------------------------------------------------ stopping, hints


def test_to_stop_is_to_finish_what_is_in_flight_and_to_lease_nothing_more() -> None:
    async def story() -> None:
        town = Town(vendor=Vendor(seconds=lambda: 2.0))
        process = town.process()
        process.deliver(A, ASKS)
        await until(lambda: process.relay.in_flight == 1)
        stopping = asyncio.create_task(process.relay.stop())
        process.deliver(B, Step(name="b1", asks=("1",)))
        await stopping
        assert process.relay.in_flight == 0
        assert town.vendor.requests == ["job/a/1/1"]
        await until(lambda: "+1" in town.steps(A))
        process.tasks = [task for task in process.tasks if not task.done()]
        await town.close()

    run(story())


def test_held_commands_are_sent_when_their_time_comes_however_busy_others_keep_us() -> None:
    async def story() -> None:
        # Given a command that is held back for a while, and others that keep the relay busy for ever
        town = Town(vendor=moody(Mood.BUSY))
        process = town.process()
        process.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: endings(process) == [Ending.DEFERRED])
        for n in range(200):
            process.deliver(B, Step(name=f"b{n}", asks=(f"{n}",)))
            await asyncio.sleep(0.05)
        # Then it was sent long before they stop
        assert "job/a/1/1" in town.vendor.effects
        assert town.vendor.effects.index("job/a/1/1") < 150
        await town.close()

    run(story())


def test_an_operation_that_the_policy_does_not_know_is_a_case_and_nothing_is_sent() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: bool(town.events(A)))
        (standing,) = town.store.tables.outbox.values()
        standing.command = standing.command._replace(operation="job.undo")
        town.process()
        await until(lambda: town.cases() == ["operation_unknown"])
        assert town.vendor.requests == []
        await town.close()

    run(story())


LOCKED = Failure(FailureClass.CONFLICT, "locked", "somebody has it open")


@dataclass
class Putting(Vendor):
    """Puts off the first page of keys again and again, each time before all of them were asked."""

    async def send(self, command: Command) -> Outcome:
        if command.key.id < f"{PAGE:04}":
            await asyncio.sleep(0.01)
            return Deferred(LOCKED, 0.1)
        return await super().send(command)


def test_heads_that_fail_again_and_again_do_not_hide_those_behind_them() -> None:
    async def story() -> None:
        # Given more commands than one look finds, those of the first page always due again, and nobody to tell of them
        town = Town(vendor=Putting())
        first = town.process(sends=False)
        keys = [ActorKey("job", f"{n:04}") for n in range(PAGE + 20)]
        for key in keys:
            first.deliver(key, Step(name=key.id, asks=("1",)))
        await until(lambda: all(town.events(key) for key in keys))
        town.process()
        # Then what stands behind the page is found too
        await until(lambda: len(town.vendor.effects) == 20, 60)
        await town.close()

    run(story())


def test_results_do_not_come_faster_than_they_are_decided() -> None:
    async def story() -> None:
        # Given commands of many jobs, and decisions that take much longer than answers
        town = Town(seconds=lambda _chance: lambda: 1.0, bounds=replace(SMALL, batch_keys=2, line=4))
        first = town.process(sends=False)
        keys = [ActorKey("job", f"{n:02}") for n in range(60)]
        for key in keys:
            first.deliver(key, Step(name=key.id, asks=("1",)))
        await until(lambda: all(town.events(key) for key in keys))
        # When another process sends them
        second = town.process(scans=False)
        behind = 0
        while not all(town.steps(key) == (key.id, "+1") for key in keys):
            behind = max(behind, *(len(each.activations._ready) for each in second.committers))
            await asyncio.sleep(0.05)
        # Then no more stand in line than the bound, and what was in flight when it was reached
        assert behind <= 4 + 8
        await town.close()

    run(story())


def test_an_attempt_that_dies_of_a_bug_ends_its_relay_which_leases_nothing_more() -> None:
    def broken(_key: ActorKey, _answered: Answered) -> None:
        raise ArithmeticError("a bug of ours")

    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        outbox, caught_up = process.outbox, process.bus.caught_up
        desk = Desk(outbox, process.recorder, process.holder, town.ids, broken, lambda *_: None, caught_up)
        chance = Random(1)
        ear = Ear(town.gate.breaker.rule, town.retries, town.gate.longest_retry_after_seconds)
        attempts = Attempts(town.vendor, town.retries, ear, chance.random)
        relay = Relay(attempts, desk, gate=SystemGate(town.gate, 1, town.now), backoff=Backoff(chance=chance))
        recording, sending = asyncio.create_task(process.recorder.run()), asyncio.create_task(relay.run())
        process.deliver(A, ASKS)
        process.deliver(B, ASKS)
        await until(sending.done)
        with pytest.raises(ArithmeticError, match="a bug of ours"):
            sending.result()
        assert len(town.store.tables.leases) == 1, "the other one waited for room"
        async with asyncio.timeout(5):
            await relay.stop()
        recording.cancel()
        await town.close()

    run(story())

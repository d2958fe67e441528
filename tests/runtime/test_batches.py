"""Batches at work: whatever becomes of a request, of its system, or of the process, each of its commands lands once."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from adapters.ports.outbox import Ending
from adapters.ports.system import Capability
from gateway.batching import BatchRule, BatchRules
from gateway.gate_policy import BreakerPolicy, GatePolicy
from schemas.keys import ActorKey
from tests.gateway.toy import ERP, Step
from tests.runtime.town import Process, Town, until
from tests.runtime.vendor import KEYED, LOOKED_UP, Mood, Vendor
from tests.runtime.virtual import run

KEYS = [ActorKey("job", f"{number:02}") for number in range(20)]
EFFECTS = sorted(f"job/{key.id}/{line}/1" for key in KEYS for line in "12")
TOGETHER = {"job.do": BatchRule(size=7, wait=0.05)}
IN_ORDER = {"job.do": BatchRule(size=7, wait=0.05, in_order=True)}
RULES = pytest.mark.parametrize("rules", [TOGETHER, IN_ORDER], ids=["one of a key", "in order"])
FEW = GatePolicy(breaker=BreakerPolicy(failures=5, open_seconds=10, longest_seconds=60))


def town(*moods: Mood, capability: Capability = KEYED, gate: GatePolicy = FEW, rules: BatchRules = TOGETHER) -> Town:
    """A town whose commands travel together, and a vendor that treats the first requests so."""
    vendor = Vendor(capability_of_all=capability)
    vendor.moods.extend(moods)
    return Town(vendor=vendor, batches=rules, gate=gate)


def all_ask(process: Process) -> None:
    """Twenty jobs that ask for two commands each."""
    for key in KEYS:
        process.deliver(key, Step(name=key.id, asks=("1", "2")))


async def until_done(place: Town, seconds: float = 300) -> None:
    await until(lambda: all(place.steps(key) == (key.id, "+1", "+2") for key in KEYS), seconds)


def check(place: Town) -> None:
    """Each command has landed once, and each job's first before its second."""
    effects = place.vendor.effects
    assert sorted(effects) == EFFECTS
    assert all(effects.index(f"job/{key.id}/1/1") < effects.index(f"job/{key.id}/2/1") for key in KEYS)
    assert place.cases() == []


def test_commands_travel_together_and_each_job_stays_in_order() -> None:
    async def story() -> None:
        place = town()
        all_ask(place.process())
        await until_done(place)
        check(place)
        assert max(place.vendor.sizes) == 7
        assert len(place.vendor.sizes) <= 12, "forty commands"
        await place.close()

    run(story())


@pytest.mark.parametrize("capability", [KEYED, LOOKED_UP], ids=["key", "look-up"])
@pytest.mark.parametrize(
    "mood",
    [
        Mood.TIMES_OUT,
        Mood.APPLIES_THEN_TIMES_OUT,
        Mood.APPLIES_HALF,
        Mood.APPLIES_LATE,
        Mood.RAISES,
        Mood.BUSY,
        Mood.IS_UNREACHABLE,
    ],
)
@RULES
def test_whatever_becomes_of_a_request_each_of_its_commands_lands_once(
    rules: BatchRules, mood: Mood, capability: Capability
) -> None:
    async def story() -> None:
        place = town(mood, Mood.WELL, mood, capability=capability, rules=rules)
        all_ask(place.process())
        await until_done(place, 900)
        check(place)
        await place.close()

    run(story())


def test_a_run_takes_one_turn() -> None:
    async def story() -> None:
        # Given seven jobs of two commands each, and a system that does them in order
        place = town(rules=IN_ORDER)
        process = place.process()
        all_ask(process)
        await until_done(place)
        check(place)
        # Then both commands of a job travelled together but where a request was full, and were decided on in one commit
        assert max(place.vendor.sizes) == 7
        assert len(place.vendor.sizes) <= 8, "forty commands"
        commits = {key: place.store.tables.row(key).row_version for key in KEYS}
        assert sum(version == 2 for version in commits.values()) >= len(KEYS) // 2, commits
        await place.close()

    run(story())


def test_what_is_behind_a_refused_command_stays_until_a_person_has_settled_it() -> None:
    async def story() -> None:
        place = town(Mood.REJECTS, rules=IN_ORDER)
        process = place.process()
        process.deliver(KEYS[0], Step(name="00", asks=("1", "2")))
        await until(lambda: bool(place.cases()))
        assert place.vendor.effects == []
        assert place.steps(KEYS[0]) == ("00",)
        await place.close()

    run(story())


def test_what_a_lost_answer_leaves_open_is_settled_singly() -> None:
    async def story() -> None:
        place = town(Mood.APPLIES_HALF)
        place.vendor.seconds = lambda: 0.01
        all_ask(place.process())
        await until_done(place)
        check(place)
        first = place.vendor.sizes[0]
        again = [reference for reference in place.vendor.requests if place.vendor.requests.count(reference) == 2]
        assert len(set(again)) == first, "each line of the first request was sent again"
        assert place.vendor.sizes.count(1) >= first, "and alone"
        await place.close()

    run(story())


def test_a_request_counts_once_for_the_breaker() -> None:
    async def story() -> None:
        # Given a system that never answers
        place = town()
        place.vendor.otherwise = lambda: Mood.TIMES_OUT
        all_ask(place.process())
        # Then the breaker does not open at the first one with its seven commands, nor at the third
        await until(lambda: ERP in place.store.tables.gates and place.store.tables.gates[ERP].opened == 1)
        assert place.vendor.sizes[:3] == [7, 7, 6]
        assert set(place.vendor.sizes[3:]) == {1}
        assert 2 <= len(place.vendor.sizes[3:]) <= 8, "what was in flight when the fifth failed"
        await place.close()

    run(story())


def test_while_the_system_asks_to_wait_no_attempt_is_spent() -> None:
    async def story() -> None:
        place = town(*[Mood.BUSY] * 5)
        process = place.process()
        all_ask(process)
        await until_done(place)
        check(place)
        logs = [process.outbox.log(id) for id in place.store.tables.attempts]
        assert {attempt.ending for log in logs for attempt in log} == {Ending.CONFIRMED}
        await place.close()

    run(story())


def test_a_rate_counts_requests() -> None:
    async def story() -> None:
        place = town(gate=GatePolicy(rate_per_second=1, burst=1))
        all_ask(place.process())
        await until_done(place)
        check(place)
        assert asyncio.get_running_loop().time() < 20, "forty commands, one request a second"
        await place.close()

    run(story())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("capability", [KEYED, LOOKED_UP], ids=["key", "look-up"])
@RULES
def test_a_process_that_dies_with_batches_on_their_way_is_followed_by_another(
    rules: BatchRules, seed: int, capability: Capability
) -> None:
    async def story() -> None:
        chance = Random(seed)
        place = town(capability=capability, rules=rules)
        place.vendor.seconds = lambda: chance.uniform(0.05, 1)
        first = place.process()
        all_ask(first)
        await until(lambda: first.relay.in_flight > 7, step=0.01)
        await asyncio.sleep(chance.uniform(0, 0.5))
        if seed % 2:
            place.vendor.moods.append(Mood.APPLIES_HALF)
        await first.kill()
        place.process()
        await until(lambda: sorted(set(place.vendor.effects)) == EFFECTS or bool(place.cases()), 900)
        assert len(set(place.vendor.effects)) == len(place.vendor.effects), "nothing twice"
        if capability is KEYED:
            await until_done(place)
            check(place)
        await place.close()

    run(story())


def test_a_drain_sends_what_waits_and_loses_nothing() -> None:
    async def story() -> None:
        place = Town(batches={"job.do": BatchRule(size=100, wait=1000.0)})
        process = place.process()
        all_ask(process)
        await until(lambda: process.relay.in_flight == 20)
        assert place.vendor.sizes == []
        await process.relay.stop()
        assert place.vendor.sizes == [20]
        assert process.relay.in_flight == 0
        await place.close()

    run(story())

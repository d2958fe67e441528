"""The gate at work: outages, throttling, quotas, hours, and pauses hold commands back, and then everything drains."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapters.ports.gate import BreakerState, HoldReason
from gateway.gate_policy import BreakerPolicy, GatePolicy
from schemas.keys import ActorKey
from tests.gateway.toy import ERP, NOW, A, Step
from tests.runtime.town import Process, Town, until
from tests.runtime.vendor import LOOKED_UP, Mood, Vendor
from tests.runtime.virtual import run

KEYS = [ActorKey("job", f"{number:02}") for number in range(20)]
EFFECTS = [f"job/{key.id}/{line}/1" for key in KEYS for line in "12"]
FEW = GatePolicy(breaker=BreakerPolicy(failures=5, open_seconds=10, longest_seconds=60))


def now() -> float:
    """Seconds since the story began."""
    return asyncio.get_running_loop().time()


def away(begins: float, ends: float, mood: Mood = Mood.TIMES_OUT) -> Callable[[], Mood]:
    """A vendor that is away for a while."""
    return lambda: mood if begins <= now() < ends else Mood.WELL


def all_ask(process: Process) -> None:
    """Twenty jobs that ask for two commands each."""
    for key in KEYS:
        process.deliver(key, Step(name=key.id, asks=("1", "2")))


def in_order(effects: list[str]) -> bool:
    """Whether each job's first command came before its second."""
    return all(effects.index(f"job/{key.id}/1/1") < effects.index(f"job/{key.id}/2/1") for key in KEYS)


# ------------------------------------------------------------------------------------------------------------- outages


@pytest.mark.parametrize("mood", [Mood.TIMES_OUT, Mood.IS_UNREACHABLE, Mood.APPLIES_THEN_TIMES_OUT])
@pytest.mark.parametrize("processes", [1, 2])
def test_an_outage_spends_a_few_attempts_and_then_everything_drains_in_order(mood: Mood, processes: int) -> None:
    async def story() -> None:
        # Given a system that is away for a minute
        town = Town(gate=FEW, vendor=Vendor(otherwise=away(0, 60, mood)))
        running = [town.process() for _ in range(processes)]
        all_ask(running[0])
        await until(lambda: now() >= 60)
        # Then no more was tried than what opens the breaker, what was in flight then, and one trial each time
        spent = len(town.vendor.requests) + town.vendor.look_ups
        assert spent <= 5 + 8 + 2, "trials after 10 and 20 seconds; the next one comes when it is back"
        # And afterwards everything is done, in order, once, and nobody was asked
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS), 120)
        assert in_order(town.vendor.effects)
        assert town.cases() == []
        assert town.store.tables.gates[ERP].breaker(town.clock()) is BreakerState.CLOSED
        await town.close()

    run(story())


def test_half_open_sends_one_command_over_all_processes() -> None:
    async def story() -> None:
        # Given two processes, and a system that comes back and is slow to say so
        town = Town(gate=FEW, vendor=Vendor(otherwise=away(0, 9, Mood.IS_UNREACHABLE)))
        first, second = town.process(), town.process()
        all_ask(first)
        await until(lambda: town.store.tables.gates.get(ERP) is not None and town.store.tables.gates[ERP].opened == 1)
        before = len(town.vendor.requests)
        town.vendor.seconds = lambda: 5.0
        # When the breaker is half open, then one command is on its way, whoever sends it
        await until(lambda: len(town.vendor.requests) > before, step=0.01)
        for _ in range(45):
            await asyncio.sleep(0.1)
            assert first.relay.in_flight + second.relay.in_flight == 1
        assert len(town.vendor.requests) == before + 1
        await until(lambda: first.relay.in_flight + second.relay.in_flight > 1)
        await town.close()

    run(story())


def test_a_trial_whose_process_fell_silent_is_followed_by_another() -> None:
    async def story() -> None:
        town = Town(gate=FEW, vendor=Vendor(LOOKED_UP, otherwise=away(0, 9, Mood.IS_UNREACHABLE)))
        first = town.process()
        all_ask(first)
        await until(lambda: town.store.tables.gates.get(ERP) is not None and town.store.tables.gates[ERP].opened == 1)
        before = len(town.vendor.requests)
        town.vendor.seconds = lambda: 5.0
        await until(lambda: len(town.vendor.requests) > before, step=0.01)
        await first.kill()
        town.vendor.seconds = lambda: 0.01
        town.process()
        await until(lambda: len(town.vendor.effects) >= 38, 120)
        await town.close()

    run(story())


def test_a_refusal_is_an_answer_of_a_system_that_works() -> None:
    async def story() -> None:
        town = Town(gate=FEW, vendor=Vendor(otherwise=lambda: Mood.REJECTS))
        process = town.process()
        all_ask(process)
        await until(lambda: town.cases() == ["wrong"] * len(KEYS))
        assert now() < 10
        assert process.relay.held is None
        await town.close()

    run(story())


# ---------------------------------------------------------------------------------------- throttling, rate, and quota


def test_what_the_system_asks_for_holds_all_commands_and_is_capped() -> None:
    async def story() -> None:
        town = Town(gate=GatePolicy(longest_retry_after_seconds=120))
        town.vendor.moods.append(Mood.AWAY_FOR_AN_HOUR)
        process = town.process()
        process.deliver(A, Step(name="a", asks=("1",)))
        await until(lambda: len(town.vendor.requests) == 1)
        all_ask(process)
        await until(lambda: process.relay.held is not None)
        await asyncio.sleep(100)
        assert len(town.vendor.requests) == 1
        assert process.relay.held is not None
        assert process.relay.held.reason is HoldReason.RETRY_AFTER
        await until(lambda: len(town.vendor.effects) == 41, 60)
        assert 120 <= now() <= 130
        assert town.cases() == []
        await town.close()

    run(story())


def test_two_processes_share_the_rate() -> None:
    async def story() -> None:
        town = Town(gate=GatePolicy(rate_per_second=2, burst=4))
        first, second = town.process(), town.process()
        all_ask(first)
        for seconds in (5, 10):
            await asyncio.sleep(5)
            assert 2 * seconds - 2 <= len(town.vendor.requests) <= 2 * seconds + 4
        assert first.relay.held is not None or second.relay.held is not None
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS))
        assert 17 <= now() <= 24, "40 commands, of which 4 at once"
        await town.close()

    run(story())


def test_a_quota_survives_restarts_and_begins_anew_at_its_hour() -> None:
    async def story() -> None:
        # Given a quota whose day begins half an hour after the story
        begins = (datetime.fromtimestamp(NOW.timestamp(), UTC) + timedelta(minutes=30)).strftime("%H:%M")
        town = Town(gate=GatePolicy(daily_quota=25, quota_resets_at=begins))
        first = town.process()
        all_ask(first)
        await until(lambda: len(town.vendor.requests) == 25)
        await first.kill()
        second = town.process()
        await asyncio.sleep(600)
        assert len(town.vendor.requests) == 25
        assert second.relay.held is not None
        assert second.relay.held.reason is HoldReason.QUOTA
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS), 1800, step=1.0)
        assert now() == pytest.approx(1800, abs=60)
        await town.close()

    run(story())


# --------------------------------------------------------------------------------------------------- hours and pauses


def test_nothing_is_posted_before_the_window_opens() -> None:
    async def story() -> None:
        opens = datetime.fromtimestamp(NOW.timestamp(), UTC) + timedelta(minutes=30)
        town = Town(gate=GatePolicy(windows=(f"mon-sun {opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}",)))
        process = town.process()
        all_ask(process)
        await asyncio.sleep(1700)
        assert town.vendor.requests == []
        assert process.relay.held is not None
        assert process.relay.held.reason is HoldReason.WINDOW
        assert town.store.tables.attempts == {}, "nothing is logged either"
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS), 300)
        await town.close()

    run(story())


def test_a_refused_token_pauses_the_system_and_a_resume_drains_it() -> None:
    async def story() -> None:
        # Given a system that does not accept our token any more
        town = Town(vendor=Vendor(otherwise=lambda: Mood.AUTH))
        first, second = town.process(), town.process()
        all_ask(first)
        await until(lambda: town.cases() == ["http_401"])
        await asyncio.sleep(600)
        assert len(town.vendor.requests) <= 8, "those in flight, and no more"
        assert second.relay.held is None or second.relay.held.reason is HoldReason.PAUSED
        # When the token is renewed and somebody resumes, then all is sent, and nothing was parked or spent
        town.vendor.otherwise = lambda: Mood.WELL
        await town.store.clients().gates.resume(ERP, actor="ann", reason="token renewed")
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS), 60)
        assert town.cases() == []
        assert in_order(town.vendor.effects)
        assert all(len(log) == 1 for log in town.store.tables.attempts.values())
        await town.close()

    run(story())


def test_a_pause_by_hand_holds_and_a_resume_here_is_heard_at_once() -> None:
    async def story() -> None:
        town = Town()
        process, gates = town.process(), town.store.clients().gates
        await gates.pause(ERP, actor="ann", reason="month end")
        all_ask(process)
        await asyncio.sleep(300)
        assert town.vendor.requests == []
        assert process.outbox.claims <= 310, "it looks once a second, and does not go round and round"
        await gates.resume(ERP, actor="ann", reason="books are open")
        process.relay.gate_changed()
        began = now()
        await until(lambda: bool(town.vendor.requests), step=0.01)
        assert now() - began < 0.1
        await until(lambda: sorted(town.vendor.effects) == sorted(EFFECTS))
        await town.close()

    run(story())


def test_a_process_that_is_held_stops_at_once() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        await town.store.clients().gates.pause(ERP, actor="ann", reason="month end")
        all_ask(process)
        await until(lambda: process.relay.held is not None)
        began = now()
        await process.relay.stop()
        assert now() - began < 2
        process.tasks = [task for task in process.tasks if not task.done()]
        await town.close()

    run(story())

"""`self` in virtual time: what one job asks of another arrives there once, whoever dies, stands still, or is paused."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from adapters.ports.outbox import Ending
from adapters.ports.pauses import Scope
from adapters.ports.restores import Found
from gateway.self_system import SOURCE
from schemas.commands import SELF, command_id
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import TOYS, A, B, C, Step
from tests.runtime.town import Process, Town, until
from tests.runtime.troubles import Outage, Trouble, some_seconds
from tests.runtime.virtual import run

ANN = {"actor": "ann", "reason": "look into it"}
FIRST = command_id(SELF, "job.told", A, "b1", 1)
TELLS_B = Step(name="a1", tells=("b:b1",))


def endings(process: Process) -> list[Ending | None]:
    """How the attempts at the first command ended."""
    return [attempt.ending for attempt in process.outbox.log(FIRST)]


def test_what_a_job_asks_of_another_is_an_event_there_and_its_durability_the_answer() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, TELLS_B)
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert town.steps(B) == ("b1",)
        [told] = [row.message for row in town.store.tables.inbox.values() if row.key == B]
        assert (told.source, told.id, told.type) == (SOURCE, str(FIRST), "job.told.v1")
        envelope = TOYS.decode_stored(told.body)
        assert (envelope.subject, envelope.causation_id) == ("b", "job/a/b1/1")
        assert (town.store.tables.outbox, town.vendor.requests) == ({}, [])
        assert endings(process) == [Ending.CONFIRMED]
        await town.close()

    run(story())


def test_a_job_may_ask_itself() -> None:
    async def story() -> None:
        town = Town()
        town.process().deliver(A, Step(name="a1", tells=("a:a2",)), "a3")
        await until(lambda: set(town.steps(A)) == {"a1", "a2", "a3", "+a2"})
        await town.close()

    run(story())


def test_a_job_that_asks_itself_and_then_stands_is_answered_all_the_same() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", tells=("a:a2",)), Step(name="a3", does="park"))
        await until(lambda: town.state_of(A) is LaneState.PARKED)
        town.process()
        await until(lambda: town.steps(A) == ("a1", "+a2"))
        assert [verdict for _, verdict in town.lane(A)] == [Verdict.PARKED, Verdict.QUEUED]
        await town.close()

    run(story())


def test_two_jobs_may_ask_each_other_at_once() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, Step(name="a1", tells=("b:b2>a:a3",)))
        process.deliver(B, Step(name="b1", tells=("a:a2>b:b3",)))
        await until(lambda: set(town.events(A)) == {"a1", "a2", "a3"} and set(town.events(B)) == {"b1", "b2", "b3"})
        await until(lambda: not town.store.tables.outbox)
        await town.close()

    run(story())


@pytest.mark.parametrize("moment", range(12))
def test_whoever_dies_between_the_delivery_and_its_record_leaves_one_effect(moment: int) -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.01)
        process = town.process()
        process.deliver(A, TELLS_B)
        # Given a process that ends some hundredths of a second after it has committed the command
        await until(lambda: bool(town.events(A)), step=0.001)
        await asyncio.sleep(0.005 * moment)
        await process.kill()
        # Then another one asks again, for as long as no answer is committed
        town.process()
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert town.steps(B) == ("b1",)
        town.check_history()
        town.processes.remove(process)
        await town.close()

    run(story())


def test_what_was_delivered_by_one_who_fell_silent_is_found_in_the_inbox() -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.01)
        process = town.process()
        process.deliver(A, TELLS_B)
        await until(lambda: bool(process.outbox.log(FIRST)), step=0.001)
        # Given a delivery whose end cannot be recorded
        process.outbox.outage = Outage()
        process.outbox.outage.is_away = True
        await until(lambda: town.steps(B) == ("b1",), step=0.001)
        assert endings(process) == [None]
        await process.kill()
        # When it is delivered again by another
        other = town.process()
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        # Then it is known
        assert (town.steps(B), endings(other)) == (("b1",), [None, Ending.CONFIRMED])
        assert other.witness.told["repeated"] == 1
        town.processes.remove(process)
        await town.close()

    run(story())


def test_a_command_that_two_processes_send_at_once_has_one_effect() -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.01)
        one, other = town.process(sends=False), town.process(sends=False)
        one.deliver(A, TELLS_B)
        await until(lambda: bool(town.store.tables.outbox))
        [standing] = town.store.tables.outbox.values()
        await asyncio.gather(one.itself.send(standing.command), other.itself.send(standing.command))
        assert (town.steps(B), town.cases()) == (("b1",), [])
        await town.close()

    run(story())


def test_a_job_that_stands_is_told_in_its_lane_and_the_one_that_asks_goes_on() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(B, Step(name="b0", does="park"))
        await until(lambda: town.state_of(B) is LaneState.PARKED)
        process.deliver(A, TELLS_B)
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert [verdict for _, verdict in town.lane(B)] == [Verdict.PARKED, Verdict.QUEUED]
        acts = town.store.clients().acts
        head = town.store.tables.lane(B)[0].message.ref
        await acts.discard(B, head=head, **ANN)
        await until(lambda: town.steps(B) == ("b1",))
        await town.close()

    run(story())


def test_a_job_that_is_paused_is_told_in_its_lane() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        pauses = town.store.clients().pauses
        pause = await pauses.begin(Scope("job", "b"), **ANN)
        await asyncio.sleep(1.5)
        process.deliver(A, TELLS_B)
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert (town.steps(B), town.state_of(B)) == ((), LaneState.PAUSED)
        await pauses.end(pause.id, **ANN)
        await until(lambda: town.steps(B) == ("b1",))
        await town.close()

    run(story())


@pytest.mark.parametrize("scope", [Scope(), Scope("job"), Scope("job", "a")])
def test_nothing_is_asked_while_the_one_that_asks_is_paused(scope: Scope) -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        pauses = town.store.clients().pauses
        process.deliver(A, TELLS_B)
        await until(lambda: bool(town.store.tables.outbox))
        pause = await pauses.begin(scope, **ANN)
        town.process()
        await asyncio.sleep(30)
        assert (town.steps(B), town.store.tables.attempts) == ((), {})
        await pauses.end(pause.id, **ANN)
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        await town.close()

    run(story())


@pytest.mark.parametrize("was_delivered", [False, True])
def test_a_restore_holds_it_and_then_it_is_sent_without_asking(*, was_delivered: bool) -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, TELLS_B)
        await until(lambda: bool(town.store.tables.outbox))
        if was_delivered:
            [standing] = town.store.tables.outbox.values()
            await process.itself.send(standing.command)
        restores = town.store.clients().restores
        await restores.declare(since=None, found=Found.DECLARED, actor="ann", reason="the base of Friday")
        other = town.process()
        await asyncio.sleep(30)
        assert endings(other) == []
        await restores.release(**ANN)
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert (town.steps(B), endings(other)) == (("b1",), [Ending.CONFIRMED])
        await town.close()

    run(story())


def test_a_store_that_is_away_meanwhile_is_waited_for() -> None:
    async def story() -> None:
        town = Town(seconds=lambda _chance: lambda: 0.01)
        process = town.process()
        process.deliver(A, TELLS_B)
        await until(lambda: bool(process.outbox.log(FIRST)), step=0.001)
        town.outage.is_away = True
        await asyncio.sleep(60)
        assert town.steps(B) == ()
        town.outage.is_away = False
        await until(lambda: town.steps(A) == ("a1", "+b1"))
        assert (town.steps(B), town.cases()) == (("b1",), [])
        await town.close()

    run(story())


@pytest.mark.parametrize("seed", range(20))
def test_whatever_befalls_them_each_is_told_once_and_by_each_in_order(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        town = Town(seconds=lambda chance: some_seconds(chance, 0.05))
        living = [town.process() for _ in range(2)]
        keys = [A, B, C, ActorKey("job", "d")]
        wanted: dict[ActorKey, list[str]] = {key: [] for key in keys}
        for n in range(12):
            asks, told, last = (chance.choice(keys) for _ in range(3))
            step = Step(name=f"{n}", tells=(f"{told.id}:{n}-{asks.id}>{last.id}:{n}-back",))
            wanted[asks].append(f"{n}")
            wanted[told].append(f"{n}-{asks.id}")
            wanted[last].append(f"{n}-back")
            slips = living[-1].deliver(asks, step)
            for connection in (each for process in living for each in process.connections):
                connection.troubles.append(chance.choice([Trouble.NONE, Trouble.NONE, *Trouble]))
            await until(lambda slips=slips: all(slip.acks for slip in slips))  # type: ignore[misc]
            if chance.random() < 0.3:
                dead = living.pop(chance.randrange(len(living)))
                await dead.kill()
                town.processes.remove(dead)
                living.append(town.process())
        await until(lambda: all(sorted(town.events(key)) == sorted(wanted[key]) for key in keys))
        await until(lambda: not town.store.tables.outbox)
        for key in keys:
            for other in keys:
                numbers = [int(each.partition("-")[0]) for each in town.events(key) if each.endswith(f"-{other.id}")]
                assert numbers == sorted(numbers), "one asks one thing after the other"
        town.check_history()
        await town.close()

    run(story())

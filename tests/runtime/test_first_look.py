"""Killers in a lane, in virtual time: processes die of them until they are set aside, and nothing else is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from structlog.testing import capture_logs

from actors.decision import Accept, Actor, Context, Decision, Event
from actors.registry import ACTORS
from adapters.memory.looks import MemoryLooks
from adapters.ports.turns import StoreUnavailable
from gateway.life import PARTING_SECONDS, PROVEN_SECONDS
from gateway.looking import TELL_SECONDS
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.runtime.firm import Firm, Gateway
from tests.runtime.test_firm import new_customer, won
from tests.runtime.test_suspects import Death, verdicts
from tests.runtime.town import until
from tests.runtime.virtual import run

KILLER = ActorKey("engagement", "K")
MOST_LIVES = 30
INNOCENTS = [f"P{n:02}" for n in range(30)]


@dataclass
class Doom:
    """What dies of deals that get on, each time; or once for each of `once`, as processes die that are killed."""

    keys: set[ActorKey] = field(default_factory=lambda: {KILLER})
    once: int = 0
    deaths: list[ActorKey] = field(default_factory=list)

    def actors(self) -> Mapping[str, Actor]:
        return {**ACTORS, "engagement": replace(ACTORS["engagement"], decide=self._decide)}

    def _decide(self, state: object, event: Event, context: Context) -> Decision:
        decision = ACTORS["engagement"].decide(state, event, context)
        if isinstance(decision, Accept) and (context.key in self.keys or self._is_struck(context.key)):
            self.deaths.append(context.key)
            raise Death
        return decision

    def _is_struck(self, key: ActorKey) -> bool:
        return len(self.deaths) < self.once and key not in self.deaths


class SilentLooks(MemoryLooks):
    """Looks whose store gives no answer any more once the lock was had."""

    async def take(self, survived: Sequence[UUID]) -> dict[UUID, int] | None:
        if self._tables.looker is self:
            await asyncio.Event().wait()
        return await super().take(survived)


class AwayLooks(MemoryLooks):
    """Looks whose store is away at first."""

    tries = 0

    async def begin(self, life: UUID) -> list[UUID]:
        self.tries += 1
        if self.tries < 5:
            raise StoreUnavailable("nobody answers")
        return await super().begin(life)


async def lives(firm: Firm) -> None:
    """One process after the other: the next starts when the former has died, be it in its start."""
    for _ in range(MOST_LIVES):
        try:
            await firm.start()
            await firm.gateways[-1].runtime.ended()
        except Death:
            pass
        await firm.gateways.pop().kill()


async def lives_apart(firm: Firm, place: int) -> None:
    """The same at one of several places, with a second between two lives."""
    for life in range(MOST_LIVES):
        gateway = Gateway(firm, place * 1000 + life)
        try:
            await gateway.runtime.start()
            await gateway.runtime.ended()
        except Death:
            pass
        await gateway.kill()
        await asyncio.sleep(1)


async def children_of_one_customer(doom: Doom) -> Firm:
    """A firm in which all deals wait for their customer."""
    firm = Firm(actors=doom.actors())
    await firm.open(gateways=0)
    for id in [*INNOCENTS[:15], KILLER.id, *INNOCENTS[15:]]:
        await firm.publish(won(id, "C1"))
    return firm


def waiting(firm: Firm) -> int:
    return verdicts(firm).get(Verdict.WAITING, 0)


def are_innocents_done(firm: Firm) -> bool:
    rows = [firm.store.tables.row(ActorKey("engagement", id)) for id in INNOCENTS]
    return all(row.entity_version > 0 and not row.lane.depth for row in rows)


async def deaths_of(doom: Doom, *, proven: bool = False) -> Firm:
    """Let the parent come, and all children go on; the firm once everything is done."""
    firm = await children_of_one_customer(doom)
    living = asyncio.create_task(lives(firm))
    await until(lambda: waiting(firm) == len(INNOCENTS) + 1)
    if proven:
        await asyncio.sleep(PROVEN_SECONDS + 1)
        assert firm.store.tables.lives == {}
    await firm.publish(new_customer("C1"))
    await until(lambda: are_innocents_done(firm) and not waiting(firm) and firm.depth() == 0)
    await until(lambda: not firm.store.tables.lane(KILLER) or firm.cases() != [])
    await until(lambda: firm.store.tables.lane_suspects == {} and firm.store.tables.looker is None)
    firm.check_alive()
    living.cancel()
    return firm


async def children_that_may_go_on() -> Firm:
    """A firm whose only process died before it looked at lanes that may run."""
    firm = await children_of_one_customer(Doom(keys=set()))
    living = asyncio.create_task(lives(firm))
    await until(lambda: waiting(firm) == len(INNOCENTS) + 1)
    firm.gateways[0].runtime._tasks["lanes"].cancel()
    await firm.publish(new_customer("C1"))
    await until(lambda: bool(firm.store.tables.wakes))
    living.cancel()
    await firm.gateways.pop().kill()
    lanes = firm.store.clients().lanes
    while await lanes.wake(page=100):
        pass
    return firm


async def record_a_death(firm: Firm, ids: Sequence[str], *, alone: bool) -> None:
    """Leave messages of these projects behind as a process does that ends while it decides them."""
    looks = firm.store.clients().looks
    refs = [row.message.ref for id in ids for row in firm.store.tables.lane(ActorKey("engagement", id))]
    await looks.take([])
    await looks.record(refs, alone=alone, survived=[])
    await looks.close()


def blocked_at(firm: Firm, id: str) -> Mapping[str, Actor]:
    """Actors with an engagement whose commit waits for minutes, as for a row that somebody has locked."""

    def decide(state: object, event: Event, context: Context) -> Decision:
        if context.key.id == id:
            firm.gateways[-1].connections[0]._seconds = lambda: 600.0
        return ACTORS["engagement"].decide(state, event, context)

    return {**ACTORS, "engagement": replace(ACTORS["engagement"], decide=decide)}


def is_blocked(firm: Firm) -> bool:
    return bool(firm.gateways) and bool(firm.gateways[-1].connections[0]._running)


def check_that_the_killer_alone_is_parked(firm: Firm) -> None:
    tables = firm.store.tables
    assert tables.row(KILLER).lane.state is LaneState.PARKED
    assert firm.cases() == ["kills_process"]
    assert verdicts(firm)[Verdict.PARKED] == 1


def test_a_child_that_kills_once_its_parent_is_there_is_parked_and_its_siblings_go_on() -> None:
    async def story() -> None:
        doom = Doom()
        firm = await deaths_of(doom)
        assert len(doom.deaths) == 4, "once unknown, once in a group, twice alone"
        check_that_the_killer_alone_is_parked(firm)

    run(story())


def test_a_process_that_has_lived_for_long_costs_one_more_death() -> None:
    async def story() -> None:
        doom = Doom()
        firm = await deaths_of(doom, proven=True)
        assert len(doom.deaths) == 5
        check_that_the_killer_alone_is_parked(firm)

    run(story())


def test_each_stand_by_that_scans_the_lane_costs_one_more_death() -> None:
    async def story() -> None:
        # Given an active process and a stand-by, each of which is started again a second after its death
        doom = Doom()
        firm = await children_of_one_customer(doom)
        living = [asyncio.create_task(lives_apart(firm, place)) for place in range(2)]
        await until(lambda: waiting(firm) == len(INNOCENTS) + 1)
        # When the parent comes
        await firm.publish(new_customer("C1"))
        await until(lambda: are_innocents_done(firm) and not waiting(firm) and firm.depth() == 0)
        await until(lambda: firm.cases() != [])
        # Then both have died of the lane, and after that one look was enough for both
        assert len(doom.deaths) == 5
        check_that_the_killer_alone_is_parked(firm)
        for each in living:
            each.cancel()

    run(story())


def test_processes_that_are_killed_again_and_again_park_nobody() -> None:
    async def story() -> None:
        doom = Doom(keys=set(), once=20)
        firm = await deaths_of(doom)
        assert len(doom.deaths) == 20
        assert firm.cases() == []
        assert verdicts(firm).keys() == {Verdict.APPLIED}

    run(story())


def test_a_database_that_goes_away_in_the_look_is_nobody_s_death() -> None:
    async def story() -> None:
        # Given children that may go on, and that were alone once when a process ended
        losses = 0

        def decide(state: object, event: Event, context: Context) -> Decision:
            nonlocal losses
            decision = ACTORS["engagement"].decide(state, event, context)
            if isinstance(decision, Accept) and losses < MOST_LIVES:
                losses += 1
                firm.outage.is_away = True
                asyncio.get_running_loop().call_later(1, come_back)
            return decision

        def come_back() -> None:
            firm.outage.is_away = False

        firm = await children_that_may_go_on()
        firm.actors = {**ACTORS, "engagement": replace(ACTORS["engagement"], decide=decide)}
        await record_a_death(firm, INNOCENTS, alone=True)
        # When the next process decides them alone, and loses the database each time
        living = asyncio.create_task(lives(firm))
        await until(lambda: are_innocents_done(firm) and firm.depth() == 0)
        # Then nobody is parked
        assert losses == MOST_LIVES
        assert firm.cases() == []
        await until(lambda: firm.store.tables.lane_suspects == {})
        living.cancel()

    run(story())


def test_an_end_in_order_leaves_no_doubt() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        [gateway] = firm.gateways
        assert len(firm.store.tables.lives) == 1
        assert await gateway.runtime.drain(10)
        assert firm.store.tables.lives == {}

    run(story())


def test_ends_in_order_at_a_blocked_row_are_nobody_s_deaths() -> None:
    async def story() -> None:
        # Given a child that must run alone, and whose row is locked
        firm = await children_that_may_go_on()
        await record_a_death(firm, ["P00"], alone=False)
        doubts = set(firm.store.tables.lives)
        firm.actors = blocked_at(firm, "P00")
        # When one start after the other is told to end while it waits there
        for _ in range(3):
            starting = asyncio.create_task(firm.start())
            await until(lambda: is_blocked(firm) and bool(firm.store.tables.lane_suspects), 10)
            await asyncio.sleep(1)
            assert firm.store.tables.lane_suspects
            starting.cancel()
            await asyncio.wait([starting])
            assert starting.cancelled()
            gateway = firm.gateways.pop()
            assert await gateway.runtime.drain(10)
            # Then it leaves neither a suspect, nor a lock, nor a doubt of its own
            assert firm.store.tables.lane_suspects == {}
            assert firm.store.tables.looker is None
            assert set(firm.store.tables.lives) == doubts
        # Then the next one, whose way is free, parks nobody
        firm.actors = ACTORS
        await firm.start()
        await until(lambda: are_innocents_done(firm) and firm.depth() == 0)
        assert firm.cases() == []
        assert Verdict.PARKED not in verdicts(firm)

    run(story())


def test_an_end_in_order_does_not_wait_long_for_a_store_that_is_silent() -> None:
    async def story() -> None:
        firm = await children_that_may_go_on()
        await record_a_death(firm, ["P00"], alone=False)
        firm.actors, firm.looks = blocked_at(firm, "P00"), SilentLooks
        starting = asyncio.create_task(firm.start())
        await until(lambda: is_blocked(firm) and bool(firm.store.tables.lane_suspects), 10)
        await asyncio.sleep(1)
        with capture_logs() as logs:
            starting.cancel()
            await asyncio.wait([starting], timeout=PARTING_SECONDS + 0.1)
            assert starting.cancelled()
        assert [line["event"] for line in logs] == ["first_look_left"]
        await firm.gateways.pop().kill()

    run(story())


def test_a_start_says_that_it_waits_for_the_store_to_begin() -> None:
    async def story() -> None:
        firm = Firm(looks=AwayLooks)
        with capture_logs() as logs:
            await firm.open(gateways=1)
        [told] = [line for line in logs if line["event"] == "waiting_for"]
        assert told["what"] == "postgresql"
        assert told["reason"].startswith("nobody answers")

    run(story())


def test_a_look_tells_how_far_it_is() -> None:
    async def story() -> None:
        firm = await children_that_may_go_on()
        await record_a_death(firm, ["P29"], alone=False)
        firm.actors = blocked_at(firm, "P29")
        with capture_logs() as logs:
            starting = asyncio.create_task(firm.start())
            await until(lambda: is_blocked(firm) and firm.store.tables.lane_suspects != {})
            await asyncio.sleep(4 * TELL_SECONDS)
            health = firm.gateways[-1].runtime.health
            assert health.started.detail.startswith("looking at lanes of before, ")
            assert [c.detail for c in health.checks if c.name == "consumers"] == [health.started.detail]
            told = [line for line in logs if line["event"] == "first_look_progress"]
            assert 4 <= len(told) <= 5
            assert all(0 <= line["lanes"] < len(INNOCENTS) + 1 for line in told)
            starting.cancel()
            await asyncio.wait([starting])
            await firm.gateways.pop().kill()
            assert "first_look_done" not in {line["event"] for line in logs}
            firm.actors = ACTORS
            logs.clear()
            gateway = await firm.start()
        [done] = [line for line in logs if line["event"] == "first_look_done"]
        assert done["lanes"] > 0
        assert gateway.runtime.health.started.ok
        assert not gateway.runtime.health.started.detail.startswith("looking")

    run(story())


def test_a_start_waits_for_the_look_of_another_but_not_for_ever() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        await firm.gateways.pop().kill()
        frozen = firm.store.clients().looks
        assert await frozen.take([]) == {}
        with capture_logs() as logs:
            starting = asyncio.create_task(firm.start())
            await asyncio.sleep(20)
            assert not starting.done()
            assert firm.gateways[0].runtime.health.started.detail.startswith("waiting for another process")
            await asyncio.sleep(20)
            assert starting.done()
        told = [line["event"] for line in logs if line["event"].startswith("first_look")]
        assert told == ["first_look", "first_look_waits", "first_look_skipped"]
        assert len(firm.store.tables.lives) == 2, "the doubt is not ours to end"
        await firm.publish(new_customer("C1"))
        await until(lambda: verdicts(firm) == {Verdict.APPLIED: 1})

    run(story())

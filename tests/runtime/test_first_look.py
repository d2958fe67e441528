"""Killers in a lane, in virtual time: processes die of them until they are set aside, and nothing else is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from actors.decision import Accept, Actor, Context, Decision, Event
from actors.registry import ACTORS
from gateway.life import PROVEN_SECONDS
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.runtime.firm import Firm
from tests.runtime.test_firm import new_customer, won
from tests.runtime.test_suspects import Death, verdicts
from tests.runtime.town import until
from tests.runtime.virtual import run

KILLER = ActorKey("project", "K")
MOST_LIVES = 30
INNOCENTS = [f"P{n:02}" for n in range(30)]


@dataclass
class Doom:
    """What dies of projects that get on, each time; or once for each of `once`, as processes die that are killed."""

    keys: set[ActorKey] = field(default_factory=lambda: {KILLER})
    once: int = 0
    deaths: list[ActorKey] = field(default_factory=list)

    def actors(self) -> Mapping[str, Actor]:
        return {**ACTORS, "project": replace(ACTORS["project"], decide=self._decide)}

    def _decide(self, state: object, event: Event, context: Context) -> Decision:
        decision = ACTORS["project"].decide(state, event, context)
        if isinstance(decision, Accept) and (context.key in self.keys or self._is_struck(context.key)):
            self.deaths.append(context.key)
            raise Death
        return decision

    def _is_struck(self, key: ActorKey) -> bool:
        return len(self.deaths) < self.once and key not in self.deaths


async def lives(firm: Firm) -> None:
    """One process after the other: the next starts when the former has died, be it in its start."""
    for _ in range(MOST_LIVES):
        try:
            await firm.start()
            await firm.gateways[-1].runtime.ended()
        except Death:
            pass
        await firm.gateways.pop().kill()


async def children_of_one_customer(doom: Doom) -> Firm:
    """A firm in which all projects wait for their customer."""
    firm = Firm(actors=doom.actors())
    await firm.open(gateways=0)
    for id in [*INNOCENTS[:15], KILLER.id, *INNOCENTS[15:]]:
        await firm.publish(won(id, "C1"))
    return firm


def waiting(firm: Firm) -> int:
    return verdicts(firm).get(Verdict.WAITING, 0)


def are_innocents_done(firm: Firm) -> bool:
    rows = [firm.store.tables.row(ActorKey("project", id)) for id in INNOCENTS]
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
            decision = ACTORS["project"].decide(state, event, context)
            if isinstance(decision, Accept) and losses < MOST_LIVES:
                losses += 1
                firm.outage.is_away = True
                asyncio.get_running_loop().call_later(1, come_back)
            return decision

        def come_back() -> None:
            firm.outage.is_away = False

        firm = await children_of_one_customer(Doom(keys=set()))
        living = asyncio.create_task(lives(firm))
        await until(lambda: waiting(firm) == len(INNOCENTS) + 1)
        firm.actors = {**ACTORS, "project": replace(ACTORS["project"], decide=decide)}
        firm.gateways[0].runtime._tasks["lanes"].cancel()
        await firm.publish(new_customer("C1"))
        await until(lambda: bool(firm.store.tables.wakes))
        living.cancel()
        await firm.gateways.pop().kill()
        clients = firm.store.clients()
        while await clients.lanes.wake(page=100):
            pass
        refs = [row.message.ref for id in INNOCENTS for row in firm.store.tables.lane(ActorKey("project", id))]
        await clients.looks.take([])
        await clients.looks.record(refs, alone=True, survived=[])
        await clients.looks.close()
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


def test_a_start_waits_for_the_look_of_another_but_not_for_ever() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        await firm.gateways.pop().kill()
        frozen = firm.store.clients().looks
        assert await frozen.take([]) == {}
        starting = asyncio.create_task(firm.start())
        await asyncio.sleep(20)
        assert not starting.done()
        await asyncio.sleep(20)
        assert starting.done()
        assert len(firm.store.tables.lives) == 2, "the doubt is not ours to end"
        await firm.publish(new_customer("C1"))
        await until(lambda: verdicts(firm) == {Verdict.APPLIED: 1})

    run(story())

"""Killer messages in virtual time: processes that die of one message, until it is set aside and all others are done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from actors.decision import Actor, Context, Decision, Event
from actors.registry import ACTORS
from adapters.ports.broker import Delivery, Outgoing
from adapters.ports.store import LaneKills
from gateway.activation import Entry
from gateway.door import Door
from gateway.suspicion import SUSPECT_FROM
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.runtime.firm import Firm
from tests.runtime.test_firm import new_customer
from tests.runtime.town import until
from tests.runtime.virtual import run

KILLER = ActorKey("customer", "K")
OTHERS = [f"C{n}" for n in range(40)]


class Death(BaseException):
    """What ends a process in the midst of its work."""


@dataclass
class Doom:
    """What dies of the marked customer; `deaths` counts."""

    deaths: int = 0
    is_mended: bool = False

    def strike(self) -> None:
        if not self.is_mended:
            self.deaths += 1
            raise Death

    def actors(self) -> Mapping[str, Actor]:
        return {**ACTORS, "customer": replace(ACTORS["customer"], decide=self._decide)}

    def _decide(self, state: object, event: Event, context: Context) -> Decision:
        if context.key == KILLER:
            self.strike()
        return ACTORS["customer"].decide(state, event, context)


class DeadlyDoor(Door):
    """A door that dies of the marked customer as soon as it looks at it."""

    def __init__(self, door: Door, doom: Doom) -> None:
        super().__init__(door._sources, door._refs)
        self._doom = doom

    def admit(self, delivery: Delivery) -> tuple[ActorKey, Entry]:
        if b'"K"' in delivery.body:
            self._doom.strike()
        return super().admit(delivery)


async def lives(firm: Firm, doom: Doom, *, at_the_door: bool = False) -> None:
    """One process after the other: the next starts when the former has died."""
    while True:
        gateway = await firm.start()
        if at_the_door:
            gateway.runtime._consumer._door = DeadlyDoor(gateway.runtime._consumer._door, doom)
        await gateway.runtime.ended()
        firm.gateways.remove(gateway)
        await gateway.kill()


def load() -> list[Outgoing]:
    """The killer among others."""
    events = [new_customer(id) for id in OTHERS]
    return [*events[:20], new_customer("K"), *events[20:]]


def verdicts(firm: Firm) -> dict[Verdict, int]:
    """Of what was published: what actors tell each other counts for itself."""
    rows = [row for row in firm.store.tables.inbox.values() if not row.message.source.startswith("tallystick:")]
    return {verdict: sum(row.verdict is verdict for row in rows) for verdict in {row.verdict for row in rows}}


def test_a_message_that_kills_in_its_decision_is_parked_and_the_others_are_applied() -> None:
    async def story() -> None:
        doom = Doom()
        firm = Firm(actors=doom.actors())
        await firm.open(gateways=0)
        for each in load():
            await firm.publish(each)
        living = asyncio.create_task(lives(firm, doom))
        await until(lambda: firm.depth() == 0)
        tables = firm.store.tables
        assert doom.deaths == SUSPECT_FROM + 2
        assert verdicts(firm) == {Verdict.APPLIED: len(OTHERS), Verdict.PARKED: 1}
        assert tables.row(KILLER).lane.state is LaneState.PARKED
        assert firm.cases() == ["kills_process"]
        await until(lambda: not tables.suspects)
        # when: what comes later for this key waits behind it, and an operator retries with a release that can take it
        later = replace(new_customer("K"), body=new_customer("K").body.replace(b"customer-K", b"customer-L"))
        await firm.publish(later)
        await until(lambda: tables.row(KILLER).lane.depth == 2)
        doom.is_mended = True
        acts = firm.store.clients().acts
        with pytest.raises(LaneKills, match="ended the process"):
            await acts.retry(KILLER, actor="ann", reason="perhaps")
        assert tables.row(KILLER).lane.state is LaneState.PARKED
        await acts.retry(KILLER, actor="ann", reason="release installed", force=True)
        await until(lambda: verdicts(firm).get(Verdict.PARKED, 0) == 0 and tables.row(KILLER).lane.depth == 0)
        told = [tables.inbox[line.ref].message.id for line in tables.timeline if line.key == KILLER and line.ref]
        assert told[-2:] == ["customer-K", "customer-L"]
        assert doom.deaths == SUSPECT_FROM + 2
        firm.check_alive()
        living.cancel()

    run(story())


def test_a_message_that_kills_at_the_door_becomes_a_dead_letter_unread() -> None:
    async def story() -> None:
        doom = Doom()
        firm = Firm()
        await firm.open(gateways=0)
        events = load()
        for each in events:
            await firm.publish(each)
        living = asyncio.create_task(lives(firm, doom, at_the_door=True))
        await until(lambda: firm.depth() == 0)
        assert doom.deaths == SUSPECT_FROM + 3
        [row] = firm.store.tables.dead_letters.values()
        assert (row.letter.code, row.letter.body) == ("kills_process", events[20].body)
        assert verdicts(firm) == {Verdict.APPLIED: len(OTHERS)}
        await until(lambda: not firm.store.tables.suspects)
        # when: it is retried with a release that can take it
        doom.is_mended = True
        retried = await firm.gateways[0].runtime.readmission.retry(row.letter.digest, actor="ann", reason="mended")
        assert retried.outcome == "admitted"
        assert verdicts(firm) == {Verdict.APPLIED: len(OTHERS) + 1}
        firm.check_alive()
        living.cancel()

    run(story())


def test_a_broker_that_is_lost_again_and_again_makes_nobody_a_killer() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        for id in OTHERS:
            await firm.publish(new_customer(id))
            firm.broker.cut()
            await asyncio.sleep(0.12)
        await until(lambda: firm.depth() == 0)
        await until(lambda: verdicts(firm) == {Verdict.APPLIED: len(OTHERS)})
        assert firm.cases() == []
        assert firm.store.tables.dead_letters == {}
        firm.check_alive()

    run(story())

"""The runtime as it ships, in virtual time: a firm's day amid kills and outages, and what the books say afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from random import Random

import pytest

from adapters.ports.broker import Outgoing
from gateway.self_system import SOURCE
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCreate, ProjectLink, ProjectPut
from schemas.values import Reference
from schemas.verdicts import Verdict
from tests.actors.firm import approved, customer, deal, line, part
from tests.runtime.firm import CRM, PSA, Firm, event
from tests.runtime.town import until
from tests.runtime.troubles import Trouble
from tests.runtime.vendor import Mood
from tests.runtime.virtual import run

CUSTOMERS = [f"C{n}" for n in range(3)]
PROJECTS = [f"P{n}" for n in range(5)]
SHEETS = [f"S{n}" for n in range(12)]
HOURS = ("7.50", "4.25")
AMOUNTS = (Decimal("941.25"), Decimal("533.38"))
"""Of a line in the first and in the second revision, at 125.50 an hour, each line rounded half up."""


def day(chance: Random) -> Iterator[Outgoing]:
    """Events in the order of their sources, which is no order across them; some come twice."""
    sent: list[Outgoing] = []
    crm = [new_customer(id) for id in CUSTOMERS] + [won(id, chance.choice(CUSTOMERS)) for id in PROJECTS]
    chance.shuffle(crm)
    psa = [event for id in SHEETS for event in revisions(id)]
    while crm or psa:
        sent.append((crm if crm and (not psa or chance.random() < 0.3) else psa).pop(0))
        yield sent[-1]
        if chance.random() < 0.2:
            yield chance.choice(sent)


def revisions(id: str) -> list[Outgoing]:
    """A sheet and, of every second, the next revision; its project is named by our id or by the PSA's."""
    number = int(id[1:])
    project = PROJECTS[number % len(PROJECTS)]
    reference = Reference(id=project) if number % 3 else Reference(system="psa", external_id=f"psa-{project}")
    return [sheet(id, reference, n + 1, HOURS[n]) for n in range(1 + number % 2)]


def new_customer(id: str) -> Outgoing:
    """What the CRM publishes of a customer."""
    return event(CRM, f"customer-{id}", ActorKey("customer", id), customer(name=id))


def won(id: str, customer_id: str) -> Outgoing:
    """What the CRM publishes of a won deal."""
    data = deal(part(consultant="125.50", contract=f"SOW-{id}")).model_copy(
        update={"customer": Reference(id=customer_id), "opportunity_id": id}
    )
    return event(CRM, f"won-{id}", ActorKey("engagement", id), data)


def sheet(id: str, project: Reference, revision: int, hours: str) -> Outgoing:
    """What the PSA publishes of an approved sheet with two lines."""
    data = approved(line("L1", hours), line("L2", hours), revision=revision, project=project)
    return event(PSA, f"{id}-r{revision}", ActorKey("timesheet", id), data)


def money() -> Decimal:
    """What the ERP should have in the end: of each sheet two lines of its last revision."""
    return sum((2 * AMOUNTS[int(id[1:]) % 2] for id in SHEETS), Decimal(0))


def check_books(firm: Firm) -> None:
    """Every effect once, and the money to the cent."""
    kinds = [type(body) for books in firm.books.values() for body in books.entries.values()]
    wanted = (CustomerPut, ProjectCreate, ProjectPut, ContractPut, ProjectLink)
    assert [kinds.count(kind) for kind in wanted] == [3, 5, 5, 5, 5]
    assert all(books.repeated == [] for books in firm.books.values())
    assert firm.books["erp"].money() == money()


def is_done(firm: Firm) -> bool:
    """Whether nothing is left to do."""
    tables = firm.store.tables
    return not (firm.depth() or tables.outbox or any(tables.lanes.values())) and len(tables.entities) > len(SHEETS)


async def misfortune(firm: Firm, chance: Random) -> None:
    """Something goes wrong every now and then, until this is cancelled."""
    while True:
        await asyncio.sleep(chance.expovariate(4))
        gateway = chance.choice(firm.gateways)
        match chance.choice(["kill", "cut", "stop", "away", "commit", "commit", "moods"]):
            case "kill":
                firm.gateways.remove(gateway)
                await gateway.kill()
                await firm.start()
            case "cut":
                firm.broker.cut()
            case "stop":
                firm.broker.stop()
                await asyncio.sleep(chance.uniform(0, 1))
                firm.broker.start()
            case "away":
                firm.outage.is_away = True
                await asyncio.sleep(chance.uniform(0, 2))
                firm.outage.is_away = False
            case "commit":
                chance.choice(gateway.connections).troubles.append(chance.choice([*Trouble]))
            case _:
                moods = [Mood.BUSY, Mood.TIMES_OUT, Mood.APPLIES_THEN_TIMES_OUT]
                chance.choice([*firm.books.values()]).moods.extend(chance.choices(moods, k=2))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_the_books_are_right_in_the_end(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        firm = Firm(seed)
        await firm.open(gateways=2)
        going_wrong = asyncio.create_task(misfortune(firm, chance))
        for news in day(chance):
            await firm.publish(news)
            await asyncio.sleep(chance.uniform(0, 0.1))
        going_wrong.cancel()
        await asyncio.gather(going_wrong, return_exceptions=True)
        firm.outage.is_away = False
        firm.broker.start()
        await until(lambda: is_done(firm))
        check_books(firm)
        assert firm.cases() == []
        published = (row for row in firm.store.tables.inbox.values() if row.message.source != SOURCE)
        assert {row.verdict for row in published} == {Verdict.APPLIED}
        firm.check_alive()
        for gateway in firm.gateways:
            assert await gateway.runtime.drain(30)

    run(story())


def test_a_system_that_is_dead_delays_no_other_and_drains_when_it_is_back() -> None:
    async def story() -> None:
        # Given a CRM that is dead for a minute
        firm = Firm()
        await firm.open(gateways=2)
        loop, erp, psa, crm = asyncio.get_running_loop(), *(firm.books[name] for name in ("erp", "psa", "crm"))
        crm.otherwise = lambda: Mood.WELL if loop.time() >= 60 else Mood.TIMES_OUT
        for id in CUSTOMERS:
            await firm.publish(new_customer(id))
        # When deals are won and sheets approved, then ERP and PSA are told as fast as ever
        for number, id in enumerate(PROJECTS, 1):
            await firm.publish(won(id, CUSTOMERS[0]))
            await until(lambda count=number: len(psa.entries) == count, 2)  # type: ignore[misc]  # bound for the loop
        for id in SHEETS:
            before = len(erp.entries)
            for news in revisions(id):
                await firm.publish(news)
            await until(lambda count=before + 2: len(erp.entries) >= count, 2)  # type: ignore[misc]  # as above
        assert loop.time() < 60
        # And nobody keeps knocking at the CRM's door; once it is back, everything drains and nobody was asked
        await until(lambda: loop.time() >= 60)
        assert crm.asked <= 5 + len(PROJECTS) + 2, "what opened the breaker, what was in flight, and the trials"
        await until(lambda: is_done(firm), 60)
        check_books(firm)
        assert firm.cases() == []
        firm.check_alive()
        for gateway in firm.gateways:
            assert await gateway.runtime.drain(30)

    run(story())


def test_to_drain_is_to_finish_what_was_begun_and_to_leave_the_rest() -> None:
    async def story() -> None:
        # Given a day in full swing
        firm = Firm()
        await firm.open(gateways=1)
        events = list(day(Random(1)))
        for news in events[: len(events) // 2]:
            await firm.publish(news)
        await asyncio.sleep(0.2)
        # When the process is asked to leave
        (gateway,) = firm.gateways
        assert await gateway.runtime.drain(30)
        # Then nothing is leased any more, and another process goes on from there
        assert firm.store.tables.leases == {}
        for news in events[len(events) // 2 :]:
            await firm.publish(news)
        firm.gateways.clear()
        await firm.start()
        await until(lambda: is_done(firm))
        check_books(firm)
        firm.check_alive()
        assert await firm.gateways[0].runtime.drain(30)

    run(story())


def test_a_drain_that_takes_too_long_gives_up_and_loses_nothing() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        await firm.publish(new_customer("C0"))
        firm.outage.is_away = True
        await asyncio.sleep(1)
        assert not await firm.gateways[0].runtime.drain(5)
        assert firm.depth() == 1
        firm.outage.is_away = False
        firm.gateways.clear()
        await firm.start()
        await until(lambda: len(firm.books["erp"].entries) == 1)
        assert await firm.gateways[0].runtime.drain(30)

    run(story())


def test_readiness_follows_the_database_and_the_broker() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        health = firm.gateways[0].runtime.health
        await until(lambda: health.is_ready, 5)
        firm.outage.is_away = True
        await until(lambda: not health.is_ready, 5)
        firm.outage.is_away = False
        await until(lambda: health.is_ready, 5)
        firm.broker.stop()
        await until(lambda: not health.is_ready, 5)
        assert health.alive.ok, "it need not be restarted for that"
        firm.broker.start()
        await until(lambda: health.is_ready, 5)
        assert await firm.gateways[0].runtime.drain(30)
        assert not health.is_ready

    run(story())

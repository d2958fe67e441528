"""Invoices beside corrections of the sheets that they bill, in two processes: each bills what was booked as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import count
from random import Random

import orjson
import pytest

from adapters.memory.commits import MemoryCommits
from adapters.memory.tables import Clock
from adapters.ports.broker import Outgoing
from schemas.invoice.entity import Invoice
from schemas.invoice.v1 import Bill, Issued
from schemas.invoice.v1 import Line as InvoiceLine
from schemas.keys import ActorKey
from schemas.timesheet.entity import Timesheet
from schemas.values import Reference
from tests.oracle.facts import BILLING, DAYS, PROJECTS, Paper, new_customer, revision, won
from tests.oracle.stage import HISTORY
from tests.runtime.firm import Desk, Firm, event
from tests.runtime.town import until
from tests.runtime.troubles import Trouble
from tests.runtime.virtual import run
from tests.sim.planted.store import ReferenceUnchecked

SHEETS = [Paper(f"S{n}", "timesheet", PROJECTS[0]) for n in range(3)]
INVOICES = [ActorKey("invoice", f"I{n}") for n in range(6)]
REVISIONS = 6


def issued(key: ActorKey, sheets: list[Paper]) -> Outgoing:
    """An invoice that bills the line of some sheets."""
    bills = tuple(Bill(entity="timesheet", id=sheet.id, line_id="L0") for sheet in sheets)
    data = Issued(
        legal_entity="DE01", customer=Reference(id="C-1"), project=Reference(id=PROJECTS[0].id), number=key.id,
        issued_on=DAYS[-1], due_on=date(2026, 4, 1), currency="EUR", net=Decimal("100.00"), tax=Decimal("19.00"),
        total=Decimal("119.00"),
        lines=(InvoiceLine(line_id="1", kind="time", amount=Decimal("100.00"), tax_code="D19", bills=bills),),
    )  # fmt: skip
    return event(BILLING, f"{key.id}-issued", key, data)


def month(chance: Random) -> Iterator[Outgoing]:
    """Every sheet changes again and again, never to what it was before, and invoices come meanwhile; some twice."""
    sheets = {sheet: list(range(1, REVISIONS + 1)) for sheet in SHEETS}
    invoices = [issued(key, chance.sample(SHEETS, chance.randint(1, len(SHEETS)))) for key in INVOICES]
    while sheets or invoices:
        if invoices and (not sheets or chance.random() < 0.25):
            news = invoices.pop()
        else:
            sheet = chance.choice([*sheets])
            at = sheets[sheet].pop(0)
            sheets = {each: left for each, left in sheets.items() if left}
            news = revision(sheet, at, (f"{at}.25",), correct=at > 1)
        yield news
        if chance.random() < 0.2:
            yield news


async def troubles(firm: Firm, chance: Random) -> None:
    """Commits are late or lost, and the broker cuts off its consumers, until this is cancelled."""
    while True:
        await asyncio.sleep(chance.expovariate(4))
        if chance.random() < 0.3:
            firm.broker.cut()
        else:
            gateway = chance.choice(firm.gateways)
            chance.choice(gateway.connections).troubles.append(chance.choice([*Trouble]))


def never_twice(clock: Clock) -> Clock:
    """The same clock, but of two commits at one instant the later one bears a later time."""
    seen = count()
    return lambda: clock() + next(seen) * 1e-6


async def played(seed: int, commits: type[MemoryCommits]) -> Firm:
    """A firm at the end of a month."""
    chance, firm = Random(seed), Firm(seed, desk=Desk(HISTORY))
    await firm.open(gateways=2)
    clock = never_twice(firm.clock)
    for connection in (each for gateway in firm.gateways for each in gateway.connections):
        connection.inner = commits(firm.store.tables, clock)
    for news in (new_customer(), won(PROJECTS[0])):
        await firm.publish(news)
    going_wrong = asyncio.create_task(troubles(firm, chance))
    for news in month(chance):
        await firm.publish(news)
        await asyncio.sleep(chance.choice((0.0, 0.0, chance.uniform(0, 0.1))))
    going_wrong.cancel()
    await asyncio.gather(going_wrong, return_exceptions=True)
    tables = firm.store.tables
    await until(lambda: not (firm.depth() or tables.outbox or any(tables.lanes.values())))
    return firm


def booked_in_time(firm: Firm) -> dict[ActorKey, dict[str, dict[str, str]]]:
    """What each invoice must have found booked, read off the timeline: what had changed in commits before its own."""
    tables, found = firm.store.tables, {}
    happened = [
        (each, tables.inbox[each.ref].message) for each in tables.timeline if each.ref and each.what == "applied"
    ]
    changes = [each for each, other in happened if other.type.startswith(("timesheet.approved", "timesheet.corrected"))]
    for came, message in happened:
        if came.key not in INVOICES or not message.type.startswith("invoice.issued"):
            continue
        booked = {}
        for bill in orjson.loads(message.body)["data"]["lines"][0]["bills"]:
            sheet = ActorKey("timesheet", bill["id"])
            before = [each for each in changes if each.key == sheet and each.at < came.at]
            booked[f"timesheet/{sheet.id}"] = {"L0": f"r{len(before)}"}
        found[came.key] = booked
    return found


def check(firm: Firm) -> None:
    """Each invoice bills what was booked as it came, and what has changed since is a case, and nothing else is."""
    tables = firm.store.tables
    invoices = {key: Invoice.model_validate_json(tables.row(key).state or b"") for key in INVOICES}
    assert {key: invoice.booked for key, invoice in invoices.items()} == booked_in_time(firm)
    cases = {(row.key.id, row.opened.case.topic) for row in tables.cases if row.is_open}
    expected = set()
    for sheet in SHEETS:
        now = Timesheet.model_validate_json(tables.row(sheet.key).state or b"").lines["L0"].content
        assert now == f"r{REVISIONS}"
        billing = [each for each in invoices.values() if any(bill.id == sheet.id for bill in each.lines[0].bills)]
        billed = [each.booked[f"timesheet/{sheet.id}"]["L0"] for each in billing]
        expected |= {(sheet.id, "invoiced_twice:L0")} if len(billed) > 1 else set()
        expected |= {(sheet.id, "credit_memo:L0")} if {*billed} - {now} else set()
    assert cases == expected
    firm.check_alive()


async def story(seed: int, commits: type[MemoryCommits] = MemoryCommits) -> None:
    """One month, and what must be so at its end."""
    firm = await played(seed, commits)
    check(firm)
    for gateway in firm.gateways:
        assert await gateway.runtime.drain(30)


@pytest.mark.parametrize("seed", range(12))
def test_each_invoice_bills_what_was_booked_as_it_came(seed: int) -> None:
    run(story(seed))


def test_an_invoice_that_relies_on_what_it_remembers_is_found() -> None:
    assert any(goes_wrong(seed) for seed in range(60))


def goes_wrong(seed: int) -> bool:
    """Whether a month ends badly where commits do not check what decisions relied on."""
    try:
        run(story(seed, ReferenceUnchecked))
    except AssertionError:
        return True
    return False

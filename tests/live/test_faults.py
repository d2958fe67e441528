"""Two hundred faults between the gateway and the live systems: what stands in their databases is what was asked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import orjson
import pytest

from tests.integration.firm import until
from tests.live.asked import Asked, Parked
from tests.live.books import Books, Role, Time
from tests.live.office import Office, office
from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.troubles import Trouble, Troubles, troubles
from tests.live.tryton import LocalTryton

pytestmark = pytest.mark.live

POST: Final = "billable.post"
CUSTOMER: Final = "FAULT-"
NONE: Final = Time(0, Decimal(), Decimal())
FAULTS: Final = 100
"""In front of each of the two servers."""
SHARE: Final = 0.08
DEALS: Final = 12
ENTRIES: Final = 10
FEW: Final = 3
BEHIND: Final = 30
"""Time lines that may be under way when more are logged."""


@dataclass(frozen=True, slots=True)
class Harmed:
    """The gateway, and what stands between it and the live systems."""

    office: Office
    tryton: Troubles
    redmine: Troubles


@pytest.fixture
async def harmed(
    database_url: str, amqp_url: str, tmp_path: Path, tryton: LocalTryton, redmine: LocalRedmine
) -> AsyncIterator[Harmed]:
    async with (
        troubles(tryton.url, seed=1, share=SHARE, most=FAULTS) as before_tryton,
        troubles(redmine.url, seed=2, share=SHARE, most=FAULTS) as before_redmine,
        office(database_url, amqp_url, tmp_path, before_tryton.url, before_redmine.url, redmine.made) as made,
    ):
        yield Harmed(made, before_tryton, before_redmine)


async def test_what_two_hundred_faults_leave_is_what_was_asked(
    harmed: Harmed, books: Books, seller: Seller, manager: Rest, ann: Rest, figures: Callable[[str], None]
) -> None:
    chance = random.Random(11)
    made, before_tryton, before_redmine = harmed.office, harmed.tryton, harmed.redmine
    await made.open()
    mine: set[str] = set()
    for number in range(DEALS):
        customer = await seller.customer(f"{CUSTOMER}{number}", f"Fault {number} Ltd")
        sold = [Sold("consultant", Decimal(10), Decimal("187.25"))]
        won = await seller.win("US01", customer, f"Trouble {number}", sold)
        mine.add(f"{won.number}-US01")

    async def are_in_the_psa() -> bool:
        return mine <= {project for project, _, _ in books.psa_projects()}

    await until(are_in_the_psa, 240, "every project is in the PSA")
    numbers = {project: number for project, number, _ in books.psa_projects() if project in mine}
    for number in numbers.values():
        await manager.join(number, "ann")
    lines = 0

    async def keeps_up() -> bool:
        booked = sum(time.lines for role, time in (await books.booked()).items() if role[0] in mine)
        return booked + len(await made.parked()) > lines - BEHIND

    while lines < DEALS * ENTRIES or min(before_tryton.done.total(), before_redmine.done.total()) < FAULTS:
        assert lines < 100 * DEALS, f"the faults did not come: {before_tryton.done}, {before_redmine.done}"
        for number in numbers.values():
            hours = Decimal(chance.randrange(25, 300)) / 100
            day = date.today() + timedelta(days=chance.randrange(30))  # noqa: DTZ011 - within the contract
            entry = await ann.log_time(number, "consultant", day, hours)
            await manager.judge(entry, "approved")
            lines += 1
        await until(keeps_up, 120, f"of {lines} time lines all but {BEHIND} are booked")

    async def is_settled() -> bool:
        accounted = await booked_and_parked(books, await made.asked.parked(), mine)
        approved = await books.approved()
        return not await made.open_commands() and all(
            accounted.get(role, NONE).lines == time.lines for role, time in approved.items() if role[0] in mine
        )

    await until(is_settled, 300, "every command is settled or parked")
    await before_tryton.late_effects()
    await before_redmine.late_effects()

    # Then what stands there is what was confirmed, each once, and what is missing is parked with a case
    asked = made.asked
    parked = await asked.parked()
    assert await asked.done_unconfirmed() == []
    await assert_rows_are_commands(books, asked, parked, mine)
    assert await booked_and_parked(books, parked, mine) == {
        role: time for role, time in (await books.approved()).items() if role[0] in mine
    }
    assert [str(each) for each in parked if not each.has_case] == []
    assert len(parked) <= FEW, [str(each) for each in parked]
    assert set(before_tryton.done) == set(before_redmine.done) == set(Trouble)
    figures(
        f"{before_tryton.done.total()} faults before Tryton, {before_redmine.done.total()} before Redmine: "
        f"{DEALS} projects, {lines} time lines, each once; {len(parked)} parked: {[str(each) for each in parked]}"
    )


async def assert_rows_are_commands(books: Books, asked: Asked, parked: Sequence[Parked], mine: set[str]) -> None:
    """What stands in the databases is what was confirmed, without repetition; a parked effect alone may be there too.

    Other tests have rows there as well, which this gateway may have read: `mine` are the projects of this one.
    """

    async def assert_are(rows: list[str], operation: str) -> None:
        unsettled = {each.key.id for each in parked if each.operation == operation}
        confirmed = {key for key in await asked.confirmed_keys(operation) if key in mine or key.startswith(CUSTOMER)}
        assert sorted(row for row in rows if row not in unsettled) == sorted(confirmed - unsettled), operation
        assert len(rows) == len(set(rows)), operation

    codes = await books.customers(CUSTOMER)
    await assert_are(codes, "customer.put")
    await assert_are([number for number in await books.erp_numbers() if number in mine], "project.create")
    await assert_are([project for project, _, _ in books.psa_projects() if project in mine], "project.put")

    lines = await books.lines()
    ours = [uuid for project, uuid in lines if project in mine]
    elsewhere = {uuid for project, uuid in lines if project not in mine}
    confirmed_lines = await asked.confirmed_references(POST)
    unsettled_lines = {each.reference for each in parked if each.operation == POST}
    assert len(ours) == len(set(ours))
    assert set(ours) - unsettled_lines == confirmed_lines - unsettled_lines - elsewhere


async def booked_and_parked(books: Books, parked: Sequence[Parked], mine: set[str]) -> dict[Role, Time]:
    """Time in the ERP, and that of parked commands whose line is not there: by project and role."""
    total = {role: time for role, time in (await books.booked()).items() if role[0] in mine}
    there = {uuid for _, uuid in await books.lines()}
    projects = {str(number): project for project, number in (await books.erp_projects()).items()}
    for each in parked:
        if each.operation == POST and each.reference not in there:
            body = orjson.loads(each.body)
            role = (projects[body["project"]], body["role"])
            so_far = total.get(role, NONE)
            total[role] = Time(
                so_far.lines + 1, so_far.hours + Decimal(body["hours"]), so_far.money + Decimal(body["amount"])
            )
    return total

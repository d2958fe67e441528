"""Two hundred faults between the gateway and the live systems: what stands in their databases is what was asked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from tests.integration.firm import until
from tests.live.books import Books
from tests.live.office import Office, office
from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.troubles import Trouble, Troubles, troubles
from tests.live.tryton import LocalTryton

pytestmark = pytest.mark.live

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
        customer = await seller.customer(f"FAULT-{number}", f"Fault {number} Ltd")
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
        booked, approved = await books.booked(), await books.approved()
        mended = {role for role in approved if role[0] in mine and booked.get(role) != approved[role]}
        return not await made.open_commands() and len(mended) <= len(await made.parked())

    await until(is_settled, 300, "every command is settled or parked")

    # Then nothing stands there twice, and what is missing is parked with a case
    parked = await made.parked()
    psa = [project for project, _, _ in books.psa_projects() if project in mine]
    assert len(psa) == len(set(psa)) == DEALS
    codes = await books.customers("FAULT-")
    assert codes == sorted(f"FAULT-{number}" for number in range(DEALS))
    booked, approved = await books.booked(), await books.approved()
    for role, time in approved.items():
        if role[0] in mine:
            assert booked[role].lines <= time.lines
    missing = sum(time.lines - booked[role].lines for role, time in approved.items() if role[0] in mine)
    assert missing <= len(parked) <= FEW, parked
    assert await made.open_cases() >= len(parked)
    assert set(before_tryton.done) == set(before_redmine.done) == set(Trouble)
    figures(
        f"{before_tryton.done.total()} faults before Tryton, {before_redmine.done.total()} before Redmine: "
        f"{DEALS} projects, {lines} time lines, each once; {len(parked)} parked: {parked}"
    )

"""From the won deal to billable time, through systems that we did not write, counted in their databases."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pytest

from tests.integration.firm import until
from tests.live.books import Books, Role, Time
from tests.live.office import Office
from tests.live.opportunity import Seller, Sold
from tests.live.rest import Rest
from tests.live.seeded import LEGAL_ENTITIES

pytestmark = pytest.mark.live

DEALS: Final = 6
ENTRIES: Final = 8
"""Of each project."""
VERDICTS: Final = ("approved", "approved", "approved", "rejected")


async def test_a_won_deal_becomes_projects_and_approved_time_becomes_billable_time(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, ben: Rest
) -> None:
    chance = random.Random(5)
    known = set(await books.links())
    gateway = await made.open()

    # When deals are won in the CRM
    mine: set[str] = set()
    for number in range(DEALS):
        legal_entity = list(LEGAL_ENTITIES)[number % len(LEGAL_ENTITIES)]
        sold = [
            Sold(role, Decimal(40), Decimal(chance.randrange(9_000, 25_000)) / 100)
            for role in ("consultant", "architect")
        ]
        customer = await seller.customer(f"FLOW-{number % 4}", f"Flow {number % 4} Ltd")
        won = await seller.win(legal_entity, customer, f"Roll-out {number}", sold)
        mine.add(f"{won.number}-{legal_entity}")

    # Then each is a project in ERP and PSA, and the CRM knows both ids
    async def are_linked() -> bool:
        return mine <= (await books.links()).keys() - known

    await until(are_linked, 60, f"the CRM knows the ids of {DEALS} projects")
    links, erp_ids = await books.links(), await books.erp_projects()
    psa_ids = {project: (number, erp) for project, number, erp in books.psa_projects() if project in mine}
    for project in mine:
        number, erp_id = psa_ids[project]
        assert erp_id == str(erp_ids[project])
        assert f"Tallystick: project {project}, ERP {erp_id}, PSA {number}" in links[project].splitlines()
    assert await books.customers("FLOW-") == [f"FLOW-{number}" for number in range(4)]

    # When time is logged on them, and some of it approved
    for project in sorted(mine):
        number, _ = psa_ids[project]
        for person, login in ((ann, "ann"), (ben, "ben")):
            await manager.join(number, login)
            for _ in range(ENTRIES // 2):
                hours = Decimal(chance.randrange(25, 900)) / 100
                day = date.today() + timedelta(days=chance.randrange(3))  # noqa: DTZ011 - within the contract
                entry = await person.log_time(number, chance.choice(["consultant", "architect"]), day, hours)
                await manager.judge(entry, chance.choice(VERDICTS))

    # Then the approved hours are billable in the ERP, at the rates that were sold, to the cent
    async def are_booked() -> bool:
        booked, told = of(mine, await books.booked()), of(mine, await books.approved())
        return booked == told and not await made.open_commands()

    await until(are_booked, 60, "hours and money agree")
    assert sum(time.lines for time in of(mine, await books.booked()).values()) > DEALS * ENTRIES / 2
    assert await made.parked() == []
    assert await gateway.stop() == 0


def of(projects: set[str], times: dict[Role, Time]) -> dict[Role, Time]:
    """Time on these projects: other tests book in the same ERP, and not all of it is approved in the PSA."""
    return {role: time for role, time in times.items() if role[0] in projects}

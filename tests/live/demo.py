"""Won deals and approved time on live systems: `make demo ARGS="--erp tryton --psa redmine"`.

Deals are won in Tryton as CRM and become projects in Tryton as ERP and in Redmine; time approved in Redmine becomes
billable time in Tryton. What came of it is counted by SQL that shares no code with the gateway.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
import uvloop
from rich.console import Console
from rich.table import Table

from adapters.postgres.scratch import scratch_database
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ
from tests.integration.firm import until
from tests.live.books import Books
from tests.live.office import Office, office
from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.rpc import Rpc
from tests.live.seeded import LEGAL_ENTITIES, password
from tests.live.tryton import LocalTryton

DEALS: Final = 4
ENTRIES: Final = 6
"""Of each project; two thirds are approved."""
SECONDS: Final = 120.0
WIDE: Final = 140


@dataclass(frozen=True, slots=True)
class Stage:
    """The live systems, the gateway between them, and the people who work with them."""

    tryton: LocalTryton
    redmine: LocalRedmine
    office: Office
    books: Books
    seller: Seller
    manager: Rest
    consultant: Rest


@click.command()
@click.option("--erp", type=click.Choice(["tryton"]), required=True, help="The ERP; Tryton is the CRM then, too.")
@click.option("--psa", type=click.Choice(["redmine"]), required=True, help="The PSA.")
@click.option("--once", is_flag=True, help="End after the summary: with 0 if hours and money agree, else with 1.")
def main(erp: str, psa: str, once: bool) -> None:  # noqa: FBT001 - click hands flags over by name
    """Win deals and approve time on live systems, and compare their books."""
    console = Console(highlight=False, width=None if Console().is_terminal else WIDE)
    console.print(f"Starting {erp} as CRM and ERP, {psa} as PSA, RabbitMQ, PostgreSQL, and the gateway.")
    agrees = uvloop.run(_play(console, stays=not once))
    raise SystemExit(0 if agrees else 1)


async def _play(console: Console, *, stays: bool) -> bool:
    async with _stage() as stage:
        projects = await _win(stage, console)
        await _work(stage, console, projects)
        agrees = await _compare(stage, console, projects)
        if stays:
            await _until_told(stage, console)
    return agrees


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as closing:

        def there(server: LocalTryton | LocalRedmine | LocalPostgres | LocalRabbitMQ) -> None:
            closing.callback(server.close)
            server.start()

        there(tryton := LocalTryton())
        there(redmine := LocalRedmine())
        there(database := LocalPostgres())
        there(broker := LocalRabbitMQ())
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-demo-")))
        url = await closing.enter_async_context(scratch_database(database.url, "tallystick"))
        made = await closing.enter_async_context(office(url, broker.url, folder, tryton.url, redmine.url, redmine.made))
        await made.open()
        crm = await closing.enter_async_context(Rpc(tryton.url, "crm", "seller"))
        manager, consultant = [
            await closing.enter_async_context(Rest(redmine.url, redmine.made, login)) for login in ("admin", "ann")
        ]
        seller = Seller(crm, tryton.made("crm"))
        yield Stage(tryton, redmine, made, Books(tryton, redmine), seller, manager, consultant)


async def _win(stage: Stage, console: Console) -> dict[str, int]:
    """Win deals, and wait until each is a project everywhere; the PSA's number of each."""
    chance = random.Random(1)
    mine: set[str] = set()
    for number in range(DEALS):
        legal_entity = list(LEGAL_ENTITIES)[number % len(LEGAL_ENTITIES)]
        customer = await stage.seller.customer(f"C-{number}", f"Customer {number} Ltd")
        rates = [Decimal(chance.randrange(9_000, 25_000)) / 100 for _ in range(2)]
        sold = [Sold(role, Decimal(40), rate) for role, rate in zip(("consultant", "architect"), rates, strict=True)]
        won = await stage.seller.win(legal_entity, customer, f"Roll-out {number}", sold)
        mine.add(f"{won.number}-{legal_entity}")
        console.print(
            f"Won in the CRM: opportunity {won.number} of {legal_entity}, at {rates[0]} and {rates[1]} an hour."
        )

    async def are_linked() -> bool:
        return mine <= (await stage.books.links()).keys()

    await until(are_linked, SECONDS, "each won deal is a project in ERP and PSA, and the CRM knows their ids")
    for project, comment in sorted((await stage.books.links()).items()):
        console.print(f"The CRM knows: {comment.splitlines()[-1].removeprefix('Tallystick: ')} ({project}).")
    return {project: number for project, number, _ in stage.books.psa_projects() if project in mine}


async def _work(stage: Stage, console: Console, projects: dict[str, int]) -> None:
    """Log time and approve most of it, and wait until the approved part is billable."""
    chance = random.Random(2)
    approved = 0
    for number in projects.values():
        await stage.manager.join(number, "ann")
        for place in range(ENTRIES):
            hours = Decimal(chance.randrange(25, 900)) / 100
            day = date.today() + timedelta(days=place)  # noqa: DTZ011 - within the contract
            entry = await stage.consultant.log_time(number, chance.choice(["consultant", "architect"]), day, hours)
            await stage.manager.judge(entry, "rejected" if place % 3 == 2 else "approved")
            approved += place % 3 != 2
    console.print(f"Logged in the PSA: {ENTRIES * len(projects)} time entries, of which {approved} are approved.")

    async def are_booked() -> bool:
        booked = await stage.books.booked()
        return sum(time.lines for time in booked.values()) >= approved and not await stage.office.open_commands()

    await until(are_booked, SECONDS, "every approved hour is billable in the ERP")


async def _compare(stage: Stage, console: Console, projects: dict[str, int]) -> bool:
    """Show both sides, project by project and role by role; whether they agree to the cent."""
    approved, booked = await stage.books.approved(), await stage.books.booked()
    table = Table(title="Approved in the PSA, billable in the ERP (each read from its database)")
    for name in ("project", "role", "hours approved", "worth", "hours billable", "worth "):
        table.add_column(name, justify="left" if name in {"project", "role"} else "right")
    for role in sorted(approved.keys() | booked.keys()):
        there, here = approved.get(role), booked.get(role)
        cells = [str(value) for time in (there, here) for value in ((time.hours, time.money) if time else ("-", "-"))]
        table.add_row(*role, *cells)
    console.print(table)
    parked = await stage.office.parked()
    agrees = approved == booked and not parked and len(projects) == DEALS
    console.print("Hours and money agree to the cent." if agrees else f"They do NOT agree. Parked: {parked}")
    return agrees


async def _until_told(stage: Stage, console: Console) -> None:
    """Keep everything up to look at."""
    console.print(f"Tryton  {stage.tryton.url} (databases erp and crm): gateway {password('gateway')}")
    console.print(f"Redmine {stage.redmine.url}: admin {password('admin')}, ann {password('ann')}")
    console.print("Ctrl-C ends them and removes their data.")
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


if __name__ == "__main__":
    main()

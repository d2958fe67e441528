"""What a story on live systems begins with: a deal that is won, and time that is worked, approved, and booked."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from tests.integration.firm import until
from tests.live.books import Books
from tests.live.office import Office
from tests.live.opportunity import Seller, Sold
from tests.live.rest import Rest

SOLD: Final = (Sold("consultant", Decimal(40), Decimal("150.00")), Sold("architect", Decimal(40), Decimal("187.25")))
LEGAL_ENTITY: Final = "US01"


async def won(made: Office, books: Books, seller: Seller, mark: str) -> tuple[str, int]:
    """Win a deal; our id of its project once all know it, and the PSA's number."""
    known = set(await books.links())
    deal = await seller.win(LEGAL_ENTITY, await seller.customer(mark, f"{mark.title()} Ltd"), "Roll-out", SOLD)
    project = f"{deal.number}-{LEGAL_ENTITY}"

    async def is_linked() -> bool:
        return project in (await books.links()).keys() - known

    await until(is_linked, 60, "the project is there")
    [number] = [number for id, number, _ in books.psa_projects() if id == project]
    return project, number


async def approved(manager: Rest, ann: Rest, number: int, role: str, hours: int, *, ahead: int = 0) -> int:
    """Time that is approved, so many days from today; the entry's number."""
    day = date.today() + timedelta(days=ahead)  # noqa: DTZ011 - within the contract
    entry = await ann.log_time(number, role, day, Decimal(hours))
    await manager.judge(entry, "approved")
    return entry


async def agree(made: Office, books: Books, project: str, *, lines: int) -> None:
    """Wait until what is approved is booked, in so many lines."""

    async def do() -> bool:
        booked = {role: time for role, time in (await books.booked()).items() if role[0] == project}
        told = {role: time for role, time in (await books.approved()).items() if role[0] == project}
        return booked == told and sum(time.lines for time in booked.values()) == lines

    await until(do, 60, f"{lines} lines are booked")

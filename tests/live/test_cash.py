"""From approved time to cash: billed, paid, and credited in the ERP, shown in the PSA, each once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.integration.firm import GatewayProcess, until
from tests.live.accountant import Accountant
from tests.live.books import Books, Page
from tests.live.delivery import agree, approved, won
from tests.live.office import ERP_SOURCE, TALLYSTICK, Office
from tests.live.opportunity import Seller
from tests.live.rest import Rest

pytestmark = pytest.mark.live

READERS: Final = ("crm", "psa", "erp")
EVENTS: Final = """
SELECT type, count(*) FROM tallystick.inbox
WHERE source = $1 AND verdict = 'applied' AND entity = 'invoice' AND key = $2 GROUP BY type ORDER BY type
"""


async def test_time_is_billed_paid_and_credited_and_the_psa_shows_it_once(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, accountant: Accountant
) -> None:
    gateway = await made.open(READERS)
    project, number = await won(made, books, seller, "CASH")
    await manager.join(number, "ann")
    kept = [await approved(manager, ann, number, role, hours) for role, hours in (("consultant", 8), ("architect", 4))]
    taken_back = await approved(manager, ann, number, "consultant", 2)
    await agree(made, books, project, lines=3)
    await manager.judge(taken_back, "rejected")
    await agree(made, books, project, lines=2)

    # When the accountant bills the time
    invoice = await accountant.bill((await books.erp_projects())[project])

    # Then the PSA shows on the project what is owed, and its sheets know who bills them
    [page] = await pages(books, project, lambda page: page.facts["Status"] == "posted")
    name = f"erp-{invoice}"
    assert page.text.splitlines()[0] == f"Invoice {(await accountant.read(invoice))['number']} ({name})"
    assert money(page) == ("2143.90 USD", "0.00 USD", "0.00 USD", "2143.90 USD")
    for entry in kept:
        await billed(made, gateway, entry, {name: "invoiced"})
    await billed(made, gateway, taken_back, {})

    # When a part is paid, one of its lines credited, and the rest paid
    await accountant.pay(invoice, Decimal("1000.00"))
    [page] = await pages(books, project, lambda page: page.facts["Status"] == "partly paid")
    assert money(page) == ("2143.90 USD", "1000.00 USD", "0.00 USD", "1143.90 USD")
    await accountant.credit_line(invoice, "architect")
    [page] = await pages(books, project, lambda page: page.facts["Credited"] != "0.00 USD")
    assert money(page) == ("2143.90 USD", "1000.00 USD", "823.90 USD", "320.00 USD")
    assert (await accountant.read(invoice))["amount_to_pay"] == Decimal("320.00")
    await accountant.pay(invoice, Decimal("320.00"))
    [page] = await pages(books, project, lambda page: page.facts["Status"] == "paid")
    assert money(page) == ("2143.90 USD", "1320.00 USD", "823.90 USD", "0.00 USD")
    assert (await accountant.read(invoice))["state"] == "paid"
    consultant, architect = kept
    await billed(made, gateway, consultant, {name: "paid"})
    await billed(made, gateway, architect, {name: "credited"})

    # And each counts once, also when all of it is read again by another reader
    *_, reader = made.firm.started
    assert await reader.stop() == 0
    again = await made.firm.start(*TALLYSTICK, "read", "erp", "--once", "--since", "2026-01-01T00:00:00Z")
    assert await again.process.wait() == 0
    await made.firm.start(*TALLYSTICK, "read", "erp")
    later = await approved(manager, ann, number, "consultant", 1)
    await agree(made, books, project, lines=3)
    second = await accountant.bill((await books.erp_projects())[project])
    await accountant.credit(second)
    shown = await pages(books, project, lambda page: page.facts["Status"] in {"paid", "credited"}, count=2)
    assert [money(page) for page in shown] == [
        ("2143.90 USD", "1320.00 USD", "823.90 USD", "0.00 USD"),
        ("165.00 USD", "0.00 USD", "165.00 USD", "0.00 USD"),
    ]
    await billed(made, gateway, later, {f"erp-{second}": "credited"})
    first_page, _ = shown
    assert first_page.version == page.version == 4
    assert await events(made, name) == {"posted": 1, "payment_received": 2, "credit_memo_issued": 1}
    assert await made.parked() == []
    assert await gateway.stop() == 0


async def test_a_payment_that_is_returned_is_owed_again(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, accountant: Accountant
) -> None:
    gateway = await made.open(READERS)
    project, number = await won(made, books, seller, "RETURNED")
    await manager.join(number, "ann")
    await approved(manager, ann, number, "consultant", 2)
    await agree(made, books, project, lines=1)
    invoice = await accountant.bill((await books.erp_projects())[project])
    await accountant.pay(invoice, Decimal("130.00"))
    [page] = await pages(books, project, lambda page: page.facts["Status"] == "partly paid")
    assert money(page) == ("330.00 USD", "130.00 USD", "0.00 USD", "200.00 USD")

    await accountant.cancel_payment(invoice)

    [page] = await pages(books, project, lambda page: page.facts["Status"] == "posted")
    assert money(page) == ("330.00 USD", "0.00 USD", "0.00 USD", "330.00 USD")
    assert (await accountant.read(invoice))["amount_to_pay"] == Decimal("330.00")
    assert await made.parked() == []
    assert await gateway.stop() == 0


async def pages(books: Books, project: str, are_so: Callable[[Page], bool], *, count: int = 1) -> list[Page]:
    """The project's pages in the PSA once there are so many, and all are so."""

    async def do() -> bool:
        found = books.psa_pages(project)
        return len(found) == count and all(are_so(page) for page in found)

    await until(do, 60, f"{count} pages say so; they are {books.psa_pages(project)}", every=0.2)
    return books.psa_pages(project)


def money(page: Page) -> tuple[str, str, str, str]:
    """Total, paid, credited, and open."""
    total, paid, credited, still_open = (page.facts[name] for name in ("Total", "Paid", "Credited", "Open"))
    return total, paid, credited, still_open


async def billed(made: Office, gateway: GatewayProcess, entry: int, wanted: dict[str, str]) -> None:
    """Wait until the sheet of a time entry says which invoices bill it, and what became of it there."""

    async def is_so() -> bool:
        sheet: Any = await made.ask(gateway, "GET", f"/v1/entities/timesheet/psa-{entry}")
        of_line = sheet["state"]["invoiced"].get("1", {})
        return {invoice: billing["state"] for invoice, billing in of_line.items()} == wanted

    await until(is_so, 30, f"the sheet of entry {entry} says {wanted}", every=0.2)


async def events(made: Office, invoice: str) -> dict[str, int]:
    """Events of the ERP that changed an invoice, by type."""
    rows = await made.firm.database.fetch(EVENTS, ERP_SOURCE, invoice)
    return {row[0].removeprefix("invoice.").removesuffix(".v1"): row[1] for row in rows}

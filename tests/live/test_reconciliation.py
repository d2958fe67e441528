"""The books of a live ERP beside what we hold: what somebody does there by hand is found, and mended."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.integration.desk import Desk, Person, write_callers
from tests.integration.firm import GatewayProcess, Json, until
from tests.live.accountant import Accountant
from tests.live.books import Books
from tests.live.delivery import LEGAL_ENTITY, agree, approved, won
from tests.live.office import TALLYSTICK, Office
from tests.live.opportunity import Seller
from tests.live.rest import Rest

pytestmark = pytest.mark.live

CLERK: Final = Person("clara", (), ("read", "entities", "settle", "operate"))
FINANCE: Final = Person("frieda", ("finance",))
READERS: Final = ("crm", "psa", "erp")
AHEAD: Final = 30
"""Days from today, where no other test writes time, test_faults up to the day before: the ERP is shared with them."""


async def test_what_is_done_by_hand_in_the_erp_is_found_and_what_is_missing_booked_again(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, accountant: Accountant
) -> None:
    gateway = await opened(made)
    clerk, finance = Desk(gateway, CLERK), Desk(gateway, FINANCE)
    project, number = await won(made, books, seller, "BOOKS")
    await manager.join(number, "ann")
    worked = (("consultant", 8), ("architect", 4), ("architect", 1))
    entries = [await approved(manager, ann, number, role, hours, ahead=AHEAD) for role, hours in worked]
    taken_back = await approved(manager, ann, number, "consultant", 2, ahead=AHEAD)
    await agree(made, books, project, lines=4)
    await manager.judge(taken_back, "rejected")
    await agree(made, books, project, lines=3)
    first = await clerk.reconciled(**period(AHEAD))
    assert (first["is_clean"], money(first)) == (True, (Decimal("2136.25"), Decimal("2136.25")))

    # When somebody deletes a line, changes one, and copies one
    deleted, changed, kept = [await line_of(accountant, entry) for entry in entries]
    await call(accountant, "delete", [deleted])
    await call(accountant, "write", [changed], {"duration": timedelta(hours=6)})
    [copied] = await call(accountant, "copy", [kept])

    # Then that is found, with its money
    broken = await clerk.reconciled(**period(AHEAD))
    missing, different, _ = (f"timesheet/psa-{entry}/" for entry in entries)
    assert found(broken) == {
        ("missing", missing, "-1200.00"), ("different", different, "374.50"),
        ("extra", f"~/billable/{copied}", "187.25"),
    }  # fmt: skip
    assert money(broken) == (Decimal("2136.25"), Decimal("1498.00"))

    # When its repair is approved, and the rest mended by hand
    asked = {"reason": "as found"}
    planned = await clerk.ask("POST", f"/v1/reconciliations/{broken['id']}/plan", expect=202, json=asked, click="1")
    assert len(planned["left"]) == 2
    [case] = await finance.cases("repair", planned["plan"]["id"])
    await finance.act(case, "approve", "checked", click="a")
    await agree_by_hand(accountant, changed, copied)

    # Then the books agree again
    await agree(made, books, project, lines=3)
    clean = await clerk.reconciled(**period(AHEAD))
    assert (clean["is_clean"], money(clean)) == (True, money(first))
    assert await made.parked() == []
    assert await gateway.stop() == 0


async def test_a_payment_that_was_not_read_yet_is_a_difference_of_its_invoice(
    made: Office, books: Books, seller: Seller, manager: Rest, ann: Rest, accountant: Accountant
) -> None:
    gateway = await opened(made)
    clerk = Desk(gateway, CLERK)
    project, number = await won(made, books, seller, "OWED")
    await manager.join(number, "ann")
    await approved(manager, ann, number, "consultant", 2)
    await agree(made, books, project, lines=1)
    invoice = await accountant.bill((await books.erp_projects())[project])
    name = f"~/invoice/erp-{invoice}"
    asked = {**period(0), "entity": "invoice"}
    await until_told(clerk, asked, name, set())

    # When it is paid in part while nobody reads
    *_, reader = made.firm.started
    assert await reader.stop() == 0
    await accountant.pay(invoice, Decimal("130.00"))

    # Then what is open differs, until it is read
    run = await clerk.reconciled(**asked)
    [differs] = [each for each in run["found"] if each["name"] == name]
    assert (differs["kind"], differs["fields"]) == ("different", ["open"])
    assert (differs["ours"]["open"], differs["theirs"]["open"]) == ("330.00", "200.00")
    await made.firm.start(*TALLYSTICK, "read", "erp")
    await until_told(clerk, asked, name, set())
    assert await gateway.stop() == 0


async def opened(made: Office) -> GatewayProcess:
    """The gateway with people of its own, and all readers; the ERP's is the last."""
    callers = made.firm.folder / "callers.yaml"
    write_callers(callers, CLERK, FINANCE)
    return await made.open(READERS, TALLYSTICK_CALLERS_FILE=str(callers))


def period(ahead: int) -> dict[str, str]:
    """One day of the ERP."""
    day = (date.today() + timedelta(days=ahead)).isoformat()  # noqa: DTZ011 - as time is logged
    return {"system": "erp", "first": day, "last": day, "legal_entity": LEGAL_ENTITY}


def money(run: Json) -> tuple[Decimal, Decimal]:
    """Our total, and the ERP's."""
    [total] = run["totals"] if isinstance(run["totals"], list) else []
    return Decimal(total["ours"]), Decimal(total["theirs"])


def found(run: Json) -> set[tuple[str, str, str]]:
    """Kind, name without the revision of what is ours, and effect of each difference."""
    differences: Any = run["found"]
    return {
        (each["kind"], each["name"] if each["name"].startswith("~") else each["name"].rpartition("/")[0] + "/", amount)
        for each in differences
        for amount in [str(sum(Decimal(effect["amount"]) for effect in each["effect"]))]
    }


async def until_told(clerk: Desk, asked: dict[str, str], name: str, kinds: set[str]) -> None:
    """Wait until a reconciliation says this of an entry, whose other side is still being read."""

    async def do() -> bool:
        run = await clerk.reconciled(**asked)
        return {each["kind"] for each in run["found"] if each["name"] == name} == kinds

    await until(do, 60, f"{name} is {kinds or 'as we hold it'}", every=0.5)


async def agree_by_hand(accountant: Accountant, changed: int, copied: int) -> None:
    """Somebody gives the line its hours back, and deletes the copy."""
    await call(accountant, "write", [changed], {"duration": timedelta(hours=4)})
    await call(accountant, "delete", [copied])


async def line_of(accountant: Accountant, entry: int) -> int:
    """The ERP's number of the time line of an entry in the PSA."""
    domain = [["uuid", "like", f"timesheet/psa-{entry}/%"]]
    [number] = await call(accountant, "search", domain, 0, None, None)
    return int(number)


async def call(accountant: Accountant, method: str, *params: Any) -> Any:
    """What somebody does with time lines."""
    company = accountant.made.companies[accountant.legal_entity].id
    return await accountant.erp.call(f"model.timesheet.line.{method}", *params, company=company)

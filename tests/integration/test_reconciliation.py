"""Both sides of a firm reconcile to the cent; what somebody breaks in the ERP is found, repaired, and clean again."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, Final

from schemas.values import Reference
from tests.integration.desk import Desk, Person, write_callers
from tests.integration.events import RATE, customer, deal, sheet
from tests.integration.firm import TOKEN, Firm, GatewayProcess, Json, until

CLERK: Final = Person("clara", (), ("read", "entities", "settle", "operate"))
FINANCE: Final = Person("frieda", ("finance",))
SHEETS: Final = 6
LINES: Final = 2
LINE: Final = RATE * Decimal("7.50")
MARCH: Final = {"system": "erp", "first": "2026-03-01", "last": "2026-03-31"}
BY_HAND: Final[Json] = {
    "do": "add", "sort": "billable", "legal_entity": "US01", "day": "2026-03-10", "amount": "12.34", "currency": "USD",
}  # fmt: skip


async def start(installation: Firm) -> GatewayProcess:
    write_callers(installation.folder / "callers.yaml", CLERK, FINANCE)
    return await installation.start_ready(TALLYSTICK_CALLERS_FILE=str(installation.folder / "callers.yaml"))


async def posted(installation: Firm) -> int:
    return sum(row["operation"] == "billable.post" for row in await installation.journal())


async def until_settled(installation: Firm, count: int) -> None:
    async def is_so() -> bool:
        return await posted(installation) == count and await installation.is_settled()

    await until(is_so, 60, f"{count} postings, and nothing open", every=0.2)


async def bill(installation: Firm) -> None:
    """Sheets of two lines each, all of them billed, and one line of T3 taken back again."""
    await installation.publish([customer("C1"), deal("P1", "C1")])
    await installation.publish([sheet(f"T{key}", Reference(id="P1"), lines=LINES) for key in range(SHEETS)])
    await until_settled(installation, SHEETS * LINES)
    await installation.publish([sheet("T3", Reference(id="P1"), lines=1, revision=2)])

    async def is_taken_back() -> bool:
        rows = await installation.journal()
        return any(row["operation"] == "billable.reverse" for row in rows) and await installation.is_settled()

    await until(is_taken_back, 60, "the line is taken back")


async def books(installation: Firm) -> dict[str, dict[str, Any]]:
    """What stands in the ERP, by our reference or its own id."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{installation.sandboxes['erp']}/postings?first=2026-01-01&last=2026-12-31&limit=1000"
    async with installation.session.get(url, headers=headers) as response:
        return {entry["reference"] or entry["external_id"]: entry for entry in (await response.json())["items"]}


def kinds(run: Json) -> Counter[tuple[str, str]]:
    found = run["found"]
    assert isinstance(found, list)
    return Counter((each["kind"], each["name"]) for each in found)


def totals(run: Json) -> tuple[Decimal, Decimal, Decimal]:
    """Ours, theirs, and what is on its way, of the one legal entity."""
    [total] = run["totals"] if isinstance(run["totals"], list) else []
    assert (total["legal_entity"], total["currency"]) == ("US01", "USD")
    return Decimal(total["ours"]), Decimal(total["theirs"]), Decimal(total["on_its_way"])


async def test_what_is_planted_is_found_repaired_and_clean(installation: Firm) -> None:
    gateway = await start(installation)
    clerk, finance = Desk(gateway, CLERK), Desk(gateway, FINANCE)
    await bill(installation)
    owed = LINE * (SHEETS * LINES - 1)
    # Given both sides in agreement, to the cent
    first = await clerk.reconciled(**MARCH)
    assert (first["is_clean"], totals(first)) == (True, (owed, owed, Decimal(0)))
    # When somebody deletes, changes, copies, and writes entries in the ERP
    ids = {reference: entry["external_id"] for reference, entry in (await books(installation)).items()}
    reversal = next(row for row in await installation.journal() if row["operation"] == "billable.reverse")
    added = await installation.by_hand(
        {"do": "remove", "external_id": ids["timesheet/T0/L1.r1/1"]},
        {"do": "change", "external_id": ids["timesheet/T1/L1.r1/1"], "amount": "900.00"},
        {"do": "change", "external_id": ids["timesheet/T1/L2.r1/1"], "day": "2026-03-09"},
        {"do": "copy", "external_id": ids["timesheet/T2/L1.r1/1"]},
        {"do": "remove", "external_id": f"R-{reversal['seq']}"},
        BY_HAND,
    )
    foreign = added[-1]
    # Then exactly that is found, with its money
    broken = await clerk.reconciled(**MARCH)
    planted = {
        ("missing", "timesheet/T0/L1.r1"): 1,
        ("different", "timesheet/T1/L1.r1"): 1,
        ("different", "timesheet/T1/L2.r1"): 1,
        ("twice", "timesheet/T2/L1.r1"): 1,
        ("extra", "timesheet/T3/L2.r1"): 1,
        ("extra", f"~/billable/{foreign}"): 1,
    }
    assert kinds(broken) == planted
    ours, theirs, way = totals(broken)
    effects = [Decimal(effect["amount"]) for each in broken["found"] for effect in each["effect"]]
    assert (ours, way, theirs - ours) == (owed, Decimal(0), sum(effects))
    # When its repair is planned by one, and approved by another
    planned = await clerk.ask(
        "POST", f"/v1/reconciliations/{broken['id']}/plan", expect=202, json={"reason": "as found"}, click="1"
    )
    assert [each["name"] for each in planned["left"]] == [f"~/billable/{foreign}"]
    key = planned["plan"]["id"]
    [case] = await finance.cases("repair", key)
    before = await posted(installation)
    await finance.act(case, "approve", "checked", click="a")

    async def is_sent() -> bool:
        return bool((await clerk.entity("repair", key))["state"]["status"] == "sent")

    await until(is_sent, 30, "the repair is sent")
    await until_settled(installation, before + 3)
    # Then what is not ours alone is left, and without it both sides agree to the cent
    repaired = await clerk.reconciled(**MARCH)
    assert kinds(repaired) == {("extra", f"~/billable/{foreign}"): 1}
    await installation.by_hand({"do": "remove", "external_id": foreign})
    clean = await clerk.reconciled(**MARCH)
    assert (clean["is_clean"], totals(clean)) == (True, (owed, owed, Decimal(0)))
    # And runs are compared
    path = f"/v1/reconciliations/{repaired['id']}/compare?with={broken['id']}&change="
    assert [len((await clerk.ask("GET", path + change))["items"]) for change in ("new", "gone", "still")] == [0, 5, 1]
    assert await gateway.stop() == 0


async def test_what_is_mended_by_hand_meanwhile_is_left_alone(installation: Firm) -> None:
    gateway = await start(installation)
    clerk, finance = Desk(gateway, CLERK), Desk(gateway, FINANCE)
    await bill(installation)
    missing = (await books(installation))["timesheet/T0/L1.r1/1"]
    await installation.by_hand({"do": "remove", "external_id": missing["external_id"]})
    run = await clerk.reconciled(**MARCH)
    plan = f"/v1/reconciliations/{run['id']}/plan"
    planned = await clerk.ask("POST", plan, expect=202, json={"reason": "as found"}, click="1")
    # Given that somebody writes it there by hand, before the plan is approved
    said = {name: missing[name] for name in ("sort", "reference", "legal_entity", "day", "amount", "currency")}
    await installation.by_hand({"do": "add", **said})
    before = await posted(installation)
    key = planned["plan"]["id"]
    [case] = await finance.cases("repair", key)
    await finance.act(case, "approve", "checked", click="a")

    async def is_sent() -> bool:
        return bool((await clerk.entity("repair", key))["state"]["status"] == "sent")

    await until(is_sent, 30, "the repair is over")
    assert (await clerk.entity("repair", key))["state"]["changed"] == [1]
    assert await posted(installation) == before, "it is not posted a second time"
    assert (await clerk.reconciled(**MARCH))["is_clean"]
    assert await gateway.stop() == 0


async def test_a_run_and_a_plan_outlive_the_process(installation: Firm) -> None:
    gateway = await start(installation)
    await bill(installation)
    ids = {reference: entry["external_id"] for reference, entry in (await books(installation)).items()}
    await installation.by_hand({"do": "remove", "external_id": ids["timesheet/T0/L1.r1/1"]})
    # Given a run, and then a plan, each asked for just before the process is killed
    clerk = Desk(gateway, CLERK)
    run = await clerk.ask("POST", "/v1/reconciliations", expect=202, json=MARCH, click="1")
    await gateway.kill()
    gateway = await start(installation)
    clerk, finance = Desk(gateway, CLERK), Desk(gateway, FINANCE)
    path = f"/v1/reconciliations/{run['id']}"

    async def is_done() -> bool:
        return bool((await clerk.ask("GET", path))["phase"] == "done")

    await until(is_done, 60, "the next process takes it to its end")
    planned = await clerk.ask("POST", f"{path}/plan", expect=202, json={"reason": "as found"}, click="2")
    [case] = await finance.cases("repair", planned["plan"]["id"])
    before = await posted(installation)
    await finance.act(case, "approve", "checked", click="a")
    await gateway.kill()
    gateway = await start(installation)
    # Then it is done, once
    await until_settled(installation, before + 1)
    assert (await Desk(gateway, CLERK).reconciled(**MARCH))["is_clean"]
    assert await gateway.stop() == 0

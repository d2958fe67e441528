"""The live systems are up, are what the lock file says, and let their users do their work."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import asyncpg
import pytest

from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest, RestFailed
from tests.live.rpc import Rpc, RpcFailed
from tests.live.seeded import LEGAL_ENTITIES
from tests.live.tryton import LocalTryton
from tests.live.tryton_programs import locked_version

pytestmark = pytest.mark.live


def test_versions_are_what_the_lock_and_debian_say(tryton: LocalTryton, redmine: LocalRedmine) -> None:
    assert locked_version().startswith(f"{tryton.version()}.")
    assert redmine.origin.startswith(f"Redmine {redmine.made.version.removesuffix('.stable')}")


async def test_both_databases_have_a_company_for_each_legal_entity(erp: Rpc, crm: Rpc) -> None:
    for database in (erp, crm):
        fields = ["party.code", "party.name"]
        companies = await database.call("model.company.company.search_read", [], 0, None, None, fields)
        assert {company["party."]["code"]: company["party."]["name"] for company in companies} == LEGAL_ENTITIES


async def test_the_gateway_may_make_customer_project_and_time(tryton: LocalTryton, erp: Rpc) -> None:
    # Given a legal entity with its terms, tax rules, and consultants
    made = tryton.made("erp")
    company = made.companies["DE01"]
    customer = {"code": "UP-1", "name": "Acme", "customer_tax_rule": company.tax_rule_exempt}
    # When the gateway's user makes a customer, a project with a task, and time on it
    (party,) = await erp.call("model.party.party.create", [customer], company=company.id)
    task = {"name": "consultant", "type": "task", "company": company.id, "timesheet_available": True}
    project = {
        "name": "Roll-out",
        "number": "UP-1-DE01",
        "type": "project",
        "company": company.id,
        "party": party,
        "children": [["create", [task | {"product": made.products["CONSULTING"], "list_price": Decimal("187.25")}]]],
    }
    await erp.call("model.project.work.create", [project], company=company.id)
    tasks = [["parent.number", "=", "UP-1-DE01"], ["name", "=", "consultant"]]
    (found,) = await erp.call("model.project.work.search_read", tasks, 0, 1, None, ["timesheet_works"])
    line = {
        "company": company.id,
        "employee": company.employees["ann"],
        "work": found["timesheet_works"][0],
        "date": date(2026, 3, 2),
        "duration": timedelta(hours=3.25),
        "uuid": "up-1",
    }
    await erp.call("model.timesheet.line.create", [line], company=company.id)
    # Then the database has it, by its own word
    connection = await asyncpg.connect(tryton.database_url("erp"))
    try:
        hours = await connection.fetchval("SELECT duration FROM timesheet_line WHERE uuid = 'up-1'")
    finally:
        await connection.close()
    assert hours == timedelta(hours=3.25)


async def test_a_user_without_groups_is_refused(tryton: LocalTryton) -> None:
    company = tryton.made("erp").companies["US01"].id
    project = {"name": "Roll-out", "number": "UP-2", "type": "project", "company": company}
    async with Rpc(tryton.url, "erp", "limited") as limited:
        with pytest.raises(RpcFailed, match="not allowed to access"):
            await limited.call("model.project.work.create", [project], company=company)


@pytest.mark.parametrize("legal_entity", LEGAL_ENTITIES)
async def test_an_opportunity_is_won_and_the_gateway_reads_it(seller: Seller, crm: Rpc, legal_entity: str) -> None:
    # Given hours of two roles, at other rates than the list's
    sold = [Sold("consultant", Decimal(80), Decimal("187.2500")), Sold("architect", Decimal(10), Decimal("210.5000"))]
    customer = await seller.customer("UP-3", "Globex")
    # When they are sold
    won = await seller.win(legal_entity, customer, "Roll-out", sold)
    # Then the gateway's user sees a won opportunity of that legal entity, with roles and rates
    fields = ["state", "company.party.code", "party.code", "sales"]
    (opportunity,) = await crm.call("model.sale.opportunity.read", [won.id], fields)
    assert opportunity["state"] == "won"
    assert opportunity["company."]["party."]["code"] == legal_entity
    assert opportunity["party."]["code"] == "UP-3"
    assert opportunity["sales"] == [won.sale]
    fields = ["product.code", "unit_price", "quantity"]
    lines = await crm.call("model.sale.line.search_read", [["sale", "=", won.sale]], 0, None, None, fields)
    assert {(line["product."]["code"], line["quantity"], line["unit_price"]) for line in lines} == {
        (line.role, float(line.hours), line.rate) for line in sold
    }
    # And may write an id back
    await crm.call("model.sale.opportunity.write", [won.id], {"reference": f"{won.number}-{legal_entity}"})


async def test_time_is_logged_approved_and_read(psa: Rest, manager: Rest, ann: Rest, redmine: LocalRedmine) -> None:
    # Given a project that the gateway added, with a consultant
    fields = {"Gateway project id": "UP-4-US01", "Legal entity": "US01", "Currency": "USD"}
    project = await psa.add_project("up-4-us01", "Roll-out", fields)
    await manager.join(project, "ann")
    # When the consultant logs time and the manager approves it
    entry = await ann.log_time(project, "consultant", date(2026, 3, 2), Decimal("3.25"))
    approved = {"project_id": str(project), f"cf_{redmine.made.approval_field}": "approved"}
    before = await psa.call("GET", "/time_entries.json", **approved)
    await manager.judge(entry, "approved")
    # Then the gateway's user finds it among the approved, and only then
    after = await psa.call("GET", "/time_entries.json", **approved)
    assert before["total_count"] == 0
    assert [(found["id"], found["hours"], found["activity"]["name"]) for found in after["time_entries"]] == [
        (entry, 3.25, "consultant")
    ]
    # And finds who it was
    user = await psa.call("GET", f"/users/{after['time_entries'][0]['user']['id']}.json")
    assert user["user"]["login"] == "ann"


async def test_only_the_gateway_may_add_projects(ann: Rest) -> None:
    with pytest.raises(RestFailed, match="403"):
        await ann.add_project("up-5", "Not hers", {})

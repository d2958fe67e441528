"""A new region is configuration: a legal entity, a service line, and an ERP of its own, in YAML and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import indent

import yaml

from actors.entities import timesheet as timesheets
from gateway.policy_file import parse_policy
from schemas.customer.entity import Customer, ErpRecord
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCreate
from schemas.timesheet.entity import Timesheet
from tests.actors.firm import BRIDGE, SHEET, SHIPYARD, approved, customer, deal, line, part, running_project
from tests.actors.flows.desk import Desk as Flow
from tests.actors.stage import Given
from tests.gateway.toy import NOW
from tests.runtime.firm import CRM, Desk, Firm, event
from tests.runtime.town import until
from tests.runtime.virtual import run

EXAMPLE = (Path(__file__).parents[2] / "examples" / "policy.yaml").read_text(encoding="utf-8")
LEGAL_ENTITY = """\
  NO01:
    currency: NOK
    erp: erp_north
    tax_codes: {standard: NO-25}
"""
SERVICE_LINE = """\
  aviation:
    template: [{code: audit, name: Audit}]
"""


def with_norway(text: str = EXAMPLE, entity: str = LEGAL_ENTITY) -> str:
    """The example with a region more, whose ERP promises what the other one does."""
    erp = yaml.safe_load(text)["systems"]["erp"] | {"url": "http://127.0.0.1:18099"}
    for section, entry in (
        ("legal_entities", entity),
        ("service_lines", SERVICE_LINE),
        ("systems", indent(yaml.safe_dump({"erp_north": erp}), "  ")),
    ):
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{entry}", 1)
    return text


def bodies(firm: Firm, system: str) -> list[object]:
    """What a system was asked for."""
    return list(firm.books[system].entries.values())


def test_its_customers_come_into_its_own_erp() -> None:
    async def story() -> None:
        # Given the example with a region added
        firm = Firm(desk=Desk(parse_policy(with_norway(), "policy.yaml")))
        await firm.open(1)
        # When a customer of it comes in
        await firm.publish(event(CRM, "c1", ActorKey("customer", "C-1"), customer("NO01")))
        # Then it stands in the region's ERP, taxed as there, and nowhere else
        await until(lambda: bool(bodies(firm, "erp_north")))
        [put] = bodies(firm, "erp_north")
        assert isinstance(put, CustomerPut)
        assert (put.legal_entity, put.tax_code) == ("NO01", "NO-25")
        assert bodies(firm, "erp") == []
        assert firm.cases() == []
        firm.check_alive()

    run(story())


def test_its_deals_are_set_up_there_from_the_template_of_their_service_line() -> None:
    policy = parse_policy(with_norway(), "policy.yaml").policy
    in_the_north = ErpRecord(legal_entity="NO01", system="erp_north", external_id="7", puts=1)
    buyer = Customer(profile=customer("NO01"), records=(in_the_north,), tax_codes={"NO01": "NO-25"})
    sold = deal(part("NO01", service_line="aviation", currency="NOK", consultant="1500.00"))
    desk = Flow(policy=policy, others={SHIPYARD: buyer}).won(sold).go_on()
    systems = {request.operation: request.system for request in desk.asked}
    assert (systems["project.create"], systems["contract.put"]) == ("erp_north", "erp_north")
    [create] = [request.body for request in desk.asked if isinstance(request.body, ProjectCreate)]
    assert (create.service_line, create.currency, [each.code for each in create.work_packages]) == (
        "aviation", "NOK", ["audit"],
    )  # fmt: skip
    assert desk.state.status == "active"
    assert desk.cases == {}


def test_its_time_is_billed_there() -> None:
    policy = parse_policy(with_norway(), "policy.yaml").policy
    project = running_project(legal_entity="NO01", currency="NOK", consultant="1500.00").model_copy(
        update={"erp": "erp_north", "tax_code": "NO-25"}
    )
    given = Given(timesheets.ACTOR, SHEET, Timesheet(), policy, others={BRIDGE: project})
    [request] = given.asked(approved(line("1", "2"), legal_entity="NO01", currency="NOK"))
    assert request.system == "erp_north"
    assert isinstance(request.body, BillablePost)
    assert (f"{request.body.amount}", request.body.currency, request.body.tax_code) == ("3000.00", "NOK", "NO-25")


def test_another_erp_takes_over_on_its_day() -> None:
    later = (NOW + timedelta(days=1)).date()
    entity = LEGAL_ENTITY.replace("erp: erp_north", f"successors: {{erp: [{{system: erp_north, from_on: {later}}}]}}")
    norway = parse_policy(with_norway(entity=entity), "policy.yaml").policy.legal_entities["NO01"]
    assert norway.route("customer.put", NOW.date()) == "erp"
    assert norway.route("customer.put", later) == "erp_north"
    assert norway.systems == {"erp", "psa", "crm", "erp_north"}

"""A new region is configuration: a legal entity, a service line, and an ERP of its own, in YAML and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import indent

import yaml

from gateway.policy_file import parse_policy
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCreate
from tests.actors.firm import approved, customer, deal, line, part
from tests.gateway.toy import NOW
from tests.runtime.firm import CRM, PSA, Desk, Firm, event
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


def test_a_region_a_legal_entity_and_a_service_line_are_entries_of_the_file() -> None:
    async def story() -> None:
        # Given the example with a region added
        firm = Firm(desk=Desk(parse_policy(with_norway(), "policy.yaml")))
        await firm.open(1)
        # When a deal is won there, and time on it approved
        sold = deal(part("NO01", service_line="aviation", currency="NOK", consultant="1500.00"))
        await firm.publish(event(CRM, "c1", ActorKey("customer", "C-1"), customer("NO01")))
        await firm.publish(event(CRM, "w1", ActorKey("project", "P-1"), sold))
        sheet = approved(line("1", "2"), legal_entity="NO01", currency="NOK")
        await firm.publish(event(PSA, "t1", ActorKey("timesheet", "T-1"), sheet))
        # Then all of it stands in the region's own ERP, with its currency and tax
        await until(lambda: any(isinstance(body, BillablePost) for body in bodies(firm, "erp_north")))
        asked = {type(body): body for body in bodies(firm, "erp_north")}
        put, project, billable = asked[CustomerPut], asked[ProjectCreate], asked[BillablePost]
        assert isinstance(put, CustomerPut)
        assert isinstance(project, ProjectCreate)
        assert isinstance(billable, BillablePost)
        assert (put.legal_entity, put.tax_code) == ("NO01", "NO-25")
        assert (project.service_line, project.currency) == ("aviation", "NOK")
        assert (f"{billable.amount}", billable.currency, billable.tax_code) == ("3000.00", "NOK", "NO-25")
        assert bodies(firm, "erp") == []
        assert firm.cases() == []
        firm.check_alive()

    run(story())


def test_another_erp_takes_over_on_its_day() -> None:
    later = (NOW + timedelta(days=1)).date()
    entity = LEGAL_ENTITY.replace("erp: erp_north", f"successors: {{erp: [{{system: erp_north, from_on: {later}}}]}}")
    norway = parse_policy(with_norway(entity=entity), "policy.yaml").policy.legal_entities["NO01"]
    assert norway.route("customer.put", NOW.date()) == "erp"
    assert norway.route("customer.put", later) == "erp_north"
    assert norway.systems == {"erp", "psa", "crm", "erp_north"}

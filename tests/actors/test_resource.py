"""Resource: who works on which project, in the ERP's cost forecast and on the CRM's account."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from actors.entities.resource import ACTOR
from schemas.employee.entity import Employee
from schemas.employee.v1 import Upserted
from schemas.keys import ActorKey, external_key
from schemas.operations.assignment import AssignmentPut, DeliveryPut
from schemas.project.entity import Project
from schemas.resource.entity import Assignment
from schemas.resource.v1 import Assigned, Unassigned
from schemas.values import Money, Reference
from tests.actors.firm import BRIDGE, MONDAY, approved, running_project
from tests.actors.stage import POLICY, REFUSED, Given, awaited, reason_to_ignore, refusal

KEY = ActorKey("resource", "P-1-E-1")
MIRA = ActorKey("employee", "E-1")
COST = Money(amount="68.50", currency="EUR")
KNOWN = Employee(profile=Upserted(name="Mira", legal_entity="DE01", cost_centre="CC-1", cost_rate=COST))
NEW = Given(ACTOR, KEY, Assignment(), others={BRIDGE: running_project(), MIRA: KNOWN})
FRIDAY = date(2026, 5, 29)


def assigned(hours: str | None = "32", *, project: str = BRIDGE.id, employee: Reference | None = None) -> Assigned:
    """What the PSA says of an assignment."""
    return Assigned(
        project=Reference(id=project),
        employee=employee or Reference(id=MIRA.id),
        role="consultant",
        starts_on=MONDAY,
        hours_per_week=None if hours is None else Decimal(hours),
    )


def test_an_assignment_goes_to_the_erps_forecast_with_its_cost_and_to_the_crm() -> None:
    in_erp, in_crm = NEW.asked(assigned())
    assert (in_erp.system, in_erp.operation) == ("erp", "assignment.put")
    assert in_erp.body == AssignmentPut(
        assignment_id="P-1-E-1", project="PRJ-1", legal_entity="DE01", employee="E-1", role="consultant",
        starts_on=MONDAY, hours_per_week=Decimal(32), cost_rate=Decimal("68.50"), currency="EUR", status="assigned",
    )  # fmt: skip
    assert (in_crm.system, in_crm.operation) == ("crm", "delivery.put")
    assert in_crm.body == DeliveryPut(
        assignment_id="P-1-E-1", project_id="P-1", opportunity_id="OPP-1", legal_entity="DE01", employee="E-1",
        role="consultant", starts_on=MONDAY, status="assigned",
    )  # fmt: skip


def test_without_a_known_cost_it_goes_without() -> None:
    (in_erp, _) = replace(NEW, others={BRIDGE: running_project()}).asked(assigned())
    assert isinstance(in_erp.body, AssignmentPut)
    assert (in_erp.body.cost_rate, in_erp.body.currency) == (None, None)


def test_the_same_again_asks_for_nothing_and_a_change_asks_again() -> None:
    given = NEW.after(assigned())
    assert "like this already" in reason_to_ignore(given.when(assigned()))
    again = given.asked(assigned("16"))
    assert len({request.line for request in (*NEW.asked(assigned()), *again)}) == 4


def test_it_ends_in_both_systems_and_may_begin_again() -> None:
    given = NEW.after(assigned())
    requests = given.asked(Unassigned(ends_on=FRIDAY))
    assert [(r.operation, r.body.model_dump()["status"]) for r in requests] == [
        ("assignment.put", "ended"), ("delivery.put", "ended"),
    ]  # fmt: skip
    ended = given.after(Unassigned(ends_on=FRIDAY))
    assert "already" in reason_to_ignore(ended.when(Unassigned(ends_on=FRIDAY)))
    assert len(ended.asked(assigned())) == 2


def test_what_never_began_does_not_end() -> None:
    assert "nothing to end" in reason_to_ignore(NEW.when(Unassigned(ends_on=FRIDAY)))


def test_it_waits_for_its_project_and_for_an_id_that_nobody_has_bound() -> None:
    assert awaited(replace(NEW, others={BRIDGE: Project()}).when(assigned())) == BRIDGE
    theirs = assigned(employee=Reference(system="psa", external_id="77"))
    assert awaited(NEW.when(theirs)) == external_key("psa", "employee", "77")


def test_an_assignment_does_not_move_to_another_project() -> None:
    other = ActorKey("project", "P-2")
    given = replace(NEW.after(assigned()), others={**NEW.others, other: running_project()})
    assert refusal(given.when(assigned(project="P-2"))).code == "project_differs"


def test_a_legal_entity_that_the_policy_does_not_name_waits_for_the_policy() -> None:
    without = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {}}))
    assert refusal(without.when(assigned())).code == "legal_entity_unmapped"


def test_it_goes_to_the_erp_that_has_the_project() -> None:
    legacy = running_project().model_copy(update={"erp": "legacy-erp"})
    in_erp, _ = replace(NEW, others={**NEW.others, BRIDGE: legacy}).asked(assigned())
    assert in_erp.system == "legacy-erp"


def test_what_a_system_answers() -> None:
    given = NEW.after(assigned())
    in_erp, _ = NEW.asked(assigned())
    assert "erp has this state" in reason_to_ignore(given.when(given.confirmed(in_erp, "A-1")))
    assert refusal(given.when(given.refused(in_erp))) == REFUSED


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "timesheet.approved.v1" in reason_to_ignore(NEW.when(approved()))

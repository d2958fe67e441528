"""What an entity holds to stand in a system's books: what it asked for there and did not take back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from actors.decision import State
from actors.entities.expense import ACTOR as EXPENSE
from actors.entities.project import ACTOR as PROJECT
from actors.entities.timesheet import ACTOR as TIMESHEET
from actors.policy import LegalEntity, Policy, Successor
from actors.standing import HOLDERS
from schemas.acts import Act, Acted
from schemas.bound import Bound
from schemas.expense.entity import ExpenseReport
from schemas.keys import ActorKey
from schemas.project.v1 import MilestoneCompleted
from schemas.standing import Sort, Standing
from schemas.timesheet.entity import Timesheet
from tests.actors.agreements import SOW, eur
from tests.actors.firm import BRIDGE, MONDAY, REPORT, SHEET, approved, corrected, line, reported, running_project, spent
from tests.actors.invoicing import INVOICE, NEW, issued, posted
from tests.actors.stage import POLICY, Given

TWO_ERPS: Final = LegalEntity(currency="EUR", successors={"erp": (Successor(system="new-erp", from_on=MONDAY),)})
SIDE_BY_SIDE: Final[Policy] = POLICY.model_copy(
    update={
        "legal_entities": {"DE01": TWO_ERPS},
        "systems_of": {"urn:erp": "erp", "urn:new-erp": "new-erp", "urn:crm": "crm"},
    }
)


def held(key: ActorKey, state: State, system: str = "erp") -> list[Standing]:
    """What stands in a system by what a key holds."""
    return list(HOLDERS[key.entity](key, state, system))


# ------------------------------------------------------------------------------------------------------------ invoices


def test_an_invoice_stands_in_the_erp_that_was_asked_by_our_reference() -> None:
    given = NEW.after(issued())
    (standing,) = held(INVOICE, given.state)
    assert (standing.reference or "").startswith("invoice/INV-1/post.1.")
    assert (standing.sort, standing.amount, standing.open) == (Sort.INVOICE, Decimal("119.00"), Decimal("119.00"))
    assert held(INVOICE, given.state, "us-erp") == []
    posted_since = given.after(posted())
    assert [each.reference for each in held(INVOICE, posted_since.state)] == [standing.reference]


def test_what_an_erp_issued_by_itself_stands_there_alone() -> None:
    for source, system in (("urn:erp", "erp"), ("urn:new-erp", "new-erp")):
        given = replace(NEW, policy=SIDE_BY_SIDE, source=source).after(posted())
        (standing,) = held(INVOICE, given.state, system)
        assert (standing.reference, standing.external_id) == (None, "INV-1")
        other = "erp" if system == "new-erp" else "new-erp"
        assert held(INVOICE, given.state, other) == []


def test_where_no_erp_says_so_it_stands_in_that_of_its_legal_entity() -> None:
    for source in ("urn:crm", "urn:unheard"):
        given = replace(NEW, policy=SIDE_BY_SIDE, source=source).after(posted())
        assert (len(held(INVOICE, given.state, "new-erp")), held(INVOICE, given.state, "crm")) == (1, [])


def test_what_was_posted_by_hand_has_no_reference_of_ours() -> None:
    given = NEW.after(issued())
    refused = given.after(given.refused(NEW.asked(issued())[0]))
    assert held(INVOICE, refused.state) == []
    by_hand = refused.after(Acted(topic="posting", act=Act.RESOLVE, by="E-5", reason="by hand"))
    (unknown,) = held(INVOICE, by_hand.state)
    # It is not taken for another invoice, whose id in the ERP may be ours of this one
    assert (unknown.reference, unknown.external_id) == (None, "invoice/INV-1")
    # And it is known by its id there once somebody has told it
    told = Bound(to=INVOICE.id, system="erp", kind="invoice", external_id="999")
    (known,) = held(INVOICE, by_hand.after(told).state)
    assert (known.reference, known.external_id) == (None, "999")


# ------------------------------------------------------------------------------------- milestones, time, cost, expenses


def test_a_milestone_stands_where_it_was_billed() -> None:
    running = Given(PROJECT, BRIDGE, running_project().model_copy(update={"contract": SOW.id}))
    done = MilestoneCompleted(milestone_id="M1", name="Design", completed_on=MONDAY, amount=eur("12000.00"))
    given = running.after(done)
    (request,) = [each for each in running.asked(done) if each.operation == "milestone.bill"]
    (standing,) = held(BRIDGE, given.state)
    assert (standing.sort, standing.reference) == (Sort.MILESTONE, given.confirmed(request).command.reference)
    assert (standing.day, standing.amount, standing.currency) == (MONDAY, Decimal("12000.00"), "EUR")
    assert held(BRIDGE, given.state, "crm") == []
    unbilled = running.after(done.model_copy(update={"amount": None}))
    assert held(BRIDGE, unbilled.state) == []


def test_lines_stand_where_each_was_booked_until_they_are_taken_back() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"cost.post": "books"}})
    policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    new = Given(TIMESHEET, SHEET, Timesheet(), policy, others={BRIDGE: running_project()})
    given = new.after(approved(line("1"), line("2", "2", billable=False)))
    (billed,), (cost,) = held(SHEET, given.state), held(SHEET, given.state, "books")
    assert (billed.sort, billed.reference, billed.amount) == (Sort.BILLABLE, "timesheet/T-1/1.r1/1", Decimal("1160.00"))
    assert (cost.sort, cost.account, cost.amount, cost.day) == (Sort.COST, "CC-1", None, MONDAY)
    taken_back = given.after(corrected(line("1")))
    assert (len(held(SHEET, taken_back.state)), held(SHEET, taken_back.state, "books")) == (1, [])


def test_expenses_stand_as_they_were_spent() -> None:
    new = Given(EXPENSE, REPORT, ExpenseReport(), others={BRIDGE: running_project()})
    day = date(2026, 3, 4)
    given = new.after(reported(spent("1", day=day), spent("2", "23.50", billable=False)))
    billed, cost = held(REPORT, given.state)
    assert (billed.sort, billed.amount, billed.currency, billed.day) == (Sort.EXPENSE, Decimal("84.20"), "EUR", day)
    assert (cost.sort, cost.amount, cost.account) == (Sort.COST, Decimal("23.50"), "CC-1")

"""A milestone that its system does not have any more is billed anew by an approved repair, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from actors.decision import Request
from actors.entities.project import ACTOR
from actors.policy import Flow, Mode
from schemas.commands import command_reference
from schemas.project.v1 import MilestoneCompleted, Withdrawn
from schemas.repair.v1 import LASTS, Item, Repaired
from schemas.values import Money
from tests.actors.firm import BRIDGE, MONDAY, WON, running_project
from tests.actors.stage import NOW, POLICY, Given, accepted, reason_to_ignore

COMPLETED = MilestoneCompleted(
    milestone_id="M.1", name="Halfway", completed_on=MONDAY, amount=Money(amount="8000.00", currency="EUR")
)
RUNNING = running_project().model_copy(update={"contract": "SOW-1", "engagement": WON.id})
OPEN = Given(ACTOR, BRIDGE, RUNNING)
BILLED = OPEN.after(COMPLETED)


def bill(requests: tuple[Request, ...]) -> Request:
    """What the billing system is asked."""
    (request,) = [each for each in requests if each.operation == "milestone.bill"]
    return request


FIRST = bill(OPEN.asked(COMPLETED))


def lost(booking: str = FIRST.line, number: int = 1) -> Item:
    """The milestone is missing in the ERP."""
    return Item.model_validate(
        {
            "number": number, "sort": "milestone", "legal_entity": "DE01", "entity": "project", "key": BRIDGE.id,
            "booking": booking, "holds": command_reference(BRIDGE, booking, 1), "books": True,
        }
    )  # fmt: skip


def told(*items: Item) -> Repaired:
    return Repaired(to=BRIDGE.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW, items=items or (lost(),))


def test_it_is_billed_anew_by_another_command_about_the_same() -> None:
    (again,) = BILLED.asked(told())
    assert (again.system, again.operation, again.body) == ("erp", "milestone.bill", FIRST.body)
    head, deal, id = FIRST.line.split(".", 2)
    assert again.line == f"{head}.{deal}-2.{id}"
    # And once more, should it be lost again
    (third,) = BILLED.after(told()).asked(told(lost(again.line)))
    assert third.line == f"{head}.{deal}-3.{id}"


def test_whoever_is_told_that_it_is_billed_is_told_which() -> None:
    asked = BILLED.after(told())
    (again,) = BILLED.asked(told())
    (notice,) = accepted(asked.when(asked.confirmed(again, "B-9"))).notices
    assert notice.attributes == {"milestone_id": "M.1", "billing_id": "B-9"}


def test_one_that_was_billed_at_the_second_try_is_meant_by_that() -> None:
    second = BILLED.after(BILLED.confirmed(FIRST, "B-7", generation=2))
    assert "asked for otherwise" in reason_to_ignore(second.when(told()))
    meant = lost().model_copy(update={"holds": command_reference(BRIDGE, FIRST.line, 2)})
    assert len(second.asked(told(meant))) == 1


def test_a_repair_that_is_told_twice_is_done_once_and_completing_it_again_bills_nothing() -> None:
    assert "asked for otherwise" in reason_to_ignore(BILLED.after(told()).when(told()))
    assert "completed already" in reason_to_ignore(BILLED.after(told()).when(COMPLETED))


def test_what_is_not_as_it_was_planned_is_left_as_it_is() -> None:
    decision = accepted(BILLED.when(told(lost(), lost("milestone.0.M-7", 2))))
    assert (len(decision.requests), "M-7" in decision.remarks[0]) == (1, True)
    elsewhere = told().model_copy(update={"system": "us-erp"})
    assert "asked for otherwise" in reason_to_ignore(BILLED.when(elsewhere))
    cancelled = BILLED.after(Withdrawn(to=BRIDGE.id, engagement=WON.id, reason="gone"))
    assert "deal was cancelled" in reason_to_ignore(cancelled.when(told()))


def test_nothing_is_sent_by_an_old_look_where_books_are_closed_or_where_projects_are_not_live() -> None:
    old = told().model_copy(update={"checked_at": NOW - LASTS - timedelta(seconds=1)})
    assert "too long ago" in reason_to_ignore(BILLED.when(old))
    for change, why in (
        ({"closed_through": date(2026, 3, 31)}, "closed through"),
        ({"flows": {Flow.PROJECTS: Mode.SHADOW}}, "in mode shadow"),
    ):
        entity = POLICY.legal_entities["DE01"].model_copy(update=change)
        policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
        assert why in reason_to_ignore(replace(BILLED, policy=policy).when(told()))

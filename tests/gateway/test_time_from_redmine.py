"""What becomes of a Redmine time entry's life in the ERP: approved, changed, withdrawn, approved again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import orjson

from actors.entities.timesheet import ACTOR
from adapters.redmine.records import FieldValue, TimeEntry
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields
from adapters.redmine.sheets import change_of, tells
from gateway.redmine_policy import RedmineChanges
from schemas.bindings import Binding
from schemas.keys import ActorKey, external_key
from schemas.registry import EVENTS
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Approved, Withdrawn
from tests.actors.firm import BRIDGE, running_project
from tests.actors.stage import Given, accepted, reason_to_ignore
from tests.adapters.redmine.test_mapping import AS_IT_SHOULD_BE
from tests.adapters.redmine.test_sheets import ENTRY

FIELDS = RedmineFields(project_id=11, erp_id=12, legal_entity=13, currency=14, approval=15)
SETTINGS = RedmineFeedSettings(roles={"Senior consulting": "consultant"})
PROJECT = running_project(legal_entity="US01", currency="USD")
NEW = Given(
    ACTOR,
    ActorKey("timesheet", "psa-41"),
    Timesheet(),
    others={external_key("psa", "project", "7"): Binding(entity="project", id=BRIDGE.id), BRIDGE: PROJECT},
)


def entry(minutes: int, approval: str = "approved", hours: str = "3.25") -> TimeEntry:
    """The entry as it stands some minutes after it was made."""
    changed: datetime = ENTRY.created_on + timedelta(minutes=minutes)
    fields = (FieldValue(id=15, value=approval),)
    return ENTRY.model_copy(update={"updated_on": changed, "custom_fields": fields, "hours": Decimal(hours)})


def said(told: TimeEntry) -> Approved | Withdrawn:
    """What is published of it, as it comes through the door."""
    assert tells(told, FIELDS, SETTINGS)
    [fact] = change_of("psa", told, AS_IT_SHOULD_BE, "ann", FIELDS, SETTINGS).facts
    read = EVENTS.find(fact.type).read(orjson.loads(fact.data))
    assert isinstance(read, Approved | Withdrawn)
    return read


def sheet(told: TimeEntry) -> Approved:
    """The same of an approved entry."""
    read = said(told)
    assert isinstance(read, Approved)
    return read


def asked(given: Given, told: TimeEntry) -> list[tuple[str, str, str]]:
    """Operation, line, and hours of what the ERP is asked."""
    return [
        (request.operation, request.line, str(request.body.hours))  # type: ignore[attr-defined]  # all are billables
        for request in accepted(given.when(said(told))).requests
    ]


def test_work_of_four_months_is_read_unless_the_policy_file_says_otherwise() -> None:
    days = RedmineChanges(source="urn:example:psa", begins_on=date(2026, 11, 1)).days
    assert days == RedmineFeedSettings().days == 120


def test_an_approved_entry_is_billed_for_its_employee_and_role() -> None:
    [request] = NEW.asked(sheet(entry(1)))
    assert request.system == "us-erp"
    body = request.body.model_dump()
    assert (body["employee"], body["role"], body["project"]) == ("ann", "consultant", "PRJ-1")


def test_a_changed_entry_is_taken_back_and_billed_anew() -> None:
    first, second = entry(1), entry(2, hours="4.00")
    revision = sheet(first).revision
    assert asked(NEW.after(sheet(first)), second) == [
        ("billable.reverse", f"1.r{revision}", "-3.25"),
        ("billable.post", f"1.r{revision + 60}", "4.00"),
    ]


def test_a_comment_costs_nothing() -> None:
    noted = entry(2).model_copy(update={"comments": "corrected spelling"})
    assert asked(NEW.after(sheet(entry(1))), noted) == []


def test_a_withdrawn_entry_is_taken_back_and_may_be_approved_again() -> None:
    billed = NEW.after(sheet(entry(1)))
    assert [operation for operation, _, _ in asked(billed, entry(2, "rejected"))] == ["billable.reverse"]
    again = billed.after(said(entry(2, "rejected")))
    assert [operation for operation, _, _ in asked(again, entry(3))] == ["billable.post"]


def test_an_entry_that_was_never_billed_is_withdrawn_without_effect() -> None:
    assert asked(NEW, entry(2, "rejected")) == []


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    withdrawn = NEW.after(said(entry(1)), said(entry(2, "rejected")))
    assert "was withdrawn" in reason_to_ignore(withdrawn.when(said(entry(1))))
    early = NEW.after(said(entry(2, "rejected")))
    assert "was withdrawn" in reason_to_ignore(early.when(said(entry(1))))
    assert "is over" in reason_to_ignore(NEW.after(said(entry(3))).when(said(entry(2, "rejected"))))


def test_an_entry_that_moved_to_another_project_is_billed_there() -> None:
    # Given an entry that is billed, and another project of ours
    there = ActorKey("project", "P-2")
    moved = external_key("psa", "project", "8")
    others = {
        **NEW.others,
        moved: Binding(entity="project", id=there.id),
        there: PROJECT.model_copy(update={"erp_id": "PRJ-2"}),
    }
    given = Given(ACTOR, NEW.key, Timesheet(), others=others).after(sheet(entry(1)))
    # When it is moved
    changed = entry(2).model_copy(update={"project": ENTRY.project.model_copy(update={"id": 8})})
    requests = accepted(given.when(sheet(changed))).requests
    # Then it is taken back here and billed there
    assert [(request.operation, request.body.model_dump()["project"]) for request in requests] == [
        ("billable.reverse", "PRJ-1"),
        ("billable.post", "PRJ-2"),
    ]

"""Time entries as timesheets: what is published, of which entries, and what an odd entry becomes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from adapters.redmine.records import FieldValue, Named, Project, TimeEntries, TimeEntry
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields
from adapters.redmine.sheets import change_of, is_ours, tells
from schemas.timesheet.v1 import Approved, Withdrawn
from tests.adapters.redmine.test_mapping import AS_IT_SHOULD_BE, FIELDS

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = RedmineFeedSettings(roles={"Senior consulting": "consultant"}, not_billable=("Travel",))
[ENTRY] = TimeEntries.model_validate_json((GOLDEN / "time_entry.json").read_bytes()).time_entries


def entry(**changed: object) -> TimeEntry:
    return ENTRY.model_copy(update=changed)


def approval(value: object) -> dict[str, object]:
    return {"custom_fields": (FieldValue(id=15, value=value),)}


def sheet(changed: TimeEntry, project: Project = AS_IT_SHOULD_BE, login: str = "ann") -> dict[str, object]:
    [fact] = change_of("psa", changed, project, login, FIELDS, SETTINGS).facts
    read: dict[str, object] = orjson.loads(fact.data)
    return read


def line(changed: TimeEntry) -> dict[str, object]:
    lines = sheet(changed)["lines"]
    assert isinstance(lines, list)
    [only] = lines
    assert isinstance(only, dict)
    return only


def test_an_entry_is_published_like_the_golden_file() -> None:
    golden = (GOLDEN / "timesheet.approved.v1.json").read_bytes()
    assert sheet(ENTRY) == orjson.loads(golden)
    assert Approved.model_validate_json(golden).lines[0].hours == Decimal("3.25")


def test_the_fact_names_the_sheet_and_the_second_of_the_change() -> None:
    change = change_of("psa", ENTRY, AS_IT_SHOULD_BE, "ann", FIELDS, SETTINGS)
    [fact] = change.facts
    assert (fact.type, fact.subject, fact.time) == ("timesheet.approved.v1", "psa-41", ENTRY.updated_on)
    assert change.version.id == "41"
    assert change.version.version.startswith("2026-11-21T12:56:21Z-")


def test_two_versions_are_never_the_same_text() -> None:
    texts = {
        change_of("psa", changed, AS_IT_SHOULD_BE, "ann", FIELDS, SETTINGS).version.version
        for changed in (ENTRY, entry(hours=Decimal("3.5")), entry(comments=""), entry(**approval("rejected")))
    }
    assert len(texts) == 4


@pytest.mark.parametrize(
    ("value", "is_changed", "told"),
    [
        ("approved", True, True),
        ("approved", False, True),
        ("rejected", True, True),
        ("rejected", False, False),
        ("open", True, False),
        ("submitted", True, False),
        ("Approved", True, False),
        ("", True, False),
        (None, True, False),
        (["approved"], True, False),
    ],
)
def test_what_is_approved_is_told_and_what_lost_its_approval(value: object, is_changed: bool, told: bool) -> None:  # noqa: FBT001
    made = ENTRY.created_on if is_changed else ENTRY.updated_on
    assert tells(entry(created_on=made, **approval(value)), FIELDS, SETTINGS) is told


def test_without_a_value_for_it_nothing_is_withdrawn() -> None:
    settings = RedmineFeedSettings(withdrawn=None)
    assert not tells(entry(**approval("rejected")), FIELDS, settings)
    assert not tells(entry(**approval("")), FIELDS, settings)
    assert not tells(entry(custom_fields=()), FIELDS, settings)


def test_an_approval_that_was_taken_back_is_withdrawn_for_the_same_sheet() -> None:
    withdrawn = entry(**approval("rejected"))
    [told] = change_of("psa", withdrawn, AS_IT_SHOULD_BE, "ann", FIELDS, SETTINGS).facts
    assert (told.type, told.subject) == ("timesheet.withdrawn.v1", "psa-41")
    approved = sheet(ENTRY)
    assert Withdrawn.model_validate_json(told.data).model_dump(mode="json", exclude_none=True) == {
        **{name: approved[name] for name in ("legal_entity", "project", "revision")},
        "reason": "the approval of the entry is rejected",
    }


@pytest.mark.parametrize(
    ("hours", "written"),
    [("8", "8.00"), ("3.25", "3.25"), ("3.2", "3.20"), ("0.333", "0.333"), ("1E+1", "10.00"), ("-2", "-2.00")],
)
def test_hours_are_never_rounded(hours: str, written: str) -> None:
    assert line(entry(hours=Decimal(hours)))["hours"] == written


def test_hours_are_read_exactly() -> None:
    page = (GOLDEN / "time_entry.json").read_bytes().replace(b"3.25", b"0.1")
    assert TimeEntries.model_validate_json(page).time_entries[0].hours == Decimal("0.1")


def test_the_role_is_the_activity_unless_the_policy_says_more() -> None:
    assert line(ENTRY)["role"] == "consultant"
    assert line(entry(activity=Named(id=1, name="architect")))["role"] == "architect"
    travel = line(entry(activity=Named(id=1, name="Travel")))
    assert (travel["role"], travel["billable"]) == ("Travel", False)


def test_a_comment_is_a_note_and_none_is_none() -> None:
    assert line(entry(comments="one\r\ntwo"))["note"] == "one\ntwo"
    assert "note" not in line(entry(comments=""))
    assert "note" not in line(entry(comments=None))


def test_what_is_missing_is_passed_on_for_the_door_to_refuse() -> None:
    bare = Project(id=7, name="Rollout", identifier="x", custom_fields=AS_IT_SHOULD_BE.custom_fields[:1])
    assert (sheet(ENTRY, bare)["legal_entity"], sheet(ENTRY, bare)["currency"]) == ("", "")
    assert sheet(entry(user=None), login="")["employee"] == {}
    assert line(entry(activity=None))["role"] == ""


def test_a_name_is_no_id_of_an_employee_and_the_door_says_which_one_is_missing() -> None:
    nameless = sheet(ENTRY, login="")
    assert nameless["employee"] == {"name": "Ann Example"}
    with pytest.raises(ValidationError) as refused:
        Approved.model_validate_json(orjson.dumps(nameless))
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [("missing", ("employee", "id"))]


def test_only_projects_that_the_gateway_put_there_are_ours() -> None:
    assert is_ours(AS_IT_SHOULD_BE, FIELDS)
    assert not is_ours(Project(id=1, name="Holidays", identifier="holidays"), FIELDS)
    other = RedmineFields(project_id=99, erp_id=12, legal_entity=13, currency=14, approval=15)
    assert not is_ours(AS_IT_SHOULD_BE, other)

"""Timesheet: each approved billable line becomes one billable entry in the ERP, once, for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.entities.timesheet import ACTOR
from schemas.bindings import Binding
from schemas.facts import Notice
from schemas.keys import ActorKey, external_key
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.project.entity import Project
from schemas.record import Record
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Employee, Line, Rejected, Submitted, Withdrawn
from schemas.values import Reference
from schemas.verdicts import FailureClass
from tests.actors.firm import BRIDGE, MONDAY, SHEET, WEEK, approved, corrected, credit, line, running_project
from tests.actors.stage import POLICY, REFUSED, Given, accepted, awaited, reason_to_ignore, refusal

NEW = Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: running_project()})
TUNNEL = ActorKey("project", "P-2")
THEIRS = external_key("psa", "project", "4711")
BY_PSA_ID = approved(project=Reference(system="psa", external_id="4711"))
SUBMITTED = Submitted(
    legal_entity="DE01", currency="EUR", employee=Employee(id="E-1"), period=WEEK, project=Reference(id="P-1"),
    lines=(line(),),
)  # fmt: skip
SENT_BACK = Rejected(**SUBMITTED.model_dump(exclude={"revision"}), reason="wrong project")


def gone(revision: int = 1) -> Withdrawn:
    """The approval is taken back."""
    return Withdrawn(legal_entity="DE01", project=Reference(id="P-1"), revision=revision, reason="by mistake")


def timesheet(given: Given) -> Timesheet:
    """The sheet as it stands."""
    assert isinstance(given.state, Timesheet)
    return given.state


def names(given: Given, sheet: object) -> list[str]:
    """What is asked of the ERP when a sheet is accepted, one word each."""
    decision = accepted(given.when(sheet))  # type: ignore[arg-type]  # the tables below mix both kinds of sheet
    return [f"{request.operation.removeprefix('billable.')} {request.line}" for request in decision.requests]


# ------------------------------------------------------------------------------------------------------------- billing


def test_an_approved_line_is_billed_by_hours_times_rate() -> None:
    (request,) = NEW.asked(approved(line("1", "7.50")))
    assert (request.system, request.operation, request.line) == ("erp", "billable.post", "1.r1")
    assert request.body == BillablePost(
        project="PRJ-1", legal_entity="DE01", currency="EUR", amount=Decimal("1087.50"), hours=Decimal("7.50"),
        rate=Decimal("145.00"), role="consultant", employee="E-1", work_date=MONDAY, sheet_id="T-1", line_id="1",
        contract_reference="SOW-1", tax_code="D19", cost_centre="CC-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("legal_entity", "currency", "rate", "hours", "amount"),
    [
        ("DE01", "EUR", "145.01", "0.50", "72.51"),  # half up
        ("US01", "USD", "145.01", "0.50", "72.50"),  # half to the even cent
        ("US01", "USD", "145.03", "0.50", "72.52"),
        ("JP01", "JPY", "12345", "7.50", "92588"),  # no decimals
    ],
)
def test_a_line_is_rounded_once_by_the_rule_of_its_legal_entity(
    legal_entity: str, currency: str, rate: str, hours: str, amount: str
) -> None:
    project = running_project(legal_entity=legal_entity, currency=currency, consultant=rate)
    given = replace(NEW, others={BRIDGE: project})
    (request,) = given.asked(approved(line("1", hours), legal_entity=legal_entity, currency=currency))
    assert isinstance(request.body, BillablePost)
    assert request.body.amount == Decimal(amount)


def test_three_lines_are_rounded_each_and_not_their_sum() -> None:
    given = replace(NEW, others={BRIDGE: running_project(consultant="0.33")})
    requests = given.asked(approved(*(line(id, "0.50") for id in "123")))
    assert [request.body.amount for request in requests if isinstance(request.body, BillablePost)] == [
        Decimal("0.17")
    ] * 3


def test_an_amount_beyond_fifteen_digits_is_a_case() -> None:
    given = replace(NEW, others={BRIDGE: running_project(consultant="999999999999999.99")})
    assert refusal(given.when(approved(line("1", "24")))).code == "amount_too_large"


def test_long_ids_can_be_billed_and_taken_back() -> None:
    # Given the longest ids that come through the door, all of characters that a reference has to encode
    given = replace(NEW, key=ActorKey("timesheet", "/" * 200))
    billed = given.after(approved(line("%" * 200)))
    assert names(billed, corrected(line("1"))) == [f"reverse {'%' * 200}.r1", "post 1.r2"]


# ------------------------------------------------------------------------------------------------------------- waiting


@pytest.mark.parametrize("project", [None, Project(), Project(opportunity_id="OPP-1")])
def test_it_waits_until_the_erp_has_the_project(project: Project | None) -> None:
    assert awaited(replace(NEW, others={} if project is None else {BRIDGE: project}).when(approved())) == BRIDGE


def test_it_waits_for_another_systems_id_until_that_is_bound() -> None:
    assert awaited(replace(NEW, others={}).when(BY_PSA_ID)) == THEIRS


def test_a_bound_id_leads_to_the_project() -> None:
    bound = Binding(entity="project", id="P-1")
    assert names(replace(NEW, others={THEIRS: bound, BRIDGE: running_project()}), BY_PSA_ID) == ["post 1.r1"]
    assert awaited(replace(NEW, others={THEIRS: bound}).when(BY_PSA_ID)) == BRIDGE


# ------------------------------------------------------------------------------------- what a person has to settle


@pytest.mark.parametrize(
    ("change", "sheet", "code"),
    [
        ({"status": "closed"}, approved(), "project_not_active"),
        ({"status": "on_hold"}, approved(), "project_not_active"),
        ({"legal_entity": "US01"}, approved(), "legal_entity_differs"),
        ({"currency": "USD"}, approved(), "currency_differs"),
        ({}, approved(line(role="partner")), "rate_missing"),
        ({"starts_on": date(2026, 3, 3)}, approved(), "contract_not_in_force"),
        ({"starts_on": None}, approved(), "contract_not_in_force"),
        ({"ends_on": date(2026, 3, 1)}, approved(), "contract_not_in_force"),
        ({}, approved(legal_entity="FR01"), "legal_entity_unmapped"),
    ],
)
def test_time_that_cannot_be_billed_on_the_project_is_parked(
    change: dict[str, object], sheet: object, code: str
) -> None:
    given = replace(NEW, others={BRIDGE: running_project().model_copy(update=change)})
    assert refusal(given.when(sheet)).code == code  # type: ignore[arg-type]


def test_the_first_and_the_last_day_of_the_contract_count() -> None:
    project = running_project(ends_on=MONDAY).model_copy(update={"starts_on": MONDAY})
    assert names(replace(NEW, others={BRIDGE: project}), approved()) == ["post 1.r1"]


def test_a_role_without_a_rate_does_no_harm_where_nothing_is_billed() -> None:
    assert names(NEW, approved(line(role="intern", billable=False))) == ["cost.post 1.r1"]


# ----------------------------------------------------------------------------------------------------- revisions


def test_the_same_revision_again_is_not_billed_again() -> None:
    assert "revision 1" in reason_to_ignore(NEW.after(approved()).when(approved()))


def test_a_newer_revision_bills_what_it_adds() -> None:
    assert names(NEW.after(approved()), approved(line("1"), line("2"), revision=2)) == ["post 2.r2"]


def test_an_older_revision_changes_nothing() -> None:
    assert reason_to_ignore(NEW.after(approved(revision=3)).when(approved(revision=2)))


def test_a_changed_line_is_taken_back_and_booked_anew() -> None:
    given = NEW.after(approved(line("1", "8"), line("2", "4")))
    decision = accepted(given.when(corrected(line("1", "6"), line("2", "4"))))
    take_back, post = decision.requests
    assert (take_back.operation, take_back.line, post.line) == ("billable.reverse", "1.r1", "1.r2")
    assert isinstance(take_back.body, BillableReverse)
    assert (take_back.body.amount, take_back.body.hours) == (Decimal("-1160.00"), Decimal(-8))
    assert take_back.body.reverses == "timesheet/T-1/1.r1/1"
    assert isinstance(post.body, BillablePost)
    assert post.body.amount == Decimal("870.00")


def test_hours_written_otherwise_are_no_change() -> None:
    assert names(NEW.after(approved(line("1", "7.5"))), corrected(line("1", "7.50"))) == []


def test_a_line_that_is_gone_or_no_longer_billable_is_taken_back() -> None:
    given = NEW.after(approved(line("1"), line("2"), line("3")))
    assert names(given, corrected(line("1"), line("2", billable=False))) == [
        "reverse 2.r1", "reverse 3.r1", "cost.post 2.r2",
    ]  # fmt: skip


def test_a_line_that_comes_back_is_booked_under_its_new_revision() -> None:
    given = NEW.after(approved(), corrected(line("2")))
    assert names(given, corrected(line("1"), line("2"), corrects=2)) == ["post 1.r3"]


def test_a_line_without_a_price_is_booked_and_taken_back_as_zero() -> None:
    given = replace(NEW, others={BRIDGE: running_project(consultant="0.00")})
    (take_back,) = given.after(approved(line("1"), line("2"))).asked(corrected(line("2")))
    assert isinstance(take_back.body, BillableReverse)
    assert str(take_back.body.amount) == "0.00"


def test_a_correction_of_what_was_not_approved_is_a_case() -> None:
    assert refusal(NEW.when(corrected())).code == "revision_missing"


def test_a_correction_that_was_overtaken_changes_nothing() -> None:
    assert reason_to_ignore(NEW.after(approved(revision=2)).when(corrected(corrects=1)))


def test_another_correction_of_the_same_revision_is_a_case_unless_it_says_the_same() -> None:
    # Given a sheet that was corrected, which made it revision 2
    given = NEW.after(approved(line("1", "8"), line("2")), corrected(line("1", "6"), line("2")))
    # When revision 1 is corrected once more, then that is no revision after it
    assert "approved already" in reason_to_ignore(given.when(corrected(line("1", "6"), line("2"))))
    for other in ((line("1", "7"), line("2")), (line("1", "6"),), (line("1", "6"), line("2"), line("3"))):
        failure = refusal(given.when(corrected(*other)))
        assert (failure.failure_class, failure.code) == (FailureClass.CONFLICT, "correction_differs")
        assert "a correction of revision 2" in failure.reason
    # And so it is after an approval of revision 2, but not after one that took the place of both
    assert refusal(NEW.after(approved(revision=2)).when(corrected(line("1", "6")))).code == "correction_differs"
    assert "replaced" in reason_to_ignore(given.after(approved(revision=3)).when(corrected(line("1", "7"))))


def test_a_sheet_that_moves_to_another_project_is_taken_back_where_it_was_booked_and_booked_anew() -> None:
    # Given a sheet on the bridge, and another project under the same contract, which another ERP bills
    tunnel = running_project().model_copy(update={"erp": "erp-2", "erp_id": "PRJ-2"})
    given = replace(NEW, others={BRIDGE: running_project(), TUNNEL: tunnel}).after(approved())
    # When the sheet is corrected to be on that one
    take_back, post = given.asked(corrected(line("1"), project=Reference(id=TUNNEL.id)))
    # Then the ERP of the bridge takes it back, and the other one books it
    assert (take_back.system, take_back.operation, post.system) == ("erp", "billable.reverse", "erp-2")
    assert isinstance(take_back.body, BillableReverse)
    assert isinstance(post.body, BillablePost)
    assert (take_back.body.project, post.body.project) == ("PRJ-1", "PRJ-2")


def test_a_line_that_was_booked_before_its_project_was_kept_is_told_by_the_erps_id() -> None:
    given = replace(NEW, others={BRIDGE: running_project(), TUNNEL: running_project()}).after(approved())
    (line_id, booked), *_ = timesheet(given).lines.items()
    old = booked.model_copy(update={"project": None, "system": None})
    given = replace(given, state=timesheet(given).model_copy(update={"lines": {line_id: old}}))
    assert names(given, corrected(line("1"))) == []
    moved = running_project().model_copy(update={"erp_id": "PRJ-2"})
    assert names(replace(given, others={BRIDGE: moved}), corrected(line("1"))) == ["reverse 1.r1", "post 1.r2"]


@pytest.mark.parametrize("status", ["closed", "withdrawn", "on_hold"])
def test_what_was_billed_is_taken_back_on_a_project_that_takes_no_more_time(status: str) -> None:
    # Given two lines that were billed on a project that is over since, and whose contract has other terms by now
    over = running_project(ends_on=date(2026, 1, 31), partner="300.00").model_copy(update={"status": status})
    given = replace(NEW.after(approved(line("1"), line("2"))), others={BRIDGE: over})
    # When one of them, or both, are taken back, then they are, and the other stays
    assert names(given, corrected(line("1"))) == ["reverse 2.r1"]
    assert names(given, corrected(line("1", billable=False))) == ["reverse 1.r1", "reverse 2.r1", "cost.post 1.r2"]
    # But nothing new is billed
    assert refusal(given.when(corrected(line("1", "6"), line("2")))).code == "project_not_active"


def test_of_a_withdrawn_project_nobody_is_told_to_reopen_it() -> None:
    withdrawn = running_project().model_copy(update={"status": "withdrawn"})
    reason = refusal(replace(NEW, others={BRIDGE: withdrawn}).when(approved())).reason
    assert ("reopen" in reason, "deal was cancelled" in reason) == (False, True)


# --------------------------------------------------------------------------------------------- approval line by line


def test_lines_approved_one_by_one_are_billed_one_by_one() -> None:
    given = NEW.after(approved(line("1"), partial=True))
    assert names(given, approved(line("2"), partial=True)) == ["post 2.r1"]
    assert set(timesheet(given.after(approved(line("2"), partial=True))).lines) == {"1", "2"}


def test_a_line_approved_twice_is_billed_once() -> None:
    assert names(NEW.after(approved(partial=True)), approved(partial=True)) == []


def test_a_line_that_changed_within_its_revision_is_a_case() -> None:
    given = NEW.after(approved(line("1", "8"), partial=True))
    assert refusal(given.when(approved(line("1", "6"), partial=True))).code == "line_changed"


@pytest.mark.parametrize(
    "again", [(line("1"),), (line("1"), line("2", "6")), (line("1"), line("2", billable=False))],
    ids=["fewer", "other hours", "not billed"],
)  # fmt: skip
def test_the_same_revision_as_a_whole_with_other_content_is_a_case(again: tuple[Line, ...]) -> None:
    given = NEW.after(approved(line("1"), line("2")))
    assert "approved already" in reason_to_ignore(given.when(approved(line("2"), line("1"))))
    assert refusal(given.when(approved(*again))).code == "line_changed"
    # And so it is where the line was booked by an earlier revision
    later = given.after(approved(line("1"), line("2"), line("3"), revision=2))
    assert refusal(later.when(approved(*again, line("3"), revision=2))).code == "line_changed"


def test_a_whole_after_some_of_its_lines_books_the_others() -> None:
    given = NEW.after(approved(line("1"), partial=True))
    assert names(given, approved(line("1"), line("2"))) == ["post 2.r1"]


def test_a_part_of_a_newer_revision_replaces_only_its_own_lines() -> None:
    given = NEW.after(approved(line("1"), line("2")))
    assert names(given, approved(line("1", "6"), revision=2, partial=True)) == ["reverse 1.r1", "post 1.r2"]


def test_a_part_that_comes_late_is_billed_unless_a_later_revision_came_with_its_lines() -> None:
    # Given a second revision, of one line, that came before the first one
    given = NEW.after(approved(line("2", "4"), revision=2, partial=True))
    # When the first one comes, then its own lines are billed, and what the second one said counts on
    late = approved(line("1", "8"), line("2", "3"), partial=True)
    assert names(given, late) == ["post 1.r1"]
    assert timesheet(given.after(late)).revision == 2
    assert names(given.after(late), late) == []
    assert "a revision after 1" in reason_to_ignore(given.when(approved(line("2", "3"), partial=True)))
    # And a line that the second one left unchanged is not changed by the first one
    same = NEW.after(approved(line("1"), partial=True), approved(line("1"), revision=3, partial=True))
    assert "a revision after 2" in reason_to_ignore(same.when(approved(line("1", "6"), revision=2, partial=True)))
    # But it is changed by one that comes after what it was booked by
    older = NEW.after(approved(line("1"), partial=True), approved(line("2"), revision=3, partial=True))
    assert names(older, approved(line("1", "6"), revision=2, partial=True)) == ["reverse 1.r1", "post 1.r2"]


def test_a_whole_that_comes_after_a_later_part_counts_for_the_other_lines() -> None:
    # Given two lines, and a third revision of one of them
    part = approved(line("2", "4"), line("3", "1"), revision=3, partial=True)
    given = NEW.after(approved(line("1"), line("2")), part)
    # When the second one comes as a whole, without a line and with another one
    late = approved(line("2", "8"), line("4", "2"), revision=2)
    assert names(given, late) == ["reverse 1.r1", "post 4.r2"]
    assert {line_id: each.revision for line_id, each in timesheet(given.after(late)).lines.items()} == {
        "2": 3, "3": 3, "4": 2,
    }  # fmt: skip
    # Then nothing before it counts any more, and it came once
    assert "revision 2 is approved already" in reason_to_ignore(given.after(late).when(approved(partial=True)))
    assert "revision 2 is approved already" in reason_to_ignore(given.after(late).when(late))
    # And so it is with a correction
    assert names(given, corrected(line("2", "8"), line("4", "2"))) == ["reverse 1.r1", "post 4.r2"]


def test_hours_of_later_parts_count_for_the_day_of_a_whole_that_comes_late() -> None:
    given = NEW.after(approved(line("2", "20"), revision=2, partial=True))
    assert refusal(given.when(approved(line("1", "8"), line("2", "3")))).code == "hours_too_many"


def test_what_an_earlier_release_kept_counts_as_a_whole() -> None:
    given = NEW.after(approved(line("1"), line("2"), revision=2))
    old = replace(given, state=timesheet(given).model_copy(update={"whole": None}))
    assert "revision 2" in reason_to_ignore(old.when(approved(line("3"), partial=True)))
    part = approved(line("3"), revision=3, partial=True)
    assert names(old, part) == ["post 3.r3"]
    assert "revision 2" in reason_to_ignore(old.after(part).when(approved(line("4"), partial=True)))


# ------------------------------------------------------------------------------------------ before and after approval


def test_a_submitted_sheet_is_noted_and_asks_for_nothing() -> None:
    decision = accepted(NEW.when(SUBMITTED))
    assert (timesheet(replace(NEW, state=decision.state)).status, decision.requests) == ("submitted", ())


def test_a_sheet_that_goes_back_may_be_approved_later() -> None:
    given = NEW.after(SUBMITTED, SENT_BACK)
    assert timesheet(given).status == "rejected"
    assert names(given, approved()) == ["post 1.r1"]


def test_after_approval_a_submission_is_late() -> None:
    assert "approved already" in reason_to_ignore(NEW.after(approved()).when(SUBMITTED))


def test_after_approval_only_a_correction_takes_time_back() -> None:
    failure = refusal(NEW.after(approved()).when(SENT_BACK))
    assert (failure.failure_class, failure.code) == (FailureClass.BUSINESS_RULE, "approved_already")


# ------------------------------------------------------------------------------------------------------- withdrawn


def test_a_withdrawn_approval_takes_back_all_that_is_booked() -> None:
    given = NEW.after(approved(line("1"), line("2", billable=False)))
    decision = accepted(given.when(gone()))
    assert [request.operation for request in decision.requests] == ["billable.reverse", "cost.reverse"]
    assert decision.notices == (Notice("withdrawn", {"revision": "1"}),)
    assert timesheet(given.after(gone())).lines == {}


def test_after_it_only_a_higher_revision_counts() -> None:
    given = NEW.after(approved(), gone())
    assert "withdrawn" in reason_to_ignore(given.when(approved()))
    assert reason_to_ignore(given.when(gone()))
    assert refusal(given.when(corrected())).code == "revision_withdrawn"
    assert names(given, approved(revision=2)) == ["post 1.r2"]
    # And the sheet may be handed in again, and go back again
    assert timesheet(given.after(SUBMITTED, SENT_BACK)).status == "rejected"


def test_a_withdrawal_that_was_overtaken_changes_nothing() -> None:
    assert "is over" in reason_to_ignore(NEW.after(approved(revision=2)).when(gone()))


def test_a_withdrawal_of_a_revision_that_was_corrected_is_a_case() -> None:
    # Given a sheet that was corrected, which made it revision 2
    given = NEW.after(approved(line("1", "8")), corrected(line("1", "6")))
    # When revision 1 is withdrawn, then its sender may not count as we do
    failure = refusal(given.when(gone()))
    assert (failure.failure_class, failure.code) == (FailureClass.CONFLICT, "revision_corrected")
    assert "revision 2 withdrawn" in failure.reason
    # But what is withdrawn, or was approved since, is another matter
    assert "is over" in reason_to_ignore(given.after(gone(2)).when(gone()))
    assert "is over" in reason_to_ignore(given.after(approved(revision=3)).when(gone()))
    assert names(given, gone(2)) == ["reverse 1.r2"]


def test_a_withdrawal_that_comes_after_a_later_part_takes_back_the_other_lines() -> None:
    # Given two lines, and a second revision of one of them
    given = NEW.after(approved(line("1"), line("2")), approved(line("2", "4"), revision=2, partial=True))
    # When the first one is withdrawn, then the line that the second one came with stays
    assert names(given, gone()) == ["reverse 1.r1"]
    after = timesheet(given.after(gone()))
    assert (set(after.lines), after.is_approved, after.status) == ({"2"}, True, "approved")
    assert "withdrawn" in reason_to_ignore(given.after(gone()).when(approved(line("3"), partial=True)))
    assert names(given.after(gone()), gone(2)) == ["reverse 2.r2"]


def test_a_withdrawal_needs_no_project_unless_nobody_knows_who_booked() -> None:
    given = replace(NEW.after(approved()), others={})
    assert [request.system for request in given.asked(gone())] == ["erp"]
    ((line_id, booked),) = timesheet(given).lines.items()
    old = timesheet(given).model_copy(update={"lines": {line_id: booked.model_copy(update={"system": None})}})
    assert awaited(replace(given, state=old).when(gone())) == BRIDGE
    assert [r.system for r in replace(given, state=old, others=NEW.others).asked(gone())] == ["erp"]


# ------------------------------------------------------------------------------------------------ the ERP's answers


def test_when_all_lines_are_booked_the_sheet_is_posted() -> None:
    sheet = approved(line("1"), line("2"))
    given, (first, second) = NEW.after(sheet), NEW.asked(sheet)
    assert accepted(given.when(given.confirmed(first))).notices == ()
    booked = given.after(given.confirmed(first))
    assert accepted(booked.when(booked.confirmed(second))).notices == (Notice("posted", {"revision": "1"}),)


def posted(*sheets: Record) -> Given:
    """The sheet, once the ERP has done all that it was asked."""
    given = NEW
    for sheet in sheets:
        requests = given.asked(sheet)
        given = given.after(sheet)
        for request in requests:
            given = given.after(given.confirmed(request))
    return given


@pytest.mark.parametrize("partial", [False, True])
def test_a_revision_that_books_nothing_new_is_posted_at_once(partial: bool) -> None:  # noqa: FBT001  # a case
    decision = accepted(posted(approved()).when(approved(revision=2, partial=partial)))
    assert (decision.requests, decision.notices) == ((), (Notice("posted", {"revision": "2"}),))
    # But not while a line of it is on its way
    assert accepted(NEW.after(approved()).when(approved(revision=2))).notices == ()
    # And not once more where it comes again line by line
    again = posted(approved(), approved(revision=2, partial=partial)).when(approved(revision=2, partial=True))
    assert accepted(again).notices == ()


def test_a_revision_that_takes_lines_back_is_posted_once_the_last_one_is() -> None:
    # Given three lines that are posted, when two of them are dropped
    given, fewer = posted(approved(line("1"), line("2"), line("3"))), corrected(line("3"))
    first, second = given.asked(fewer)
    given = given.after(fewer)
    # Then the revision is posted with the second reversal that is confirmed
    assert accepted(given.when(given.confirmed(first))).notices == ()
    given = given.after(given.confirmed(first))
    assert accepted(given.when(given.confirmed(second))).notices == (Notice("posted", {"revision": "2"}),)
    # And nothing is posted of a sheet that is withdrawn
    (back,) = posted(approved()).asked(gone())
    withdrawn = posted(approved()).after(gone())
    assert accepted(withdrawn.when(withdrawn.confirmed(back))).notices == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_line_that_is_booked_anew_is_posted_once_both_are_confirmed(order: tuple[int, int]) -> None:
    given, other = posted(approved(line("1", "8"))), corrected(line("1", "6"))
    answers = [given.confirmed(request) for request in given.asked(other)]
    given, (first, second) = given.after(other), [answers[place] for place in order]
    assert accepted(given.when(first)).notices == ()
    assert accepted(given.after(first).when(second)).notices == (Notice("posted", {"revision": "2"}),)


def test_a_reversal_names_the_booking_that_was_confirmed_after_a_retry() -> None:
    # Given a line that the ERP refused first, and took under a second generation
    given = NEW.after(approved())
    given = given.after(given.confirmed(NEW.asked(approved())[0], generation=2))
    # When it is corrected, then that booking is taken back
    (take_back, _) = given.asked(corrected(line("1", "6")))
    assert isinstance(take_back.body, BillableReverse)
    assert take_back.body.reverses == "timesheet/T-1/1.r1/2"


def test_the_answer_about_a_line_that_was_corrected_meanwhile_changes_nothing() -> None:
    given = NEW.after(approved(line("1", "8")), corrected(line("1", "6")))
    assert reason_to_ignore(given.when(given.confirmed(NEW.asked(approved(line("1", "8")))[0])))


def test_the_answer_about_a_reversal_that_an_earlier_release_did_not_keep_changes_nothing() -> None:
    given = NEW.after(approved())
    take_back = given.asked(corrected(line("1", "6")))[0]
    given = given.after(corrected(line("1", "6")))
    old = replace(given, state=timesheet(given).model_copy(update={"releasing": {}}))
    assert reason_to_ignore(old.when(old.confirmed(take_back)))


def test_what_the_erp_refuses_is_a_persons_case() -> None:
    given = NEW.after(approved())
    assert refusal(given.when(given.refused(NEW.asked(approved())[0]))) == REFUSED


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "customer.credit_changed.v1" in reason_to_ignore(NEW.when(credit(on_hold=True)))


def test_a_legal_entity_that_left_the_policy_is_named() -> None:
    given = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {}}))
    assert refusal(given.when(approved())).failure_class is FailureClass.MAPPING


def test_a_sheet_approved_as_a_whole_after_some_of_its_lines_bills_the_rest() -> None:
    given = NEW.after(approved(line("1"), partial=True))
    assert names(given, approved(line("1"), line("2"))) == ["post 2.r1"]

"""A line of a source that numbers its lines over all sheets is booked by one sheet alone."""

from __future__ import annotations

from dataclasses import replace

from actors.entities.timesheet import ACTOR
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.timesheet.entity import Timesheet
from schemas.verdicts import FailureClass
from tests.actors.firm import BRIDGE, SHEET, approved, corrected, line, running_project
from tests.actors.stage import POLICY, Given, accepted, refusal

SOURCE = "urn:test"
UNIQUE = POLICY.model_copy(update={"unique_lines": frozenset({SOURCE}), "systems_of": {SOURCE: "psa"}})
NEW = Given(ACTOR, SHEET, Timesheet(), UNIQUE, others={BRIDGE: running_project()})
E77, E78 = Claim("billed_line", "psa/timesheet/77"), Claim("billed_line", "psa/timesheet/78")


def test_each_line_is_claimed_billed_or_cost() -> None:
    assert accepted(NEW.when(approved(line("77"), line("78", billable=False)))).claims == (E77, E78)


def test_a_source_without_a_system_claims_under_its_own_name() -> None:
    alone = replace(NEW, policy=UNIQUE.model_copy(update={"systems_of": {}}))
    assert accepted(alone.when(approved(line("77")))).claims == (Claim("billed_line", "urn:test/timesheet/77"),)


def test_line_ids_that_are_the_sheets_own_claim_nothing() -> None:
    assert accepted(replace(NEW, policy=POLICY).when(approved())).claims == ()


def test_a_line_that_another_sheet_has_is_a_duplicate() -> None:
    taken = replace(NEW, taken={E77: ActorKey("timesheet", "T-0")})
    failure = refusal(taken.when(approved(line("77"))))
    assert (failure.failure_class, failure.code) == (FailureClass.DUPLICATE, "line_booked")
    assert "timesheet T-0" in failure.reason


def test_a_line_is_free_once_its_reversal_is_confirmed() -> None:
    # Given a line that is taken off the sheet
    given = NEW.after(approved(line("77"), line("78")))
    decision = accepted(given.when(corrected(line("78"))))
    (back,) = decision.requests
    assert (decision.claims, decision.releases) == ((), ())
    # When the ERP has taken it back, then another sheet may have it
    gone = given.after(corrected(line("78")))
    assert accepted(gone.when(gone.confirmed(back))).releases == (E77,)
    assert gone.after(gone.confirmed(back)).state.model_dump()["releasing"] == {}


def test_a_line_that_is_booked_anew_keeps_its_claim() -> None:
    given = NEW.after(approved(line("77", "8")))
    decision = accepted(given.when(corrected(line("77", "6"))))
    assert decision.claims == ()
    changed = given.after(corrected(line("77", "6")))
    assert accepted(changed.when(changed.confirmed(decision.requests[0]))).releases == ()


def test_a_line_that_comes_back_before_its_reversal_is_confirmed_is_still_claimed() -> None:
    given = NEW.after(approved(line("77"), line("78")))
    (back,) = given.asked(corrected(line("78")))
    again = given.after(corrected(line("78")), corrected(line("77"), line("78"), corrects=2))
    assert accepted(again.when(again.confirmed(back))).releases == ()


def test_the_claim_of_what_is_taken_back_twice_ends_with_the_second_time() -> None:
    # Given a line that was taken off while its booking was under way, which a person's retry then confirmed
    sheet = approved(line("77"), line("78"))
    given, post = NEW.after(sheet), NEW.asked(sheet)[0]
    (back,) = given.asked(corrected(line("78")))
    given = given.after(corrected(line("78")))
    given = given.after(given.confirmed(post, generation=2))
    # When the reversal is asked for again and confirmed, then the claim ends, and not before
    decision = accepted(given.when(given.refused(back)))
    given = given.after(given.refused(back))
    assert decision.releases == ()
    assert accepted(given.when(given.confirmed(decision.requests[0]))).releases == (E77,)

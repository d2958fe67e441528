"""What the ERP answers about lines that were taken back before anybody knew what became of them."""

from __future__ import annotations

import pytest

from actors.decision import Request
from actors.entities.timesheet import ACTOR
from schemas.operations.billable import BillableReverse
from schemas.timesheet.entity import Timesheet
from tests.actors.firm import BRIDGE, SHEET, approved, corrected, line, running_project
from tests.actors.stage import REFUSED, Given, accepted, refusal

NEW = Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: running_project()})
EIGHT, SIX = approved(line("1", "8")), corrected(line("1", "6"))


@pytest.fixture
def early() -> tuple[Given, Request, Request]:
    """A sheet that was corrected while its booking was on the way; the booking, and its reversal."""
    given = NEW.after(EIGHT)
    return given.after(SIX), NEW.asked(EIGHT)[0], given.asked(SIX)[0]


def test_a_reversal_that_names_another_generation_than_was_booked_is_asked_for_again(
    early: tuple[Given, Request, Request],
) -> None:
    given, post, back = early
    # Given a booking that is confirmed under a second generation, after a person's retry
    given = given.after(given.confirmed(post, generation=2))
    # When the ERP knows nothing of the first one, then the one that it has is taken back
    (again,) = accepted(given.when(given.refused(back))).requests
    assert isinstance(again.body, BillableReverse)
    assert (again.operation, again.body.reverses) == ("billable.reverse", "timesheet/T-1/1.r1/2")
    assert again.body == back.body.model_copy(update={"reverses": "timesheet/T-1/1.r1/2"})
    # And it is asked for once: what is refused again is a person's
    given = given.after(given.refused(back))
    assert given.state.model_dump()["late"] == {}
    assert refusal(given.when(given.refused(again))) == REFUSED
    assert given.after(given.confirmed(again)).state.model_dump()["releasing"] == {}


def test_a_reversal_that_the_erp_takes_all_the_same_is_the_end_of_it(early: tuple[Given, Request, Request]) -> None:
    given, post, back = early
    given = given.after(given.confirmed(post, generation=2))
    ended = given.after(given.confirmed(back))
    assert ended.state.model_dump()["late"] == {}


def test_what_is_refused_and_not_wanted_any_more_is_not_taken_back(early: tuple[Given, Request, Request]) -> None:
    given, post, back = early
    # Given a booking that the ERP refuses, of a line that was corrected since: nobody has to act
    given = given.after(given.refused(post))
    # When it refuses the reversal too, since there is nothing to take back, then that is as it should be
    ended = given.after(given.refused(back))
    assert ended.state.model_dump()["late"] == {}
    # But any other reversal that is refused is a person's
    assert refusal(ended.when(ended.refused(back))) == REFUSED


def test_what_is_refused_and_still_wanted_is_a_persons() -> None:
    given = NEW.after(EIGHT)
    assert refusal(given.when(given.refused(NEW.asked(EIGHT)[0]))) == REFUSED

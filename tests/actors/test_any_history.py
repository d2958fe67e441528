"""Whatever happens in whatever order: decisions never raise, no line is asked for twice, and the money adds up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Request
from actors.entities.timesheet import ACTOR
from actors.policy import LegalEntity
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Approved, Corrected
from tests.actors.firm import BRIDGE, SHEET, approved, corrected, line, running_project
from tests.actors.history import KEYS, draw_history
from tests.actors.stage import Given

MANY = settings(max_examples=80, deadline=None)


@MANY
@given(st.data())
def test_no_decision_raises_and_each_can_be_stored(data: st.DataObject) -> None:
    history = draw_history(data.draw, 20)
    for key in KEYS:
        check_bookings(history.requests[key])
        state = history.states.get(key)
        if isinstance(state, Timesheet):
            assert booked_in(history.requests[key]) == sum(line.body.amount for line in state.lines.values())


# ------------------------------------------------------------------------------------------------- one sheet, any order

rates = st.integers(0, 30_000).map(lambda cents: Decimal(cents) / 100)
hours = st.integers(1, 2400).map(lambda hundredths: str(Decimal(hundredths) / 100))
lines = st.dictionaries(st.sampled_from("abcd"), st.tuples(hours, st.booleans()), min_size=1).map(
    lambda drawn: tuple(line(id, of, billable=billable) for id, (of, billable) in drawn.items())
)
sheets = st.one_of(
    st.builds(lambda of, revision: approved(*of, revision=revision), lines, st.integers(1, 4)),
    st.builds(lambda of, revision: approved(*of, revision=revision, partial=True), lines, st.integers(1, 4)),
    st.builds(lambda of, revision: corrected(*of, corrects=revision), lines, st.integers(1, 4)),
)


@MANY
@given(rates, st.sampled_from(["half_up", "half_even"]), st.lists(sheets, max_size=8), st.data())
def test_posted_minus_reversed_is_the_money_of_the_last_revision(
    rate: Decimal, rounding: str, arriving: list[Approved | Corrected], data: st.DataObject
) -> None:
    legal_entity = LegalEntity.model_validate({"currency": "EUR", "rounding": rounding})
    policy = Given.policy.model_copy(update={"legal_entities": {"DE01": legal_entity}})
    project = running_project(consultant=f"{rate:.2f}")
    sheet = Given(ACTOR, SHEET, Timesheet(), policy, others={BRIDGE: project})
    expected: dict[str, Decimal] = {}
    requests: list[Request] = []
    repeats = data.draw(st.lists(st.sampled_from(arriving), max_size=3)) if arriving else []
    for event in arriving + repeats:
        decision = sheet.when(event)
        if isinstance(decision, Accept):
            sheet = sheet.after(event)
            requests.extend(decision.requests)
            now = {of.line_id: exact(of.hours * rate, rounding) for of in event.lines if of.billable}
            expected = expected | now if isinstance(event, Approved) and event.partial else now
    check_bookings(requests)
    assert booked_in(requests) == sum(expected.values())


def exact(amount: Decimal, rounding: str) -> Decimal:
    """`amount` in whole cents, rounded by school arithmetic."""
    cents, rest = divmod(Fraction(amount) * 100, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rounding == "half_up" or cents % 2 == 1))
    return Decimal(int(cents) + up) / 100


def booked_in(requests: list[Request]) -> Decimal:
    """The money that the ERP is asked to have on its books."""
    return sum((r.body.amount for r in requests if isinstance(r.body, BillablePost | BillableReverse)), Decimal(0))


def check_bookings(requests: list[Request]) -> None:
    """Each line is on the books at most once at any time, and what is taken back is exactly what was booked."""
    standing: dict[str, BillablePost] = {}
    for request in requests:
        if isinstance(request.body, BillablePost):
            assert request.body.line_id not in standing
            standing[request.body.line_id] = request.body
        elif isinstance(request.body, BillableReverse):
            post, back = standing.pop(request.body.line_id), request.body
            assert (back.amount, back.hours, back.rate) == (-post.amount, -post.hours, post.rate)

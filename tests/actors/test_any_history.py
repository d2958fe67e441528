"""Whatever happens in whatever order: decisions never raise, no line is asked for twice, and the money adds up."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.billing.answers import AGAIN
from actors.decision import Accept, Reject, Request
from actors.entities.contract import ACTOR as CONTRACT
from actors.entities.expense import ACTOR as EXPENSE
from actors.entities.timesheet import ACTOR
from actors.policy import LegalEntity
from schemas.acts import Act
from schemas.billed import Billed, Post
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.contract.entity import Contract
from schemas.expense import v1 as expense
from schemas.expense.entity import ExpenseReport
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.record import Record
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Approved, Corrected, RatesChanged
from tests.actors.agreements import SOW, UNSUPERVISED, act, opened
from tests.actors.firm import (
    BRIDGE,
    REPORT,
    SHEET,
    approved,
    corrected,
    line,
    reported,
    reported_again,
    running_project,
    spent,
)
from tests.actors.history import KEYS, draw_history
from tests.actors.stage import REFUSED, Given, command_of

MANY = settings(max_examples=80, deadline=None)
AGREED = Contract.model_validate(Given(CONTRACT, SOW, Contract(), UNSUPERVISED).after(opened()).state)
POSTS, REVERSALS = BillablePost | ExpensePost | CostPost, BillableReverse | ExpenseReverse | CostReverse


@MANY
@given(st.data())
def test_no_decision_raises_and_each_can_be_stored(data: st.DataObject) -> None:
    history = draw_history(data.draw, 20)
    for key in KEYS:
        first = [request for request in history.requests[key] if not request.line.endswith(AGAIN)]
        check_bookings(first)
        state = history.states.get(key)
        if isinstance(state, Billed):
            assert booked_in(first) == sum(line.body.amount or 0 for line in state.lines.values())


# ------------------------------------------------------------------------------------------------- one sheet, any order

rates = st.integers(0, 30_000).map(lambda cents: Decimal(cents) / 100)
hours = st.integers(1, 600).map(lambda hundredths: str(Decimal(hundredths) / 100))
lines = st.dictionaries(st.sampled_from("abcd"), st.tuples(hours, st.booleans()), min_size=1).map(
    lambda drawn: tuple(line(id, of, billable=billable) for id, (of, billable) in drawn.items())
)
sheets = st.one_of(
    st.builds(lambda of, revision: approved(*of, revision=revision), lines, st.integers(1, 4)),
    st.builds(lambda of, revision: approved(*of, revision=revision, partial=True), lines, st.integers(1, 4)),
    st.builds(lambda of, revision: corrected(*of, corrects=revision), lines, st.integers(1, 4)),
)
amounts = st.integers(0, 10_000).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
receipts = st.dictionaries(st.sampled_from("abcd"), st.tuples(amounts, st.booleans()), min_size=1).map(
    lambda drawn: tuple(spent(id, of, billable=billable) for id, (of, billable) in drawn.items())
)
reports = st.one_of(
    st.builds(lambda of, revision: reported(*of, revision=revision), receipts, st.integers(1, 4)),
    st.builds(lambda of, revision: reported(*of, revision=revision, partial=True), receipts, st.integers(1, 4)),
    st.builds(lambda of, revision: reported_again(*of, corrects=revision), receipts, st.integers(1, 4)),
)


V = TypeVar("V")


@dataclass(frozen=True)
class Counted(Generic[V]):
    """A revision that was accepted, and what it came with."""

    revision: int
    is_part: bool
    lines: Mapping[str, V]

    @classmethod
    def of(
        cls, event: Approved | Corrected | expense.Approved | expense.Corrected, lines: Mapping[str, V]
    ) -> Counted[V]:
        """A correction is the revision after the one that it corrects."""
        if isinstance(event, Approved | expense.Approved):
            return cls(event.revision, event.partial, lines)
        return cls(event.corrects + 1, is_part=False, lines=lines)


def in_the_end(counted: list[Counted[V]]) -> dict[str, V]:
    """What stands, in whatever order it came: what comes out where revisions come one after the other."""
    standing: dict[str, V] = {}
    for each in sorted(counted, key=lambda each: each.revision):
        standing = {**standing, **each.lines} if each.is_part else dict(each.lines)
    return standing


@MANY
@given(rates, st.sampled_from(["half_up", "half_even"]), st.lists(sheets, max_size=8), st.data())
def test_posted_minus_reversed_is_the_money_of_the_last_revision(
    rate: Decimal, rounding: str, arriving: list[Approved | Corrected], data: st.DataObject
) -> None:
    legal_entity = LegalEntity.model_validate({"currency": "EUR", "rounding": rounding})
    policy = Given.policy.model_copy(update={"legal_entities": {"DE01": legal_entity}})
    project = running_project(consultant=f"{rate:.2f}")
    sheet = Given(ACTOR, SHEET, Timesheet(), policy, others={BRIDGE: project})
    counted: list[Counted[Decimal]] = []
    requests: list[Request] = []
    repeats = data.draw(st.lists(st.sampled_from(arriving), max_size=3)) if arriving else []
    for event in arriving + repeats:
        decision = sheet.when(event)
        if isinstance(decision, Accept):
            sheet = sheet.after(event)
            requests.extend(decision.requests)
            now = {of.line_id: exact(of.hours * rate, rounding) if of.billable else Decimal(0) for of in event.lines}
            counted.append(Counted.of(event, now))
    check_bookings(requests)
    assert booked_in(requests) == sum(in_the_end(counted).values())


@dataclass
class Erp:
    """Books what it takes by our reference; what it refuses, and what nobody knows, it does not have."""

    given: Given
    open: deque[tuple[Request, int]] = field(default_factory=deque)
    stands: dict[str, Post] = field(default_factory=dict)

    def hear(self, event: Record) -> bool:
        """Something happens to the sheet or the report; whether it is accepted."""
        decision = self.given.when(event)
        if isinstance(decision, Accept):
            self.given = self.given.after(event)
            self.open.extend((request, 1) for request in decision.requests if request.system != SELF)
        return isinstance(decision, Accept)

    def answer(self, *, refuses: bool, anew: bool) -> None:
        """The head of the queue is answered. `anew`: a person had it sent once more, as another generation."""
        request, generation = self.open.popleft()
        generation += anew
        command, body = command_of(self.given.key, request, generation), request.body
        outcome: Confirmed | Rejected = Confirmed(None)
        if isinstance(body, REVERSALS):
            refuses = refuses or self.stands.pop(body.reverses, None) is None
        if refuses:
            outcome = Rejected(REFUSED)
        elif isinstance(body, POSTS):
            assert command.reference not in self.stands
            self.stands[command.reference] = body
        decision = self.given.when(result := Result(command, outcome))
        if isinstance(decision, Accept):
            self.given = self.given.after(result)
            self.open.extend((each, 1) for each in decision.requests)
        elif isinstance(decision, Reject):
            self.open.appendleft((request, generation))


@MANY
@given(st.one_of(st.lists(sheets, max_size=6), st.lists(reports, max_size=6)), st.data())
def test_in_the_end_each_line_stands_once_whatever_is_refused_and_sent_again_meanwhile(
    arriving: list[Approved | Corrected | expense.Approved | expense.Corrected], data: st.DataObject
) -> None:
    is_time = not arriving or isinstance(arriving[0], Approved | Corrected)
    new = Given(ACTOR, SHEET, Timesheet()) if is_time else Given(EXPENSE, REPORT, ExpenseReport())
    erp = Erp(Given(new.actor, new.key, new.state, others={BRIDGE: running_project()}))
    counted: list[Counted[tuple[bool, Decimal]]] = []
    for event in arriving:
        if erp.hear(event):
            counted.append(Counted.of(event, {of.line_id: said(of) for of in event.lines}))
        for refuses, anew in data.draw(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=4)):
            if erp.open and not (refuses and isinstance(erp.open[0][0].body, REVERSALS)):
                erp.answer(refuses=refuses, anew=anew)
    for _ in range(100):
        if erp.open:
            erp.answer(refuses=False, anew=False)
    assert not erp.open
    wanted = in_the_end(counted)
    assert {body.line_id: heard(body) for body in erp.stands.values()} == wanted
    assert len(erp.stands) == len(wanted)
    state = erp.given.state
    assert isinstance(state, Billed)
    assert (state.late, state.releasing, all(each.posted for each in state.lines.values())) == ({}, {}, True)


class NewRate(NamedTuple):
    """The contract has another rate. `is_told`: the sheet hears of it at once, not with a later one."""

    rate: int
    is_told: bool


new_rates = st.builds(NewRate, st.integers(100, 103), st.booleans())


@MANY
@given(st.lists(st.one_of(sheets, new_rates, st.booleans()), max_size=12), st.data())
def test_in_the_end_the_erp_has_the_lines_of_the_sheet_at_the_rates_that_were_approved(
    happening: list[Approved | Corrected | NewRate | bool], data: st.DataObject
) -> None:
    under = running_project().model_copy(update={"contract": SOW.id})
    erp = Erp(Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: under, SOW: AGREED}))
    for number, happened in enumerate(happening, 2):
        if isinstance(happened, bool):
            decide(erp, approves=happened)
        elif isinstance(happened, NewRate):
            first = AGREED.history[0].model_copy(update={"rates": {"consultant": Decimal(happened.rate)}})
            others = {**erp.given.others, SOW: AGREED.model_copy(update={"history": (first,)})}
            erp.given = replace(erp.given, others=others)
            if happened.is_told:
                erp.hear(RatesChanged(to=SHEET.id, contract=SOW.id, number=number))
        else:
            erp.hear(happened)
        for refuses, anew in data.draw(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=3)):
            if erp.open and not (refuses and isinstance(erp.open[0][0].body, REVERSALS)):
                erp.answer(refuses=refuses, anew=anew)
    for _ in range(200):
        if erp.open:
            erp.answer(refuses=False, anew=False)
    lines = sheet_of(erp).lines
    assert {body.line_id: body for body in erp.stands.values()} == {id: line.body for id, line in lines.items()}
    assert len(erp.stands) == len(lines)
    assert all(reference in erp.stands for reference in (line.reference for line in lines.values()))
    for plan in sheet_of(erp).plans.values():
        assert all(lines[each.line_id].name == each.booking for each in plan.lines)


def decide(erp: Erp, *, approves: bool) -> None:
    """Somebody decides on a plan, if there is one; what is booked anew by it has the contract's rate as it is now."""
    for plan in list(sheet_of(erp).plans.values())[:1]:
        before = {line.name for line in sheet_of(erp).lines.values()}
        assert erp.hear(act(Act.APPROVE if approves else Act.REJECT, plan.topic, ("F-1", "finance")))
        booked = [line.body for line in sheet_of(erp).lines.values() if line.name not in before]
        assert all(getattr(body, "rate", None) == rate_of(erp) for body in booked)


def sheet_of(erp: Erp) -> Timesheet:
    """The sheet as it stands."""
    assert isinstance(erp.given.state, Timesheet)
    return erp.given.state


def rate_of(erp: Erp) -> Decimal:
    """What an hour costs by the contract as it is now."""
    contract = erp.given.others[SOW]
    assert isinstance(contract, Contract)
    return contract.rates["consultant"]


def said(of: object) -> tuple[bool, Decimal]:
    """Whether a line is billed, and its hours or amount."""
    measure = getattr(of, "hours", None) or getattr(of, "amount")  # noqa: B009  # two kinds of line
    return getattr(of, "billable"), measure  # noqa: B009


def heard(body: Post) -> tuple[bool, Decimal]:
    """The same of what stands in the ERP."""
    measure = getattr(body, "hours", None) or body.amount
    assert measure is not None
    return not isinstance(body, CostPost), measure


def exact(amount: Decimal, rounding: str) -> Decimal:
    """`amount` in whole cents, rounded by school arithmetic."""
    cents, rest = divmod(Fraction(amount) * 100, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rounding == "half_up" or cents % 2 == 1))
    return Decimal(int(cents) + up) / 100


def booked_in(requests: list[Request]) -> Decimal:
    """The money that the ERP is asked to have on its books."""
    bodies = [request.body for request in requests if isinstance(request.body, POSTS | REVERSALS)]
    return sum((body.amount for body in bodies if body.amount is not None), Decimal(0))


def check_bookings(requests: list[Request]) -> None:
    """Each line is on the books at most once at any time, and what is taken back is exactly what was booked."""
    standing: dict[str, Post] = {}
    for request in requests:
        body = request.body
        if isinstance(body, POSTS):
            assert body.line_id not in standing
            standing[body.line_id] = body
        elif isinstance(body, REVERSALS):
            post = standing.pop(body.line_id)
            measures = {"amount", "hours", "reverses", "reverses_id"}
            assert body.model_dump(exclude=measures) == post.model_dump(exclude=measures)
            assert body.reverses_id is None  # a booking has one entry, until somebody repairs it
            assert (body.amount or 0) == -(post.amount or 0)
            assert (getattr(body, "hours", None) or 0) == -(getattr(post, "hours", None) or 0)

"""Whatever happens to an invoice, and whatever systems answer: what was asked and told fits what is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Reject, Request
from actors.invoices.troubles import DIFFERS, troubles
from schemas.acts import Act, Acted
from schemas.commands import SELF, Result
from schemas.invoice.entity import Invoice
from schemas.invoice.told import Invoiced
from schemas.record import Record
from tests.actors.invoicing import (
    NEW,
    bill,
    billed,
    credited,
    disputed,
    issued,
    lost,
    paid,
    posted,
    rejected,
    sent,
)
from tests.actors.stage import Given

ONE: Final = (billed("1", "60.00", bill("T-1", "1"), bill("T-2", "7")), billed("2", "40.00", bill("T-1", "2")))
OTHER: Final = (billed("1", "90.00", bill("T-1", "1"), bill("T-3", "1")),)
PERSON: Final = tuple(
    Acted(topic=topic, act=act, by="E-5", reason="looked into it")
    for topic, act in (
        ("posting", Act.RETRY), ("posting", Act.RESOLVE), ("posting", Act.CANCEL), ("view:invoice.put", Act.RETRY),
        ("view:receivable.put", Act.RETRY), ("overpaid", Act.APPROVE), ("?", Act.RESOLVE),
    )
)  # fmt: skip
HAPPENS: Final[tuple[Record, ...]] = (
    *(invoice for lines in (ONE, OTHER) for invoice in (issued(*lines), posted(issued(*lines)))),
    posted(issued(*ONE)).model_copy(update={"lines": ()}), rejected(), sent(), disputed(), disputed(settled=True),
    paid("19.00"), paid("20.00"), paid("100.00", "PAY-2"), paid("5.00", "PAY-3", "USD"), paid("-19.00", "PAY-4"),
    credited("47.60", "2"), lost("1.00"), *PERSON,
)  # fmt: skip


class Course:
    """An invoice, and everybody who hears of it. Whatever is on its way arrives in the order in which it was asked."""

    def __init__(self) -> None:
        self.given: Given = NEW
        self.outstanding: dict[str, list[Request]] = {}
        self.cases: set[str] = set()
        self.told: dict[tuple[str, str], str] = {}
        self._asked: set[tuple[str, str, str]] = set()

    @property
    def invoice(self) -> Invoice:
        """As it stands."""
        assert isinstance(self.given.state, Invoice)
        return self.given.state

    def happen(self, event: Record | Result) -> bool:
        """Decide, and keep what comes of it; whether it was not refused."""
        decision = self.given.when(event)
        if isinstance(decision, Accept):
            self._commit(decision)
        return not isinstance(decision, Reject)

    def answer(self, system: str, *, is_refused: bool) -> None:
        """A system answers what it was asked first."""
        request = self.outstanding[system].pop(0)
        if isinstance(request.body, Invoiced):
            self.told |= {(request.body.to, line.line_id): line.state for line in request.body.lines}
        given = self.given
        result = given.refused(request) if is_refused and system != SELF else given.confirmed(request, "4711")
        assert self.happen(result), "an answer is never refused"

    def _commit(self, accept: Accept) -> None:
        assert isinstance(accept.state, Invoice)
        stored = Invoice.model_validate_json(accept.state.model_dump_json())
        assert stored == accept.state, "what is stored reads as what was decided"
        self.given = Given(self.given.actor, self.given.key, stored, others=self.given.others)
        self.cases = self.cases - set(accept.settles) | {f"{case.topic}" for case in accept.cases}
        for request in accept.requests:
            identity = (request.system, request.operation, request.line)
            assert identity not in self._asked, "the same is never asked for twice"
            self._asked.add(identity)
            self.outstanding.setdefault(request.system, []).append(request)


def play(data: st.DataObject, check: Callable[[Course], None]) -> Course:
    """Up to thirty things happen; in the end all systems have answered."""
    course = Course()
    for first in data.draw(st.sampled_from(((), (issued(*ONE),), (issued(*ONE), posted(issued(*ONE)))))):
        course.happen(first)
    for _ in range(data.draw(st.integers(0, 30))):
        busy = sorted(system for system, asked in course.outstanding.items() if asked)
        is_answered = data.draw(st.booleans())
        if busy and is_answered:
            course.answer(data.draw(st.sampled_from(busy)), is_refused=data.draw(st.integers(0, 3)) == 0)
        else:
            course.happen(data.draw(st.sampled_from(HAPPENS)))
        check(course)
    while busy := sorted(system for system, asked in course.outstanding.items() if asked):
        course.answer(busy[0], is_refused=False)
    return course


def cases_fit(course: Course) -> None:
    """What a person is asked is what is wrong, and nothing else; and what the ERP says that it has posted stays so."""
    assert {topic for topic in course.cases if not topic.startswith(DIFFERS)} == set(troubles(course.invoice))
    assert course.invoice.posted is None or course.invoice.posting == "done"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_cases_and_lines_fit_what_is_known(data: st.DataObject) -> None:
    course = play(data, cases_fit)
    invoice = course.invoice
    now = {
        (each.id, each.line_id): invoice.line_state(line)
        for line in invoice.lines
        if invoice.is_posted
        for each in line.bills
    }
    stands = {place: state for place, state in course.told.items() if state != "withdrawn"}
    assert stands == now
    assert invoice.posting != "asked", "every answer came"

"""Whatever comes of an invoice, in whatever order and however often: what is open is the total less what came."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.decision import Accept, Reject, Request
from schemas.commands import SELF
from schemas.invoice.entity import Invoice
from schemas.invoice.told import Invoiced
from schemas.operations.invoice import InvoicePut
from schemas.record import Record
from tests.actors.invoicing import (
    FRIDAY,
    NEW,
    bill,
    billed,
    credited,
    disputed,
    issued,
    lost,
    paid,
    posted,
    sent,
)
from tests.actors.stage import Given

LINES: Final = (billed("1", "60.00", bill("T-1", "1"), bill("T-2", "7")), billed("2", "40.00", bill("T-1", "2")))
KNOWN: Final = (issued(*LINES), posted(issued(*LINES)))
CAME: Final = (
    paid("19.00", "PAY-1"), paid("0.01", "PAY-2"), paid("-19.00", "PAY-3"), paid("119.00", "PAY-4"),
    paid("50.00", "PAY-5", "USD"), credited("47.60", "2", id="CM-1"), credited("10.00", id="CM-2"),
    lost("1.39", "WO-1"), sent(), sent(FRIDAY), disputed("D-1"), disputed("D-1", settled=True), disputed("D-2"),
)  # fmt: skip
MONEY: Final = {"payment_id": "payments", "credit_memo_id": "credit_memos", "write_off_id": "write_offs"}


def came(events: list[Record], field: str) -> Decimal:
    """What came of one kind in euros, each id once."""
    found = {getattr(event, field): event for event in events if hasattr(event, field)}
    euros = [event.amount.decimal for event in found.values() if event.amount.currency == "EUR"]  # type: ignore[attr-defined]  # those with an id of money have an amount
    return sum(euros, Decimal(0))


class Systems:
    """What ERP and CRM were asked and the sheets were told. The ERP answers when it is told to."""

    def __init__(self) -> None:
        self.given: Given = NEW
        self.posts: list[Request] = []
        self.view: InvoicePut | None = None
        self.lines: dict[tuple[str, str], str] = {}
        self.asked: set[tuple[str, str, str]] = set()
        self.open_cases: set[str] = set()

    def happen(self, event: Record) -> None:
        """An event is decided; nothing here is ever refused."""
        decision = self.given.when(event)
        assert not isinstance(decision, Reject), decision
        if isinstance(decision, Accept):
            self._commit(decision)

    def answer(self) -> None:
        """The ERP has posted it."""
        for post in self.posts:
            decision = self.given.when(self.given.confirmed(post, "4711"))
            if isinstance(decision, Accept):
                self._commit(decision)
        self.posts = []

    def _commit(self, accept: Accept) -> None:
        assert isinstance(accept.state, Invoice)
        stored = Invoice.model_validate_json(accept.state.model_dump_json())
        assert stored == accept.state, "what is stored reads as what was decided"
        self.given = Given(self.given.actor, self.given.key, stored, others=self.given.others)
        self.open_cases -= set(accept.settles)
        self.open_cases |= {f"{case.topic}" for case in accept.cases}
        for request in accept.requests:
            identity = (request.system, request.operation, request.line)
            assert identity not in self.asked, "the same is never asked for twice"
            self.asked.add(identity)
            self._take(request)

    def _take(self, request: Request) -> None:
        body = request.body
        match body:
            case InvoicePut():
                self.view = body
            case Invoiced():
                self.lines |= {(body.to, line.line_id): line.state for line in body.lines}
            case _:
                if request.operation == "invoice.post":
                    self.posts.append(request)
                else:
                    assert request.operation == "receivable.put" or request.system == SELF


EVENTS: Final = st.lists(st.sampled_from((*CAME, *KNOWN)), max_size=30)

MANY: Final = settings(max_examples=80, deadline=None)


@MANY
@given(before=EVENTS, first=st.sampled_from(KNOWN), after=EVENTS, answers=st.sets(st.integers(0, 61), max_size=5))
def test_what_is_open_is_the_total_less_what_came(
    before: list[Record], first: Record, after: list[Record], answers: set[int]
) -> None:
    events = [*before, first, *after]
    systems = Systems()
    for number, event in enumerate(events):
        systems.happen(event)
        if number in answers:
            systems.answer()
    systems.answer()
    invoice, view = systems.given.state, systems.view
    assert isinstance(invoice, Invoice)
    assert view is not None, "it was posted, so the CRM shows it"
    total = {name: came(events, field) for field, name in MONEY.items()}
    assert (view.paid, view.credited, view.written_off) == tuple(total.values())
    assert view.open - view.overpaid == Decimal("119.00") - sum(total.values())
    assert min(view.open, view.overpaid) == 0
    assert view.status == invoice.status
    assert view.disputed is (disputed("D-2") in events or events_dispute(events))
    assert ("overpaid" in systems.open_cases) is (view.overpaid > 0)
    assert ("currency:payment:PAY-5" in systems.open_cases) is (CAME[4] in events)
    expected = {(b.id, b.line_id): invoice.line_state(line) for line in invoice.lines for b in line.bills}
    assert systems.lines == expected
    assert len([identity for identity in systems.asked if identity[1] == "invoice.post"]) <= 1


def events_dispute(events: list[Record]) -> bool:
    """Whether the first dispute came and was never settled."""
    return disputed("D-1") in events and disputed("D-1", settled=True) not in events


@MANY
@given(st.permutations((*CAME, *KNOWN)))
def test_the_order_does_not_matter(events: list[Record]) -> None:
    systems = Systems()
    for event in events:
        systems.happen(event)
    systems.answer()
    view = systems.view
    assert view is not None
    assert (view.status, view.open, view.overpaid) == ("written_off", Decimal(0), Decimal("59.00"))
    assert systems.open_cases == {"overpaid", "currency:payment:PAY-5"}
    assert systems.lines == {("T-1", "1"): "written_off", ("T-2", "7"): "written_off", ("T-1", "2"): "credited"}

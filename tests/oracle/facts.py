"""What is published in a history: two projects, of two legal entities that keep their books in two currencies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from adapters.ports.broker import Outgoing
from schemas.contract.v1 import Approver as Authority
from schemas.contract.v1 import ChangeOrderApproved
from schemas.expense import v1 as expense
from schemas.invoice.v1 import Bill, Disputed, Issued, PostingRejected
from schemas.invoice.v1 import Line as InvoiceLine
from schemas.keys import ActorKey
from schemas.project.v1 import MilestoneCompleted
from schemas.record import Record
from schemas.timesheet import v1 as timesheet
from schemas.values import Money, Period, Reference
from tests.actors.agreements import rates
from tests.actors.firm import approved, corrected, customer, deal, line, part, reported, reported_again, spent
from tests.runtime.firm import CRM, PSA, event

BILLING: Final = "urn:example:billing"
DAYS: Final = (date(2026, 1, 30), date(2026, 2, 27), date(2026, 3, 2))
COST: Final = 2
"""The line of this number is billed to nobody."""
CURRENCIES: Final = {"DE01": "EUR", "US01": "USD"}
ROUNDING: Final = {"DE01": "half_up", "US01": "half_even"}


class Project(NamedTuple):
    """What a deal is about."""

    id: str
    legal_entity: str

    @property
    def currency(self) -> str:
        """That of the legal entity."""
        return CURRENCIES[self.legal_entity]

    @property
    def foreign(self) -> str:
        """Another currency than its own."""
        return next(each for each in CURRENCIES.values() if each != self.currency)


class Paper(NamedTuple):
    """A sheet of time or a report of expenses."""

    id: str
    entity: Literal["timesheet", "expense"]
    project: Project

    @property
    def key(self) -> ActorKey:
        """Its key."""
        return ActorKey(self.entity, self.id)


PROJECTS: Final = (Project("P0", "DE01"), Project("P1", "US01"))
PAPERS: Final = (
    Paper("S0", "timesheet", PROJECTS[0]), Paper("S1", "timesheet", PROJECTS[1]),
    Paper("X0", "expense", PROJECTS[0]), Paper("X1", "expense", PROJECTS[1]), Paper("S2", "timesheet", PROJECTS[0]),
)  # fmt: skip


def new_customer() -> Outgoing:
    """The one customer."""
    return event(CRM, "customer", ActorKey("customer", "C-1"), customer(*CURRENCIES))


def won(project: Project) -> Outgoing:
    """A deal."""
    sold = part(
        project.legal_entity, currency=project.currency, consultant="125.50", contract=f"SOW-{project.id}",
        value="9000.00",
    )  # fmt: skip
    data = deal(sold).model_copy(update={"customer": Reference(id="C-1"), "opportunity_id": project.id})
    return event(CRM, f"won-{project.id}", ActorKey("engagement", project.id), data)


def revision(
    paper: Paper, at: int, content: Sequence[str], *, tag: str = "", correct: bool = False, foreign: bool = False
) -> Outgoing:
    """A revision with a line for each day, approved or corrected: hours or amounts.

    `foreign`: a sheet in another currency than its project's, or a report whose last line was spent in one.
    """
    say = _sheet if paper.entity == "timesheet" else _report
    return event(PSA, f"{paper.id}-r{at}{tag}", paper.key, say(paper, at, content, correct=correct, foreign=foreign))


def _sheet(paper: Paper, at: int, hours: Sequence[str], *, correct: bool, foreign: bool) -> Record:
    lines = [line(f"L{n}", each, day=DAYS[n], billable=n != COST) for n, each in enumerate(hours)]
    data: Record = corrected(*lines, corrects=at - 1) if correct else approved(*lines, revision=at)
    return data.model_copy(update=_header(paper) | ({"currency": paper.project.foreign} if foreign else {}))


def _report(paper: Paper, at: int, amounts: Sequence[str], *, correct: bool, foreign: bool) -> Record:
    lines = [spent(f"L{n}", each, day=DAYS[n], billable=n != COST) for n, each in enumerate(amounts)]
    if foreign:
        abroad = Money(amount=amounts[0], currency=paper.project.foreign)
        lines[0] = spent("L0", abroad, day=DAYS[0])
    data: Record = reported_again(*lines, corrects=at - 1) if correct else reported(*lines, revision=at)
    return data.model_copy(update=_header(paper))


def _header(paper: Paper) -> dict[str, object]:
    return {
        "legal_entity": paper.project.legal_entity,
        "currency": paper.project.currency,
        "project": Reference(id=paper.project.id),
        "period": Period(starts_on=DAYS[0], ends_on=DAYS[-1]),
    }


def withdrawn(paper: Paper, at: int) -> Outgoing:
    """The approval is taken back."""
    model = timesheet.Withdrawn if paper.entity == "timesheet" else expense.Withdrawn
    project = paper.project
    data = model(legal_entity=project.legal_entity, project=Reference(id=project.id), revision=at, reason="not yet")
    return event(PSA, f"{paper.id}-w{at}", paper.key, data)


def order(project: Project, version: int, rate: str, on: date) -> Outgoing:
    """A change order with another rate from a day on."""
    data = ChangeOrderApproved(
        version=version, effective_on=on, value_change=Money(amount="10.00", currency=project.currency),
        rates=rates(rate, project.currency), approved_by=Authority(id="F-1", role="finance_director"), reason="longer",
    )  # fmt: skip
    return event(CRM, f"{project.id}-v{version}", ActorKey("contract", f"SOW-{project.id}"), data)


def completed(project: Project, id: str, amount: str | None, currency: str, told: int) -> Outgoing:
    """A milestone is completed; `told` counts what was said."""
    price = None if amount is None else Money(amount=amount, currency=currency)
    data = MilestoneCompleted(milestone_id=id, name="Halfway", completed_on=DAYS[1], amount=price)
    return event(CRM, f"{project.id}-{id}-{told}", ActorKey("project", project.id), data)


def issued(id: str, paper: Paper) -> Outgoing:
    """An invoice that bills the first line of a sheet or report."""
    project = paper.project
    bill = Bill(entity=paper.entity, id=paper.id, line_id="L0")
    lines = (InvoiceLine(line_id="1", kind="time", amount=Decimal("100.00"), tax_code="D19", bills=(bill,)),)
    data = Issued(
        legal_entity=project.legal_entity, customer=Reference(id="C-1"), contract=Reference(id=f"SOW-{project.id}"),
        project=Reference(id=project.id), number=id, issued_on=DAYS[2], due_on=date(2026, 4, 1),
        currency=project.currency, net=Decimal("100.00"), tax=Decimal("19.00"), total=Decimal("119.00"), lines=lines,
    )  # fmt: skip
    return event(BILLING, f"{id}-issued", ActorKey("invoice", id), data)


def disputed(id: str, number: int) -> Outgoing:
    """The customer objects."""
    objection = Disputed(dispute_id=f"D{number}", reason="too much")
    return event(BILLING, f"{id}-d{number}", ActorKey("invoice", id), objection)


def rejected(id: str) -> Outgoing:
    """The ERP has not posted it after all."""
    return event(BILLING, f"{id}-rejected", ActorKey("invoice", id), PostingRejected(code="closed", reason="closed"))

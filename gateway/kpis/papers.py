"""Sheets and reports: what of their lines is booked to be billed, how soon, and what is on an invoice."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from adapters.ports.kpis import Line, Sent
from gateway.kpis.measures import ZERO, Measure, Tally
from gateway.kpis.memories import Booked, Memories, Paper, month_of
from gateway.kpis.reading import confirmed, data_of, is_from_outside, said
from schemas.invoice.told import BilledLine, Invoiced

POSTS = ("billable.post", "expense.post")
REVERSALS = ("billable.reverse", "expense.reverse")
APPROVALS = ("timesheet.approved", "timesheet.corrected", "expense.approved", "expense.corrected")
REPAIRS = ("timesheet.repaired", "expense.repaired")
TOLD = ("timesheet.invoiced", "expense.invoiced")


def count_paper(line: Line, memories: Memories, tally: Tally) -> None:
    """A line of a sheet or a report."""
    paper = memories.of(line.key, Paper) or Paper()
    approval, told, repair = said(line, *APPROVALS), said(line, *TOLD), said(line, *REPAIRS)
    command = confirmed(line, *POSTS, *REVERSALS)
    if approval is not None and is_from_outside(approval):
        approvals = paper.approvals | {line.version: approval.received_at}
        memories.put(line.key, paper.model_copy(update={"approvals": approvals}))
    elif told is not None and isinstance(invoiced := data_of(told), Invoiced):
        after = _invoiced(paper, invoiced)
        _count_wip(line, paper, after, (each.line_id for each in invoiced.lines), tally)
        memories.put(line.key, after)
    elif repair is not None:
        memories.put(line.key, paper.model_copy(update={"repairs": (*paper.repairs, line.version)}))
    elif command is not None and command.version not in paper.repairs:
        line_id = command.about.line_id or command.line
        after = _booked(paper, line_id, command)
        _count_billed(line, command, paper, tally)
        _count_wip(line, paper, after, (line_id,), tally)
        memories.put(line.key, after)


def _count_billed(line: Line, command: Sent, paper: Paper, tally: Tally) -> None:
    """A line was booked or taken back: its money, how long after its approval, and of which month's work."""
    about = command.about
    tally.add(
        Measure.BILLED, line.at, legal_entity=about.legal_entity, currency=about.currency, total=about.amount or ZERO
    )
    if command.operation not in POSTS:
        return
    approved_at = paper.approvals.get(command.version)
    if approved_at is not None:
        tally.took(Measure.LINES_BILLED, approved_at, line.at, legal_entity=about.legal_entity)
    if about.day is not None:
        tally.add(Measure.WORK_MONTHS, line.at, legal_entity=about.legal_entity, label=month_of(about.day))


def _booked(paper: Paper, line_id: str, command: Sent) -> Paper:
    """A reversal is below zero, so that a line that was taken back comes to nothing."""
    about = command.about
    before = paper.lines[line_id].amount if line_id in paper.lines else ZERO
    booked = Booked(legal_entity=about.legal_entity, currency=about.currency, amount=before + (about.amount or ZERO))
    return paper.model_copy(update={"lines": paper.lines | {line_id: booked}})


def _invoiced(paper: Paper, told: Invoiced) -> Paper:
    billing = {each.line_id: _invoices(paper.invoices.get(each.line_id, ()), told, each) for each in told.lines}
    return paper.model_copy(update={"invoices": paper.invoices | billing})


def _invoices(billing: tuple[str, ...], told: Invoiced, line: BilledLine) -> tuple[str, ...]:
    """The invoices that bill a line, once one of them has said what became of it."""
    others = tuple(each for each in billing if each != told.invoice)
    return others if line.state == "withdrawn" else (*others, told.invoice)


def _count_wip(line: Line, before: Paper, after: Paper, line_ids: Iterable[str], tally: Tally) -> None:
    """What a change makes of what is booked and on no invoice."""
    for line_id in line_ids:
        change = _open(after, line_id) - _open(before, line_id)
        if change:
            booked = after.lines[line_id]
            tally.add(Measure.WIP, line.at, legal_entity=booked.legal_entity, currency=booked.currency, total=change)


def _open(paper: Paper, line_id: str) -> Decimal:
    if line_id not in paper.lines or paper.invoices.get(line_id):
        return ZERO
    return paper.lines[line_id].amount

"""What an invoice tells the sheets and reports that it bills, and what these make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, assert_never

from actors.asking import digest_of, not_seen
from actors.decision import Accept, Decision, Ignore, Request
from actors.lines import numbered
from schemas.acts import Act, Acted
from schemas.commands import SELF
from schemas.facts import Case
from schemas.invoice.billed import Billing, InvoicedLines
from schemas.invoice.entity import Invoice
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.verdicts import Failure, FailureClass

TWICE: Final = "invoiced_twice:"
"""Begins the topic of the case of a line that two invoices bill."""

B = TypeVar("B", bound=InvoicedLines)


def told(before: Invoice, after: Invoice, id: str) -> tuple[Invoice, tuple[Request, ...]]:
    """The invoice as it is once each sheet and report knows what became of its lines, and what they are told."""
    requests: list[Request] = []
    was, now = _states(before), _states(after)
    for entity, to in {**was, **now}:
        gone: dict[str, LineState] = dict.fromkeys(was.get((entity, to), {}), "withdrawn")
        lines = gone | now.get((entity, to), {})
        if lines == was.get((entity, to)):
            continue
        header = after.header or before.header
        body = Invoiced(
            to=to, invoice=id, number="" if header is None else header.number,
            lines=tuple(BilledLine(line_id=line_id, state=state) for line_id, state in lines.items()),
        )  # fmt: skip
        after = after.model_copy(update={"tells": after.tells + 1})
        requests.append(Request(SELF, f"{entity}.invoiced", numbered("billed", after.tells, body), body))
    return after, tuple(requests)


def heard(state: B, told: Invoiced | Acted) -> Decision:
    """What a sheet or report hears of the invoices that bill its lines, from them and from people; pure."""
    match told:
        case Invoiced():
            return _invoiced(state, told)
        case Acted():
            return _looked_at(state, told)
        case _:
            assert_never(told)


def is_of_invoices(act: Acted) -> bool:
    """Whether a person acts on a case that comes from invoices, not from the sheet or report itself."""
    return act.topic.startswith(TWICE)


def _invoiced(state: B, told: Invoiced) -> Decision:
    """A sheet or report keeps what became of its lines; a line that two invoices bill is a case."""
    billings = dict(state.invoiced)
    for line in told.lines:
        of_line = billings.get(line.line_id, {})
        billings[line.line_id] = {**of_line, told.invoice: Billing(number=told.number, state=line.state)}
    if billings == state.invoiced:
        return Ignore(f"it is known what invoice {told.number} bills")
    was, now = dict(_twice(state.invoiced)), dict(_twice(billings))
    return Accept(
        state.model_copy(update={"invoiced": billings}),
        cases=tuple(case for topic, case in now.items() if was.get(topic) != case),
        settles=tuple(topic for topic in was if topic not in now),
    )


def _looked_at(state: InvoicedLines, act: Acted) -> Decision:
    """A person has seen to a line that two invoices bill."""
    case = dict(_twice(state.invoiced)).get(act.topic)
    if case is None or act.act not in case.acts:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    outdated = not_seen(act, case.asks)
    if outdated is not None:
        return outdated
    return Accept(state, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))


def _states(invoice: Invoice) -> Mapping[tuple[str, str], dict[str, LineState]]:
    """(entity, id) of each sheet and report -> line id -> what became of it; nothing while it is not posted."""
    found: defaultdict[tuple[str, str], dict[str, LineState]] = defaultdict(dict)
    if invoice.is_posted:
        for line in invoice.lines:
            state = invoice.line_state(line)
            for bill in line.bills:
                found[(bill.entity, bill.id)][bill.line_id] = state
    return dict(found)


def _twice(invoiced: Mapping[str, Mapping[str, Billing]]) -> Iterator[tuple[str, Case]]:
    """Topic and case of each line that more than one invoice bills."""
    for line_id, billings in invoiced.items():
        numbers = sorted(each.number for each in billings.values() if each.stands)
        if len(numbers) < 2:
            continue
        reason = (
            f"line {line_id} is billed by the invoices {', '.join(numbers)}: have all but one credited, or resolve "
            "this where that is right"
        )
        failure = Failure(FailureClass.DUPLICATE, "line_invoiced_twice", reason, f"lines.{line_id}")
        topic = f"{TWICE}{line_id}"
        asks = digest_of(*(number.encode() for number in numbers))
        yield topic, Case(failure, topic, (Act.RESOLVE,), owner="finance", asks=asks)

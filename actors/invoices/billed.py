"""What an invoice tells the sheets and reports that it bills, and what these make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeVar, assert_never

from actors.asking import digest_of, not_seen
from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.lines import numbered
from schemas.acts import Act, Acted
from schemas.billed import NOTHING, Billed, Post
from schemas.billed import BilledLine as Booking
from schemas.commands import SELF
from schemas.facts import Case
from schemas.invoice.billed import Billing, Former, InvoicedLines, Outdated
from schemas.invoice.entity import Invoice
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.invoice.v1 import Line
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass

TWICE: Final = "invoiced_twice:"
"""Begins the topic of the case of a line that two invoices bill."""
CREDIT: Final = "credit_memo:"
"""Begins the topic of the case of a line that is booked otherwise than invoices bill it."""

OUR_OWN: Final = frozenset({"cost_centre", "contract_version", "revenue", "dimensions"})
"""What of a booking no customer is asked for: where the firm books it, and by which version of the same rate."""

B = TypeVar("B", bound=Billed)


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
            lines=tuple(
                BilledLine(line_id=line_id, state=state, booked=after.booked.get(f"{entity}/{to}", {}).get(line_id))
                for line_id, state in lines.items()
            ),
        )  # fmt: skip
        after = after.model_copy(update={"tells": after.tells + 1})
        requests.append(Request(SELF, f"{entity}.invoiced", numbered("billed", after.tells, body), body))
    return after, tuple(requests)


def billed_by(lines: Iterable[Line]) -> Iterator[ActorKey]:
    """The sheets and reports that lines of an invoice bill."""
    yield from dict.fromkeys(ActorKey(bill.entity, bill.id) for line in lines for bill in line.bills)


def billing(before: Invoice, after: Invoice, context: Context) -> Invoice:
    """The invoice with what is booked of the lines that it comes to bill: it bills that, whatever is booked later."""
    if before.lines == after.lines:
        return after
    booked: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for bill in (bill for line in after.lines for bill in line.bills):
        paper = context.find(ActorKey(bill.entity, bill.id)).state
        booked[f"{bill.entity}/{bill.id}"][bill.line_id] = _booked_last(paper, bill.line_id)
    return after.model_copy(update={"booked": dict(booked)})


def _booked_last(paper: object, line_id: str) -> str:
    """The name of what is booked of a line, or was before it was taken back."""
    if not isinstance(paper, Billed):
        return NOTHING
    if line_id in paper.lines:
        return paper.lines[line_id].content
    former = paper.former.get(line_id, ())
    return former[-1].booked if former else NOTHING


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
    return act.topic.startswith((TWICE, CREDIT))


def rebooked(before: Billed, decision: Decision) -> Decision:
    """What follows where a line is booked otherwise, or not any more.

    Invoices that bill it have to be credited, until the customer owes again what they ask for; what was booked is kept,
    since one may be heard of later.
    """
    if not isinstance(decision, Accept) or not isinstance(decision.state, Billed):
        return decision
    after = decision.state
    former, outdated = dict(after.former), dict(after.outdated)
    for line_id, line in before.lines.items():
        now = after.lines.get(line_id)
        if now is line or (now is not None and now.body == line.body):
            continue
        was = Former(booked=line.content, amount=line.body.amount, currency=line.body.currency, asks=_asked(line.body))
        former[line_id] = (*former.get(line_id, ()), was)
        standing = [id for id, billing in before.invoiced.get(line_id, {}).items() if billing.stands]
        if standing:
            outdated[line_id] = _outdated(before.outdated.get(line_id), standing, was)
    left = {line_id: _left(each, after.lines.get(line_id)) for line_id, each in outdated.items()}
    outdated = {line_id: each for line_id, each in left.items() if each is not None}
    if former == after.former and outdated == after.outdated:
        return decision
    state = after.model_copy(update={"former": former, "outdated": outdated})
    open_now = _cases(state)
    settles = tuple(topic for topic in _cases(after) if topic not in open_now)
    cases = (*decision.cases, *_new_cases(after, state))
    return replace(decision, state=state, cases=cases, settles=(*decision.settles, *settles))


def _asked(post: Post) -> str:
    """Digest of what a customer is asked for by a booking: not of where the firm books it."""
    fields = {name: getattr(post, name) for name in type(post).model_fields if name not in OUR_OWN}
    plain = {name: each.normalize() if isinstance(each, Decimal) else each for name, each in fields.items()}
    return digest_of(*(f"{name}={each}".encode() for name, each in sorted(plain.items()) if each is not None))


def _is_asked(was: Former, now: Booking | None) -> bool:
    """Whether a customer is asked for the same by what is booked now."""
    return now is not None and was.asks == _asked(now.body)


def _outdated(known: Outdated | None, standing: Sequence[str], was: Former) -> Outdated:
    """What invoices bill of a line, given what others bill of it otherwise than it is booked already."""
    bills = dict.fromkeys(standing, was)
    if known is None or not set(known.invoices).intersection(standing):
        return Outdated(invoices=tuple(standing), amount=was.amount, currency=was.currency, bills=bills)
    invoices = tuple(dict.fromkeys((*known.invoices, *standing)))
    bills = {id: each for id, each in bills.items() if id not in known.invoices}
    return known.model_copy(update={"invoices": invoices, "bills": known.bills | bills})


def _left(outdated: Outdated, now: Booking | None) -> Outdated | None:
    """What invoices bill of a line otherwise than it is booked now; None where nothing is left of that."""
    right = {id for id, was in outdated.bills.items() if _is_asked(was, now)}
    if not right:
        return outdated
    invoices = tuple(id for id in outdated.invoices if id not in right)
    if not invoices:
        return None
    bills = {id: was for id, was in outdated.bills.items() if id in invoices}
    first = bills.get(invoices[0], outdated)
    return Outdated(invoices=invoices, amount=first.amount, currency=first.currency, bills=bills)


def _invoiced(state: B, told: Invoiced) -> Decision:
    """A sheet or report keeps what became of its lines; what invoices bill twice, or wrongly, is a case."""
    billings, outdated = dict(state.invoiced), dict(state.outdated)
    for line in told.lines:
        of_line, billing = billings.get(line.line_id, {}), Billing(number=told.number, state=line.state)
        billings[line.line_id] = {**of_line, told.invoice: billing}
        stood = [id for id, each in of_line.items() if each.stands]
        was = _changed_since(state, line) if billing.stands and told.invoice not in stood else None
        if was is not None:
            known = outdated.get(line.line_id)
            standing = [] if known is None else [id for id in known.invoices if id in stood]
            outdated[line.line_id] = _outdated(known, [*standing, told.invoice], was)
    if billings == state.invoiced:
        return Ignore(f"it is known what invoice {told.number} bills")
    after = state.model_copy(update={"invoiced": billings, "outdated": outdated})
    open_now = _cases(after)
    settles = tuple(topic for topic in _cases(state) if topic not in open_now)
    return Accept(after, cases=_new_cases(state, after), settles=settles)


def _changed_since(state: Billed, told: BilledLine) -> Former | None:
    """What an invoice bills of a line, where that was changed before the sheet or report heard of the invoice.

    One that came when nothing was booked yet bills what was booked first.
    """
    now, former = state.lines.get(told.line_id), state.former.get(told.line_id, ())
    if now is not None and now.content == told.booked:
        return None
    if told.booked == NOTHING:
        was = former[0] if former else None
    else:
        was = next((each for each in former if each.booked == told.booked), None)
    return None if was is None or _is_asked(was, now) else was


def _looked_at(state: InvoicedLines, act: Acted) -> Decision:
    """A person has seen to a line that invoices bill twice, or otherwise than it is booked."""
    case = _cases(state).get(act.topic)
    if case is None or act.act not in case.acts:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    outdated = not_seen(act, case.asks)
    if outdated is not None:
        return outdated
    outdated_left = {line_id: each for line_id, each in state.outdated.items() if f"{CREDIT}{line_id}" != act.topic}
    seen_to = state.model_copy(update={"outdated": outdated_left})
    return Accept(seen_to, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))


def _states(invoice: Invoice) -> Mapping[tuple[str, str], dict[str, LineState]]:
    """(entity, id) of each sheet and report -> line id -> what became of it; nothing while it is not posted."""
    found: defaultdict[tuple[str, str], dict[str, LineState]] = defaultdict(dict)
    if invoice.is_posted:
        for line in invoice.lines:
            state = invoice.line_state(line)
            for bill in line.bills:
                found[(bill.entity, bill.id)][bill.line_id] = state
    return dict(found)


def _cases(state: InvoicedLines) -> dict[str, Case]:
    """Topic -> case, by what is kept alone."""
    return {f"{case.topic}": case for case in (*_twice(state.invoiced), *_uncredited(state))}


def _new_cases(before: InvoicedLines, after: InvoicedLines) -> tuple[Case, ...]:
    was = _cases(before)
    return tuple(case for topic, case in _cases(after).items() if was.get(topic) != case)


def _twice(invoiced: Mapping[str, Mapping[str, Billing]]) -> Iterator[Case]:
    """The case of each line that more than one invoice bills."""
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
        yield Case(failure, topic, (Act.RESOLVE,), owner="finance", asks=asks)


def _uncredited(state: InvoicedLines) -> Iterator[Case]:
    """The case of each line that is booked otherwise than an invoice bills it that still stands."""
    for line_id, outdated in state.outdated.items():
        billings = state.invoiced.get(line_id, {})
        numbers = sorted(billings[id].number for id in outdated.invoices if id in billings and billings[id].stands)
        if not numbers:
            continue
        reason = (
            f"line {line_id} was changed or taken back after it was billed by {', '.join(numbers)}: have the line "
            "credited by a credit memo that names it, or resolve this where the customer was told otherwise"
        )
        failure = Failure(FailureClass.BUSINESS_RULE, "credit_memo_needed", reason, f"lines.{line_id}")
        money = {} if outdated.amount is None else {outdated.currency or "": outdated.amount}
        asks = digest_of(*(number.encode() for number in numbers))
        yield Case(failure, f"{CREDIT}{line_id}", (Act.RESOLVE,), owner="finance", money=money, asks=asks)

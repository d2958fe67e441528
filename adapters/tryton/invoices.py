"""A posted customer invoice as events: what it bills, and what settles it. Pure.

What settles it are the lines of its receivable account that Tryton reconciles with its own, or keeps as its payments:
so what is open by our events is what Tryton has open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import orjson

from adapters.ports.changes import Fact
from adapters.tryton.changed import changed_at
from adapters.tryton.rows import Row, malformed
from schemas.standing import name_of

POSTED: Final = "invoice.posted.v1"
PAID: Final = "invoice.payment_received.v1"
CREDITED: Final = "invoice.credit_memo_issued.v1"
WRITTEN_OFF: Final = "invoice.written_off.v1"
WRITE_OFF: Final = "write-off"
"""The type of Tryton's journals by which what is open is given up."""


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A posted credit note with its lines."""

    invoice: Row
    lines: list[Row]


@dataclass(frozen=True, slots=True)
class Invoice:
    """A posted invoice with what stands around it.

    `times`: number of a line -> the time lines that it bills. `owed`: its own lines of its receivable account.
    `settling`: what may settle these. `credit_notes` are by the number of their move.
    """

    system: str
    legal_entity: str
    row: Row
    lines: list[Row]
    times: Mapping[int, list[Row]]
    projects: frozenset[int]
    owed: list[Row]
    settling: list[Row]
    credit_notes: Mapping[int, CreditNote]


def invoice_facts(invoice: Invoice) -> tuple[Fact, ...]:
    """That it is posted, then each payment, credit note, and write-off; raises `Failed` for what cannot be read.

    All of it is told each time, under the same ids: what is known already counts once.
    """
    at, subject = changed_at(invoice.row), id_of(invoice.system, invoice.row)
    told = [(POSTED, _posted(invoice)), *_settled(invoice)]
    return tuple(Fact(type_, subject, at, orjson.dumps(data)) for type_, data in told)


def id_of(system: str, invoice: Row) -> str:
    """The id by which its events name an invoice."""
    return f"{system}-{invoice.id}"


def _posted(invoice: Invoice) -> dict[str, object]:
    row = invoice.row
    move = row.of("move")
    issued = row.day("invoice_date")
    # Tryton lets the days of a term be counted from before the invoice's own day.
    due = max((day for day in (issued, *(line.day("maturity_date") for line in invoice.owed)) if day), default=None)
    data: dict[str, object] = {
        "legal_entity": invoice.legal_entity,
        "customer": {"system": invoice.system, "external_id": str(row.number("party"))},
        "number": row.text("number"),
        "issued_on": _day(issued),
        "due_on": _day(due),
        "currency": _currency(row)[0],
        "net": _amount(row.decimal("untaxed_amount"), row),
        "tax": _amount(row.decimal("tax_amount"), row),
        "total": _amount(row.decimal("total_amount"), row),
        "posted_on": _day((None if move is None else move.day("post_date")) or issued),
        "lines": [_line(invoice, line) for line in invoice.lines],
    }
    if len(invoice.projects) == 1:
        [project] = invoice.projects
        data["project"] = {"system": invoice.system, "external_id": str(project)}
    return data


def _line(invoice: Invoice, line: Row) -> dict[str, object]:
    times = invoice.times.get(line.id, [])
    taxes = "+".join(str(number) for number in sorted(line.numbers("taxes")))
    return {
        "line_id": str(line.id),
        "kind": "time" if times else "other",
        "amount": _amount(line.decimal("amount"), invoice.row),
        "tax_code": taxes or "none",
        "bills": [{"entity": "timesheet", "id": id, "line_id": line_id} for id, line_id in _sheets(times)],
    }


def _sheets(times: list[Row]) -> list[tuple[str, str]]:
    """The lines of sheets that time lines were booked for: sheet and line, as `mapping.described` wrote them."""
    ours = [time.text("description") or "" for time in times if name_of(time.text("uuid")) is not None]
    named = [(sheet, line) for sheet, _, line in (text.rpartition(" ") for text in ours) if sheet and line]
    return sorted(set(named))


def _settled(invoice: Invoice) -> Iterator[tuple[str, dict[str, object]]]:
    """What settles it, and what did and does so no more, such as a payment that was cancelled: that goes back.

    The rest of a payment that was more than was owed settles nothing here, and is not told; nor is what only moves the
    debt to a line that is open, as where several are grouped, before that is settled.
    """
    owed = {line.number("reconciliation") for line in invoice.owed if not _is_moved(line)} - {None}
    moved = {line.number("reconciliation") for line in invoice.owed if _is_moved(line)}
    paying = set(invoice.row.numbers("payment_lines"))

    def settles(line: Row) -> bool:
        by = line.number("reconciliation")
        return by in owed or (by is None and line.id in paying)

    moves = {line.number("move") for line in invoice.settling if settles(line)}
    for line in sorted(invoice.settling, key=lambda each: each.id):
        amount, currency = _settles(line, invoice.row)
        if not amount or line.number("reconciliation") in moved:
            continue
        if settles(line):
            yield _entry(invoice, line, amount, currency)
        elif line.number("move") not in moves:
            yield _entry(invoice, line, amount, currency)
            yield _payment(invoice, f"{line.id}-back", line, -amount, currency)


def _is_moved(line: Row) -> bool:
    """Whether a line is reconciled with one that has taken its place and is open (Tryton's `delegate_to`)."""
    reconciliation = line.of("reconciliation")
    place = None if reconciliation is None else reconciliation.of("delegate_to")
    return place is not None and place.number("reconciliation") is None


def _entry(invoice: Invoice, line: Row, amount: Decimal, currency: str) -> tuple[str, dict[str, object]]:
    """One line of the receivable account, by where it comes from."""
    move, journal = _move(line), _move(line).of("journal")
    note = invoice.credit_notes.get(line.number("move") or 0)
    is_credit = note is not None or line.number("move") == invoice.row.number("cancel_move")
    if amount > 0 and is_credit:
        return CREDITED, _credit(invoice, line, note, {"amount": _money(amount, currency, invoice)})
    if amount > 0 and journal is not None and journal.text("type") == WRITE_OFF:
        return WRITTEN_OFF, {
            "legal_entity": invoice.legal_entity,
            "write_off_id": str(line.id),
            "amount": _money(amount, currency, invoice),
            "written_off_on": _day(move.day("date")),
            "reason": move.text("description") or "written off in Tryton",
        }
    return _payment(invoice, str(line.id), line, amount, currency)


def _payment(invoice: Invoice, id: str, line: Row, amount: Decimal, currency: str) -> tuple[str, dict[str, object]]:
    return PAID, {
        "legal_entity": invoice.legal_entity,
        "payment_id": id,
        "amount": _money(amount, currency, invoice),
        "paid_on": _day(_move(line).day("date")),
    }


def _credit(invoice: Invoice, line: Row, note: CreditNote | None, money: dict[str, object]) -> dict[str, object]:
    """A credit note, or the move by which Tryton cancelled the invoice without one."""
    number = None if note is None else note.invoice.text("number")
    said = None if note is None else note.invoice.text("description")
    of = f"credit note {number}" if number else "cancelled in Tryton"
    return {
        "legal_entity": invoice.legal_entity,
        "credit_memo_id": f"{number or 'cancelled'}/{line.id}",
        **money,
        "issued_on": _day(_move(line).day("date")),
        "reason": f"{of}: {said}" if said else of,
        "lines": [str(each.id) for each in invoice.lines if note is None or _takes_back(note, each)],
    }


def _takes_back(note: CreditNote, line: Row) -> bool:
    """Whether a credit note takes back all of a line."""
    theirs = [each for each in note.lines if each.text("origin") == f"account.invoice.line,{line.id}"]
    back = sum((each.decimal("amount") or Decimal() for each in theirs), Decimal())
    return bool(theirs) and back == -(line.decimal("amount") or Decimal())


def _settles(line: Row, invoice: Row) -> tuple[Decimal, str]:
    """How much of the invoice a line settles, and in which currency: the invoice's, if the line has it."""
    second = line.of("second_currency")
    code, _ = _currency(invoice)
    if second is not None and second.text("code") == code:
        return -(line.decimal("amount_second_currency") or Decimal()), code
    company = invoice.of("company")
    books = None if company is None else company.of("currency")
    amount = (line.decimal("credit") or Decimal()) - (line.decimal("debit") or Decimal())
    return amount, (None if books is None else books.text("code")) or code


def _move(line: Row) -> Row:
    move = line.of("move")
    if move is None:
        raise malformed("a line of the books has no move")
    return move


def _money(amount: Decimal, currency: str, invoice: Invoice) -> dict[str, object]:
    return {"amount": _amount(amount, invoice.row), "currency": currency}


def _currency(invoice: Row) -> tuple[str, int]:
    """Code and decimals."""
    currency = invoice.of("currency")
    if currency is None:
        raise malformed("an invoice has no currency")
    return currency.text("code") or "", currency.number("digits") or 0


def _amount(amount: Decimal | None, invoice: Row) -> str:
    """With the currency's decimals, or with all that there are: nothing is rounded here."""
    if amount is None:
        raise malformed("an invoice lacks an amount")
    exact = amount.quantize(Decimal(1).scaleb(-_currency(invoice)[1]))
    return format(exact if exact == amount else amount, "f")


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

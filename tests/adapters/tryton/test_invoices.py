"""A posted invoice as events: what it bills, what settles it, and what settles it no more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.tryton.invoices import CreditNote, Invoice, invoice_facts
from adapters.tryton.rows import Row
from schemas.commands import command_reference
from schemas.keys import ActorKey
from schemas.registry import EVENTS

GOLDEN = Path(__file__).parent / "golden"
ROW = {
    "id": 12, "number": "2026-7", "invoice_date": date(2026, 11, 2), "party": 9,
    "write_date": datetime(2026, 11, 20, 9, 30, 1, 297499),  # noqa: DTZ001 - Tryton's times are UTC without a zone
    "company.": {"id": 1, "party.": {"id": 1, "name": "Northwind"}, "currency.": {"id": 1, "code": "USD"}},
    "currency.": {"id": 1, "code": "USD", "digits": 2},
    "untaxed_amount": Decimal("1949.0000"), "tax_amount": Decimal("194.90"), "total_amount": Decimal("2143.90"),
    "account": 30, "move": 40, "move.": {"id": 40, "post_date": date(2026, 11, 3)}, "cancel_move": None,
    "lines_to_pay": [50], "payment_lines": [60], "reconciliation_lines": [],
}  # fmt: skip
BY_TRANSFER = {"id": 4, "type": "cash"}


def line(number: int, amount: str) -> Row:
    return Row({"id": number, "invoice": 12, "amount": Decimal(amount), "taxes": [3], "origin": None})


def time(sheet: str, uuid: str | None = None) -> Row:
    return Row(
        {
            "id": 1,
            "uuid": command_reference(ActorKey("timesheet", sheet), "1.r1", 1) if uuid is None else uuid,
            "description": sheet,
            "work.": {"origin": "project.work,8"},
        }
    )


def entry(number: int, credit: str, *, by: int | None = None, move: int = 41, **changed: object) -> Row:
    """A line of the books on the receivable account; `by` is its reconciliation."""
    known: dict[str, object] = {
        "id": number, "account": 30, "debit": Decimal(), "credit": Decimal(credit), "second_currency.": None,
        "amount_second_currency": None, "reconciliation": by, "reconciliation.": None, "maturity_date": None,
        "move": move,
        "move.": {"id": move, "date": date(2026, 11, 9), "description": None, "journal.": BY_TRANSFER},
    }  # fmt: skip
    return Row(known | changed)


def owed(by: int | None = None) -> Row:
    changed: dict[str, object] = {"debit": Decimal("2143.90"), "maturity_date": date(2026, 12, 2)}
    return entry(50, "0", by=by, move=40, **changed)


def invoice(**changed: Any) -> Invoice:
    known: dict[str, Any] = {
        "system": "erp", "legal_entity": "US01", "row": Row(ROW),
        "lines": [line(70, "1200.00"), line(71, "749.00")],
        "times": {70: [time("psa-5 1"), time("a sheet 2")], 71: [time("psa-6 1")]},
        "projects": frozenset({7}), "owed": [owed()], "settling": [], "credit_notes": {},
    }  # fmt: skip
    return Invoice(**(known | changed))


def row(**changed: object) -> Row:
    return Row(ROW | changed)


def told(of: Invoice) -> list[dict[str, Any]]:
    """What is published, as it comes through the door."""
    facts = invoice_facts(of)
    for fact in facts:
        EVENTS.find(fact.type).model.model_validate_json(fact.data)
    return [
        {"type": fact.type, "subject": fact.subject, "time": fact.time.isoformat(), "data": orjson.loads(fact.data)}
        for fact in facts
    ]


def entries(of: Invoice) -> list[tuple[str, str, str]]:
    """What settles it: kind, id, and amount."""
    found = []
    for each in told(of)[1:]:
        kind = each["type"].removeprefix("invoice.").removesuffix(".v1")
        id = next(value for name, value in each["data"].items() if name.endswith("_id"))
        found.append((kind, id, each["data"]["amount"]["amount"]))
    return found


def test_an_invoice_with_all_that_settles_it() -> None:
    note = Row({"id": 13, "number": "C-1", "description": "Not as agreed", "move": 43})
    back = Row({"id": 80, "invoice": 13, "amount": Decimal("-749.00"), "origin": "account.invoice.line,71"})
    journal = {"id": 5, "type": "write-off"}
    loss = {"id": 44, "date": date(2026, 11, 12), "description": "Too small", "journal.": journal}
    settling = [
        entry(60, "1000.00"),
        entry(61, "823.90", by=2, move=43),
        entry(62, "0.40", by=2, move=44, **{"move.": loss}),
    ]
    whole = invoice(owed=[owed(by=2)], settling=settling, credit_notes={43: CreditNote(note, [back])})
    assert told(whole) == orjson.loads((GOLDEN / "invoice.json").read_bytes())


def test_time_that_the_gateway_did_not_book_is_billed_by_nobody_else() -> None:
    own = "0f5b5a44-6d3e-4d5c-8f0e-0a4f4a1b2c3d"  # of version 4, as Tryton's own programs give them
    times = {70: [time("psa-5 1"), time("fixed bug", own)], 71: [time("not ours", ""), time("noted")]}
    lines = told(invoice(times=times))[0]["data"]["lines"]
    assert [each["bills"] for each in lines] == [[{"entity": "timesheet", "id": "psa-5", "line_id": "1"}], []]


def test_what_is_not_for_one_project_names_none() -> None:
    assert "project" not in told(invoice(projects=frozenset({7, 8})))[0]["data"]
    assert "project" not in told(invoice(projects=frozenset()))[0]["data"]


def test_a_line_without_time_is_something_else() -> None:
    assert [each["kind"] for each in told(invoice(times={}))[0]["data"]["lines"]] == ["other", "other"]


def test_it_is_due_when_all_of_it_is() -> None:
    parts = [entry(50 + number, "0", maturity_date=date(2026, 12, number)) for number in (2, 9, 5)]
    assert told(invoice(owed=parts))[0]["data"]["due_on"] == "2026-12-09"
    assert told(invoice(owed=[]))[0]["data"]["due_on"] == "2026-11-02"
    early = entry(50, "0", maturity_date=date(2026, 10, 1))
    assert told(invoice(owed=[early]))[0]["data"]["due_on"] == "2026-11-02"


def test_a_payment_counts_while_it_pays() -> None:
    assert entries(invoice(settling=[entry(60, "1000.00")])) == [("payment_received", "60", "1000.00")]
    reconciled = invoice(owed=[owed(by=2)], settling=[entry(60, "2143.90", by=2)])
    assert entries(reconciled) == [("payment_received", "60", "2143.90")]


def test_a_payment_that_was_taken_back_goes_back_under_an_id_of_its_own() -> None:
    # It is reconciled with what cancelled it, or it was taken off the invoice.
    for gone in (invoice(settling=[entry(60, "5.00", by=9)]), invoice(settling=[entry(63, "5.00")])):
        (_, id, amount), back = entries(gone)
        assert amount == "5.00"
        assert back == ("payment_received", f"{id}-back", "-5.00")


def test_the_rest_of_a_payment_that_was_too_much_is_not_told() -> None:
    paid = invoice(owed=[owed(by=2)], settling=[entry(60, "2143.90", by=2), entry(61, "20.00")])
    assert entries(paid) == [("payment_received", "60", "2143.90")]


@pytest.mark.parametrize(("settled", "told"), [(None, []), (4, [("payment_received", "67", "2143.90")])])
def test_a_debt_that_is_grouped_with_others_is_paid_with_them(settled: int | None, told: list[object]) -> None:
    place = {"id": 2, "delegate_to.": {"id": 68, "reconciliation": settled}}
    debt = entry(50, "0", by=2, move=40, debit=Decimal("2143.90"), **{"reconciliation.": place})
    assert entries(invoice(owed=[debt], settling=[entry(67, "2143.90", by=2, move=47)])) == told


def test_another_invoice_that_is_settled_with_it_is_taken_off_the_payment() -> None:
    both = [entry(60, "2643.90", by=2), entry(65, "0", by=2, move=45, debit=Decimal("500.00"))]
    assert entries(invoice(owed=[owed(by=2)], settling=both)) == [
        ("payment_received", "60", "2643.90"),
        ("payment_received", "65", "-500.00"),
    ]


def test_an_invoice_that_is_cancelled_is_credited_and_what_was_paid_goes_back() -> None:
    settling = [entry(60, "1000.00"), entry(66, "2143.90", by=2, move=46)]
    cancelled = invoice(row=row(cancel_move=46, payment_lines=[]), owed=[owed(by=2)], settling=settling)
    assert entries(cancelled) == [
        ("payment_received", "60", "1000.00"),
        ("payment_received", "60-back", "-1000.00"),
        ("credit_memo_issued", "cancelled/66", "2143.90"),
    ]
    assert told(cancelled)[-1]["data"]["lines"] == ["70", "71"]


def test_a_credit_note_names_the_lines_that_it_takes_back_as_a_whole() -> None:
    note = Row({"id": 13, "number": "C-1", "description": None, "move": 43})

    def lines(*amounts: str) -> list[str]:
        back = [Row({"id": 80, "amount": Decimal(each), "origin": "account.invoice.line,71"}) for each in amounts]
        credited = invoice(
            owed=[owed(by=2)], settling=[entry(61, "5.00", by=2, move=43)], credit_notes={43: CreditNote(note, back)}
        )
        found: list[str] = told(credited)[1]["data"]["lines"]
        return found

    assert lines("-749.00") == lines("-700.00", "-49.00") == ["71"]
    assert lines("-700.00") == lines() == []


def test_an_invoice_in_another_currency_than_the_books_is_paid_in_its_own() -> None:
    euro = {"id": 2, "code": "EUR", "digits": 2}
    second: dict[str, object] = {
        "second_currency.": {"id": 2, "code": "EUR"}, "amount_second_currency": Decimal("-1000.00"),
    }  # fmt: skip
    paid = entry(60, "1100.00", by=None, move=41, **second)
    [_, payment] = told(invoice(row=row(**{"currency.": euro}), settling=[paid]))
    assert payment["data"]["amount"] == {"amount": "1000.00", "currency": "EUR"}
    [_, payment] = told(invoice(row=row(**{"currency.": euro}), settling=[entry(60, "1100.00")]))
    assert payment["data"]["amount"] == {"amount": "1100.00", "currency": "USD"}


def test_the_same_facts_are_the_same_bytes() -> None:
    facts = invoice_facts(invoice(settling=[entry(60, "1000.00")]))
    assert facts == invoice_facts(invoice(settling=[entry(60, "1000.00")]))
    assert {fact.time for fact in facts} == {datetime(2026, 11, 20, 9, 30, 1, 297499, tzinfo=UTC)}

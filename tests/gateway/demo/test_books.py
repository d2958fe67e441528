"""Reading the systems' journals: what adds up, and what replaces what was shown before."""

from __future__ import annotations

from decimal import Decimal

from gateway.demo.books import books_of
from gateway.demo.effects import Effect
from gateway.demo.firm.truth import Item, Measure


def effect(operation: str, key: str, amount: str | None, system: str = "erp_eu", **shown: str) -> Effect:
    figures = {name: Decimal(each) for name, each in shown.items()}
    return Effect(system, operation, key, "DE01", "EUR", None if amount is None else Decimal(amount), "r", figures)


def item(measure: Measure, key: str) -> Item:
    return Item("DE01", "EUR", measure, key)


def test_what_is_posted_and_taken_back_adds_up() -> None:
    journal = [
        effect("billable.post", "timesheet/1", "10.00"),
        effect("billable.post", "timesheet/1", "5.50"),
        effect("billable.reverse", "timesheet/1", "-10.00"),
        effect("billable.post", "timesheet/2", "3.00"),
        effect("cost.post", "timesheet/1", "4.00"),
        effect("expense.post", "expense/1", "7.00"),
        effect("milestone.bill", "project/1", "100.00"),
        effect("invoice.post", "invoice/1", "119.00"),
    ]
    assert books_of(journal) == {
        "erp_eu": {
            item(Measure.TIME, "timesheet/1"): Decimal("5.50"),
            item(Measure.TIME, "timesheet/2"): Decimal("3.00"),
            item(Measure.COST, "timesheet/1"): Decimal("4.00"),
            item(Measure.EXPENSES, "expense/1"): Decimal("7.00"),
            item(Measure.MILESTONES, "project/1"): Decimal("100.00"),
            item(Measure.INVOICED, "invoice/1"): Decimal("119.00"),
        }
    }


def test_what_is_taken_back_as_a_whole_is_not_there() -> None:
    journal = [effect("expense.post", "expense/1", "7.00"), effect("expense.reverse", "expense/1", "-7.00")]
    assert books_of(journal) == {"erp_eu": {}}


def test_the_last_state_that_was_shown_counts() -> None:
    before = {"total": "119.00", "paid": "0", "credited": "0", "written_off": "0", "open": "119.00"}
    after = before | {"paid": "100.00", "open": "19.00"}
    journal = [effect("invoice.put", "invoice/1", None, "crm", **each) for each in (before, after)]
    journal.append(effect("receivable.put", "invoice/1", None, "psa", **before))
    assert books_of(journal) == {
        "crm": {
            item(Measure.INVOICED, "invoice/1"): Decimal("119.00"),
            item(Measure.PAID, "invoice/1"): Decimal("100.00"),
            item(Measure.OPEN, "invoice/1"): Decimal("19.00"),
        },
        "psa": {
            item(Measure.INVOICED, "invoice/1"): Decimal("119.00"),
            item(Measure.OPEN, "invoice/1"): Decimal("119.00"),
        },
    }


def test_what_has_no_amount_is_in_no_books() -> None:
    assert books_of([effect("customer.put", "customer/1", None), effect("contract.put", "contract/1", None)]) == {}

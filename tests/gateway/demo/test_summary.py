"""The proof must fail on every kind of loss, doubling, and mix-up; and only on those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import orjson
import pytest

from gateway.demo import report
from gateway.demo.effects import Effect
from gateway.demo.expected import Expected, expect
from gateway.demo.firm.truth import POSTED, SHOWING, Item, Measure
from gateway.demo.reconciled import Reconciled
from gateway.demo.summary import Found, Summary, summarise
from gateway.demo.telling.play import make_play

PLAY = make_play(2, 0.1)
EXPECTED: Expected = expect(PLAY)
SENDINGS = PLAY.sendings
OPERATIONS = {
    Measure.TIME: "billable.post",
    Measure.EXPENSES: "expense.post",
    Measure.MILESTONES: "milestone.bill",
    Measure.COST: "cost.post",
    Measure.INVOICED: "invoice.post",
}
FIGURES = {
    Measure.INVOICED: "total",
    Measure.PAID: "paid",
    Measure.CREDITED: "credited",
    Measure.WRITTEN_OFF: "written_off",
    Measure.OPEN: "open",
}


def a_journal() -> Iterator[Effect]:
    """The effects of a gateway without any fault; each under a reference of its own."""
    references = map(str, count(1))
    for each, times in EXPECTED.set_up.items():
        for _ in range(times):
            yield Effect(each.system, each.operation, each.key, None, None, None, next(references))
    for system, key, legal_entity in sorted(EXPECTED.customers):
        yield Effect(system, "customer.put", key, legal_entity, None, None, next(references))
    for system in sorted(set(EXPECTED.erps.values())):
        for item, amount in EXPECTED.truth.at(system, EXPECTED.erps).items():
            assert item.measure in POSTED
            operation, place = OPERATIONS[item.measure], (item.legal_entity, item.currency)
            yield Effect(system, operation, item.key, *place, amount, next(references))
    for system, operation in zip(SHOWING, ("invoice.put", "receivable.put"), strict=True):
        shown: dict[tuple[str, str, str], dict[str, Decimal]] = {}
        for item, amount in EXPECTED.truth.at(system, EXPECTED.erps).items():
            figures = shown.setdefault((item.key, item.legal_entity, item.currency), {})
            figures[FIGURES[item.measure]] = amount
        for (key, legal_entity, currency), figures in shown.items():
            yield Effect(system, operation, key, legal_entity, currency, None, next(references), figures)


@pytest.fixture
def found() -> Found:
    """What a gateway without any fault leaves."""
    conflicts = {(f"conflict:{each.source}", f"{each.id}#0123"): "conflict" for each in EXPECTED.conflicts}
    return Found(
        verdicts={id_: min(allowed) for id_, allowed in EXPECTED.verdicts.items()} | conflicts,
        dead_letters=[each.outgoing.body for each in EXPECTED.dead_letters],
        parked_commands=EXPECTED.parked_commands,
        journal=[*a_journal()],
        settled=EXPECTED.asked,
        reconciled=[*reconciliations()],
    )


def reconciliations() -> Iterator[Reconciled]:
    """What the gateway's own reconciliation of each ERP finds then."""
    for system in sorted(set(EXPECTED.erps.values())):
        theirs: dict[tuple[str, str], Decimal] = {}
        for item, amount in EXPECTED.truth.at(system, EXPECTED.erps).items():
            place = (item.legal_entity, item.currency)
            theirs[place] = theirs.get(place, Decimal(0)) + amount
        found = [("missing", key) for erp, key in EXPECTED.refused if erp == system]
        yield Reconciled(system, "done", theirs, 0, found, len(found))


def summary_of(found: Found) -> Summary:
    return summarise(len(SENDINGS), EXPECTED, found, [])


def changed(found: Found, operation: str, change: Callable[[Effect], list[Effect]]) -> Summary:
    """The summary with the first effect of an operation replaced."""
    at = next(n for n, effect in enumerate(found.journal) if effect.operation == operation)
    journal = [*found.journal[:at], *change(found.journal[at]), *found.journal[at + 1 :]]
    return summary_of(replace(found, journal=journal))


def test_a_play_without_fault_agrees(found: Found) -> None:
    summary = summary_of(found)
    assert summary.wrong == []
    assert summary.accepted + len(found.dead_letters) + summary.duplicates == summary.published
    assert {(ledger.legal_entity, ledger.currency) for ledger in summary.ledgers} == {
        ("US01", "USD"), ("DE01", "EUR"), ("UK01", "GBP"),
    }  # fmt: skip
    assert all(row.agrees for ledger in summary.ledgers for row in ledger.rows)
    assert all(each.agrees for each in (*summary.set_up, *summary.settled, *summary.reconciled))


@pytest.mark.parametrize("operation", [*OPERATIONS.values()])
def test_an_amount_that_is_missing_is_named_and_its_sum_differs(found: Found, operation: str) -> None:
    summary = changed(found, operation, lambda _: [])
    assert len(summary.wrong) == 1
    assert sum(not row.agrees for ledger in summary.ledgers for row in ledger.rows) == 1


@pytest.mark.parametrize("operation", [*OPERATIONS.values()])
def test_a_cent_is_named(found: Found, operation: str) -> None:
    cent = Decimal("0.01")
    summary = changed(found, operation, lambda was: [replace(was, amount=(was.amount or 0) + cent)])
    assert len(summary.wrong) == 1
    assert sum(not row.agrees for ledger in summary.ledgers for row in ledger.rows) == 1


@pytest.mark.parametrize("operation", [*OPERATIONS.values()])
def test_money_for_another_key_is_named_though_the_sums_agree(found: Found, operation: str) -> None:
    summary = changed(found, operation, lambda was: [replace(was, key=f"{was.key}-other")])
    assert all(row.agrees for ledger in summary.ledgers for row in ledger.rows)
    assert len(summary.wrong) == 2


@pytest.mark.parametrize("operation", [*OPERATIONS.values()])
def test_money_in_the_other_erp_is_named(found: Found, operation: str) -> None:
    other = {"erp": "erp_eu", "erp_eu": "erp"}
    summary = changed(found, operation, lambda was: [replace(was, system=other[was.system])])
    assert len(summary.wrong) == 2


def test_money_in_another_currency_or_legal_entity_is_named(found: Found) -> None:
    assert len(changed(found, "billable.post", lambda was: [replace(was, currency="CHF")]).wrong) == 2
    assert len(changed(found, "billable.post", lambda was: [replace(was, legal_entity="FR01")]).wrong) == 2


def test_an_effect_made_twice_is_named_under_one_reference_and_under_two(found: Found) -> None:
    same = changed(found, "billable.post", lambda was: [was, was])
    assert len(same.twice) == 1
    assert len(same.wrong) == 2
    other = changed(found, "billable.post", lambda was: [was, replace(was, reference="another")])
    assert other.twice == []
    assert len(other.wrong) == 1


@pytest.mark.parametrize("operation", ["invoice.put", "receivable.put"])
def test_an_invoice_that_is_shown_as_it_was_is_named(found: Found, operation: str) -> None:
    shown = {"total": Decimal(1), "open": Decimal(1)}
    summary = changed(found, operation, lambda was: [was, replace(was, shown=shown, reference="late")])
    assert summary.wrong
    assert not summary.agrees


@pytest.mark.parametrize("operation", ["project.create", "project.put", "workspace.create", "project.link"])
def test_what_is_set_up_twice_or_not_at_all_is_named(found: Found, operation: str) -> None:
    assert len(changed(found, operation, lambda _: []).wrong) == 1
    assert len(changed(found, operation, lambda was: [was, replace(was, reference="another")]).wrong) == 1


def test_a_customer_that_an_erp_lacks_or_should_not_have_is_named(found: Found) -> None:
    assert len(changed(found, "customer.put", lambda _: []).wrong) == 1
    strange = changed(found, "customer.put", lambda was: [was, replace(was, key="customer/X", reference="another")])
    assert len(strange.wrong) == 1


def test_a_case_that_nobody_settled_is_told(found: Found) -> None:
    settled = {code: number for code, number in EXPECTED.asked.items() if code != "probable_duplicate"}
    summary = summary_of(replace(found, settled=settled))
    assert summary.wrong == ["0 cases probable_duplicate were settled, not 1"]
    # Also where their number depends on what came first
    summary = summary_of(replace(found, left={"rates_changed": 2}))
    assert (summary.agrees, summary.wrong) == (False, ["2 cases rates_changed stand open"])


def test_cases_whose_number_depends_on_what_came_first_are_told_and_not_judged(found: Found) -> None:
    summary = summary_of(replace(found, settled={**EXPECTED.asked, "rates_changed": 4}))
    assert summary.agrees
    assert [(each.expected, each.found) for each in summary.settled if each.name == "rates_changed"] == [(None, 4)]


def test_what_has_not_settled_is_told() -> None:
    assert not summarise(len(SENDINGS), EXPECTED, Found({}, [], 0, []), ["3 lanes may run"]).agrees


def test_a_lost_message_is_named(found: Found) -> None:
    lost, *_ = EXPECTED.verdicts
    verdicts = {id_: verdict for id_, verdict in found.verdicts.items() if id_ != lost}
    assert summary_of(replace(found, verdicts=verdicts)).wrong == [
        f"message {' '.join(lost)} has no verdict: it is lost"
    ]


def test_another_verdict_is_named(found: Found) -> None:
    id_, *_ = (id_ for id_, allowed in EXPECTED.verdicts.items() if "applied" in allowed)
    summary = summary_of(replace(found, verdicts={**found.verdicts, id_: "parked"}))
    assert summary.wrong == [f"message {' '.join(id_)} is parked, not applied or ignored or stale"]


def test_a_message_that_nobody_sent_is_named(found: Found) -> None:
    assert not summary_of(replace(found, verdicts={**found.verdicts, ("s", "x"): "applied"})).agrees


def test_a_conflict_that_was_dropped_is_named(found: Found) -> None:
    rest = {id_: verdict for id_, verdict in found.verdicts.items() if verdict != "conflict"}
    summary = summary_of(replace(found, verdicts=rest))
    assert len(summary.wrong) == 1
    assert "conflict" in summary.wrong[0]


def test_a_missing_dead_letter_and_a_good_event_among_them_are_named(found: Found) -> None:
    summary = summary_of(replace(found, dead_letters=[*found.dead_letters[1:], SENDINGS[0].outgoing.body]))
    assert len(summary.wrong) == 2


def test_a_parked_command_too_many_is_named(found: Found) -> None:
    summary = summary_of(replace(found, parked_commands=found.parked_commands + 1))
    assert summary.wrong == [f"{EXPECTED.parked_commands + 1} commands are parked, not {EXPECTED.parked_commands}"]


def test_a_message_that_was_not_confirmed_is_named(found: Found) -> None:
    assert not summarise(len(SENDINGS) - 1, EXPECTED, found, []).agrees


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phase": "failed"}, "the reconciliation of erp is failed"),
        ({"on_its_way": 1}, "with 1 on their way"),
        ({"theirs": {}}, "reconciled, erp has 0 for UK01 in GBP"),
        ({"found": [("extra", "timesheet/T")], "in_cases": 1}, "reconciled, erp has extra timesheet/T"),
        ({"in_cases": -1}, "stand in no case"),
    ],
)
def test_a_reconciliation_that_says_otherwise_is_named(found: Found, change: dict[str, Any], told: str) -> None:
    first, *others = found.reconciled
    summary = summary_of(replace(found, reconciled=[replace(first, **change), *others]))
    assert told in " ".join(summary.wrong)


def test_an_erp_that_was_not_reconciled_is_named(found: Found) -> None:
    assert summary_of(replace(found, reconciled=found.reconciled[1:])).wrong == ["erp was not reconciled"]


def test_the_planned_differences_are_the_money_that_is_held_back() -> None:
    held: dict[str, Decimal] = {}
    for item, amount in EXPECTED.truth.held.items():
        if item.measure is Measure.TIME:
            held[item.currency] = held.get(item.currency, Decimal(0)) + amount
    named: dict[str, Decimal] = {}
    for each in EXPECTED.differences:
        for currency, amount in each.money.items():
            named[currency] = named.get(currency, Decimal(0)) + amount
    assert named == held


def test_items_have_an_order_to_be_told_in() -> None:
    assert min(Item("UK01", "GBP", Measure.TIME, "b"), Item("DE01", "EUR", Measure.TIME, "a")).key == "a"


def test_the_json_has_the_figures_as_strings(found: Found) -> None:
    document = orjson.loads(report.to_json(summary_of(found)))
    assert document["agrees"] is True
    assert document["published"] == len(SENDINGS)
    for ledger in document["books"]:
        for row in ledger["rows"]:
            assert all(isinstance(amount, str) for amount in (row["due"], row["held"], *row["systems"].values()))
    assert {line["name"] for line in document["verdicts"]} >= {"applied", "conflict", "dead letter"}

"""The proof must fail on every kind of loss, doubling, and mix-up; and only on those."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import orjson
import pytest

from gateway.demo import report
from gateway.demo.day import make_day
from gateway.demo.effects import Effect
from gateway.demo.expected import Expected, expect
from gateway.demo.oracle import Terms
from gateway.demo.sending import Sending
from gateway.demo.summary import Found, Summary, summarise

SENDINGS: list[Sending] = [sending for act in make_day(2, 0.1) for sending in act.sendings]
EXPECTED: Expected = expect(SENDINGS, Terms(dict.fromkeys(("US01", "DE01", "UK01"), "half_up"), date(2026, 11, 1)))


@pytest.fixture
def found() -> Found:
    """What a gateway without any fault leaves."""
    conflicts = {(f"conflict:{each.source}", f"{each.id}#0123"): "conflict" for each in EXPECTED.conflicts}
    return Found(
        verdicts={**EXPECTED.verdicts, **conflicts},
        dead_letters=[each.outgoing.body for each in EXPECTED.dead_letters],
        parked_commands=EXPECTED.parked_commands,
        journal=[(effect, f"ref-{n}") for n, effect in enumerate(EXPECTED.effects)],
        settled=EXPECTED.asked,
    )


def summary_of(found: Found) -> Summary:
    return summarise(len(SENDINGS), EXPECTED, found, [])


def test_a_day_without_fault_agrees(found: Found) -> None:
    summary = summary_of(found)
    assert summary.agrees
    assert summary.accepted + len(found.dead_letters) + summary.duplicates == summary.published
    assert all(line.agrees for line in (*summary.verdicts, *summary.effects))
    assert all(line.agrees for line in summary.money)


def test_a_case_that_nobody_settled_is_told(found: Found) -> None:
    assert EXPECTED.asked == {"approval_needed": 1, "probable_duplicate": 1}
    summary = summary_of(replace(found, settled={"probable_duplicate": 1}))
    assert summary.wrong == ["0 cases approval_needed were settled, not 1"]


def test_what_has_not_settled_is_told(found: Found) -> None:
    assert not summarise(len(SENDINGS), EXPECTED, found, ["3 lanes may run"]).agrees


def test_a_lost_message_is_named(found: Found) -> None:
    lost, *_ = EXPECTED.verdicts
    verdicts = {id_: verdict for id_, verdict in found.verdicts.items() if id_ != lost}
    assert any(
        f"{' '.join(lost)} has no verdict" in wrong for wrong in summary_of(replace(found, verdicts=verdicts)).wrong
    )


def test_another_verdict_is_named(found: Found) -> None:
    id_, *_ = (id_ for id_, verdict in EXPECTED.verdicts.items() if verdict == "applied")
    summary = summary_of(replace(found, verdicts={**found.verdicts, id_: "parked"}))
    assert summary.wrong == [f"message {' '.join(id_)} is parked, not applied"]


def test_a_message_that_nobody_sent_is_named(found: Found) -> None:
    assert not summary_of(replace(found, verdicts={**found.verdicts, ("s", "x"): "applied"})).agrees


def test_a_conflict_that_was_dropped_is_named(found: Found) -> None:
    summary = summary_of(replace(found, verdicts=EXPECTED.verdicts))
    assert len(summary.wrong) == 1
    assert "conflict" in summary.wrong[0]


def test_a_missing_dead_letter_and_a_good_event_among_them_are_named(found: Found) -> None:
    summary = summary_of(replace(found, dead_letters=[*found.dead_letters[1:], SENDINGS[0].outgoing.body]))
    assert len(summary.wrong) == 2


def test_a_missing_effect_is_named_and_its_money_differs(found: Found) -> None:
    at = next(n for n, (effect, _) in enumerate(found.journal) if effect.operation == "billable.post")
    lost = found.journal[at][0]
    summary = summary_of(replace(found, journal=[*found.journal[:at], *found.journal[at + 1 :]]))
    assert summary.wrong == [f"missing in the journal: {lost}"]
    assert [line.agrees for line in summary.money].count(False) == 1


def test_an_effect_made_twice_is_named_under_one_reference_and_under_two(found: Found) -> None:
    effect, reference = found.journal[-1]
    same = summary_of(replace(found, journal=[*found.journal, (effect, reference)]))
    assert len(same.twice) == 1
    assert not same.agrees
    other = summary_of(replace(found, journal=[*found.journal, (effect, "another")]))
    assert other.twice == []
    assert other.wrong == [f"too much in the journal: {effect}"]


def test_a_cent_is_named(found: Found) -> None:
    at = next(n for n, (effect, _) in enumerate(found.journal) if effect.operation == "billable.post")
    effect, reference = found.journal[at]
    assert effect.amount is not None
    wrong = replace(effect, amount=effect.amount + Decimal("0.01"))
    summary = summary_of(replace(found, journal=[*found.journal[:at], (wrong, reference), *found.journal[at + 1 :]]))
    assert len(summary.wrong) == 2


def test_money_for_another_key_is_named_though_the_sums_agree(found: Found) -> None:
    at = next(n for n, (effect, _) in enumerate(found.journal) if effect.operation == "billable.post")
    effect, reference = found.journal[at]
    moved = (replace(effect, key="timesheet/TS-other"), reference)
    summary = summary_of(replace(found, journal=[*found.journal[:at], moved, *found.journal[at + 1 :]]))
    assert all(line.agrees for line in summary.money)
    assert len(summary.wrong) == 2


def test_a_parked_command_too_many_is_named(found: Found) -> None:
    summary = summary_of(replace(found, parked_commands=found.parked_commands + 1))
    assert summary.wrong == [f"{EXPECTED.parked_commands + 1} commands are parked, not {EXPECTED.parked_commands}"]


def test_a_message_that_was_not_confirmed_is_named(found: Found) -> None:
    assert not summarise(len(SENDINGS) - 1, EXPECTED, found, []).agrees


def test_amounts_compare_by_value() -> None:
    fields = ("erp", "billable.post", "timesheet/1", "DE01", "EUR")
    assert Effect(*fields, Decimal("1.50")) == Effect(*fields, Decimal("1.5"))


def test_the_json_has_the_figures_as_strings(found: Found) -> None:
    document = orjson.loads(report.to_json(summary_of(found)))
    assert document["agrees"] is True
    assert document["published"] == len(SENDINGS)
    assert all(isinstance(line["found"], str) for line in document["money"])
    assert {line["name"] for line in document["verdicts"]} >= {"applied", "waiting", "dead letter"}

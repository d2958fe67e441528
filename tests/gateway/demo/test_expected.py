"""The oracle on tiny days whose outcome is computed by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import orjson

from gateway.demo.effects import Effect
from gateway.demo.expected import Expected, expect
from gateway.demo.oracle import Terms
from gateway.demo.sending import Planted, Sender, Sending

TERMS = Terms({"DE01": "half_up", "UK01": "half_even"}, date(2026, 11, 1))

PROJECT_EFFECTS = [
    Effect("erp", "customer.put", "customer/C-1", "DE01", None),
    Effect("erp", "project.create", "engagement/P-1", "DE01", "EUR"),
    Effect("psa", "project.put", "engagement/P-1", "DE01", "EUR"),
    Effect("erp", "contract.put", "engagement/P-1", "DE01", "EUR"),
    Effect("crm", "workspace.create", "engagement/P-1", "DE01", None),
    Effect("crm", "project.link", "engagement/P-1", None, None),
]


def event(number: int, type_: str, subject: str, data: dict[str, object], planted: Planted | None = None) -> Sending:
    id_ = f"E-{number}"
    body = orjson.dumps({"source": "s", "id": id_, "type": f"{type_}.v1", "subject": subject, "data": data})
    return Sending(Sender.CRM, "s", id_, type_, body, planted=planted)


def customer(number: int, *, tax_profile: str | None = "standard", entities: tuple[str, ...] = ("DE01",)) -> Sending:
    data: dict[str, object] = {"legal_entities": entities}
    if tax_profile is not None:
        data["tax_profile"] = tax_profile
    return event(number, "customer.upserted", "C-1", data)


def hold(number: int, *, on_hold: bool = True) -> Sending:
    return event(number, "customer.credit_changed", "C-1", {"on_hold": on_hold})


def deal(number: int, project: str = "P-1", entity: str = "DE01", currency: str = "EUR") -> Sending:
    rates = [{"role": "consultant", "hourly": {"amount": "133.35", "currency": currency}}]
    return event(
        number,
        "project.opportunity_won",
        project,
        {"customer": {"id": "C-1"}, "legal_entity": entity, "currency": currency, "billing": {"rates": rates}},
    )


def line(line_id: str, hours: str, *, billable: bool = True, day: str = "2026-11-09") -> dict[str, object]:
    return {"line_id": line_id, "hours": hours, "role": "consultant", "work_date": day, "billable": billable}


def sheet(number: int, fact: str, *lines: dict[str, object], **fields: object) -> Sending:
    revision: dict[str, object] = {"corrects": 1} if fact == "corrected" else {"revision": 1}
    data = {
        "project": {"system": "psa", "external_id": "psa-P-1"},
        "employee": {"id": "E-1"},
        "lines": lines,
        **revision,
        **fields,
    }
    return event(number, f"timesheet.{fact}", "TS-1", data)


def post(amount: str) -> Effect:
    return Effect("erp", "billable.post", "timesheet/TS-1", "DE01", "EUR", Decimal(amount))


def reversal(amount: str) -> Effect:
    return Effect("erp", "billable.reverse", "timesheet/TS-1", "DE01", "EUR", Decimal(amount))


def verdicts(expected: Expected) -> list[str]:
    return list(dict(sorted(expected.verdicts.items())).values())


def cost(act: str) -> Effect:
    return Effect("erp", f"cost.{act}", "timesheet/TS-1", "DE01", None)


def test_an_approved_sheet_posts_its_billable_lines_each_rounded_once_and_the_others_as_cost() -> None:
    # 1.25 × 133.35 = 166.6875, 7.5 × 133.35 = 1000.125: half up
    approved = sheet(3, "approved", line("1", "1.25"), line("2", "7.5"), line("3", "2", billable=False))
    expected = expect([customer(1), deal(2), approved], TERMS)
    assert expected.effects == [*PROJECT_EFFECTS, post("166.69"), post("1000.13"), cost("post")]
    assert verdicts(expected) == ["applied", "applied", "applied"]


def test_each_legal_entity_rounds_by_its_own_rule() -> None:
    # 7.5 × 133.35 = 1000.125: half even
    days = [
        customer(1, entities=("UK01",)),
        deal(2, entity="UK01", currency="GBP"),
        sheet(3, "approved", line("1", "7.5")),
    ]
    expected = expect(days, TERMS)
    assert expected.effects[-1] == Effect("erp", "billable.post", "timesheet/TS-1", "UK01", "GBP", Decimal("1000.12"))


def test_time_before_its_project_posts_all_the_same() -> None:
    in_order = expect([customer(1), deal(2), sheet(3, "approved", line("1", "1"))], TERMS)
    late = expect([sheet(3, "approved", line("1", "1")), deal(2), customer(1)], TERMS)
    assert sorted(map(str, late.effects)) == sorted(map(str, in_order.effects))
    assert late.verdicts == in_order.verdicts


def test_a_milestone_is_shown_and_billed_where_it_has_an_amount() -> None:
    worth: dict[str, object] = {"milestone_id": "M-1", "amount": {"amount": "8000.00", "currency": "EUR"}}
    milestones = [
        event(3, "project.milestone_completed", "psa-P-1", worth),
        event(4, "project.milestone_completed", "psa-P-1", {"milestone_id": "M-2"}),
    ]
    shown = Effect("crm", "milestone.put", "project/P-1", None, None)
    bill = Effect("erp", "milestone.bill", "project/P-1", "DE01", "EUR", Decimal("8000.00"))
    assert expect([customer(1), deal(2), *milestones], TERMS).effects == [*PROJECT_EFFECTS, shown, bill, shown]


def test_a_correction_takes_back_what_changed_and_leaves_the_rest() -> None:
    expected = expect(
        [
            customer(1),
            deal(2),
            sheet(3, "approved", line("1", "1"), line("2", "2"), line("3", "3")),
            sheet(4, "corrected", line("1", "1"), line("2", "4"), line("4", "1")),
        ],
        TERMS,
    )
    posted = [post("133.35"), post("266.70"), post("400.05")]
    corrected = [reversal("-266.70"), reversal("-400.05"), post("533.40"), post("133.35")]
    assert expected.effects == [*PROJECT_EFFECTS, *posted, *corrected]


def test_a_line_that_is_billed_after_all_is_no_cost_any_more() -> None:
    was, billed = sheet(3, "approved", line("1", "1", billable=False)), sheet(4, "corrected", line("1", "1"))
    expected = expect([customer(1), deal(2), was, billed], TERMS)
    assert expected.effects == [*PROJECT_EFFECTS, cost("post"), cost("reverse"), post("133.35")]


def test_a_second_approval_of_the_same_revision_is_ignored() -> None:
    expected = expect(
        [customer(1), deal(2), sheet(3, "approved", line("1", "1")), sheet(4, "approved", line("1", "1"))], TERMS
    )
    assert expected.effects == [*PROJECT_EFFECTS, post("133.35")]
    assert verdicts(expected) == ["applied", "applied", "applied", "ignored"]


def test_a_rejected_sheet_posts_nothing() -> None:
    expected = expect(
        [customer(1), deal(2), sheet(3, "submitted", line("1", "1")), sheet(4, "rejected", line("1", "1"))], TERMS
    )
    assert expected.effects == PROJECT_EFFECTS


def test_a_customer_is_put_into_each_legal_entity_with_each_change() -> None:
    expected = expect([customer(1, entities=("DE01", "UK01")), hold(2, on_hold=False)], TERMS)
    puts = [Effect("erp", "customer.put", "customer/C-1", code, None) for code in ("DE01", "UK01")]
    assert expected.effects == [*puts, *puts]


def test_without_tax_profile_everything_behind_the_customer_stands() -> None:
    days = [
        customer(1, tax_profile=None),
        hold(2),
        deal(3),
        sheet(4, "submitted", line("1", "2")),
        sheet(5, "approved", line("1", "2")),
        sheet(6, "corrected", line("1", "3")),
    ]
    expected = expect(days, TERMS)
    assert expected.effects == []
    assert verdicts(expected) == ["applied", "applied", "applied", "applied", "waiting", "queued"]
    customers, deals = expected.differences
    assert (customers.what, customers.messages) == ("customer/C-1", 0)
    assert (deals.what, deals.messages, deals.money) == ("engagement/P-1", 2, {"EUR": Decimal("266.70")})


def test_credit_hold_blocks_the_deal_and_its_time_waits() -> None:
    expected = expect([hold(1), customer(2), deal(3), sheet(4, "approved", line("1", "1"))], TERMS)
    assert expected.effects == [Effect("erp", "customer.put", "customer/C-1", "DE01", None)]
    assert verdicts(expected) == ["applied", "applied", "applied", "waiting"]
    (named,) = expected.differences
    assert (named.what, named.messages, named.money) == ("engagement/P-1", 1, {"EUR": Decimal("133.35")})


def test_what_the_psa_says_of_a_project_that_is_not_there_waits() -> None:
    said = [event(number, "project.status_changed", "psa-P-1", {}) for number in (3, 4)]
    expected = expect([customer(1, tax_profile=None), deal(2), *said], TERMS)
    assert verdicts(expected) == ["applied", "applied", "waiting", "queued"]


def test_the_erp_refuses_a_closed_month() -> None:
    approved = sheet(3, "approved", line("1", "1", day="2026-10-31"))
    expected = expect([customer(1), deal(2), approved], TERMS)
    assert expected.effects == PROJECT_EFFECTS
    assert expected.parked_commands == 1
    assert verdicts(expected) == ["applied", "applied", "applied"]
    assert [named.money for named in expected.differences] == [{"EUR": Decimal("133.35")}]


def test_planted_messages_have_no_effect_and_are_named() -> None:
    good = customer(1)
    planted = [
        event(1, "customer.upserted", "C-1", {}, Planted.DUPLICATE),
        event(1, "customer.upserted", "C-1", {}, Planted.CONFLICT),
        event(2, "customer.renamed", "C-1", {}, Planted.UNKNOWN_TYPE),
    ]
    expected = expect([good, *planted], TERMS)
    assert len(expected.effects) == 1
    assert (expected.duplicates, len(expected.conflicts), len(expected.dead_letters)) == (1, 1, 1)
    assert expected.messages == 3
    assert [named.what for named in expected.differences] == ["s E-1", "s E-2"]

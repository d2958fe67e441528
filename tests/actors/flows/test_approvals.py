"""Approvals: the policy's rules that apply, each by its role, never by who asked; refused means cancelled."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from actors.policy import Approval
from schemas.acts import Act, ActedV1, from_v1
from schemas.contract.v1 import Instalment
from schemas.customer.entity import Customer, ErpRecord
from schemas.keys import ActorKey
from schemas.project.v2 import Billing, OpportunityWon
from schemas.values import Money
from tests.actors.firm import SHIPYARD, customer, deal, known_customer, part
from tests.actors.flows.desk import FINANCE, POLICY, Desk
from tests.actors.stage import accepted, reason_to_ignore

BIG = Approval(role="finance", amount_above={"EUR": Decimal(50_000)})
LARGE = deal(part(value="90000.00"))
SMALL = deal(part(value="50000.00"))
NEW = {SHIPYARD: Customer(profile=customer())}


@pytest.mark.parametrize(
    ("rule", "won", "applies"),
    [
        (Approval(role="finance"), SMALL, True),
        (BIG, LARGE, True),
        (BIG, SMALL, False),
        (BIG, deal(), True),  # worth nobody knows what
        (BIG, deal(part("US01", currency="USD", value="1.00")), True),  # in a currency without a limit
        (BIG, deal(part(value="30000.00"), part("US01", currency="USD", value="1.00")), True),
        (Approval(role="finance", discount_above=Decimal(10)), deal(discount="12.50"), True),
        (Approval(role="finance", discount_above=Decimal(10)), deal(discount="10"), False),
        (Approval(role="finance", discount_above=Decimal(10)), deal(), False),
        (Approval(role="finance", new_customer=True), SMALL, False),
        (Approval(role="finance", new_customer=False), SMALL, True),
        (Approval(role="finance", legal_entities=("US01",)), SMALL, False),
        (Approval(role="finance", legal_entities=("DE01",)), SMALL, True),
        (Approval(role="finance", legal_entities=("DE01",), discount_above=Decimal(10)), SMALL, False),
        (Approval(role="finance", flow="contracts"), SMALL, False),
    ],
    ids=str,
)
def test_a_rule_applies_where_all_that_it_names_is_so(rule: Approval, won: OpportunityWon, applies: bool) -> None:  # noqa: FBT001 a column of the table
    desk = Desk(rule=rule).won(won)
    assert ("approval:rule" in desk.cases) is applies
    assert (desk.asked == []) is applies


def test_a_customer_that_the_erp_does_not_have_is_new() -> None:
    desk = Desk(others=NEW, newcomer=Approval(role="sales", new_customer=True)).won()
    assert desk.state.pending == {"newcomer": "sales"}


def test_a_customer_that_was_new_when_the_deal_was_won_stays_new_for_it() -> None:
    # Given a deal that validation blocks, with a customer whom the ERP gets meanwhile for another deal
    newcomer = Approval(role="sales", new_customer=True)
    desk = Desk(others=NEW, newcomer=newcomer, always=FINANCE).won(deal(part(service_line="gardening")))
    desk.knows(customer=known_customer())
    # When it goes on, then it is approved as a deal with a new customer
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"service_line": "audit"}}}))
    assert set(desk.state.pending) == {"newcomer", "always"}


def test_a_customer_in_another_erp_of_the_legal_entity_is_not_new() -> None:
    elsewhere = ErpRecord(legal_entity="DE01", system="old-erp", external_id="77")
    known = Customer(profile=customer(), records=(elsewhere,))
    assert Desk(others={SHIPYARD: known}, newcomer=Approval(role="sales", new_customer=True)).won().cases == {}


def test_the_case_says_who_must_approve_what_and_until_when() -> None:
    desk = Desk(big=BIG).won(LARGE)
    case = desk.cases["approval:big"]
    assert (case.owner, case.acts) == ("finance", (Act.APPROVE, Act.REJECT))
    assert (case.remind_after, case.due_after) == (24 * 3600, 72 * 3600)
    assert case.money == {"EUR": Decimal("90000.00")}
    assert "90000.00 EUR" in case.failure.reason
    assert [(notice.fact, dict(notice.attributes)) for notice in desk.notices] == [
        ("approval_needed", {"rule": "big", "role": "finance"})
    ]


def test_approved_it_goes_on_and_keeps_who_and_when() -> None:
    desk = Desk(big=BIG).won(LARGE)
    accepted(desk.act("approval:big", Act.APPROVE))
    (grant,) = desk.state.grants
    assert (grant.rule, grant.role, grant.by, grant.reason) == ("big", "finance", "E-fin", "looked into it")
    assert desk.cases == {}
    assert desk.go_on().state.status == "active"


def test_each_rule_must_be_approved() -> None:
    desk = Desk(big=BIG, always=Approval(role="legal")).won(LARGE)
    accepted(desk.act("approval:big", Act.APPROVE))
    assert desk.asked == []
    assert set(desk.cases) == {"approval:always"}
    accepted(desk.act("approval:always", Act.APPROVE, by="E-law", roles=("legal",)))
    assert desk.operations == ["customer.trade", "project.create"]


@pytest.mark.parametrize(
    ("by", "roles", "said"),
    [("E-fin", ("sales",), "role finance"), ("E-ask", ("finance",), "E-ask"), ("E-own", ("finance",), "E-own")],
)
@pytest.mark.parametrize("act", [Act.APPROVE, Act.REJECT])
def test_who_has_not_the_role_or_asked_for_it_may_not_decide(
    by: str, roles: tuple[str, ...], said: str, act: Act
) -> None:
    desk = Desk(always=FINANCE).won()
    assert said in reason_to_ignore(desk.act("approval:always", act, by=by, roles=roles))
    assert (desk.state.status, desk.asked) == ("approving", [])


def test_an_approval_that_comes_twice_changes_nothing() -> None:
    desk = Desk(always=FINANCE).won()
    accepted(desk.act("approval:always", Act.APPROVE))
    assert reason_to_ignore(desk.act("approval:always", Act.APPROVE))
    assert reason_to_ignore(desk.act("approval:always", Act.REJECT))


def test_refused_the_deal_is_cancelled_and_nothing_was_set_up() -> None:
    desk = Desk(big=BIG, always=Approval(role="legal")).won(LARGE)
    accepted(desk.act("approval:big", Act.REJECT))
    assert (desk.state.status, desk.cases, desk.asked) == ("cancelled", {}, [])
    assert reason_to_ignore(desk.act("approval:always", Act.APPROVE, by="E-law", roles=("legal",)))


def test_who_has_edited_the_deal_may_not_approve_it() -> None:
    desk = Desk(always=FINANCE).won(deal(part(service_line="gardening")))
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"service_line": "audit"}}}))
    assert "E-fin" in reason_to_ignore(desk.act("approval:always", Act.APPROVE))
    accepted(desk.act("approval:always", Act.APPROVE, by="E-other"))


def test_a_credit_hold_while_it_is_approved_stops_it() -> None:
    desk = Desk(always=FINANCE).won()
    desk.knows(customer=known_customer(on_hold=True))
    accepted(desk.act("approval:always", Act.APPROVE))
    assert desk.cases["validate"].failure.code == "credit_hold"
    assert desk.asked == []
    # Once it is released, what was approved stays so
    desk.knows(customer=known_customer())
    accepted(desk.act("validate", Act.RETRY))
    assert desk.operations == ["customer.trade", "project.create"]


def test_an_edit_asks_for_the_approvals_again() -> None:
    desk = Desk(big=BIG).won(LARGE)
    desk.knows(customer=known_customer(on_hold=True))
    accepted(desk.act("approval:big", Act.APPROVE))
    desk.knows(customer=known_customer())
    changes = {"parts": {"DE01": {"value": {"amount": "900000.00", "currency": "EUR"}}}}
    accepted(desk.act("validate", Act.EDIT_RETRY, by="E-edit", changes=changes))
    assert (set(desk.cases), desk.asked) == ({"approval:big"}, [])


@pytest.mark.parametrize("act", [Act.APPROVE, Act.REJECT])
@pytest.mark.parametrize(
    "changes",
    [
        {"parts": {"DE01": {"value": {"amount": "900000.00", "currency": "EUR"}}}},
        {"parts": {"DE01": {"tax_code": "D7"}}},
    ],
    ids=["value", "tax code"],
)
def test_an_act_counts_for_the_deal_that_its_author_saw(changes: dict[str, Any], act: Act) -> None:
    # Given an approval of 90,000 that was read before the deal was held, edited, and asked for anew
    desk = Desk(big=BIG).won(LARGE)
    seen = desk.cases["approval:big"]
    desk.knows(customer=known_customer(on_hold=True))
    accepted(desk.act("approval:big", Act.APPROVE))
    desk.knows(customer=known_customer())
    accepted(desk.act("validate", Act.EDIT_RETRY, by="E-edit", changes=changes))
    # When somebody decides on what they saw then, it does nothing and says so
    before = desk.state
    assert "read the case again" in reason_to_ignore(desk.act("approval:big", act, by="E-late", seen=seen))
    assert (desk.state, set(desk.cases), desk.asked) == (before, {"approval:big"}, [])
    # And who has read it again decides on it
    accepted(desk.act("approval:big", act, by="E-late"))
    assert "approval:big" not in desk.cases


def test_an_approval_keeps_what_was_approved() -> None:
    desk = Desk(big=BIG).won(LARGE)
    asks = desk.cases["approval:big"].asks
    accepted(desk.act("approval:big", Act.APPROVE))
    assert asks is not None
    assert [grant.asked for grant in desk.state.grants] == [asks]


def test_an_act_that_an_earlier_release_wrote_down_says_nothing_of_what_was_seen_and_counts() -> None:
    desk = Desk(big=BIG).won(LARGE)
    event = from_v1(
        ActedV1(topic="approval:big", act=Act.APPROVE, by="E-fin", roles=("finance",), reason="looked into it")
    )
    accepted(desk.when(event))
    assert desk.operations == ["customer.trade", "project.create"]


def test_an_edit_spares_no_approval_that_the_deal_needed_as_it_was_won() -> None:
    cheap = Approval(role="finance", discount_above=Decimal(10))
    desk = Desk(cheap=cheap, big=BIG).won(deal(part(service_line="gardening", value="90000.00"), discount="60"))
    small = {"service_line": "audit", "value": {"amount": "1.00", "currency": "EUR"}}
    changes = {"discount": "0", "parts": {"DE01": small}}
    accepted(desk.act("validate", Act.EDIT_RETRY, by="E-edit", roles=(), changes=changes))
    assert (set(desk.cases), desk.asked) == ({"approval:cheap", "approval:big"}, [])


KNOWN = Approval(role="finance", new_customer=False)
NEWCOMER = Approval(role="sales", new_customer=True)
ANOTHER = ActorKey("customer", "C-2")


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [
        (known_customer(), NEW[SHIPYARD], {"known", "newcomer"}),
        (NEW[SHIPYARD], known_customer(), {"known", "newcomer"}),
        (known_customer(), known_customer(), {"known"}),
    ],
    ids=["to a new one", "to a known one", "to one as well known"],
)
def test_another_customer_spares_no_approval_that_the_first_one_needed(
    before: Customer, after: Customer, asks: set[str]
) -> None:
    desk = Desk(others={SHIPYARD: before, ANOTHER: after}, known=KNOWN, newcomer=NEWCOMER)
    desk.won(deal(part(service_line="gardening")))
    changes = {"customer": {"id": "C-2"}, "parts": {"DE01": {"service_line": "audit"}}}
    accepted(desk.act("validate", Act.EDIT_RETRY, changes=changes))
    assert set(desk.state.pending) == asks


def test_a_worth_that_a_rule_looks_at_since_is_not_edited_away() -> None:
    desk = Desk().won(LARGE).go_on(until="DE01.contract.1")
    desk.refused("DE01.contract.1")
    desk.knows(policy=POLICY.model_copy(update={"approvals": {"big": BIG}}))
    less = {"value": {"amount": "1.00", "currency": "EUR"}}
    said = desk.act("step:DE01.contract", Act.EDIT_RETRY, changes={"parts": {"DE01": less}})
    assert "rule big" in reason_to_ignore(said)


def fixed(fee: str, value: str | None = None, *instalments: str) -> OpportunityWon:
    """A deal of one part with a fixed fee."""
    sold, schedule = (
        part(value=value),
        tuple(
            Instalment(name=f"part {number}", due_on=date(2026, 6, number), amount=Money(amount=amount, currency="EUR"))
            for number, amount in enumerate(instalments, start=1)
        ),
    )
    billing = Billing(method="fixed_fee", fee=Money(amount=fee, currency="EUR"), schedule=schedule)
    return deal(sold.model_copy(update={"billing": billing}))


def test_a_deal_is_worth_the_most_that_it_names() -> None:
    assert set(Desk(big=BIG).won(fixed("900000.00", "1.00")).cases) == {"approval:big"}
    assert fixed("10.00", "20.00", "30.00", "40.00").amounts == {"EUR": Decimal("70.00")}


FEE = {"billing": {"method": "fixed_fee", "fee": {"amount": "900000.00", "currency": "EUR"}}}
HOURLY = {"billing": {"method": "time_and_materials", "rates": [
    {"role": "consultant", "hourly": {"amount": "999.00", "currency": "EUR"}}]}}  # fmt: skip


@pytest.mark.parametrize("changes", [FEE, HOURLY], ids=["fee", "rates"])
@pytest.mark.parametrize(
    "rule",
    [BIG, BIG.model_copy(update={"new_customer": True}), Approval(role="finance", new_customer=True)],
    ids=["big", "big of a new one", "new one"],
)
def test_what_was_approved_is_not_edited_when_a_step_fails(rule: Approval, changes: dict[str, Any]) -> None:
    desk = Desk(others=NEW, rule=rule).won(LARGE)
    accepted(desk.act("approval:rule", Act.APPROVE))
    desk.go_on(until="DE01.contract.1")
    desk.refused("DE01.contract.1")
    edit = {"parts": {"DE01": changes}}
    said = desk.act("step:DE01.contract", Act.EDIT_RETRY, by="E-own", roles=(), changes=edit)
    assert "rule" in reason_to_ignore(said)
    assert "DE01.contract.2" not in desk.open


def test_an_edit_does_not_raise_the_worth_above_what_needs_no_approval() -> None:
    desk = Desk(others=NEW, big=BIG.model_copy(update={"new_customer": True})).won(SMALL).go_on(until="DE01.contract.1")
    desk.refused("DE01.contract.1")
    said = desk.act("step:DE01.contract", Act.EDIT_RETRY, changes={"parts": {"DE01": FEE}})
    assert "rule" in reason_to_ignore(said)

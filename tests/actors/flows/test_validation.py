"""Validation: each miss is named with its field and how to mend it, in one case; nothing is set up before."""

from __future__ import annotations

from typing import Any, Final

import pytest

from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement
from schemas.project.v2 import OpportunityWon
from schemas.verdicts import FailureClass
from tests.actors.firm import SHIPYARD, customer, deal, known_customer, part
from tests.actors.flows.desk import POLICY, Desk
from tests.actors.stage import accepted, reason_to_ignore

FEE: Final = {"amount": "24000.00", "currency": "EUR"}


def with_terms(**changes: Any) -> OpportunityWon:
    """A deal whose part is changed by the JSON of some fields."""
    sold = deal().model_dump(mode="json")
    sold["parts"][0] |= changes
    return OpportunityWon.model_validate(sold)


def contract(**changes: Any) -> dict[str, Any]:
    """The JSON of a contract."""
    return {"reference": "SOW-1", "signed_on": "2026-01-02", "starts_on": "2026-01-05"} | changes


MISSES: Final[dict[str, tuple[OpportunityWon, str, str]]] = {
    "unmapped legal entity": (deal(part("FR01")), "legal_entity_unmapped", "parts.FR01.legal_entity"),
    "unmapped service line": (
        deal(part(service_line="gardening")), "service_line_unmapped", "parts.DE01.service_line",
    ),
    "no billing method": (with_terms(billing={}), "billing_method_missing", "parts.DE01.billing.method"),
    "no rates": (with_terms(billing={"method": "time_and_materials"}), "rates_missing", "parts.DE01.billing.rates"),
    "no fee": (with_terms(billing={"method": "fixed_fee"}), "fee_missing", "parts.DE01.billing.fee"),
    "no retainer": (with_terms(billing={"method": "retainer"}), "fee_missing", "parts.DE01.billing.fee"),
    "instalments differ": (
        with_terms(
            billing={
                "method": "fixed_fee", "fee": FEE,
                "schedule": [{"due_on": "2026-02-01", "amount": {"amount": "8000.00", "currency": "EUR"}}],
            }
        ),
        "schedule_differs", "parts.DE01.billing.schedule",
    ),
    "unsigned": (with_terms(contract=contract(signed_on=None)), "contract_unsigned", "parts.DE01.contract.signed_on"),
    "no first day": (with_terms(contract=contract(starts_on=None)), "start_missing", "parts.DE01.contract.starts_on"),
    "one project for two": (
        deal(*(part(code).model_copy(update={"project_id": "P-9"}) for code in ("DE01", "US01"))),
        "id_repeated", "project_id",
    ),
    "an id that is too long": (
        with_terms(contract=contract(reference="R" * 200)).model_copy(
            update={"parts": tuple(
                each.model_copy(update={"contract": each.contract.model_copy(update={"reference": "R" * 200})})
                for each in deal(part("DE01"), part("US01")).parts
            )}
        ),
        "id_too_long", "contract.id",
    ),
}  # fmt: skip
CUSTOMERS: Final = {
    "on hold": (known_customer(on_hold=True), "credit_hold", "customer"),
    "probable duplicate": (
        known_customer().model_copy(update={"status": "duplicate?"}), "customer_duplicate", "customer",
    ),
    "no tax profile": (
        Customer(profile=customer(tax_profile=None)), "tax_profile_missing", "parts.DE01.tax_code",
    ),
    "unmapped tax profile": (
        Customer(profile=customer(tax_profile="offshore")), "tax_profile_unmapped", "parts.DE01.tax_code",
    ),
}  # fmt: skip


def assert_blocked(desk: Desk, code: str, field: str) -> None:
    """One case says what is missing, and nothing was asked of anybody."""
    assert desk.state.status == "blocked"
    assert desk.asked == []
    case = desk.cases["validate"]
    assert (case.failure.code, case.failure.field) == (code, field)
    assert case.acts == (Act.RETRY, Act.EDIT_RETRY, Act.CANCEL)
    assert [notice.fact for notice in desk.notices] == ["blocked"]


@pytest.mark.parametrize(("won", "code", "field"), MISSES.values(), ids=MISSES.keys())
def test_what_the_deal_misses_is_a_case(won: OpportunityWon, code: str, field: str) -> None:
    assert_blocked(Desk().won(won), code, field)


@pytest.mark.parametrize(("known", "code", "field"), CUSTOMERS.values(), ids=CUSTOMERS.keys())
def test_what_the_customer_misses_is_a_case(known: Customer, code: str, field: str) -> None:
    assert_blocked(Desk(others={SHIPYARD: known}).won(), code, field)


def test_all_misses_are_named_at_once_with_the_money_that_stands_still() -> None:
    desk = Desk(others={SHIPYARD: known_customer(on_hold=True)}).won(
        deal(part(service_line="gardening", value="10.00"))
    )
    assert len(desk.state.misses) == 2
    case = desk.cases["validate"]
    assert case.failure.failure_class is FailureClass.BUSINESS_RULE
    assert "release it" in case.failure.reason
    assert "gardening" in case.failure.reason
    assert {currency: str(amount) for currency, amount in case.money.items()} == {"EUR": "10.00"}


def test_a_retry_after_the_mend_goes_on() -> None:
    desk = Desk(others={SHIPYARD: known_customer(on_hold=True)}).won()
    assert "release it" in reason_to_ignore(desk.act("validate", Act.RETRY))
    desk.knows(customer=known_customer())
    accepted(desk.act("validate", Act.RETRY))
    assert desk.cases == {}
    assert desk.go_on().state.status == "active"


def test_a_retry_that_finds_another_miss_says_so() -> None:
    desk = Desk(others={SHIPYARD: known_customer(on_hold=True)}).won()
    desk.knows(customer=known_customer().model_copy(update={"status": "duplicate?"}))
    accepted(desk.act("validate", Act.RETRY))
    assert desk.cases["validate"].failure.code == "customer_duplicate"


def test_a_mended_policy_is_enough() -> None:
    desk = Desk().won(deal(part(service_line="gardening")))
    lines = {**POLICY.service_lines, "gardening": POLICY.service_lines["audit"]}
    desk.knows(policy=POLICY.model_copy(update={"service_lines": lines}))
    accepted(desk.act("validate", Act.RETRY, by="policy", roles=()))
    assert desk.go_on().state.status == "active"


def test_edit_and_retry_mends_the_deal_itself() -> None:
    desk = Desk().won(with_terms(billing={"method": "fixed_fee"}, service_line="gardening"))
    accepted(
        desk.act(
            "validate", Act.EDIT_RETRY,
            changes={"parts": {"DE01": {"service_line": "audit", "billing": {"method": "fixed_fee", "fee": FEE}}}},
        )
    )  # fmt: skip
    assert desk.state.editors == ("E-fin",)
    assert desk.go_on().state.status == "active"


def test_a_person_may_choose_the_tax_code_of_a_customer_that_the_erp_has() -> None:
    known = known_customer().model_copy(update={"profile": customer(tax_profile="offshore")})
    desk = Desk(others={SHIPYARD: known}).won()
    assert "or choose the tax code by edit-retry" in desk.cases["validate"].failure.reason
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"tax_code": "X99"}}}))
    assert desk.cases["validate"].failure.code == "tax_code_unknown"
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"tax_code": "D7"}}}))
    desk.go_on()
    assert desk.state.status == "active"
    assert desk.part().tax_code == "D7"


@pytest.mark.parametrize("profile", [None, "offshore"])
def test_a_chosen_tax_code_does_not_bring_the_customer_into_the_erp(profile: str | None) -> None:
    desk = Desk(others={SHIPYARD: Customer(profile=customer(tax_profile=profile))}).won()
    assert "edit-retry" not in desk.cases["validate"].failure.reason
    chosen = desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"tax_code": "D7"}}})
    assert "without which the ERP cannot get the customer" in reason_to_ignore(chosen)
    desk.knows(customer=Customer(profile=customer()))
    accepted(desk.act("validate", Act.RETRY))
    assert desk.go_on().state.status == "active"


def test_another_customer_may_be_named() -> None:
    other = SHIPYARD._replace(id="C-2")
    desk = Desk(others={SHIPYARD: known_customer(on_hold=True), other: known_customer()}).won()
    assert "C-9" in reason_to_ignore(desk.act("validate", Act.EDIT_RETRY, changes={"customer": {"id": "C-9"}}))
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"customer": {"id": "C-2"}}))
    assert (desk.state.customer, desk.state.status) == ("C-2", "running")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (None, "changes"),
        ({}, "changes"),
        ({"name": "Tunnel"}, "name"),
        ({"parts": {"US01": {"service_line": "audit"}}}, "no part of US01"),
        ({"parts": {"DE01": {"value": {"amount": "1.00", "currency": "USD"}}}}, "USD"),
        ({"parts": {"DE01": {"contract": {"reference": ""}}}}, "reference"),
        ({"customer": {"system": "crm"}}, "customer"),
    ],
    ids=str,
)
def test_an_edit_that_does_not_fit_is_refused_in_words(changes: dict[str, Any] | None, said: str) -> None:
    desk = Desk().won(deal(part(service_line="gardening")))
    before = desk.state
    assert said in reason_to_ignore(desk.act("validate", Act.EDIT_RETRY, changes=changes))
    assert desk.state == before


def test_a_blocked_deal_can_be_cancelled() -> None:
    desk = Desk().won(deal(part(service_line="gardening")))
    accepted(desk.act("validate", Act.CANCEL))
    assert (desk.state.status, desk.cases, desk.asked) == ("cancelled", {}, [])
    assert "E-fin" in str(desk.state.cancelled_by)
    assert desk.notices[-1].fact == "cancelled"


@pytest.mark.parametrize("won", [deal(), deal(part(service_line="gardening"))], ids=["running", "blocked"])
@pytest.mark.parametrize(
    ("topic", "act"),
    [
        ("validate", Act.APPROVE), ("approval:big", Act.APPROVE), ("step:DE01.shell", Act.RETRY),
        ("step:x", Act.RETRY), ("undo:DE01.shell", Act.RETRY), ("second_deal:OPP-2", Act.RESOLVE),
        ("left_over", Act.RESOLVE), ("?", Act.RETRY),
    ],
)  # fmt: skip
def test_acts_that_do_not_belong_here_do_nothing(won: OpportunityWon, topic: str, act: Act) -> None:
    assert topic in reason_to_ignore(Desk().won(won).act(topic, act))


def test_nothing_can_be_done_before_a_deal_is_won() -> None:
    desk = Desk()
    assert reason_to_ignore(desk.act("validate", Act.RETRY))
    assert desk.state == Engagement()

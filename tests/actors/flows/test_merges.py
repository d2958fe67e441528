"""A deal's customer turns out to be another one: however the deal learns of it, it goes on with that one."""

from __future__ import annotations

import pytest

from actors.decision import Decision
from actors.policy import Mode, Policy
from schemas.acts import Act
from schemas.customer.entity import Customer, ErpRecord
from schemas.customer.v1 import Trade
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectCreate
from schemas.verdicts import FailureClass
from tests.actors.firm import SHIPYARD, WON, customer, deal, known_customer, part
from tests.actors.flows.desk import FINANCE, Desk
from tests.actors.flows.test_modes import BOTH, runs
from tests.actors.stage import accepted, reason_to_ignore, refusal

STAYS = ActorKey("customer", "C-2")
MOVED = CustomerMoved(to=WON.id, customer=SHIPYARD.id, into=STAYS.id)
IN_NO_ERP = Customer(profile=customer())
GONE = Customer(profile=customer(), status="merged", merged_into=STAYS.id)
LEARNS = ("won again", "approval", "validation")


def joining(how: str, before: Customer) -> Desk:
    """A deal of which DE01 runs; that of US01 was in shadow, and is live now. `how` the deal looks at its customer."""
    desk = Desk(policy=runs(US01=Mode.SHADOW), others={SHIPYARD: before, STAYS: IN_NO_ERP}).won(BOTH)
    live = runs()
    if how == "approval":
        live = live.model_copy(update={"approvals": {"always": FINANCE}})
    if how == "validation":
        desk.knows(policy=without_tax_code(live))
    else:
        desk.knows(policy=live)
    if how != "won again":
        accepted(desk.when(BOTH))
    desk.knows(policy=live)
    return desk


def without_tax_code(policy: Policy) -> Policy:
    """The policy, which does not know how US01 taxes."""
    untaxed = policy.legal_entities["US01"].model_copy(update={"tax_codes": {}})
    return policy.model_copy(update={"legal_entities": {**policy.legal_entities, "US01": untaxed}})


def looks(desk: Desk, how: str) -> Decision:
    """The deal looks who its customer is."""
    match how:
        case "won again":
            return desk.when(BOTH)
        case "approval":
            return desk.act("approval:always", Act.APPROVE)
        case _:
            return desk.act("validate", Act.RETRY)


def asked_of(desk: Desk) -> dict[str, str]:
    """Line -> the customer that was asked under it."""
    return {each.line: each.body.to for each in desk.asked if isinstance(each.body, Trade)}


@pytest.mark.parametrize("how", LEARNS)
def test_what_awaits_the_customer_that_is_gone_asks_the_one_that_stays(how: str) -> None:
    # Given a part that waits for its customer, which was merged without the deal having been told yet
    desk = joining(how, IN_NO_ERP)
    desk.knows(customer=GONE)
    # When another part begins, by which the deal finds out
    accepted(looks(desk, how))
    # Then both ask the customer that stays, and what the one that is gone says is no news
    assert asked_of(desk) == {"DE01.customer.1": "C-1", "DE01.customer.2": "C-2", "US01.customer.1": "C-2"}
    assert reason_to_ignore(desk.when(MOVED))
    assert reason_to_ignore(desk.ready())
    desk.ready(customer=STAYS.id)
    desk.ready("US01", STAYS.id)
    assert desk.go_on().state.status == "active"


@pytest.mark.parametrize("how", LEARNS)
def test_what_is_refused_later_goes_to_the_one_that_stays(how: str) -> None:
    # Given a part whose project is on its way when the deal finds out that its customer was merged
    desk = joining(how, known_customer())
    desk.knows(customer=known_customer().model_copy(update={"status": "merged", "merged_into": STAYS.id}))
    accepted(looks(desk, how))
    assert "DE01.customer.2" not in desk.open
    # When the project is refused, and tried again
    desk.refused("DE01.shell.1")
    record = ErpRecord(legal_entity="DE01", system="erp", external_id="20042")
    desk.knows(others={STAYS: Customer(profile=customer(), records=(record,))})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    # Then the one that stays is asked for, and it is made for that one
    assert "DE01.shell.2" not in desk.open
    desk.ready(customer=STAYS.id)
    again = desk.open["DE01.shell.2"].body
    assert isinstance(again, ProjectCreate)
    assert again.customer == "10099"


def test_a_part_whose_project_is_on_its_way_when_another_is_retried_goes_to_the_one_that_stays() -> None:
    # Given two parts whose projects are on their way, of which one is refused
    both_erps = (
        ErpRecord(legal_entity="DE01", system="erp", external_id="10042"),
        ErpRecord(legal_entity="US01", system="us-erp", external_id="77"),
    )
    desk = Desk(others={SHIPYARD: Customer(profile=customer(), records=both_erps)}).won(BOTH)
    desk.refused("DE01.shell.1")
    # When the customer is merged, the first is retried before the deal is told, and the other is refused then
    gone = Customer(profile=customer(), records=both_erps, status="merged", merged_into=STAYS.id)
    desk.knows(customer=gone, others={STAYS: IN_NO_ERP})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    desk.refused("US01.shell.1")
    accepted(desk.act("step:US01.shell", Act.RETRY))
    # Then neither project is made for the customer that is gone
    assert asked_of(desk)["US01.customer.2"] == STAYS.id
    assert "US01.shell.2" not in desk.open


@pytest.mark.parametrize("how", LEARNS)
def test_what_runs_and_has_left_the_policy_is_named_before_another_customer_is_asked(how: str) -> None:
    desk = joining(how, IN_NO_ERP)
    live = runs().model_copy(update={"approvals": {"always": FINANCE}} if how == "approval" else {})
    rest = {"US01": live.legal_entities["US01"]}
    desk.knows(customer=GONE, policy=live.model_copy(update={"legal_entities": rest}))
    decision = looks(desk, how)
    said = refusal(decision).reason if how == "won again" else reason_to_ignore(decision)
    assert "add legal entity DE01 to the policy file again" in said
    assert "then retry" not in said, "what is tried again may be an approval"
    # And nothing is held up where the customer is the same
    desk.knows(customer=IN_NO_ERP)
    accepted(looks(desk, how))


def test_a_chain_of_merges_ends_at_the_customer_that_stays() -> None:
    desk = Desk(others={SHIPYARD: IN_NO_ERP}).won(deal(part("DE01")))
    accepted(desk.when(MOVED))
    accepted(desk.when(CustomerMoved(to=WON.id, customer="C-2", into="C-3")))
    assert asked_of(desk) == {"DE01.customer.1": "C-1", "DE01.customer.2": "C-2", "DE01.customer.3": "C-3"}
    assert reason_to_ignore(desk.ready(customer="C-2"))
    desk.ready(customer="C-3")
    assert desk.go_on().state.status == "active"


IN_ITS_ERPS = (
    ErpRecord(legal_entity="DE01", system="erp", external_id="20042"),
    ErpRecord(legal_entity="US01", system="us-erp", external_id="77"),
)


def agreed(desk: Desk) -> list[tuple[str, str]]:
    """Of each contract of DE01 that billing was asked for, the customer and the tax code."""
    bodies = (each.body for each in desk.asked if each.line.startswith("DE01."))
    return [(body.customer, body.tax_code) for body in bodies if isinstance(body, ContractPut)]


@pytest.mark.parametrize("how", LEARNS)
def test_the_contract_of_what_awaited_its_customer_is_taxed_as_the_one_that_stays(how: str) -> None:
    # Given a part that awaits its customer, which was merged into one that the ERP has, and taxes otherwise
    desk = joining(how, IN_NO_ERP)
    stays = Customer(profile=customer(tax_profile="reduced"), tax_profiles={"US01": "standard"}, records=IN_ITS_ERPS)
    desk.knows(customer=GONE, others={STAYS: stays})
    # When the deal finds out by itself, and the one that stays answers
    accepted(looks(desk, how))
    accepted(desk.when(answer("20042", "D7")))
    # Then customer and tax code of the contract are both that one's
    desk.go_on()
    assert agreed(desk) == [("20042", "D7")]


def test_a_retried_part_is_taxed_as_the_one_that_stays() -> None:
    desk = Desk().won(deal(part("DE01")))
    desk.refused("DE01.shell.1")
    stays = Customer(profile=customer(tax_profile="reduced"), records=IN_ITS_ERPS)
    desk.knows(customer=GONE, others={STAYS: stays})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    accepted(desk.when(answer("20042", "D7")))
    desk.go_on()
    assert agreed(desk) == [("20042", "D7")]


def test_a_person_who_names_the_id_of_the_one_that_stays_has_the_part_taxed_as_that_one() -> None:
    # Given a part that was told to await another customer, which cannot be had
    desk = Desk(others={SHIPYARD: IN_NO_ERP, STAYS: Customer(profile=customer(tax_profile="reduced"))})
    desk.won(deal(part("DE01")))
    accepted(desk.when(MOVED))
    refused = CustomerRefused(
        to=WON.id, customer=STAYS.id, legal_entity="DE01", failure_class=FailureClass.CONFLICT, code="id_missing",
        reason="look it up",
    )  # fmt: skip
    accepted(desk.when(refused))
    # When a person names its id
    accepted(desk.act("step:DE01.customer", Act.EDIT_RETRY, changes={"external_id": "20042"}))
    # Then its tax code goes with it
    desk.go_on()
    assert agreed(desk) == [("20042", "D7")]


def test_an_id_of_a_customer_whose_tax_code_nobody_knows_is_not_taken() -> None:
    desk = Desk(others={SHIPYARD: IN_NO_ERP}).won(deal(part("DE01")))
    accepted(desk.unready())
    desk.knows(customer=Customer(profile=customer(tax_profile=None)))
    said = reason_to_ignore(desk.act("step:DE01.customer", Act.EDIT_RETRY, changes={"external_id": "20042"}))
    assert "tax profile" in said


@pytest.mark.parametrize("how", LEARNS)
def test_a_hold_of_the_customer_that_stays_stops_what_awaited_the_one_that_is_gone(how: str) -> None:
    desk = joining(how, IN_NO_ERP)
    desk.knows(customer=GONE, others={STAYS: Customer(profile=customer(), on_hold=True, records=IN_ITS_ERPS)})
    accepted(looks(desk, how))
    # Then no project is asked for: the customer that stays is, and says that it is on hold
    assert "DE01.shell.1" not in desk.open
    assert asked_of(desk)["DE01.customer.2"] == STAYS.id


def test_a_hold_stops_a_part_that_is_retried() -> None:
    # Given a part whose customer the ERP would not have, and has now, on hold
    desk = Desk(others={SHIPYARD: IN_NO_ERP}).won(deal(part("DE01")))
    accepted(desk.unready())
    desk.knows(customer=Customer(profile=customer(), on_hold=True, records=IN_ITS_ERPS))
    accepted(desk.act("step:DE01.customer", Act.RETRY))
    # Then the customer is asked, and no project
    assert "DE01.customer.2" in desk.open
    assert "DE01.shell.1" not in desk.open


def answer(erp_id: str, tax_code: str) -> CustomerReady:
    """The customer that stays says what the ERP of DE01 has of it."""
    return CustomerReady(to=WON.id, customer=STAYS.id, legal_entity="DE01", erp_id=erp_id, tax_code=tax_code)

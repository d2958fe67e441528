"""The customer's answers to a deal, and merges during a running flow."""

from __future__ import annotations

import pytest

from actors.decision import Request
from schemas.acts import Act
from schemas.customer.entity import Customer, ErpRecord
from schemas.customer.v1 import Trade
from schemas.engagement.v1 import CustomerMoved, CustomerReady
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectCreate
from tests.actors.firm import SHIPYARD, WON, customer, deal, known_customer, part
from tests.actors.flows.desk import FINANCE, Desk
from tests.actors.stage import accepted, reason_to_ignore

MOVED = CustomerMoved(to=WON.id, customer=SHIPYARD.id, into="C-2")


def asking() -> Desk:
    """A deal that waits for its customer's answer."""
    return Desk(others={SHIPYARD: Customer(profile=customer())}).won()


def test_a_refusal_is_a_case_with_the_customers_own_reason() -> None:
    desk = asking()
    accepted(desk.unready())
    assert desk.cases["step:DE01.customer"].failure.code == "tax_profile_unmapped"
    assert reason_to_ignore(desk.unready())


def test_another_refusal_says_the_new_reason() -> None:
    desk = asking()
    desk.unready()
    accepted(desk.unready(code="customer_duplicate"))
    assert desk.cases["step:DE01.customer"].failure.code == "customer_duplicate"


def test_a_customer_that_was_mended_goes_on_by_itself() -> None:
    desk = asking()
    desk.unready()
    accepted(desk.ready())
    assert desk.cases == {}
    assert desk.go_on().state.status == "active"
    assert desk.operations.count("customer.trade") == 1


def test_a_retry_asks_the_customer_again() -> None:
    desk = asking()
    desk.unready()
    accepted(desk.act("step:DE01.customer", Act.RETRY))
    assert "DE01.customer.2" in desk.open


def test_an_answer_of_another_customer_or_part_is_no_news() -> None:
    desk = asking()
    assert reason_to_ignore(desk.ready(customer="C-9"))
    assert reason_to_ignore(desk.ready("US01"))


def test_an_answer_that_comes_twice_is_no_news() -> None:
    desk = asking()
    desk.ready()
    assert reason_to_ignore(desk.ready())


def test_a_merge_while_the_customer_is_asked_asks_the_one_that_stays() -> None:
    desk = asking()
    accepted(desk.when(MOVED))
    assert desk.state.customer == "C-2"
    again = desk.open["DE01.customer.2"].body
    assert isinstance(again, Trade)
    assert again.to == "C-2"
    assert reason_to_ignore(desk.ready()), "the one that is gone has no say any more"
    desk.ready(customer="C-2")
    assert desk.go_on().state.status == "active"


def test_a_merge_after_the_project_was_begun_leaves_it_as_it_is() -> None:
    desk = Desk().won()
    accepted(desk.when(MOVED))
    assert desk.state.customer == "C-2"
    assert "P-1" in desk.remarks[-1]
    assert desk.go_on().state.status == "active"
    assert desk.operations.count("project.create") == 1
    assert desk.operations.count("customer.trade") == 1


def test_a_merge_of_a_deal_with_parts_that_are_not_alike() -> None:
    desk = Desk().won(deal(part("DE01"), part("US01", currency="USD")))
    accepted(desk.when(MOVED))
    assert "US01.customer.2" in desk.open
    assert "DE01.customer.2" not in desk.open
    desk.ready("US01", customer="C-2")
    assert desk.go_on().state.status == "active"


STAYS = ActorKey("customer", "C-2")
MERGED = known_customer().model_copy(update={"merged_into": STAYS.id})


def its_erp_id(request: Request) -> str:
    """The customer that a project or contract is made for."""
    assert isinstance(request.body, ProjectCreate | ContractPut)
    return request.body.customer


@pytest.mark.parametrize("is_in_erp", [True, False])
def test_a_merge_after_the_shell_was_refused_sets_it_up_on_the_one_that_stays(is_in_erp: bool) -> None:  # noqa: FBT001 a column
    # Given a deal whose customer the ERP has, and a shell that is refused
    desk = Desk().won()
    desk.refused("DE01.shell.1")
    # When the customer is merged, and a person retries before the deal is told of it
    record = ErpRecord(legal_entity="DE01", system="erp", external_id="20042")
    stays = Customer(profile=customer(), records=(record,) if is_in_erp else ())
    desk.knows(others={SHIPYARD: MERGED, STAYS: stays})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    # Then the other customer is asked, whether or not the ERP has it, and the project is that one's
    assert desk.state.customer == STAYS.id
    assert list(desk.open) == ["DE01.customer.1", "DE01.customer.2"]
    desk.ready(customer=STAYS.id)
    del desk.open["DE01.customer.2"]
    desk.go_on()
    assert desk.state.status == "active"
    made = [request for request in desk.asked if request.operation in {"project.create", "contract.put"}]
    assert [its_erp_id(request) for request in made] == ["10042", "10099", "10099"]


def test_a_retry_takes_the_other_parts_to_the_customer_that_stays_as_well() -> None:
    # Given one part whose shell is refused, and one that waits for the customer
    desk = Desk().won(deal(part("DE01"), part("US01", currency="USD")))
    desk.refused("DE01.shell.1")
    desk.knows(others={SHIPYARD: MERGED, STAYS: known_customer()})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    again = desk.open["US01.customer.2"].body
    assert isinstance(again, Trade)
    assert again.to == STAYS.id
    # And the customer that is gone has nothing to say any more
    assert reason_to_ignore(desk.when(MOVED))


def test_a_merge_that_is_told_after_the_shell_was_refused_asks_for_the_one_that_stays() -> None:
    desk = asking()
    desk.ready()
    desk.refused("DE01.shell.1")
    accepted(desk.when(MOVED))
    assert "DE01.customer.2" in desk.open
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    assert "DE01.shell.2" not in desk.open, "the customer comes first"
    desk.when(CustomerReady(to=WON.id, customer="C-2", legal_entity="DE01", erp_id="20042", tax_code="D19"))
    assert its_erp_id(desk.open["DE01.shell.2"]) == "20042"


def test_a_shell_that_is_refused_after_the_merge_goes_to_the_one_that_stays() -> None:
    desk = Desk().won()
    accepted(desk.when(MOVED))
    desk.refused("DE01.shell.1")
    record = ErpRecord(legal_entity="DE01", system="erp", external_id="20042")
    desk.knows(others={SHIPYARD: MERGED, STAYS: Customer(profile=customer(), records=(record,))})
    accepted(desk.act("step:DE01.shell", Act.RETRY))
    accepted(desk.ready(customer=STAYS.id))
    assert its_erp_id(desk.open["DE01.shell.2"]) == "10099"


def test_a_merge_before_the_approval() -> None:
    desk = Desk(always=FINANCE).won()
    accepted(desk.when(MOVED))
    assert (desk.state.customer, desk.asked) == ("C-2", [])


def test_a_merge_that_is_told_twice_or_of_another_is_no_news() -> None:
    desk = asking()
    desk.when(MOVED)
    assert reason_to_ignore(desk.when(MOVED))
    assert reason_to_ignore(Desk().won().when(MOVED.model_copy(update={"customer": "C-9"})))

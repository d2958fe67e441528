"""How what ERPs are asked of a customer is told apart: each system counts and remembers for itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from actors.decision import Request
from actors.entities.customer import ACTOR
from schemas.bound import Bound
from schemas.customer.entity import Customer
from schemas.customer.v1 import Upserted
from schemas.record import Record
from tests.actors.firm import SHIPYARD, credit, customer, trade
from tests.actors.stage import Given, accepted

NEW = Given(ACTOR, SHIPYARD, Customer())
KNOWN = NEW.after(customer("DE01"))


def put(requests: tuple[Request, ...]) -> dict[str, str]:
    """Legal entity -> the line of what its ERP is asked."""
    found = [each for each in requests if each.operation == "customer.put"]
    return {each.line.partition(".")[0]: each.line for each in found}


def lines(given: Given, *happened: Record) -> list[dict[str, str]]:
    """What ERPs are asked because of each of these, one after the other."""
    asked = []
    for event in happened:
        decision = accepted(given.when(event))
        asked.append(put(decision.requests))
        given = replace(given, state=decision.state)
    return asked


@pytest.mark.parametrize("later", [(), (customer("DE01", name="Shipyard AG"),)])
def test_which_of_two_deals_comes_first_changes_nothing_of_what_erps_are_asked(later: tuple[Upserted, ...]) -> None:
    # Given two deals that one message woke, each of which brings the customer into another ERP
    deals = (trade("E-1", "US01"), trade("E-2", "JP01"))
    # When they ask in either order
    orders = [
        {line for asked in lines(KNOWN, *order, *later) for line in asked.values()} for order in permutations(deals)
    ]
    # Then the same is asked under the same names
    assert orders[0] == orders[1]
    assert len(orders[0]) == 2 + 3 * len(later)


def test_what_one_erp_is_sent_is_counted_there_alone() -> None:
    first, renamed, held = lines(NEW, customer("DE01"), customer("DE01", "US01", name="Harbour"), credit(on_hold=True))
    numbers = [{code: line.split(".")[1] for code, line in each.items()} for each in (first, renamed, held)]
    assert numbers == [{"DE01": "1"}, {"DE01": "2", "US01": "1"}, {"DE01": "3", "US01": "2"}]


def test_what_is_sent_after_another_past_is_another_command() -> None:
    """A restored database may send other states than the lost time did, and then one of these again."""
    once, twice, again = customer(name="Shipyard AG"), customer(name="Harbour"), customer(name="Shipyard SE")
    *_, lost = lines(KNOWN, once, again)
    *_, now = lines(KNOWN, twice, again)
    *_, same = lines(KNOWN, once, again)
    assert lost["DE01"].split(".")[1] == now["DE01"].split(".")[1]
    assert lost != now, "its system would take it for what it has, and keep the state before it"
    assert lost == same, "what is the same, with the same past, is the same command"


def test_what_another_erp_was_sent_in_the_lost_time_makes_no_difference() -> None:
    renamed = customer("DE01", name="Shipyard AG")
    *_, lost = lines(KNOWN, trade("E-1", "US01"), renamed)
    (now,) = lines(KNOWN, renamed)
    assert lost["DE01"] == now["DE01"]


def test_an_imported_id_keeps_the_count_of_what_was_sent_before() -> None:
    # Given a customer that the ERP has refused, and has under an id after all
    (refused,) = [each for each in NEW.asked(customer()) if each.operation == "customer.put"]
    imported = Bound(to=SHIPYARD.id, system="erp", kind="customer", legal_entity="DE01", external_id="10001")
    given = KNOWN.after(KNOWN.refused(refused), imported)
    # When it changes, then what is sent is no command that was sent before
    (asked,) = lines(given, customer(name="Shipyard AG"))
    assert asked["DE01"].startswith("DE01.2.")

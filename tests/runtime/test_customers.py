"""Customers in virtual time: two that come at once, and a deal of one that was merged."""

from __future__ import annotations

import pytest

from schemas.acts import Act, Acted
from schemas.customer.entity import Customer
from schemas.customer.v1 import Upserted
from schemas.engagement.entity import Engagement
from schemas.keys import ActorKey
from schemas.operations.customer import CustomerPut
from schemas.verdicts import LaneState, Verdict
from tests.actors.firm import customer, merged
from tests.runtime.firm import CRM, Firm, event
from tests.runtime.test_firm import won
from tests.runtime.town import until
from tests.runtime.virtual import run

C1, C2, C3 = (ActorKey("customer", id) for id in ("C1", "C2", "C3"))
SAME_TAX_ID = (customer(name="Shipyard", tax_id="DE1"), customer(name="Harbour", tax_id="DE1"))
SAME_NAME = (customer(name="Shipyard GmbH"), customer(name="SHIPYARD AG"))
NEARLY_SAME_NAME = (customer(name="Northern Shipyard"), customer(name="Northern Shipyards"))


def state(firm: Firm, key: ActorKey) -> Customer:
    row = firm.store.tables.row(key)
    return Customer() if row.state is None else Customer.model_validate_json(row.state)


def is_quiet(firm: Firm) -> bool:
    return firm.depth() == 0 and not firm.store.tables.outbox


def in_the_erp(firm: Firm) -> set[str]:
    """The customers that the ERP has."""
    return {body.customer_id for body in firm.books["erp"].entries.values() if isinstance(body, CustomerPut)}


async def two_at_once(firm: Firm, first: Upserted, second: Upserted) -> tuple[ActorKey, ActorKey]:
    """Two customers arrive; the one that is known, and the one that may be it."""
    await firm.open(gateways=2)
    await firm.publish(event(CRM, "one", C1, first))
    await firm.publish(event(CRM, "two", C2, second))
    await until(lambda: is_quiet(firm) and "duplicate?" in (state(firm, C1).status, state(firm, C2).status))
    return (C2, C1) if state(firm, C1).status == "duplicate?" else (C1, C2)


@pytest.mark.parametrize("both", [SAME_TAX_ID, SAME_NAME])
def test_of_two_that_come_at_once_the_second_stops_and_is_sent_nowhere(both: tuple[Upserted, Upserted]) -> None:
    async def story() -> None:
        firm = Firm()
        known, suspect = await two_at_once(firm, *both)
        assert state(firm, known).status == "known"
        assert in_the_erp(firm) == {known.id}
        assert [each.id for each in state(firm, suspect).candidates] == [known.id]
        assert firm.cases() == ["probable_duplicate"]
        assert not any(firm.store.tables.row(key).lane.depth for key in (C1, C2)), "nothing is parked"
        firm.check_alive()

    run(story())


def test_of_two_with_nearly_the_same_name_the_second_stops_however_close_they_come() -> None:
    async def story() -> None:
        firm = Firm()
        known, suspect = await two_at_once(firm, *NEARLY_SAME_NAME)
        assert state(firm, known).status == "known"
        assert [each.id for each in state(firm, suspect).candidates] == [known.id]
        assert firm.cases() == ["probable_duplicate"]
        firm.check_alive()

    run(story())


def test_once_a_person_says_that_they_are_one_a_deal_of_either_is_a_deal_of_the_one_that_stays() -> None:
    async def story() -> None:
        # Given a customer that may be another one
        firm = Firm()
        known, suspect = await two_at_once(firm, *SAME_TAX_ID)
        # When a person says that it is
        same = Acted(topic="duplicate", act=Act.CANCEL, by="E-7", reason="asked them", changes={"into": known.id})
        told = await firm.gateways[0].runtime.people.act(suspect, same, id="1")
        assert told.verdict is Verdict.APPLIED
        await firm.publish(won("P1", suspect.id))
        # Then a deal that names it goes on with the one that stays
        deal = ActorKey("engagement", "P1")
        await until(lambda: firm.store.tables.row(deal).state is not None)
        row = firm.store.tables.row(deal)
        assert Engagement.model_validate_json(row.state or b"").customer == known.id
        assert state(firm, suspect).merged_into == known.id
        assert in_the_erp(firm) == {known.id}
        firm.check_alive()

    run(story())


def test_a_circle_of_parents_is_found_however_far_it_leads() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        for key, parent in ((C1, "C2"), (C2, "C3"), (C3, "C1"), (C1, "C2")):
            number = len(firm.store.tables.inbox)
            await firm.publish(event(CRM, f"{key.id}-{number}", key, customer(name=f"Yard {key.id}", parent=parent)))
            await until(lambda: is_quiet(firm))
        assert firm.cases() == ["parent_circle"]
        refused = state(firm, C3).profile
        assert refused is not None
        assert refused.parent is None
        firm.check_alive()

    run(story())


def test_a_merge_waits_for_the_one_that_stays() -> None:
    async def story() -> None:
        firm = Firm()
        await firm.open(gateways=1)
        await firm.publish(event(CRM, "one", C1, customer(name="Shipyard")))
        await firm.publish(event(CRM, "merge", C1, merged("C2")))
        await until(lambda: firm.store.tables.row(C1).lane.state is LaneState.WAITING)
        await firm.publish(event(CRM, "two", C2, customer(name="Shipyard AG", tax_id="DE1")))
        # Then it is merged, and the other, which has its name and stopped, goes on
        await until(lambda: is_quiet(firm) and state(firm, C1).merged_into == "C2")
        assert firm.store.tables.row(C1).lane.depth == 0
        await until(lambda: is_quiet(firm) and state(firm, C2).status == "known")
        assert in_the_erp(firm) == {"C1", "C2"}
        firm.check_alive()

    run(story())

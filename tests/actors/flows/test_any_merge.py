"""Whenever customers are merged while deals are set up, and in whatever order that is heard: no deal stands still."""

from __future__ import annotations

from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.acts import Act, Acted
from schemas.engagement.entity import Engagement
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.record import Record
from tests.actors.firm import customer, deal, merged, part
from tests.actors.flows.desk import POLICY
from tests.actors.office import Office

FIRMS: Final = tuple(ActorKey("customer", f"C-{number}") for number in (1, 2, 3))
TAXED: Final = POLICY.model_copy(
    update={
        "legal_entities": {
            code: entity.model_copy(update={"tax_codes": {firm.id: f"{code} {firm.id}" for firm in FIRMS}})
            for code, entity in POLICY.legal_entities.items()
        }
    }
)
"""Each legal entity has a tax code of its own for each customer."""
DEALS: Final = (ActorKey("engagement", "P-1"), ActorKey("engagement", "P-2"))


def events(chance: Random) -> list[tuple[ActorKey, Record]]:
    """Two deals of one customer, a new name of it, and merges of it and of whoever stays; each at any time."""
    first, second, third = chance.sample(FIRMS, 3)
    happened: list[tuple[ActorKey, Record]] = [
        (DEALS[0], deal(part("DE01"), part("US01", currency="USD"))),
        (DEALS[1], deal(part("US01", currency="USD", contract="SOW-2"), opportunity_id="OPP-2")),
        (FIRMS[0], customer(name="Shipyard AG", tax_profile=FIRMS[0].id)),
        (first, merged(second.id)),
        (second, merged(third.id)),
    ]
    chance.shuffle(happened)
    return happened


def retry_all(office: Office) -> None:
    """A person has each step tried again that has failed."""
    for key, topic in list(office.cases):
        if topic.startswith("step:"):
            office.happens(key, Acted(topic=topic, act=Act.RETRY, by="E-7", reason="mended"))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_any_merge(seed: int) -> None:
    chance = Random(seed)
    # Given customers that some ERPs have, and systems that refuse projects for a while
    office = Office(TAXED, {}, chance)
    for key, name in zip(FIRMS, ("Shipyard", "Harbour", "Meridian"), strict=True):
        codes = chance.choice([("DE01",), ("US01",), ("DE01", "US01")])
        office.tell(key, customer(*codes, name=name, tax_profile=key.id))
    office.refusing = chance.choice([set(), {"project.create"}])
    # When all that happens and all that is said of it arrives in any order
    for key, happened in events(chance):
        office.happens(key, happened)
        for _ in range(chance.randint(0, 6)):
            office.go_on()
        if chance.random() < 0.3:
            retry_all(office)
    office.refusing = set()
    while office.go_on():
        pass
    # Then each deal runs, at the latest once what has failed is tried again
    for _ in range(5):
        retry_all(office)
        while office.go_on():
            pass
    for key in DEALS:
        state = office.states[key]
        assert isinstance(state, Engagement)
        assert state.status == "active", state
    # And each contract has the tax code of the customer that it is agreed with
    for body in office.bodies("contract.put"):
        assert isinstance(body, ContractPut)
        assert body.tax_code == f"{body.legal_entity} {body.customer.removeprefix('customer-')}"
    # And the merges were done
    gone = [key for key in FIRMS if getattr(office.states[key], "merged_into", None) is not None]
    assert len(gone) == 2

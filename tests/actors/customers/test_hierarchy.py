"""To whom a customer belongs: never to itself."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import State
from actors.entities.customer import ACTOR
from schemas.bindings import Binding
from schemas.customer.entity import Customer
from schemas.keys import ActorKey, external_key
from schemas.values import Reference
from tests.actors.firm import SHIPYARD, customer
from tests.actors.stage import Given, accepted

NEW = Given(ACTOR, SHIPYARD, Customer())


def kin(**parents: str | None) -> dict[ActorKey, State]:
    """Customers, each with its parent; `C2` is the customer C-2."""
    return {
        ActorKey("customer", f"C-{name[1:]}"): Customer(profile=customer(name=name, parent=parent))
        for name, parent in parents.items()
    }


def parent_of(state: State) -> Reference | None:
    assert isinstance(state, Customer)
    assert state.profile is not None
    return state.profile.parent


def test_a_parent_is_kept() -> None:
    given = replace(NEW, others=kin(C2="C-3", C3=None))
    assert parent_of(accepted(given.when(customer(parent="C-2"))).state) == Reference(id="C-2")


def test_a_parent_that_nobody_has_sent_yet_is_kept() -> None:
    assert parent_of(accepted(NEW.when(customer(parent="C-2"))).state) == Reference(id="C-2")


def test_a_circle_is_refused_with_its_path_and_the_rest_is_applied() -> None:
    # Given a customer whose grandparent belongs to it
    given = replace(NEW, others=kin(C2="C-3", C3="C-1")).after(customer())
    # When the CRM says that it belongs to them
    decision = accepted(given.when(customer(name="Shipyard North", parent="C-2")))
    # Then a person is told the path, and all but the parent counts
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.failure.field) == ("parent", "parent_circle", "parent")
    assert "C-1 → C-2 → C-3 → C-1" in case.failure.reason
    assert parent_of(decision.state) is None
    assert isinstance(decision.state, Customer)
    assert decision.state.profile is not None
    assert decision.state.profile.name == "Shipyard North"
    # And once the CRM has corrected it, the case is closed
    mended = accepted(replace(given, state=decision.state).when(customer(name="Shipyard North")))
    assert "parent" in mended.settles


def test_a_customer_is_not_its_own_parent() -> None:
    decision = accepted(NEW.when(customer(parent="C-1")))
    assert [case.failure.code for case in decision.cases] == ["parent_circle"]


def test_a_circle_by_the_id_of_another_system_is_seen() -> None:
    here = external_key("crm", "customer", "ACC-1")
    given = replace(NEW, others={here: Binding(entity="customer", id="C-1")})
    profile = customer().model_copy(update={"parent": Reference(system="crm", external_id="ACC-1")})
    assert [case.failure.code for case in accepted(given.when(profile)).cases] == ["parent_circle"]


def test_a_circle_through_a_customer_that_was_merged_is_seen() -> None:
    gone = {ActorKey("customer", "C-2"): Customer(merged_into="C-3", status="merged")}
    given = replace(NEW, others=kin(C3="C-1") | gone)
    assert [case.failure.code for case in accepted(given.when(customer(parent="C-2"))).cases] == ["parent_circle"]


def test_too_many_levels_are_refused() -> None:
    chain = {f"C{n}": f"C-{n + 1}" for n in range(2, 12)}
    decision = accepted(replace(NEW, others=kin(**chain)).when(customer(parent="C-2")))
    assert [case.failure.code for case in decision.cases] == ["parent_too_deep"]

"""Two that may be one: the second stops, is sent nowhere, and a person says which it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.decision import Accept, Request
from actors.entities.customer import ACTOR
from schemas.acts import Act, Acted
from schemas.commands import SELF
from schemas.customer.entity import Candidate, Customer
from schemas.customer.v1 import Absorbed, Alike, Resembles
from schemas.directory.entity import Directory, Entry
from schemas.directory.v1 import Listed, Unlisted
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.facts import Claim, Notice
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.verdicts import FailureClass
from tests.actors.firm import SHIPYARD, customer, trade
from tests.actors.stage import Given, accepted, reason_to_ignore

NEW = Given(ACTOR, SHIPYARD, Customer())
OTHER = ActorKey("customer", "C-9")
TAX = Claim("customer.tax_id", "DE/DE1")
LISTED = ActorKey("directory", "DE/shi")


def halted(decision: object) -> Accept:
    """The decision, which must be that nothing is sent."""
    assert isinstance(decision, Accept)
    assert isinstance(decision.state, Customer)
    assert decision.state.status == "duplicate?"
    assert outside(decision.requests) == []
    return decision


def outside(requests: tuple[Request, ...]) -> list[Request]:
    """What other systems are asked."""
    return [request for request in requests if request.system != SELF]


def inside(requests: tuple[Request, ...]) -> list[Record]:
    """What other entities are told."""
    return [request.body for request in requests if request.system == SELF and isinstance(request.body, Record)]


def suspect() -> Given:
    """A customer whose tax id C-9 has."""
    given = replace(NEW, taken={TAX: OTHER}, others={OTHER: Customer(profile=customer(tax_id="DE1"))})
    return given.after(customer(tax_id="DE1"))


def said(act: Act, **changes: object) -> Acted:
    return Acted(topic="duplicate", act=act, by="E-7", reason="asked them", changes=changes or None)


@pytest.mark.parametrize(
    ("taken", "why"),
    [
        (Claim("customer.tax_id", "DE/DE1"), "same tax id"),
        (Claim("customer.name", "DE/shipyard"), "same name and country"),
        (Claim("customer.domain", "shipyard.example"), "same domain"),
    ],
)
def test_what_one_alone_may_have_stops_the_second(taken: Claim, why: str) -> None:
    # Given a customer that has it
    given = replace(NEW, taken={taken: OTHER})
    # When another one comes with the same
    decision = halted(given.when(customer(tax_id="DE1", domain="shipyard.example")))
    # Then a person is asked which it is, with the candidate and why
    assert isinstance(decision.state, Customer)
    assert decision.state.candidates == (Candidate(id="C-9", why=why, score=100),)
    (case,) = decision.cases
    assert (case.topic, case.acts) == ("duplicate", (Act.APPROVE, Act.CANCEL))
    assert case.failure.failure_class is FailureClass.DUPLICATE
    assert f"C-9 ({why})" in case.failure.reason
    assert decision.notices == (Notice("duplicate_suspected", {"candidates": "C-9"}),)
    # And it claims what nobody has
    assert taken not in decision.claims
    assert len(decision.claims) == 2


def test_a_name_that_is_nearly_the_same_in_the_same_country_stops_it() -> None:
    others = {LISTED: Directory(entries={"C-9": Entry(name="shipyard north sea")})}
    decision = halted(replace(NEW, others=others).when(customer(name="Shipyard North Seas GmbH")))
    assert isinstance(decision.state, Customer)
    (candidate,) = decision.state.candidates
    assert (candidate.id, candidate.why, candidate.score) == ("C-9", "similar name", 97)
    assert "C-9 shipyard north sea (similar name, 97 %)" in decision.cases[0].failure.reason


def test_one_that_was_told_apart_from_it_is_no_candidate() -> None:
    others = {LISTED: Directory(entries={"C-9": Entry(name="shipyard", distinct_from=("C-1",))})}
    assert outside(replace(NEW, others=others).asked(customer(name="Shipyards")))


def test_a_customer_may_have_the_domain_of_its_parent() -> None:
    given = replace(NEW, taken={Claim("customer.domain", "shipyard.example"): OTHER}, others={OTHER: Customer()})
    assert outside(given.asked(customer(domain="shipyard.example", parent="C-9")))
    halted(given.when(customer(domain="shipyard.example")))


def test_a_customer_that_is_no_other_is_listed_with_its_name() -> None:
    assert inside(NEW.asked(customer(name="Shipyard GmbH"))) == [Listed(to="DE/shi", customer="C-1", name="shipyard")]
    assert inside(NEW.after(customer(name="Shipyard GmbH")).asked(customer(name="Shipyard AG"))) == []
    assert inside(NEW.after(customer()).asked(customer(name="Harbour"))) == [
        Unlisted(to="DE/shi", customer="C-1"),
        Listed(to="DE/har", customer="C-1", name="harbour"),
    ]


def test_while_nobody_has_said_who_it_is_nothing_is_sent() -> None:
    given = suspect()
    halted(given.when(customer(tax_id="DE1", name="Shipyard AG")))
    refused = halted(given.when(trade()))
    (body,) = inside(refused.requests)
    assert isinstance(body, CustomerRefused)
    assert (body.code, body.failure_class) == ("duplicate", FailureClass.DUPLICATE)
    assert "C-9" in body.reason


def test_approved_it_is_another_customer_and_goes_on() -> None:
    # Given a suspect that an engagement has asked for
    given = suspect().after(trade())
    # When a person says that it is another customer
    decision = accepted(given.when(said(Act.APPROVE)))
    # Then the ERP is asked, it is listed as told apart, and the case is closed
    (request,) = outside(decision.requests)
    assert request.operation == "customer.put"
    assert inside(decision.requests) == [Listed(to="DE/shi", customer="C-1", name="shipyard", distinct_from=("C-9",))]
    assert decision.settles == ("duplicate",)
    # And the engagement is told once the ERP has it
    given = replace(given, state=decision.state)
    assert [type(body) for body in inside(accepted(given.when(given.confirmed(request, "1"))).requests)] == [
        CustomerReady
    ]
    # And the same record again is no suspicion, though the other still holds the tax id
    assert outside(given.asked(customer(tax_id="DE1", name="Shipyard AG")))


def test_cancelled_it_is_the_other_customer() -> None:
    # Given a suspect that an engagement has asked for
    given = suspect().after(trade())
    # When a person says that it is the same
    decision = accepted(given.when(said(Act.CANCEL, into="C-9")))
    # Then it is merged: what it claimed is free, and the engagement is told
    assert isinstance(decision.state, Customer)
    assert (decision.state.status, decision.state.merged_into) == ("merged", "C-9")
    assert decision.releases == (Claim("customer.name", "DE/shipyard"),)
    assert "duplicate" in decision.settles
    assert inside(decision.requests) == [
        CustomerMoved(to="E-1", customer="C-1", into="C-9"),
        Absorbed(to="C-9", customer="C-1"),
    ]
    assert outside(decision.requests) == []


def test_the_only_candidate_needs_no_name() -> None:
    decision = accepted(suspect().when(said(Act.CANCEL)))
    assert isinstance(decision.state, Customer)
    assert decision.state.merged_into == "C-9"


@pytest.mark.parametrize("into", ["C-1", "C-404", 9, ""])
def test_one_that_it_cannot_be_is_refused(into: object) -> None:
    assert reason_to_ignore(suspect().when(said(Act.CANCEL, into=into)))


def test_it_is_merged_into_nobody_whom_it_was_not_compared_with() -> None:
    # Given a customer that is known and no candidate
    given = suspect()
    given = replace(given, others={**given.others, ActorKey("customer", "C-7"): Customer(profile=customer())})
    # When a person says that it is that one, then nothing happens, and the reason names the candidates
    assert "C-9" in reason_to_ignore(given.when(said(Act.CANCEL, into="C-7")))


def test_an_act_that_comes_twice_changes_nothing() -> None:
    given = suspect().after(said(Act.APPROVE))
    assert reason_to_ignore(given.when(said(Act.APPROVE)))
    assert reason_to_ignore(given.when(said(Act.CANCEL)))
    assert reason_to_ignore(given.when(said(Act.REJECT)))


@pytest.mark.parametrize("act", [Act.APPROVE, Act.CANCEL])
def test_an_act_counts_for_the_customers_that_its_author_saw(act: Act) -> None:
    # Given a case that is read, and then names another candidate, too
    given = suspect()
    (read,) = halted(given.when(customer(tax_id="DE1"))).cases
    both = replace(given, taken={TAX: OTHER, Claim("customer.domain", "x.example"): ActorKey("customer", "C-8")})
    decision = halted(both.when(customer(tax_id="DE1", domain="x.example")))
    (case,) = decision.cases
    # When its reader acts on what was read
    changed = replace(both, state=decision.state)
    blind = said(act, **({"into": "C-9"} if act is Act.CANCEL else {})).model_copy(update={"seen": read.asks})
    # Then nothing is done, and the same act on the case as it is now counts
    assert "read the case again" in reason_to_ignore(changed.when(blind))
    decision = accepted(changed.when(blind.model_copy(update={"seen": case.asks})))
    assert "duplicate" in decision.settles


def test_what_nobody_compares_does_not_ask_anew() -> None:
    (read,) = halted(suspect().when(customer(tax_id="DE1"))).cases
    (case,) = halted(suspect().when(customer(tax_id="DE1", tax_profile="reduced"))).cases
    assert case.asks == read.asks is not None


def test_a_corrected_tax_id_settles_it() -> None:
    decision = accepted(suspect().when(customer(tax_id="DE2")))
    assert isinstance(decision.state, Customer)
    assert (decision.state.status, decision.state.candidates) == ("known", ())
    assert outside(decision.requests)
    assert "duplicate" in decision.settles


def test_when_the_only_candidate_is_merged_into_it_it_goes_on() -> None:
    # Given a suspect whose candidate is merged into it, which gives the tax id back
    given = replace(suspect(), taken={})
    decision = accepted(given.when(Absorbed(to="C-1", customer="C-9")))
    # Then it goes on and takes the tax id over, and nobody is asked any more
    assert outside(decision.requests)
    assert decision.claims == (TAX,)
    assert decision.settles == ("duplicate",)
    assert reason_to_ignore(replace(given, state=decision.state).when(Absorbed(to="C-1", customer="C-9")))


def test_when_one_of_several_candidates_is_merged_into_it_the_others_stay() -> None:
    taken = {TAX: OTHER, Claim("customer.name", "DE/shipyard"): ActorKey("customer", "C-8")}
    given = replace(NEW, taken=taken).after(customer(tax_id="DE1"))
    decision = halted(given.when(Absorbed(to="C-1", customer="C-9")))
    assert isinstance(decision.state, Customer)
    assert [each.id for each in decision.state.candidates] == ["C-8"]
    assert reason_to_ignore(replace(given, state=decision.state).when(Absorbed(to="C-1", customer="C-7")))


def test_a_known_customer_is_not_suspected_again_while_it_stays_the_same() -> None:
    given = replace(NEW.after(customer()), others={LISTED: Directory(entries={"C-9": Entry(name="shipyards")})})
    assert outside(given.asked(customer("DE01", "US01")))
    halted(given.when(customer("DE01", "US01", name="Shipyardss")))


def test_two_that_come_at_the_same_time_are_told_by_the_directory() -> None:
    given = NEW.after(customer())
    resembles = Resembles(to="C-1", others=(Alike(customer="C-9", name="shipyards", score=94),))
    decision = halted(given.when(resembles))
    assert decision.cases[0].topic == "duplicate"
    # Twice is no news, nor is it after a person has told them apart
    given = replace(given, state=decision.state)
    assert reason_to_ignore(given.when(resembles))
    assert reason_to_ignore(given.after(said(Act.APPROVE)).when(resembles))

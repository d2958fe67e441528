"""An invoice that somebody has posted by hand: the ERP's id of it is imported, and means it from then on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.policy import Flow, LegalEntity, Mode
from schemas.acts import Act, Acted
from schemas.bound import Bound
from schemas.facts import Claim
from schemas.invoice.entity import Invoice
from schemas.keys import EXTERNAL, ActorKey, external_key
from tests.actors.invoicing import INVOICE, NEW, account, in_books, issued, paid, posted, rejected
from tests.actors.stage import POLICY, Given, accepted, reason_to_ignore

BY_HAND = Acted(topic="posting", act=Act.RESOLVE, by="E-5", roles=("finance",), reason="posted it by hand")
TOLD = Bound(to=INVOICE.id, system="erp", kind="invoice", external_id="999", legal_entity="DE01")
EXTERNAL_KEY = external_key("erp", "invoice", "999")


def refused() -> Given:
    """An invoice that the ERP has refused."""
    given = NEW.after(issued())
    return given.after(given.refused(NEW.asked(issued())[0]))


def drafted() -> Given:
    """An invoice that the ERP took as 4711 and did not post."""
    return in_books().after(rejected())


def invoice(given: Given) -> Invoice:
    """As it stands."""
    assert isinstance(given.state, Invoice)
    return given.state


@pytest.mark.parametrize("given", [refused(), drafted()], ids=["refused", "a draft"])
def test_what_was_posted_by_hand_is_known_by_its_id_in_the_erp_from_then_on(given: Given) -> None:
    given = given.after(BY_HAND)
    decision = accepted(given.when(TOLD))
    assert decision.binds == (EXTERNAL_KEY,)
    assert [notice.fact for notice in decision.notices] == ["linked"]
    assert (decision.requests, decision.cases) == ((), ())
    after = given.after(TOLD)
    assert invoice(after).external_id == "999"
    # And what the ERP says of it counts, as does what the customer pays there
    told = replace(after, subject="999").after(posted())
    assert invoice(told).twins == ()
    assert account(told.asked(paid("19.00"))).paid == paid("19.00").amount.decimal


def test_an_id_says_that_it_is_posted_whatever_was_refused() -> None:
    decision = accepted(refused().when(TOLD))
    assert decision.settles == ("posting",)
    assert [notice.fact for notice in decision.notices] == ["posted", "linked"]
    after = refused().after(TOLD)
    assert invoice(after).status == "posted"
    retry = BY_HAND.model_copy(update={"act": Act.RETRY})
    assert "settled already" in reason_to_ignore(after.when(retry))


def test_what_the_policy_sends_nowhere_is_known_by_its_id_too() -> None:
    entity = LegalEntity(currency="EUR", billing="engine", operations={"invoice.post": None})
    nowhere = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}})).after(issued())
    decision = accepted(nowhere.when(TOLD))
    assert (decision.binds, decision.settles) == ((EXTERNAL_KEY,), ("nobody_posts",))
    # And it is not posted a second time once the policy names an ERP
    again = replace(nowhere.after(TOLD), policy=POLICY)
    assert "already" in reason_to_ignore(again.when(issued()))


def test_the_draft_that_is_posted_beside_it_is_a_second_invoice() -> None:
    given = replace(drafted().after(BY_HAND, TOLD), subject="4711")
    assert [case.topic for case in accepted(given.when(posted())).cases] == ["posted_twice"]


def test_a_draft_that_was_posted_by_hand_is_no_second_invoice() -> None:
    given = replace(drafted().after(BY_HAND), subject="4711")
    decision = accepted(given.when(posted()))
    assert decision.cases == ()
    assert isinstance(decision.state, Invoice)
    assert decision.state.external_id == "4711"


@pytest.mark.parametrize(
    ("given", "told", "why"),
    [
        (NEW, TOLD, "is not known yet"),
        (NEW.after(posted()), TOLD, "issued it by itself"),
        (NEW.after(issued()), TOLD, "look what comes of that first"),
        (in_books(), TOLD, "erp has the invoice as 4711"),
        (in_books(), TOLD.model_copy(update={"external_id": "4711"}), "as 4711 already"),
        (refused().after(TOLD), TOLD.model_copy(update={"external_id": "998"}), "erp has the invoice as 999"),
        (refused(), TOLD.model_copy(update={"legal_entity": "US01"}), "is of DE01, not of US01"),
        (refused(), TOLD.model_copy(update={"system": "crm"}), "crm is no ERP of DE01"),
    ],
)
def test_an_id_that_cannot_be_its_own_says_why(given: Given, told: Bound, why: str) -> None:
    assert why in reason_to_ignore(given.when(told))


def test_an_id_that_means_another_invoice_is_not_taken_from_it() -> None:
    taken = replace(refused(), taken={Claim(EXTERNAL, EXTERNAL_KEY.id): ActorKey("invoice", "INV-9")})
    assert reason_to_ignore(taken.when(TOLD)) == "999 of erp means invoice/INV-9"


def test_where_invoices_are_not_live_nothing_follows_from_an_id() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.INVOICES: Mode.SHADOW}})
    silent = replace(refused(), policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    assert "then import it again" in reason_to_ignore(silent.when(TOLD))

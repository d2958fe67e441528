"""An invoice that its ERP does not have any more is posted anew by an approved repair, once, and its lines know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from actors.decision import Request
from actors.policy import Flow, Mode
from schemas.commands import command_reference
from schemas.invoice.entity import Invoice
from schemas.keys import ActorKey
from schemas.operations.invoice import InvoicePost
from schemas.repair.v1 import LASTS, Item, Repaired
from tests.actors.firm import SHIPYARD, known_customer
from tests.actors.invoicing import INVOICE, NEW, OTHERS, credited, in_books, issued, lines_told, paid, posted, rejected
from tests.actors.stage import NOW, POLICY, Given, accepted, reason_to_ignore

POSTED = in_books()
(FIRST, *_) = NEW.asked(issued())
HOLDS = command_reference(INVOICE, FIRST.line, 1)


def lost(**said: object) -> Repaired:
    """Finance has approved that the invoice is posted anew."""
    fields = {
        "number": 1, "sort": "invoice", "legal_entity": "DE01", "entity": "invoice", "key": INVOICE.id,
        "booking": FIRST.line, "holds": HOLDS, "books": True,
    }  # fmt: skip
    item = Item.model_validate(fields | said)
    return Repaired(to=INVOICE.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW, items=(item,))


def post(requests: tuple[Request, ...]) -> Request:
    """What the ERP is asked."""
    (request,) = [each for each in requests if isinstance(each.body, InvoicePost)]
    return request


def invoice(given: Given) -> Invoice:
    assert isinstance(given.state, Invoice)
    return given.state


def test_it_is_posted_anew_as_it_was_issued_by_another_command() -> None:
    again = post(POSTED.asked(lost()))
    assert (again.system, again.operation, again.body) == (FIRST.system, FIRST.operation, FIRST.body)
    assert again.line.startswith("post.2.")


def test_it_is_posted_anew_on_the_account_that_the_customer_has_by_now() -> None:
    winner = known_customer()
    there = winner.records[0].model_copy(update={"external_id": "10099"})
    moved = {
        SHIPYARD: winner.model_copy(update={"merged_into": "C-9"}),
        ActorKey("customer", "C-9"): winner.model_copy(update={"records": (there,)}),
    }
    again = post(replace(POSTED, others={**OTHERS, **moved}).asked(lost()))
    assert isinstance(again.body, InvoicePost)
    assert again.body.customer == "10099"
    # But nothing is posted where the customer is not known, or in another ERP than the one that lacks it
    moved[ActorKey("customer", "C-9")] = winner.model_copy(update={"records": ()})
    reason = reason_to_ignore(replace(POSTED, others={**OTHERS, **moved}).when(lost()))
    assert "does not have the customer" in reason
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"invoice.post": "books"}})
    policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    assert "by now" in reason_to_ignore(replace(POSTED, policy=policy).when(lost()))


def test_what_it_bills_is_told_that_it_went_and_came_back() -> None:
    requests = POSTED.asked(lost())
    assert lines_told(requests) == {"T-1": {"1": "withdrawn"}}
    asked = POSTED.after(lost())
    back = accepted(asked.when(asked.confirmed(post(requests), "4712")))
    assert lines_told(back.requests) == {"T-1": {"1": "invoiced"}}
    # And the ERP's new id is no second invoice
    after = asked.after(asked.confirmed(post(requests), "4712"))
    assert (back.cases, invoice(after).external_id, invoice(after).twins) == ((), "4712", ())


def test_the_erp_may_refuse_what_it_had_said_that_it_has() -> None:
    asked = POSTED.after(posted()).after(lost())
    (case,) = accepted(asked.when(rejected())).cases
    assert case.topic == "posting"


def test_one_that_the_erp_took_at_the_second_try_is_meant_by_that() -> None:
    second = NEW.after(issued()).confirmed(FIRST, "4711", generation=2)
    given = NEW.after(issued()).after(second)
    assert "posted otherwise" in reason_to_ignore(given.when(lost()))
    assert post(given.asked(lost(holds=command_reference(INVOICE, FIRST.line, 2)))).line.startswith("post.2.")


def test_a_repair_that_is_told_twice_is_done_once() -> None:
    assert "posted otherwise" in reason_to_ignore(POSTED.after(lost()).when(lost()))


def test_what_has_changed_since_is_left_as_it_is() -> None:
    assert "posted otherwise" in reason_to_ignore(POSTED.when(lost(holds="invoice/INV-1/post.9/1")))
    assert "posted otherwise" in reason_to_ignore(POSTED.after(rejected()).when(lost()))
    for came in (paid("19.00"), credited("19.00")):
        assert "came of the invoice" in reason_to_ignore(POSTED.after(came).when(lost()))
    elsewhere = lost().model_copy(update={"system": "us-erp"})
    assert "not the system" in reason_to_ignore(POSTED.when(elsewhere))


def test_an_invoice_that_the_erp_issued_by_itself_is_its_own_matter() -> None:
    assert "posted otherwise" in reason_to_ignore(NEW.after(posted()).when(lost()))


def test_nothing_is_sent_by_an_old_look_where_books_are_closed_or_where_invoices_are_not_live() -> None:
    old = lost().model_copy(update={"checked_at": NOW - LASTS - timedelta(seconds=1)})
    assert "too long ago" in reason_to_ignore(POSTED.when(old))
    for change, why in (
        ({"closed_through": date(2026, 3, 31)}, "closed through"),
        ({"flows": {Flow.INVOICES: Mode.SHADOW}}, "in mode shadow"),
    ):
        entity = POLICY.legal_entities["DE01"].model_copy(update=change)
        policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
        assert why in reason_to_ignore(replace(POSTED, policy=policy).when(lost()))

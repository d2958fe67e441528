"""What comes of an invoice: each payment, credit memo, and write-off counts once, and what is open follows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.decision import Accept
from schemas.acts import Act, Acted
from schemas.awaited.v1 import Invoice as Awaited
from schemas.commands import SELF
from schemas.invoice.entity import Invoice
from schemas.keys import ActorKey
from schemas.record import Record
from tests.actors.firm import SHIPYARD, known_customer
from tests.actors.invoicing import (
    FRIDAY,
    INVOICE,
    NEW,
    OTHERS,
    account,
    billed,
    credited,
    disputed,
    in_books,
    issued,
    lost,
    paid,
    posted,
    receivable,
    sent,
)
from tests.actors.stage import REFUSED, Given, accepted, reason_to_ignore, refusal


def amounts(requests: Accept) -> tuple[str, ...]:
    """Status, then open, paid, credited, written off, overpaid."""
    body = account(requests.requests)
    fields = (body.open, body.paid, body.credited, body.written_off, body.overpaid)
    return body.status, *(str(amount) for amount in fields)


def looked_at(topic: str) -> Acted:
    """A person has looked at it."""
    return Acted(topic=topic, act=Act.RESOLVE, by="E-5", roles=("finance",), reason="looked into it")


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ((sent(),), ("sent", "119.00", "0", "0", "0", "0")),
        ((paid("19.00"),), ("partly_paid", "100.00", "19.00", "0", "0", "0")),
        ((paid("19.00"), paid("100.00", "PAY-2")), ("paid", "0.00", "119.00", "0", "0", "0.00")),
        ((paid("100.00"), credited("19.00")), ("paid", "0.00", "100.00", "19.00", "0", "0.00")),
        ((credited("119.00"),), ("credited", "0.00", "0", "119.00", "0", "0.00")),
        ((credited("19.00"), lost("100.00")), ("written_off", "0.00", "0", "19.00", "100.00", "0.00")),
        ((paid("118.00"), lost("1.00")), ("written_off", "0.00", "118.00", "0", "1.00", "0.00")),
        ((paid("119.00"), paid("-119.00", "PAY-2")), ("posted", "119.00", "0.00", "0", "0", "0")),
        ((paid("120.00"),), ("paid", "0", "120.00", "0", "0", "1.00")),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else None,
)
def test_what_is_open_is_the_total_less_what_came(events: tuple[Record, ...], shown: tuple[str, ...]) -> None:
    *before, last = events
    assert amounts(accepted(in_books().after(*before).when(last))) == shown


def test_crm_and_psa_are_shown_the_same() -> None:
    requests = in_books().asked(paid("19.00"))
    common = set(type(account(requests)).model_fields) & set(type(receivable(requests)).model_fields)
    assert account(requests).model_dump(include=common) == receivable(requests).model_dump(include=common) | {
        "project_id": "P-1"
    }
    assert (account(requests).customer_id, account(requests).opportunity_id) == ("C-1", "OPP-1")
    assert (receivable(requests).project_id, receivable(requests).project) == ("P-1", "4711")


def test_who_took_the_place_of_the_customer_is_shown_to_owe_it() -> None:
    gone = known_customer().model_copy(update={"merged_into": "C-9"})
    moved = replace(in_books(), others={**OTHERS, SHIPYARD: gone, ActorKey("customer", "C-9"): known_customer()})
    assert account(moved.asked(paid("19.00"))).customer_id == "C-9"
    assert account(moved.after(paid("19.00")).asked(sent())).customer_id == "C-9"


@pytest.mark.parametrize(
    "event", [paid("19.00"), credited("19.00", "1"), lost("19.00")], ids=lambda e: type(e).__name__
)
def test_told_twice_it_counts_once(event: Record) -> None:
    assert "known already" in reason_to_ignore(in_books().after(event).when(event))


def test_told_again_with_another_amount_it_is_a_case_and_the_first_counts() -> None:
    given = in_books().after(paid("19.00"))
    decision = accepted(given.when(paid("20.00")))
    assert [(case.topic, case.failure.code, case.money) for case in decision.cases] == [
        ("differs:payment:PAY-1", "payment_differs", {"EUR": Decimal("20.00")})
    ]
    assert (decision.state, decision.requests) == (given.state, ())
    assert accepted(given.when(looked_at("differs:payment:PAY-1"))).settles == ("differs:payment:PAY-1",)


def test_too_much_is_a_case_until_it_is_paid_back() -> None:
    over = accepted(in_books().when(paid("120.00")))
    assert [(case.topic, case.money) for case in over.cases] == [("overpaid", {"EUR": Decimal("1.00")})]
    given = in_books().after(paid("120.00"))
    more = accepted(given.when(paid("2.00", "PAY-2")))
    assert [case.money for case in more.cases] == [{"EUR": Decimal("3.00")}]
    assert accepted(given.when(paid("-1.00", "PAY-2"))).settles == ("overpaid",)
    assert accepted(given.when(looked_at("overpaid"))).settles == ("overpaid",)
    # Whoever has seen one amount says nothing of another
    seen = looked_at("overpaid").model_copy(update={"seen": over.cases[0].asks})
    assert accepted(given.when(seen)).settles == ("overpaid",)
    assert "asks something else" in reason_to_ignore(given.after(paid("2.00", "PAY-2")).when(seen))


def test_what_is_paid_after_it_was_written_off_is_not_paid_back() -> None:
    # Given an invoice that was given up, and when the customer pays it after all
    given = in_books().after(lost("119.00"))
    (case,) = accepted(given.when(paid("119.00"))).cases
    # Then finance is asked to take the write-off back, not to pay back what was owed
    assert (case.topic, case.failure.code, case.money) == (
        "overpaid", "paid_after_write_off", {"EUR": Decimal("119.00")}
    )  # fmt: skip
    assert ("take back 119.00" in case.failure.reason, "pay back" in case.failure.reason) == (True, False)
    # And that closes it
    after = given.after(paid("119.00"))
    decision = accepted(after.when(lost("-119.00", "WO-2")))
    assert decision.settles == ("overpaid",)
    assert amounts(decision) == ("paid", "0.00", "119.00", "0", "0.00", "0.00")


def test_what_is_paid_beyond_what_was_written_off_is_paid_back() -> None:
    given = in_books().after(paid("100.00"), lost("19.00"))
    (case,) = accepted(given.when(paid("20.00", "PAY-2"))).cases
    assert "take back 19.00" in case.failure.reason
    assert "pay back the other 1.00" in case.failure.reason
    after = given.after(paid("20.00", "PAY-2"))
    (rest,) = accepted(after.when(lost("-19.00", "WO-2"))).cases
    assert (rest.failure.code, rest.money) == ("overpaid", {"EUR": Decimal("1.00")})


def test_a_write_off_that_is_taken_back_is_owed_again() -> None:
    assert amounts(accepted(in_books().after(lost("119.00")).when(lost("-119.00", "WO-2")))) == (
        "posted", "119.00", "0", "0", "0.00", "0"
    )  # fmt: skip


def test_another_currency_is_a_case_and_never_counts() -> None:
    decision = accepted(in_books().when(paid("119.00", currency="USD")))
    assert [(case.topic, case.failure.code, case.money) for case in decision.cases] == [
        ("currency:payment:PAY-1", "currency_differs", {"USD": Decimal("119.00")})
    ]
    assert decision.requests == ()
    assert isinstance(decision.state, Invoice)
    assert decision.state.balance == Decimal("119.00")


def test_more_than_an_amount_can_say_is_refused() -> None:
    assert refusal(in_books().when(paid("999999999999881.00"))).code == "amount_too_large"
    given = in_books().after(paid("999999999999880.00"))
    assert refusal(given.when(paid("-1.00", "PAY-2"))).code == "amount_too_large"
    early = NEW.after(paid("-999999999999881.00"))
    assert [refusal(early.when(first)).code for first in (issued(), posted())] == ["amount_too_large"] * 2


def test_what_comes_before_the_invoice_counts_once_it_is_known_and_the_gateway_waits_for_it() -> None:
    decision = accepted(NEW.when(paid("19.00")))
    (ask,) = decision.requests
    assert (ask.system, ask.operation, ask.body) == (SELF, "awaited.invoice", Awaited(to=INVOICE.id))
    early = NEW.after(paid("19.00"))
    assert accepted(early.when(sent())).requests == (), "it is asked for once"
    given = early.after(sent(), issued())
    done = accepted(given.when(given.confirmed(NEW.asked(issued())[0], "4711")))
    assert amounts(done) == ("partly_paid", "100.00", "19.00", "0", "0", "0")
    assert account(done.requests).sent_on == sent().sent_on


def test_what_came_early_in_another_currency_is_a_case_once_the_invoice_is_known() -> None:
    decision = accepted(NEW.after(paid("19.00", currency="USD")).when(posted()))
    assert [case.topic for case in decision.cases] == ["currency:payment:PAY-1"]


def test_it_was_sent_on_the_first_day_that_is_named() -> None:
    given = in_books().after(sent(FRIDAY))
    assert account(given.asked(sent())).sent_on == sent().sent_on
    assert "was sent on" in reason_to_ignore(given.when(sent(FRIDAY)))


def test_while_the_customer_objects_both_systems_are_told_so() -> None:
    given = in_books()
    requests = given.asked(disputed())
    assert (account(requests).disputed, account(requests).dispute) == (True, "too many hours")
    assert receivable(requests).disputed
    given = given.after(disputed(), disputed("D-2", reason="wrong rate"))
    one_less = given.asked(disputed(settled=True))
    assert (account(one_less).disputed, account(one_less).dispute) == (True, "wrong rate")
    given = given.after(disputed(settled=True))
    settled = given.asked(disputed("D-2", settled=True))
    assert (account(settled).disputed, account(settled).dispute) == (False, None)


def test_a_dispute_that_is_settled_stays_so() -> None:
    given = in_books().after(disputed(settled=True))
    assert "is settled already" in reason_to_ignore(given.when(disputed()))
    assert "is known already" in reason_to_ignore(in_books().after(disputed()).when(disputed()))


def test_what_leaves_the_view_as_it_is_asks_nobody() -> None:
    invoice = in_books(billed("1", "100.00")).after(disputed())
    assert accepted(invoice.when(disputed("D-2"))).requests == ()


def test_a_view_that_was_refused_is_a_case_until_a_later_state_is_shown() -> None:
    given = in_books()
    first, *_ = given.asked(paid("19.00"))
    given = given.after(paid("19.00"))
    refused = accepted(given.when(given.refused(first)))
    assert [case.topic for case in refused.cases] == ["view:invoice.put"]
    given = given.after(given.refused(first))
    later = accepted(given.when(paid("1.00", "PAY-2")))
    assert later.settles == ("view:invoice.put",)
    assert "later one has replaced" in reason_to_ignore(in_books_after_two(given).when(given.refused(first)))


def in_books_after_two(given: Given) -> Given:
    """The same with a later state on its way."""
    return given.after(paid("1.00", "PAY-2"))


def test_a_person_may_have_a_view_shown_again_or_let_it_be() -> None:
    given = in_books()
    first, *_ = given.asked(paid("19.00"))
    given = given.after(paid("19.00"))
    given = given.after(given.refused(first))
    act = Acted(topic="view:invoice.put", act=Act.RETRY, by="E-5", reason="the CRM is mended")
    retried = accepted(given.when(act))
    assert [request.body for request in retried.requests] == [first.body]
    assert retried.requests[0].line != first.line
    assert retried.settles == ("view:invoice.put",)
    assert accepted(given.when(looked_at("view:invoice.put"))).settles == ("view:invoice.put",)
    assert "not possible" in reason_to_ignore(given.when(looked_at("view:customer.put")))


def test_what_systems_answer() -> None:
    given = in_books()
    put, _ = given.asked(sent())
    assert "was told" in reason_to_ignore(given.when(given.confirmed(put)))
    (ask,) = NEW.asked(paid("1.00"))
    assert refusal(NEW.when(NEW.refused(ask))) == REFUSED

"""Invoices: posted in the ERP once, whoever is first to speak of them; what the ERP refuses waits for a person."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from actors.decision import Accept
from actors.policy import Flow, LegalEntity, Mode, Policy
from schemas.acts import Act, Acted
from schemas.contract.entity import Contract
from schemas.customer.entity import Customer
from schemas.facts import Notice
from schemas.invoice.entity import Invoice
from schemas.keys import ActorKey, external_key
from schemas.operations.invoice import InvoiceLine, InvoicePost
from schemas.project.entity import Project
from schemas.record import Record
from schemas.values import Reference
from tests.actors.firm import BRIDGE, MONDAY, SHIPYARD, approved, running_project
from tests.actors.invoicing import NEW, OTHERS, SOW, account, billed, in_books, issued, posted, rejected
from tests.actors.stage import POLICY, REFUSED, Given, accepted, awaited, reason_to_ignore, refusal


def acted(act: Act, topic: str = "posting") -> Acted:
    """What a person does."""
    return Acted(topic=topic, act=act, by="E-5", roles=("finance",), reason="looked into it")


def status(given: Given) -> str | None:
    """How the invoice stands."""
    assert isinstance(given.state, Invoice)
    return given.state.status


def test_what_is_issued_is_posted_in_the_erp() -> None:
    (post,) = NEW.asked(issued(billed("1", "100.00")))
    assert (post.system, post.operation, post.line.split(".")[:2]) == ("erp", "invoice.post", ["post", "1"])
    assert post.body == InvoicePost(
        invoice_id="INV-1", legal_entity="DE01", customer="10042", project="PRJ-1", contract_reference="SOW-1",
        number="2026-1", issued_on=MONDAY, due_on=issued().due_on, currency="EUR", net=Decimal("100.00"),
        tax=Decimal("19.00"), amount=Decimal("119.00"),
        lines=(InvoiceLine(line_id="1", kind="time", amount=Decimal("100.00"), tax_code="D19"),),
    )  # fmt: skip


def test_it_is_in_the_books_once_the_erp_says_so_and_its_id_there_means_it() -> None:
    given = NEW.after(issued())
    decision = accepted(given.when(given.confirmed(NEW.asked(issued())[0], "4711")))
    assert decision.binds == (external_key("erp", "invoice", "4711"),)
    assert [request.operation for request in decision.requests] == [
        "invoice.put", "receivable.put", "timesheet.invoiced",
    ]  # fmt: skip
    assert decision.notices == (
        Notice(
            "posted",
            {
                "legal_entity": "DE01", "number": "2026-1", "currency": "EUR", "total": "119.00", "open": "119.00",
                "status": "posted",
            },
        ),
    )  # fmt: skip


def test_issued_again_it_is_not_posted_again() -> None:
    assert "already" in reason_to_ignore(NEW.after(issued()).when(issued()))
    assert "already" in reason_to_ignore(in_books().when(issued()))


@pytest.mark.parametrize("given", [NEW.after(issued()), in_books()], ids=["on its way", "posted"])
def test_issued_otherwise_it_is_a_conflict_that_a_person_sees(given: Given) -> None:
    assert refusal(given.when(issued(billed("1", "90.00")))).code == "issued_differs"


def test_the_erp_may_be_first_and_nothing_is_posted_then() -> None:
    given = NEW.after(posted())
    assert status(given) == "posted"
    requests = given.asked(issued())
    assert [request.operation for request in requests] == []
    assert "already" in reason_to_ignore(given.when(posted()))


def test_the_erps_own_word_after_its_answer_changes_nothing_of_the_money() -> None:
    decision = accepted(in_books().when(posted()))
    assert (decision.requests, decision.cases) == ((), ())


def test_an_answer_after_the_erps_own_word_binds_its_id_alone() -> None:
    given = NEW.after(issued(), posted())
    decision = accepted(given.when(given.confirmed(NEW.asked(issued())[0], "4711")))
    assert (decision.requests, decision.binds) == ((), (external_key("erp", "invoice", "4711"),))


OTHERWISE: Final = posted(issued(billed("1", "101.00")))


@pytest.mark.parametrize(
    ("given", "last"), [(in_books(), OTHERWISE), (NEW.after(OTHERWISE), issued())], ids=["issued first", "posted first"]
)
def test_posted_with_other_amounts_is_a_case_and_the_books_count(given: Given, last: Record) -> None:
    decision = accepted(given.when(last))
    assert [(case.topic, case.failure.code) for case in decision.cases] == [("amounts", "posted_differs")]
    assert isinstance(decision.state, Invoice)
    assert decision.state.balance == Decimal("120.00")


def test_posted_twice_with_different_amounts_is_a_conflict() -> None:
    given = NEW.after(posted())
    assert refusal(given.when(OTHERWISE)).code == "posted_differs"


def test_what_the_erp_refuses_is_a_case_and_is_posted_again_on_a_retry() -> None:
    given = NEW.after(issued())
    refused = accepted(given.when(given.refused(NEW.asked(issued())[0])))
    (case,) = refused.cases
    assert (case.topic, case.failure, case.money) == ("posting", REFUSED, {"EUR": Decimal("119.00")})
    assert [notice.fact for notice in refused.notices] == ["posting_rejected"]
    assert refused.requests == ()
    retried = accepted(replace(given, state=refused.state).when(acted(Act.RETRY)))
    assert [request.line.split(".")[:2] for request in retried.requests] == [["post", "2"]]
    assert retried.settles == ("posting",)


def test_a_refused_invoice_may_be_issued_anew_corrected() -> None:
    given = NEW.after(issued())
    given = given.after(given.refused(NEW.asked(issued())[0]))
    decision = accepted(given.when(issued(billed("1", "90.00"))))
    assert [request.operation for request in decision.requests] == ["invoice.post"]
    assert decision.settles == ("posting",)


def test_what_the_erp_took_and_then_did_not_post_is_taken_back_from_its_lines_and_views() -> None:
    given = in_books()
    decision = accepted(given.when(rejected()))
    assert [(case.topic, case.failure.code) for case in decision.cases] == [("posting", "period_closed")]
    assert account(decision.requests).status == "refused"
    again = accepted(replace(given, state=decision.state).when(posted()))
    assert again.settles == ("posting",)
    assert account(again.requests).status == "posted"


def test_a_refusal_that_comes_late_changes_nothing() -> None:
    assert "has posted it" in reason_to_ignore(in_books().after(posted()).when(rejected()))
    assert "nobody was asked" in reason_to_ignore(NEW.when(rejected()))


def test_a_refusal_that_overtakes_the_answer_stands() -> None:
    given = NEW.after(issued()).after(rejected())
    assert status(given.after(given.confirmed(NEW.asked(issued())[0], "4711"))) == "refused"


def test_an_answer_to_what_was_asked_before_changes_nothing() -> None:
    given = NEW.after(issued())
    first = NEW.asked(issued())[0]
    given = given.after(given.refused(first), acted(Act.RETRY))
    assert "was asked before" in reason_to_ignore(given.when(given.refused(first)))


def test_a_person_may_post_it_by_hand_or_give_it_up() -> None:
    given = NEW.after(issued())
    given = given.after(given.refused(NEW.asked(issued())[0]))
    assert status(given.after(acted(Act.RESOLVE))) == "posted"
    assert status(given.after(acted(Act.CANCEL))) == "refused"
    assert "settled already" in reason_to_ignore(given.after(acted(Act.CANCEL)).when(acted(Act.RETRY)))
    assert "not possible" in reason_to_ignore(given.when(acted(Act.APPROVE)))


def test_posted_under_two_numbers_is_a_conflict() -> None:
    again = posted().model_copy(update={"number": "2026-2"})
    failure = refusal(NEW.after(posted()).when(again))
    assert (failure.code, "2026-2" in failure.reason) == ("posted_differs", True)
    decision = accepted(in_books().when(again))
    assert [(case.topic, "2026-2" in case.failure.reason) for case in decision.cases] == [("amounts", True)]


def test_a_draft_that_is_posted_after_all_beside_the_retry_is_a_case() -> None:
    # Given an invoice that the ERP took as 4711, has not posted, and is asked for once more
    refused = in_books().after(rejected())
    (case,) = accepted(in_books().when(rejected())).cases
    assert "remove first what the ERP has of it (4711)" in case.failure.reason
    retry = accepted(refused.when(acted(Act.RETRY))).requests[0]
    # When somebody posts the draft there all the same, and the retry is answered with another id
    both = refused.after(acted(Act.RETRY), posted())
    decision = accepted(both.when(both.confirmed(retry, "4712")))
    # Then it is in the books twice, and finance is asked
    (twice,) = decision.cases
    assert (twice.topic, twice.failure.code) == ("posted_twice", "posted_twice")
    assert twice.money == {"EUR": Decimal("119.00")}
    assert "4711 and as 4712" in twice.failure.reason
    after = both.after(both.confirmed(retry, "4712"))
    looked = acted(Act.RESOLVE, "posted_twice").model_copy(update={"seen": twice.asks})
    assert accepted(after.when(looked)).settles == ("posted_twice",)


def said(given: Given, external_id: str) -> Given:
    """The same after the ERP has said that it has posted the invoice under an id."""
    return replace(replace(given, subject=external_id).after(posted()), subject=None)


def drafted_twice() -> Given:
    """An invoice that the ERP took as A, did not post, and has taken as B since."""
    refused = NEW.after(issued())
    refused = refused.after(refused.confirmed(NEW.asked(issued())[0], "A"), rejected())
    retry = accepted(refused.when(acted(Act.RETRY))).requests[0]
    given = refused.after(acted(Act.RETRY))
    return given.after(given.confirmed(retry, "B"))


@pytest.mark.parametrize(("before", "last"), [((), "A"), (("A",), "B"), (("B",), "A")], ids=["A", "A, B", "B, A"])
def test_a_draft_that_is_posted_after_the_retry_was_taken_is_a_case(before: tuple[str, ...], last: str) -> None:
    # Given an invoice of which the ERP has two drafts, and when it posts the one that it had refused
    given = drafted_twice()
    open_now: set[str] = set()
    for external_id in (*before, last):
        decision = replace(given, subject=external_id).when(posted())
        if isinstance(decision, Accept):
            open_now |= {case.topic or "" for case in decision.cases if "B" in case.failure.reason}
            assert decision.settles == ()
            given = said(given, external_id)
    # Then it is in the books twice, whatever the ERP says first, and that is asked once
    assert open_now == {"posted_twice"}
    assert isinstance(given.state, Invoice)
    assert (given.state.external_id, given.state.twins) == ("B", ("A",))
    assert "posted like this already" in reason_to_ignore(replace(given, subject="A").when(posted()))


def test_the_erps_word_under_the_id_that_it_confirmed_is_no_second_invoice() -> None:
    given = drafted_twice()
    decision = accepted(replace(given, subject="B").when(posted()))
    assert decision.cases == ()
    # And what was refused, and posted by its own ERP after all, is known by that id
    refused = NEW.after(issued())
    refused = refused.after(refused.confirmed(NEW.asked(issued())[0], "A"), rejected())
    assert accepted(replace(refused, subject="A").when(posted())).cases == ()


def test_an_act_counts_for_the_refusal_that_its_author_saw() -> None:
    given = NEW.after(issued())
    refused = given.after(given.refused(NEW.asked(issued())[0]))
    (case,) = accepted(given.when(given.refused(NEW.asked(issued())[0]))).cases
    seen = acted(Act.RESOLVE).model_copy(update={"seen": case.asks})
    retry = accepted(refused.when(acted(Act.RETRY))).requests[0]
    again = refused.after(acted(Act.RETRY))
    again = again.after(again.refused(retry))
    assert "asks something else" in reason_to_ignore(again.when(seen))
    assert status(refused.after(seen)) == "posted"


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_where_invoices_are_not_live_nothing_is_sent_again(mode: Mode) -> None:
    given = NEW.after(issued())
    refused = given.after(given.refused(NEW.asked(issued())[0]))
    entity = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.INVOICES: mode}})
    silent = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    for act in (Act.RETRY, Act.RESOLVE, Act.CANCEL):
        assert "set it live" in reason_to_ignore(replace(refused, policy=silent).when(acted(act)))
    view = acted(Act.RETRY, "view:invoice.put")
    assert "set it live" in reason_to_ignore(replace(in_books(), policy=silent).when(view))


def test_an_invoice_of_a_closed_day_is_not_posted_until_the_policy_opens_it() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"closed_through": MONDAY})
    closed = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    assert refusal(replace(NEW, policy=closed).when(issued())).code == "books_closed"
    # And what the ERP has refused meanwhile is not sent again
    given = NEW.after(issued())
    refused = replace(given.after(given.refused(NEW.asked(issued())[0])), policy=closed)
    assert "closed through" in reason_to_ignore(refused.when(acted(Act.RETRY)))
    # But what the ERP itself has posted counts
    assert status(replace(NEW, policy=closed).after(posted(), issued())) == "posted"


def sent_nowhere(billing: str | None = "engine") -> Policy:
    """The policy sends invoices to no ERP."""
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"invoice.post": None}, "billing": billing})
    return POLICY.model_copy(update={"legal_entities": {"DE01": entity}})


def test_what_a_billing_engine_has_issued_and_nobody_posts_is_a_case_until_it_is_posted() -> None:
    nowhere = replace(NEW, policy=sent_nowhere())
    (case,) = accepted(nowhere.when(issued())).cases
    assert (case.topic, case.failure.code, case.money) == ("nobody_posts", "nobody_posts", {"EUR": Decimal("119.00")})
    given = nowhere.after(issued())
    assert "no ERP is named" in reason_to_ignore(given.when(issued()))
    assert "no ERP is named" in reason_to_ignore(given.when(acted(Act.RETRY, "nobody_posts")))
    assert accepted(given.when(acted(Act.RESOLVE, "nobody_posts"))).settles == ("nobody_posts",)
    assert accepted(given.when(posted())).settles == ("nobody_posts",)
    # And where the ERP bills by itself, it is a remark alone
    assert accepted(replace(NEW, policy=sent_nowhere(None)).when(issued())).cases == ()


@pytest.mark.parametrize("again", [issued(), acted(Act.RETRY, "nobody_posts")], ids=["issued", "retried"])
def test_once_the_policy_names_an_erp_it_goes_on(again: Record) -> None:
    given = replace(replace(NEW, policy=sent_nowhere()).after(issued()), policy=POLICY)
    decision = accepted(given.when(again))
    assert [request.operation for request in decision.requests] == ["invoice.post"]
    assert (decision.settles, decision.notices) == (("nobody_posts",), ())
    asked = given.after(again)
    assert "asked to post it since" in reason_to_ignore(asked.when(acted(Act.RETRY, "nobody_posts")))


def merged_meanwhile(given: Given) -> Given:
    """The same after the customer was merged into one that the ERP has as 10099, and the contract got a number."""
    winner = OTHERS[SHIPYARD]
    assert isinstance(winner, Customer)
    there = winner.records[0].model_copy(update={"external_id": "10099"})
    loser = winner.model_copy(update={"merged_into": "C-9"})
    sow = OTHERS[SOW].model_copy(update={"reference": "2026-017"})
    moved = {
        SHIPYARD: loser, ActorKey("customer", "C-9"): winner.model_copy(update={"records": (there,)}), SOW: sow
    }  # fmt: skip
    return replace(given, others={**OTHERS, **moved})


def test_a_retry_goes_to_the_account_that_the_customer_has_in_the_erp_by_now() -> None:
    given = NEW.after(issued())
    refused = merged_meanwhile(given.after(given.refused(NEW.asked(issued())[0])))
    (post,) = refused.asked(acted(Act.RETRY))
    assert isinstance(post.body, InvoicePost)
    assert (post.body.customer, post.body.contract_reference) == ("10099", "2026-017")
    state = refused.after(acted(Act.RETRY)).state
    assert isinstance(state, Invoice)
    assert state.places is not None
    assert (state.places.customer, state.places.customer_in_erp) == ("C-9", "10099")


def test_a_retry_waits_until_the_erp_has_who_took_the_place_of_the_customer() -> None:
    given = NEW.after(issued())
    refused = merged_meanwhile(given.after(given.refused(NEW.asked(issued())[0])))
    winner = ActorKey("customer", "C-9")
    unknown = replace(refused, others={**refused.others, winner: known_elsewhere()})
    assert awaited(unknown.when(acted(Act.RETRY))) == winner
    gone = POLICY.model_copy(update={"legal_entities": {}})
    assert "to the policy file" in reason_to_ignore(replace(refused, policy=gone).when(acted(Act.RETRY)))
    assert "no ERP takes it" in reason_to_ignore(replace(refused, policy=sent_nowhere()).when(acted(Act.RETRY)))


@pytest.mark.parametrize("key", [SHIPYARD, BRIDGE, SOW], ids=lambda key: key.entity)
def test_it_waits_for_what_it_names(key: ActorKey) -> None:
    empty = {SHIPYARD: Customer(), BRIDGE: Project(), SOW: Contract()}
    assert awaited(replace(NEW, others={**OTHERS, key: empty[key]}).when(issued())) == key


def test_it_waits_until_the_erp_has_customer_and_project() -> None:
    unknown = known_elsewhere()
    assert awaited(replace(NEW, others={**OTHERS, SHIPYARD: unknown}).when(issued())) == SHIPYARD
    unmade = running_project().model_copy(update={"erp_id": None})
    assert awaited(replace(NEW, others={**OTHERS, BRIDGE: unmade}).when(issued())) == BRIDGE


def test_what_the_erp_has_posted_needs_no_ids_of_the_erp() -> None:
    unmade = running_project().model_copy(update={"erp_id": None})
    others = {**OTHERS, SHIPYARD: known_elsewhere(), BRIDGE: unmade}
    assert accepted(replace(NEW, others=others).when(posted())).requests
    theirs = posted().model_copy(update={"customer": Reference(system="erp", external_id="C-9")})
    assert awaited(NEW.when(theirs)) == external_key("erp", "customer", "C-9")
    assert awaited(replace(NEW, others={**OTHERS, BRIDGE: Project()}).when(posted())) == BRIDGE


def known_elsewhere() -> Customer:
    """A customer that no ERP has."""
    customer = OTHERS[SHIPYARD]
    assert isinstance(customer, Customer)
    return customer.model_copy(update={"records": ()})


def test_an_invoice_of_another_legal_entity_or_currency_than_its_project_is_not_posted() -> None:
    others = {**OTHERS, BRIDGE: running_project(legal_entity="JP01", currency="JPY")}
    assert refusal(replace(NEW, others=others).when(issued())).code == "legal_entity_differs"
    others = {**OTHERS, BRIDGE: running_project(currency="USD")}
    assert refusal(replace(NEW, others=others).when(issued())).code == "currency_differs"


def test_a_legal_entity_that_the_policy_does_not_name_waits_for_the_policy() -> None:
    assert refusal(NEW.when(issued(legal_entity="FR01"))).code == "legal_entity_unmapped"


def test_it_goes_to_the_erp_that_has_the_project_unless_the_policy_says_otherwise() -> None:
    legacy = running_project().model_copy(update={"erp": "legacy-erp"})
    customer = OTHERS[SHIPYARD]
    assert isinstance(customer, Customer)
    there = customer.records[0].model_copy(update={"system": "legacy-erp", "external_id": "L-7"})
    both = customer.model_copy(update={"records": (*customer.records, there)})
    given = replace(NEW, others={**OTHERS, BRIDGE: legacy, SHIPYARD: both})
    (post,) = given.asked(issued())
    assert isinstance(post.body, InvoicePost)
    assert (post.system, post.body.customer, post.body.project) == ("legacy-erp", "L-7", "PRJ-1")
    elsewhere = LegalEntity(currency="EUR", erp="legacy-erp", operations={"invoice.post": "books"})
    (post,) = replace(given, policy=POLICY.model_copy(update={"legal_entities": {"DE01": elsewhere}})).asked(issued())
    assert isinstance(post.body, InvoicePost)
    assert (post.system, post.body.customer, post.body.project) == ("books", "L-7", "PRJ-1")


def test_where_no_erp_takes_it_it_is_posted_once_the_erp_says_so() -> None:
    nowhere = LegalEntity(currency="EUR", operations={"invoice.post": None, "invoice.put": None})
    given = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": nowhere}}))
    decision = accepted(given.when(issued()))
    assert (decision.requests, len(decision.remarks)) == ((), 1)
    assert [request.operation for request in given.after(issued()).asked(posted())] == [
        "receivable.put", "timesheet.invoiced",
    ]  # fmt: skip


def test_an_invoice_of_no_project_and_no_contract_is_shown_on_the_account_alone() -> None:
    alone = issued().model_copy(update={"project": None, "contract": None})
    (post,) = NEW.asked(alone)
    assert isinstance(post.body, InvoicePost)
    assert (post.body.project, post.body.contract_reference) == (None, None)
    given = NEW.after(alone)
    operations = [request.operation for request in accepted(given.when(given.confirmed(post, "4711"))).requests]
    assert operations == ["invoice.put", "timesheet.invoiced"]


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "timesheet.approved.v1" in reason_to_ignore(NEW.when(approved()))

"""Modes of flows: what is off is ignored, what is in shadow is decided and left, what is live is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest

from actors.decision import Actor, Snapshot, State
from actors.entities import customer as customers
from actors.entities import invoice as invoices
from actors.entities import resource as resources
from actors.entities import timesheet as timesheets
from actors.policy import Flow, LegalEntity, Mode, Policy
from adapters.ports.turns import Judged, Message, Row
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.draft import Draft
from gateway.fold import fold
from gateway.modes import FLOWS
from gateway.rules import Rules
from gateway.surroundings import Surroundings
from schemas.commands import SELF, Confirmed
from schemas.customer.entity import Customer
from schemas.invoice.entity import Invoice
from schemas.keys import ActorKey
from schemas.operations.customer import CustomerPut
from schemas.record import Record
from schemas.registry import EVENTS
from schemas.resource.v1 import Assigned
from schemas.timesheet.entity import Timesheet
from schemas.values import Reference
from schemas.verdicts import LaneState, Verdict
from tests.actors.firm import (
    BRIDGE,
    MONDAY,
    SHEET,
    SHIPYARD,
    approved,
    credit,
    customer,
    known_customer,
    line,
    running_project,
)
from tests.actors.invoicing import INVOICE, NEW, OTHERS, bill, issued, paid, posted
from tests.actors.stage import NOW, Given, event_of
from tests.gateway.toy import Slip, answered, read

MIRA = ActorKey("employee", "E-1")
STAFFED = ActorKey("resource", "P-1-E-1")
PROJECT = {BRIDGE: Snapshot(BRIDGE, 1, running_project())}
BILLED = ActorKey("timesheet", bill().id)
ALWAYS_LIVE = {"project.opportunity_won", "employee.upserted", "rate_card.published"}
"""A deal's parts are treated by its actor; people and rates belong to no flow of one legal entity."""


def firm(flow: Flow, **modes: Mode) -> Policy:
    """A firm with a flow in some mode, by legal entity."""
    entities = {"DE01": "EUR", "US01": "USD"}
    return Policy(
        legal_entities={
            code: LegalEntity(currency=currency, tax_codes={"standard": "S"}, flows={flow: modes.get(code, Mode.LIVE)})
            for code, currency in entities.items()
        }
    )


def turn(
    actor: Actor,
    key: ActorKey,
    policy: Policy,
    *facts: Record,
    state: State | None = None,
    references: Mapping[ActorKey, Snapshot] | None = None,
    answers: tuple[Answered, ...] = (),
) -> Draft:
    """One turn of a key in whose mailbox some facts are."""
    activation = Activation(key)
    for number, fact in enumerate(facts, 1):
        event = event_of(key, fact)
        message = Message(UUID(int=number), "urn:test", f"{number}", event.type, b"", b"")
        activation.mailbox.append(Entry(message, event, Slip()))
    activation.answers.extend(answers)
    known = dict(references or {})
    if references is None:  # nobody else is there
        keys = (actor.references(state or actor.state(), entry.envelope, {}) for entry in activation.mailbox)
        known = {named: Snapshot(named, 0, None) for each in keys for named in each}
    failed: list[Exception] = []
    around = Surroundings(
        NOW, policy, Rules(), (), known, read, lambda _key, error: failed.append(error),
        lambda _class, _tries: None, 100, 100,
    )  # fmt: skip
    draft = fold(actor, activation, Memory(Row(key), state or actor.state()), around)
    assert failed == []
    return draft


def only(draft: Draft) -> Judged:
    """The one message of a turn."""
    [judged] = draft.turn.judged
    return judged


def is_empty(draft: Draft) -> bool:
    """Whether a turn leaves nothing behind but its verdicts."""
    turn = draft.turn
    return not any((turn.queued, turn.claims, turn.binds, turn.notices, turn.opened, turn.state, turn.entity_version))


def sheet(policy: Policy, *facts: Record, references: Mapping[ActorKey, Snapshot] = PROJECT) -> Draft:
    """A turn of the sheet."""
    return turn(timesheets.ACTOR, SHEET, policy, *(facts or (approved(line("1"), line("2")),)), references=references)


def test_what_is_live_is_done() -> None:
    draft = sheet(firm(Flow.TIME))
    assert (only(draft).verdict, only(draft).reason, len(draft.turn.queued)) == (Verdict.APPLIED, None, 2)


def test_what_is_off_is_ignored_and_says_so() -> None:
    draft = sheet(firm(Flow.TIME, DE01=Mode.OFF), references={})
    assert (only(draft).verdict, only(draft).reason) == (
        Verdict.IGNORED, "off: the policy ignores time of its legal entity",
    )  # fmt: skip
    assert is_empty(draft)


def test_what_is_in_shadow_says_what_would_be_asked_and_leaves_nothing() -> None:
    draft = sheet(firm(Flow.TIME, DE01=Mode.SHADOW))
    assert (only(draft).verdict, only(draft).reason) == (
        Verdict.IGNORED, "shadow: would ask erp for billable.post ×2, 2320.00 EUR",
    )  # fmt: skip
    assert is_empty(draft)


def test_what_would_stop_its_key_in_shadow_stops_nobody() -> None:
    # Given a sheet for a project that nobody knows, and a wrong one behind it
    unknown = {BRIDGE: Snapshot(BRIDGE, 0, None)}
    wrong = approved(line("1", role="plumber"))
    waits = sheet(firm(Flow.TIME, DE01=Mode.SHADOW), references=unknown)
    parks = sheet(firm(Flow.TIME, DE01=Mode.SHADOW), wrong)
    # Then both end, and say what they would have come to
    assert (only(waits).reason or "").startswith("shadow: would wait for project/P-1: ")
    assert (only(parks).reason or "").startswith("shadow: would be parked: mapping ")
    for draft in (waits, parks):
        assert (only(draft).verdict, draft.turn.lane.state, draft.turn.lane.depth) == (
            Verdict.IGNORED, LaneState.OPEN, 0,
        )  # fmt: skip
        assert is_empty(draft)


def test_another_flow_and_another_legal_entity_do_not_matter() -> None:
    for policy in (firm(Flow.PROJECTS, DE01=Mode.OFF), firm(Flow.TIME, US01=Mode.OFF)):
        assert only(sheet(policy)).verdict is Verdict.APPLIED


def test_a_legal_entity_that_the_policy_does_not_know_is_a_case_and_not_off() -> None:
    draft = sheet(firm(Flow.TIME, DE01=Mode.OFF), approved(legal_entity="FR01"))
    assert only(draft).verdict is Verdict.PARKED


def test_of_several_legal_entities_the_live_ones_are_served() -> None:
    policy = firm(Flow.CUSTOMERS, US01=Mode.SHADOW)
    draft = turn(customers.ACTOR, SHIPYARD, policy, customer("DE01", "US01"))
    assert (only(draft).verdict, only(draft).reason) == (
        Verdict.APPLIED, "shadow: would ask erp for customer.put of US01",
    )  # fmt: skip
    [queued] = [each for each in draft.turn.queued if each.command.system != SELF]
    assert CustomerPut.model_validate_json(queued.command.body).legal_entity == "DE01"


@pytest.mark.parametrize(
    ("modes", "beginning"),
    [
        ({"DE01": Mode.OFF, "US01": Mode.OFF}, "off: "),
        ({"DE01": Mode.OFF, "US01": Mode.SHADOW}, "shadow: would ask "),
    ],
)
def test_where_none_of_them_is_live_nothing_is_done(modes: Mapping[str, Mode], beginning: str) -> None:
    draft = turn(customers.ACTOR, SHIPYARD, firm(Flow.CUSTOMERS, **modes), customer("DE01", "US01"))
    assert only(draft).verdict is Verdict.IGNORED
    assert (only(draft).reason or "").startswith(beginning)


def test_an_event_that_names_no_legal_entity_has_those_of_what_it_is_about() -> None:
    policy = firm(Flow.CUSTOMERS, DE01=Mode.SHADOW)
    draft = turn(customers.ACTOR, SHIPYARD, policy, credit(on_hold=True), state=known_customer())
    assert (only(draft).reason or "").endswith("would ask erp for customer.put of DE01")
    unknown = turn(customers.ACTOR, SHIPYARD, policy, credit(on_hold=True), state=Customer())
    assert only(unknown).verdict is Verdict.APPLIED


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (Mode.OFF, "off: the policy ignores resources of its legal entity"),
        (Mode.SHADOW, "shadow: would ask erp for assignment.put ×1 and crm for delivery.put ×1"),
    ],
)
def test_an_assignment_has_the_mode_of_its_projects_legal_entity(mode: Mode, reason: str) -> None:
    # Given an assignment of which nothing is known, so that its project alone says whose it is
    facts = Assigned(project=Reference(id=BRIDGE.id), employee=Reference(id="E-1"), role="consultant", starts_on=MONDAY)
    known = {**PROJECT, MIRA: Snapshot(MIRA, 0, None)}
    # When it comes where resources are not live
    draft = turn(resources.ACTOR, STAFFED, firm(Flow.RESOURCES, DE01=mode), facts, references=known)
    # Then it ends, and nothing of it is kept or sent
    assert (only(draft).verdict, only(draft).reason) == (Verdict.IGNORED, reason)
    assert is_empty(draft)
    live = turn(resources.ACTOR, STAFFED, firm(Flow.RESOURCES), facts, references=known)
    assert (only(live).verdict, len(live.turn.queued)) == (Verdict.APPLIED, 2)


@pytest.mark.parametrize("fact", [credit(on_hold=True), customer("DE01", name="Shipyard AG")])
def test_a_customer_that_a_deal_brought_to_a_live_legal_entity_is_live(fact: Record) -> None:
    # Given a customer of DE01, which a deal brought to US01
    state = known_customer().model_copy(update={"traded": ("US01",)})
    # When DE01 is back in shadow, and something about the customer comes that names DE01 or none
    draft = turn(customers.ACTOR, SHIPYARD, firm(Flow.CUSTOMERS, DE01=Mode.SHADOW), fact, state=state)
    # Then US01 is served
    assert (only(draft).verdict, only(draft).reason) == (
        Verdict.APPLIED, "shadow: would ask erp for customer.put of DE01",
    )  # fmt: skip
    puts = [each.command for each in draft.turn.queued if each.command.operation == "customer.put"]
    assert [CustomerPut.model_validate_json(put.body).legal_entity for put in puts] == ["US01"]


@pytest.mark.parametrize(
    ("state", "fact", "would"),
    [
        (NEW.after(posted()).state, paid("19.00"), "would ask crm for invoice.put ×1 and psa for receivable.put ×1"),
        (Invoice(), paid("19.00").model_copy(update={"legal_entity": "DE01"}), "would ask self for awaited.invoice ×1"),
        (Invoice(), issued(), "would ask erp for invoice.post ×1, 119.00 EUR"),
    ],
    ids=["of an invoice that is known", "of one that is not", "the invoice itself"],
)
def test_an_invoice_and_what_comes_of_it_run_as_its_legal_entity_does(state: Invoice, fact: Record, would: str) -> None:
    known = {key: Snapshot(key, 1, other) for key, other in OTHERS.items()} | {BILLED: Snapshot(BILLED, 0, None)}
    draft = turn(invoices.ACTOR, INVOICE, firm(Flow.INVOICES, DE01=Mode.SHADOW), fact, state=state, references=known)
    assert only(draft).verdict is Verdict.IGNORED
    assert f"{only(draft).reason}".startswith(f"shadow: {would}")
    assert is_empty(draft)
    off = turn(invoices.ACTOR, INVOICE, firm(Flow.INVOICES, DE01=Mode.OFF), fact, state=state, references=known)
    assert only(off).reason == "off: the policy ignores invoices of its legal entity"


def test_an_answer_is_heard_whatever_the_mode_is_by_then() -> None:
    given = Given(customers.ACTOR, SHIPYARD, Customer())
    [request] = [each for each in given.asked(customer("DE01")) if each.system != SELF]
    result = given.confirmed(request, "10042")
    answer = answered(SHIPYARD, "1")
    heard = Answered(replace(answer.leased, command=result.command), Confirmed("10042"))
    state = given.after(customer("DE01")).state
    draft = turn(customers.ACTOR, SHIPYARD, firm(Flow.CUSTOMERS, DE01=Mode.OFF), state=state, answers=(heard,))
    assert isinstance(draft.state, Customer)
    assert draft.state.erp_ids == {"DE01": "10042"}


def test_every_type_that_a_source_may_send_has_its_flow() -> None:
    offered = {name for name in EVENTS.names if not getattr(EVENTS.latest(name), "inner", False)}
    assert offered - FLOWS.keys() <= ALWAYS_LIVE
    assert isinstance(turn(timesheets.ACTOR, SHEET, firm(Flow.TIME)).state, Timesheet)

"""Histories of a small firm, drawn at random: events of customers, projects, and sheets, and answers of systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from hypothesis import strategies as st

from actors.decision import Accept, Actor, Context, Decision, Event, Reject, Request, Snapshot, State, Wait
from actors.registry import ACTORS
from schemas.acts import Act, Acted
from schemas.bindings import Binding, Unbound, leads_to
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.customer.v1 import TaxProfileChanged
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.project.v1 import Activated, MilestoneCompleted, StatusChanged, Withdrawn
from schemas.record import Record
from schemas.timesheet.v1 import Approved, Corrected, Line
from schemas.values import Reference
from schemas.verdicts import FailureClass
from tests.actors.firm import (
    BRIDGE,
    MONDAY,
    SHEET,
    SHIPYARD,
    WON,
    approved,
    corrected,
    credit,
    customer,
    deal,
    line,
    merged,
    opened,
    part,
    trade,
)
from tests.actors.stage import NOW, POLICY, REFUSED, command_of, event_of

LONG: Final = "é" * 100
KEYS: Final = (
    SHIPYARD, ActorKey("customer", LONG), BRIDGE, ActorKey("project", LONG), SHEET, ActorKey("timesheet", "%" * 200),
    WON, ActorKey("engagement", LONG),
)  # fmt: skip
LEGAL_ENTITIES: Final = ("DE01", "DE01", "US01", "JP01", "FR01")
CURRENCIES: Final = {"DE01": "EUR", "US01": "USD", "JP01": "JPY", "FR01": "EUR"}
RATES: Final = {"EUR": ("145.01", "0.33", "0"), "USD": ("145.01", "999999999999999.99"), "JPY": ("12345", "1")}
EXTERNAL_IDS: Final = ("10042", "10043", LONG)


class History:
    """A firm as the gateway would keep it. Each decision is checked as it is made."""

    def __init__(self) -> None:
        self.states: dict[ActorKey, State] = {}
        self.requests: dict[ActorKey, list[Request]] = defaultdict(list)
        self.decisions: list[Decision] = []
        self._versions: dict[ActorKey, int] = {}
        self._claims: dict[Claim, ActorKey] = {}
        self._asked: set[tuple[str, str, ActorKey, str]] = set()

    def happen(self, key: ActorKey, event: Event) -> Decision:
        """Decide on an event, and commit what comes of it."""
        actor = ACTORS[key.entity]
        state = self.states.get(key) or actor.state()
        references = self._references(actor, state, event)
        decision = actor.decide(state, event, Context(key, NOW, POLICY, references, dict(self._others_claims(key))))
        self.decisions.append(decision)
        match decision:
            case Accept():
                self._commit(key, decision)
            case Wait(target):
                assert target in references
                assert target != key
                assert not isinstance(event, Result), "a result never waits"
            case Reject(failure):
                assert failure.code.replace("_", "").isalnum()
                assert failure.reason
            case _:
                assert decision.reason
        return decision

    def tell(self, request: Request) -> list[tuple[ActorKey, Request]]:
        """Hand what one entity asks of another to that one; what it asks for then. Not all are played here."""
        body = request.body
        key = ActorKey(request.operation.partition(".")[0], str(getattr(body, "to", "")))
        if key.entity not in ACTORS:
            return []
        assert isinstance(body, Record)
        before = len(self.requests[key])
        self.happen(key, event_of(key, body, "tallystick:self"))
        return [(key, each) for each in self.requests[key][before:]]

    def _references(self, actor: Actor, state: State, event: Event) -> dict[ActorKey, Snapshot]:
        loaded: dict[ActorKey, Snapshot] = {}
        wanted = set(actor.references(state, event, loaded))
        while missing := wanted - loaded.keys():
            for key in missing:
                found = self.states.get(key, Unbound() if key.is_external else None)
                loaded[key] = Snapshot(key, self._versions.get(key, 0), found)
                meant = leads_to(key, found)
                if meant is not None:
                    wanted.add(meant)
            wanted.update(actor.references(state, event, loaded))
        return loaded

    def _others_claims(self, key: ActorKey) -> list[tuple[Claim, ActorKey]]:
        return [(claim, holder) for claim, holder in self._claims.items() if holder != key]

    def _commit(self, key: ActorKey, accept: Accept) -> None:
        """What the database would do; a decision must never ask for what another key holds, when it was told."""
        for claim in accept.releases:
            assert self._claims.pop(claim) == key, "only what it holds is given back"
        assert all(self._claims.setdefault(claim, key) == key for claim in accept.claims)
        for request in accept.requests:
            identity = (request.system, request.operation, key, request.line)
            assert identity not in self._asked, "the same step is never asked for twice"
            self._asked.add(identity)
            assert type(request.body).model_validate_json(request.body.model_dump_json()) == request.body
            self.requests[key].append(request)
        for external in accept.binds:
            self.states.setdefault(external, Binding(entity=key.entity, id=key.id))
        state = type(accept.state).model_validate_json(accept.state.model_dump_json())
        assert state == accept.state, "what is stored reads as what was decided"
        self.states[key] = state
        self._versions[key] = self._versions.get(key, 0) + 1


def draw_history(draw: Callable[[st.SearchStrategy[int]], int], length: int) -> History:
    """A history of `length` events and answers. `draw` gives a number of what it is asked for.

    A result is decided once; one that was rejected may come again after a person's retry, under another generation.
    """

    def one_of(*choices: object) -> object:
        return choices[draw(st.integers(0, len(choices) - 1))]

    history = History()
    if draw(st.integers(0, 3)):
        _found(history, SHIPYARD, BRIDGE, "DE01", "0.33")
        _found(history, KEYS[1], KEYS[3], "US01", "145.01")
    outstanding: list[tuple[ActorKey, Request]] = []
    for _ in range(length):
        answered: list[tuple[ActorKey, Request]] = []
        if outstanding and draw(st.integers(0, 1)):
            answered = [outstanding.pop(draw(st.integers(0, len(outstanding) - 1)))]
            key, request = answered[0]
            outcome = one_of(Rejected(REFUSED), Confirmed(None), *(Confirmed(id) for id in EXTERNAL_IDS * 2))
            if request.system == SELF:
                outcome = Confirmed(None)
                outstanding += history.tell(request)
            assert isinstance(outcome, Rejected | Confirmed)
            event: Event = Result(command_of(key, request, generation=1 + draw(st.integers(0, 1))), outcome)
        else:
            key = KEYS[draw(st.integers(0, len(KEYS) - 1))]
            event = event_of(key, _draw_event(key.entity, one_of))
        before = len(history.requests[key])
        if isinstance(history.happen(key, event), Reject):
            outstanding += answered
        outstanding += [(key, request) for request in history.requests[key][before:]]
    return history


def _found(history: History, customer_key: ActorKey, project_key: ActorKey, legal_entity: str, rate: str) -> None:
    """A customer and a project that all systems have: most of what can happen needs them."""
    profile = customer(legal_entity, name=f"Shipyard {len(customer_key.id)}")
    history.happen(customer_key, event_of(customer_key, profile))
    history.happen(customer_key, _done(customer_key, history, f"C{len(customer_key.id)}"))
    project = opened(
        legal_entity, currency=CURRENCIES[legal_entity], erp_id=EXTERNAL_IDS[0], consultant=rate, partner="1.01"
    ).model_copy(update={"to": project_key.id, "psa_id": EXTERNAL_IDS[1]})
    history.happen(project_key, event_of(project_key, project))


def _done(key: ActorKey, history: History, external_id: str) -> Result:
    asked = [request for request in history.requests[key] if request.system != SELF]
    return Result(command_of(key, asked[-1]), Confirmed(external_id))


def _draw_event(entity: str, one_of: Callable[..., object]) -> Record:
    match entity:
        case "customer":
            return _draw_customer_event(one_of)
        case "project":
            return _draw_project_event(one_of)
        case "engagement":
            return _draw_engagement_event(one_of)
        case _:
            return _draw_sheet(one_of)


def _draw_customer_event(one_of: Callable[..., object]) -> Record:
    legal_entities = one_of(("DE01",), ("DE01", "US01"), ("DE01", "JP01"), ("US01",), ("FR01",))
    upserted = customer().model_copy(
        update={
            "legal_entities": legal_entities,
            "tax_profile": one_of("standard", "standard", "reduced", None),
            "tax_id": one_of(None, "DE1", LONG),
            "name": one_of("Shipyard", "Shipyards GmbH", "Harbour", LONG),
            "domain": one_of(None, "shipyard.example"),
            "parent": one_of(None, Reference(id=SHIPYARD.id), Reference(id=LONG)),
        }
    )
    topic = one_of("duplicate", "duplicate", "duplicate", "erp:DE01", "erp:FR01", "parent", "nothing")
    act = Acted.model_validate({"topic": topic, "act": one_of(*Act), "by": "E-1", "reason": "decided"})
    event = one_of(
        upserted, upserted, upserted, upserted, credit(on_hold=True), credit(on_hold=False), act, act,
        trade(str(one_of("E-1", "E-2")), str(one_of(*LEGAL_ENTITIES))), merged(str(one_of(SHIPYARD.id, LONG))),
        TaxProfileChanged(legal_entity=str(one_of(*LEGAL_ENTITIES)), tax_profile="reduced", reason="audited"),
    )  # fmt: skip
    assert isinstance(event, Record)
    return event


def _draw_engagement_event(one_of: Callable[..., object]) -> Record:
    """A win, an answer of the customer, or an act of a person on any topic, open or not."""
    legal_entity, moved_to = str(one_of(*LEGAL_ENTITIES)), str(one_of(SHIPYARD.id, LONG))
    currency = CURRENCIES[legal_entity]
    parts = [
        part(
            legal_entity, currency=currency, service_line=str(one_of("advisory", "advisory", "gardening")),
            consultant=str(one_of(*RATES[currency])),
        ),
        part("JP01", currency="JPY", consultant="12345"),
    ][: int(str(one_of(1, 1, 2)))]  # fmt: skip
    if legal_entity == "JP01":
        parts = parts[:1]
    won = deal(*parts, opportunity_id=str(one_of("OPP-1", "OPP-1", "OPP-2"))).model_copy(
        update={"customer": Reference(id=str(one_of(SHIPYARD.id, LONG)))}
    )
    ready = CustomerReady(
        to=WON.id, customer=SHIPYARD.id, legal_entity=legal_entity, erp_id=str(one_of(*EXTERNAL_IDS)), tax_code="D19"
    )
    refused = CustomerRefused(
        to=WON.id, customer=SHIPYARD.id, legal_entity=legal_entity, failure_class=FailureClass.MAPPING,
        code="tax_profile_unmapped", reason="add it",
    )  # fmt: skip
    step = one_of("customer", "shell", "delivery", "contract", "open", "terms", "workspace", "links", "?")
    changes: tuple[dict[str, Any] | None, ...] = (
        None,
        {"external_id": "X-1"},
        {"parts": {legal_entity: {"service_line": "advisory"}}},
        {"parts": {legal_entity: {"tax_code": "D7"}}},
        {"customer": {"id": LONG}},
    )
    acted = Acted(
        topic=str(one_of("validate", f"step:{legal_entity}.{step}", f"undo:{legal_entity}.{step}", "left_over")),
        act=Act(str(one_of(*Act))),
        by="E-9",
        reason="looked into it",
        changes=changes[int(str(one_of(*range(len(changes)))))],
    )  # fmt: skip
    moved = CustomerMoved(to=WON.id, customer=SHIPYARD.id, into=moved_to)
    event = one_of(won, won, won, ready, ready, refused, acted, acted, acted, moved)
    assert isinstance(event, Record)
    return event


def _draw_project_event(one_of: Callable[..., object]) -> Record:
    legal_entity = str(one_of(*LEGAL_ENTITIES))
    currency = CURRENCIES[legal_entity]
    project = opened(
        legal_entity, currency=currency, ends_on=date(2026, 3, 3) if one_of(0, 0, 1) else None,
        erp_id=str(one_of(*EXTERNAL_IDS)), consultant=str(one_of(*RATES[currency])),
    )  # fmt: skip
    withdrawn = Withdrawn(to=BRIDGE.id, engagement=WON.id, reason="cancelled")
    status = StatusChanged.model_validate(
        {"status": one_of("active", "on_hold", "closed"), "effective_on": MONDAY, "reason": "decided"}
    )
    milestone = MilestoneCompleted(milestone_id=str(one_of("M1", "M2")), name="Design", completed_on=MONDAY)
    event = one_of(project, project, project, withdrawn, status, milestone, Activated(activated_on=MONDAY))
    assert isinstance(event, Record)
    return event


def _draw_lines(one_of: Callable[..., object]) -> tuple[Line, ...]:
    ids = one_of(("1",), ("1", "2"), ("2", "3"), ("1", "2", "3"), ("%" * 200,), ("1.r1", "1"))
    assert isinstance(ids, tuple)
    return tuple(
        line(
            id,
            str(one_of("8", "7.50", "0.25", "0.01", "24")),
            role=str(one_of("consultant", "consultant", "consultant", "partner")),
            day=date(2026, 3, int(str(one_of(2, 2, 2, 5)))),
            billable=bool(one_of(1, 1, 1, 0)),
        )
        for id in ids
    )


def _draw_sheet(one_of: Callable[..., object]) -> Approved | Corrected:
    legal_entity = str(one_of(*LEGAL_ENTITIES[:4]))
    lines = _draw_lines(one_of)
    project = one_of(
        Reference(id=BRIDGE.id), Reference(id=LONG), Reference(system="erp", external_id="10042"),
        Reference(system="psa", external_id="10043"),
    )  # fmt: skip
    revision = int(str(one_of(1, 1, 2, 3)))
    sheet: Approved | Corrected = approved(*lines, revision=revision, partial=bool(one_of(0, 0, 1)))
    if one_of(0, 1):
        sheet = corrected(*lines, corrects=revision)
    return sheet.model_copy(
        update={"legal_entity": legal_entity, "currency": CURRENCIES[legal_entity], "project": project}
    )

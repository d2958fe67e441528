"""Given a state, when an event comes, then a decision: how the tests of the actors read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, Snapshot, State, Wait
from actors.policy import LegalEntity, Policy, ServiceLine
from schemas.bindings import Unbound, leads_to
from schemas.commands import Command, Confirmed, Rejected, Result, command_id, command_reference
from schemas.envelope import Envelope
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.registry import EVENTS
from schemas.verdicts import Failure, FailureClass

NOW = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)
POLICY = Policy(
    legal_entities={
        "DE01": LegalEntity(currency="EUR", tax_codes={"standard": "D19", "reduced": "D7"}),
        "US01": LegalEntity(currency="USD", erp="us-erp", tax_codes={"standard": "US0"}, rounding="half_even"),
        "JP01": LegalEntity(currency="JPY", tax_codes={"standard": "J10"}),
    },
    service_lines={"advisory": ServiceLine(), "audit": ServiceLine()},
)
REFUSED = Failure(FailureClass.BUSINESS_RULE, "period_closed", "March is closed: post into April")


def event_of(key: ActorKey, data: Record, source: str = "urn:test", subject: str | None = None) -> Envelope:
    """`data` as it comes through the door for `key`, which its sender may know by another id."""
    names = [name for name in EVENTS.names if EVENTS.latest(name).model is type(data)]
    name = next((name for name in names if EVENTS.find(EVENTS.latest(name).type).actor == key.entity), names[0])
    type_, (entity, fact) = EVENTS.find(EVENTS.latest(name).type), name.split(".")
    return Envelope(
        source, "1", EVENTS.latest(name).type, entity, fact, type_.actor, subject or key.id, None, None, None, None,
        None, data, b"",
    )  # fmt: skip


def command_of(key: ActorKey, request: Request, generation: int = 1) -> Command:
    """The command that the gateway makes of a request."""
    identity = (request.system, request.operation, key, request.line, generation)
    reference = command_reference(key, request.line, generation)
    return Command(command_id(*identity), *identity, request.body.model_dump_json().encode(), reference)


@dataclass(frozen=True)
class Given:
    """An entity with a history, and what its decisions may see of the rest of the firm.

    `when` shows the decision no other keys than those that the actor named beforehand, so each test also proves that
    the actor's references cover what its decision looks up.
    """

    actor: Actor
    key: ActorKey
    state: State
    policy: Policy = POLICY
    others: Mapping[ActorKey, State] = field(default_factory=dict)
    taken: Mapping[Claim, ActorKey] = field(default_factory=dict)
    source: str = "urn:test"
    now: datetime = NOW
    subject: str | None = None
    """The id by which the sender of events knows the entity; None: by its key."""

    def when(self, happened: Record | Result) -> Decision:
        """What is decided."""
        event = happened if isinstance(happened, Result) else event_of(self.key, happened, self.source, self.subject)
        context = Context(self.key, self.now, self.policy, self._loaded(event), self.taken)
        return self.actor.decide(self.state, event, context)

    def after(self, *happened: Record | Result) -> Given:
        """The same entity after events that were all accepted."""
        given = self
        for event in happened:
            given = replace(given, state=accepted(given.when(event)).state)
        return given

    def asked(self, happened: Record) -> tuple[Request, ...]:
        """What is asked of systems when `happened` is accepted."""
        return accepted(self.when(happened)).requests

    def confirmed(self, request: Request, external_id: str | None = None, *, generation: int = 1) -> Result:
        """The news that a system has done what was asked."""
        return Result(command_of(self.key, request, generation), Confirmed(external_id))

    def refused(self, request: Request) -> Result:
        """The news that a system refuses what was asked."""
        return Result(command_of(self.key, request), Rejected(REFUSED))

    def _loaded(self, event: Event) -> dict[ActorKey, Snapshot]:
        loaded: dict[ActorKey, Snapshot] = {}
        wanted = set(self.actor.references(self.state, event, loaded))
        while wanted - loaded.keys():
            for key in wanted - loaded.keys():
                state = self.others.get(key, Unbound() if key.is_external else None)
                loaded[key] = Snapshot(key, 0 if state is None else 1, state)
                meant = leads_to(key, state)
                if meant is not None:
                    wanted.add(meant)
            wanted.update(self.actor.references(self.state, event, loaded))
        return loaded


def accepted(decision: Decision) -> Accept:
    """The decision, which must be to accept."""
    assert isinstance(decision, Accept), decision
    return decision


def refusal(decision: Decision) -> Failure:
    """Why the event was rejected, which it must be."""
    assert isinstance(decision, Reject), decision
    return decision.failure


def reason_to_ignore(decision: Decision) -> str:
    """Why the event changes nothing, which it must not."""
    assert isinstance(decision, Ignore), decision
    return decision.reason


def awaited(decision: Decision) -> ActorKey:
    """What the event waits for, which it must."""
    assert isinstance(decision, Wait), decision
    return decision.target

"""A toy entity for the tests of the runtime: each of its steps says itself what is to be decided on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, Snapshot, Wait
from actors.policy import LegalEntity, Policy
from adapters.ports.outbox import Leased
from adapters.ports.turns import Message
from gateway.activation import Answered, Entry
from schemas.acts import Acted, ActedV1, from_v1
from schemas.commands import (
    OURS,
    SELF,
    Command,
    Confirmed,
    Rejected,
    Result,
    Unknown,
    command_id,
    command_reference,
)
from schemas.envelope import Envelope, Undecodable
from schemas.facts import Case, Claim, Notice
from schemas.keys import ActorKey, external_key
from schemas.record import Record
from schemas.registry import Registry, Version
from schemas.verdicts import Failure, FailureClass
from schemas.vocabulary import Vocabulary

NOW: Final = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)
POLICY: Final = Policy(legal_entities={"DE01": LegalEntity(currency="EUR")})
ERP: Final = "erp"
A: Final = ActorKey("job", "a")
B: Final = ActorKey("job", "b")
C: Final = ActorKey("job", "c")
PASSING: Final = Failure(FailureClass.UNAVAILABLE, "closed", "come back later")
WRONG: Final = Failure(FailureClass.BUSINESS_RULE, "wrong", "correct it")


def theirs(id: str) -> ActorKey:
    """The ERP's own id of a job."""
    return external_key(ERP, "job", id)


class Ask(Record):
    """The body of a command. Its confirmation binds the ERP's id `binds`, if it names one."""

    line: str
    binds: str | None = None


Names = Annotated[tuple[str, ...], Field(strict=False)]


class Step(Record):
    """What is to be decided.

    `needs`: a job that must have a step applied, by our id or, as `erp:7`, by the ERP's. `asks`: lines asked of the
    ERP, `line=7` binds the ERP's id 7 when it is confirmed. `claims`: a value that one job alone may hold. `tells`: a
    step asked of another job by `self`, `b:b1` of job b the step b1, and `b:b1>a:a2` with one that this tells in turn.
    """

    name: str
    does: Literal["accept", "ignore", "park", "retry", "raise", "wait for a stranger", "wait for itself"] = "accept"
    needs: str | None = None
    asks: Names = ()
    claims: str | None = None
    releases: str | None = None
    opens: str | None = None
    """A topic on which its decision opens a case."""
    settles: str | None = None
    """A topic that its decision settles."""
    leads_on: bool = False
    """Whether its references lead to ever more of them."""
    tells: Names = ()


class Told(Step):
    """A step that another job asks for."""

    to: str


class Job(BaseModel):
    """What was applied, in order: names of steps, and `+line` for each command that was done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[str, ...] = ()


def needed(step: Step) -> ActorKey | None:
    """The key that a step relies on."""
    if step.needs is None:
        return None
    system, colon, id = step.needs.partition(":")
    return external_key(system, "job", id) if colon else ActorKey("job", step.needs)


def references(_state: Job, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What a step needs."""
    if not isinstance(event, Envelope) or not isinstance(event.data, Step):
        return ()
    if event.data.leads_on:
        return [ActorKey("job", f"further {n}") for n in range(len(loaded) + 1)]
    key = needed(event.data)
    return () if key is None else (key,)


def decide(state: Job, event: Event, context: Context) -> Decision:
    """Do what the step says."""
    if isinstance(event, Result):
        return _answered(state, event)
    if isinstance(event.data, Acted):
        return _acted(state, event.data)
    step = event.data
    assert isinstance(step, Step)
    return _unready(step, context) or _done(state, step, context)


def _acted(state: Job, acted: Acted) -> Decision:
    if "finance" not in acted.roles:
        return Ignore(f"{acted.by} may not {acted.act} this: it takes the role finance")
    after = Job(steps=(*state.steps, f"{acted.act} by {acted.by}"))
    return Accept(after, settles=(acted.topic,), remarks=("the old price stays",))


def _unready(step: Step, context: Context) -> Wait | None:
    key = needed(step)
    snapshot = None if key is None else context.find(key)
    if snapshot is None or (isinstance(snapshot.state, Job) and snapshot.state.steps):
        return None
    return Wait(snapshot.key, f"{snapshot.key} has done nothing yet")


def _done(state: Job, step: Step, context: Context) -> Decision:
    match step.does:
        case "accept":
            return _accepted(state, step)
        case "ignore":
            return Ignore("asked to")
        case "park":
            return Reject(WRONG)
        case "retry":
            return Reject(PASSING)
        case "raise":
            raise ArithmeticError(step.name)
        case "wait for a stranger":
            return Wait(ActorKey("job", "stranger"), "why not")
        case "wait for itself":
            return Wait(context.key, "why not")


def _accepted(state: Job, step: Step) -> Accept:
    requests = []
    for ask in step.asks:
        line, _, binds = ask.partition("=")
        requests.append(Request(ERP, "job.do", line, Ask(line=line, binds=binds or None)))
    for tell in step.tells:
        said, _, then = tell.partition(">")
        to, _, name = said.partition(":")
        requests.append(Request(SELF, "job.told", name, Told(name=name, to=to, tells=(then,) if then else ())))
    return Accept(
        Job(steps=(*state.steps, step.name)),
        requests=tuple(requests),
        claims=() if step.claims is None else (Claim("job", step.claims),),
        releases=() if step.releases is None else (Claim("job", step.releases),),
        notices=(Notice("stepped", {"name": step.name}),),
        cases=_cases(step),
        settles=() if step.settles is None else (step.settles,),
        remarks=("the name stays", "so does the rate") if step.name == "remarks" else (),
    )


def _cases(step: Step) -> tuple[Case, ...]:
    if step.opens is not None:
        return (Case(WRONG, topic=step.opens),)
    return (Case(WRONG),) if step.name == "case" else ()


def _answered(state: Job, result: Result) -> Decision:
    if isinstance(result.outcome, Rejected):
        return Reject(result.outcome.failure)
    if result.command.system == SELF:
        return Accept(Job(steps=(*state.steps, f"+{result.command.line}")))
    ask = Ask.model_validate_json(result.command.body)
    binds = () if ask.binds is None else (theirs(ask.binds),)
    remarks = ("the price stays",) if ask.line == "remarks" else ()
    return Accept(Job(steps=(*state.steps, f"+{ask.line}")), binds=binds, remarks=remarks)


ACTOR: Final = Actor("job", Job, 1, decide, references)
TOYS: Final = Vocabulary(
    Registry(
        (
            Version("job.told", 1, Told, inner=True),
            Version("job.acted", 1, ActedV1, from_v1, inner=True),
            Version("job.acted", 2, Acted, inner=True),
        )
    )
)


@dataclass(slots=True)
class Slip:
    """A receipt that remembers how often it was acked."""

    is_live: bool = True
    acks: int = 0

    def ack(self) -> None:
        self.acks += 1


_DELIVERIES: Final = iter(range(10**9))


def message_of(id: str, step: Step, source: str = "psa") -> Message:
    """A step as a message; each call is a delivery of its own."""
    body = step.to_json()
    ref = uuid5(NAMESPACE_URL, f"{source}/{id}/{next(_DELIVERIES)}")
    return Message(ref, source, id, "job.step.v1", sha256(body).digest(), body)


def read(message: Message) -> Envelope:
    """The envelope of a message. Raises `Undecodable`."""
    if message.source.startswith(OURS):
        return TOYS.decode_stored(message.body)
    try:
        step = Step.model_validate_json(message.body)
    except ValueError as error:
        raise Undecodable(Failure(FailureClass.SCHEMA, "not_a_step", "send a step")) from error
    return Envelope(
        message.source, message.id, message.type, "job", "step", "job", "", None, None, None, None, None, step,
        message.body_hash,
    )  # fmt: skip


def entry(name: str, step: Step | None = None, *, id: str | None = None, slip: Slip | None = None) -> Entry:
    """A step in a mailbox, its message called like it unless `id` is given."""
    message = message_of(id or name, step or Step(name=name))
    return Entry(message, read(message), slip or Slip())


def command(key: ActorKey, line: str, *, binds: str | None = None, generation: int = 1) -> Command:
    """The command for a line of a job."""
    identity = (ERP, "job.do", key, line, generation)
    body = Ask(line=line, binds=binds).to_json()
    return Command(command_id(*identity), *identity, body, command_reference(key, line, generation))


def answered(
    key: ActorKey, line: str, outcome: Confirmed | Rejected | Unknown | None = None, *, binds: str | None = None
) -> Answered:
    """What came of a command: done, unless said otherwise."""
    leased = Leased(command(key, line, binds=binds), uuid5(NAMESPACE_URL, "token"), 1, ())
    return Answered(leased, outcome or Confirmed(None))


@dataclass(slots=True)
class Ids:
    """Ids in order, the same in each run."""

    made: int = 0

    def __call__(self) -> UUID:
        self.made += 1
        return UUID(int=self.made)


@dataclass(slots=True)
class Naps:
    """A `sleep` that takes no time and remembers how long it was asked for."""

    asked: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)

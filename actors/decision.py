"""The closed sets of a decision: what an actor is given, and the four things that it may answer.

`decide(state, event, context)` is a plain function of its arguments. It never awaits, reads a clock, or logs.
It answers one of

- `Accept`: the event is applied; state, commands, claims, bindings, notices, and cases commit together or not at all.
- `Ignore`: the event is final and changes nothing.
- `Wait`: the event, and all later ones of its key, wait until the target key changes. Spends no attempt.
- `Reject`: a person must act. A message is parked with a case; for a `Result`, its command is.

A `Result` is never made to wait: it is a fact about the outside that no other key can change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from actors.policy import Policy
from actors.upcasting import Upcast
from schemas.bindings import leads_to
from schemas.commands import Result
from schemas.envelope import Envelope
from schemas.facts import Case, Claim, Notice
from schemas.keys import ActorKey
from schemas.verdicts import Failure

STEPS: Final = 10
"""How far a reference is followed: from an external key to ours, and from what was merged to what took its place."""

State = BaseModel
"""State of an entity: a frozen pydantic model of its own, stored as JSON with the actor's schema number."""

Event = Envelope | Result
"""What an actor decides on: a fact that arrived, or what came of its own command."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command as a decision asks for it.

    `line` names the step or line within the key: (system, operation, key, line, generation) is the command's identity,
    so the same step asked for twice is the same command. `body` is the canonical body, frozen when it commits.
    """

    system: str
    operation: str
    line: str
    body: BaseModel


@dataclass(frozen=True, slots=True)
class Accept:
    """The event is applied.

    `releases` gives back claims of this key that it no longer needs, so that another key may hold them. `binds` are
    external keys (see `schemas.keys.external_key`) that from now on mean this key. `settles` closes the open cases of
    this key with these topics. `remarks` say, for the timeline, what of the event was not applied, and why.
    """

    state: State
    requests: tuple[Request, ...] = ()
    claims: tuple[Claim, ...] = ()
    releases: tuple[Claim, ...] = ()
    binds: tuple[ActorKey, ...] = ()
    notices: tuple[Notice, ...] = ()
    cases: tuple[Case, ...] = ()
    settles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignore:
    """The event is final and changes nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The event needs `target` to change first; `target` is one of the references that the actor named."""

    target: ActorKey
    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A person must act before the event can be applied."""

    failure: Failure


Decision = Accept | Ignore | Wait | Reject


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Another entity as it was when the decision was made. `state` is None while nothing was ever applied to it.

    The commit checks `version` (its entity version) again, so a decision never stands on a fact that has moved.
    """

    key: ActorKey
    version: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Context:
    """All that a decision may know beside its own state and the event.

    `references`: the snapshots of the keys that the actor named, and of what they lead to: the key that an external key
    is bound to, the entity that one was merged into.
    `taken`: claims that this decision asked for and another key holds.
    """

    key: ActorKey
    now: datetime
    policy: Policy
    references: Mapping[ActorKey, Snapshot] = field(default_factory=dict)
    taken: Mapping[Claim, ActorKey] = field(default_factory=dict)

    def find(self, key: ActorKey) -> Snapshot:
        """The snapshot of what `key` means, after at most `STEPS` steps; of `key` itself where it leads nowhere."""
        snapshot = self.references[key]
        for _ in range(STEPS):
            meant = leads_to(snapshot.key, snapshot.state)
            if meant is None:
                break
            snapshot = self.references[meant]
        return snapshot


References = Callable[[Any, Event, Mapping[ActorKey, Snapshot]], Iterable[ActorKey]]
"""(state, event, what is loaded so far) -> the keys that the decision needs; asked again until nothing is new.

What a key leads to (see `schemas.bindings.leads_to`) need not be named: it is loaded with it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The pure definition of one entity. `Any` because the registry erases each actor's own state type.

    `schema` is the number under which states are stored now; `upcasts` has, for each earlier number whose states this
    one's model would not read, the function that makes a state of the next number of it.
    """

    entity: str
    state: type[State]
    schema: int
    decide: Callable[[Any, Event, Context], Decision]
    references: References
    upcasts: Mapping[int, Upcast] = field(default_factory=dict)


def no_references(_state: object, _event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """References of an actor whose decisions need nothing but its own state."""
    return ()

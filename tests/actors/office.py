"""An office of actors: what one asks of another arrives, and systems do what they are asked unless a test says not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import NamedTuple

from actors.decision import Accept, Decision, Request, State, Wait
from actors.policy import Policy
from actors.registry import ACTORS
from schemas.bindings import Binding
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.registry import EVENTS
from tests.actors.stage import NOW, REFUSED, Given, command_of


class _Coming(NamedTuple):
    """What is on its way to a key. `source`: who has it said, and by which system."""

    source: tuple[ActorKey, str]
    key: ActorKey
    happened: Record | Result


class Office:
    """States by key, all that was asked for in order, the cases that stand open, by key and topic, and the time.

    `refusing`: operations that their system refuses for good. With `chance` the keys and systems that have something
    to say do so in any order, each its own in the order in which it was asked for.
    """

    def __init__(self, policy: Policy, states: Mapping[ActorKey, State], chance: Random | None = None) -> None:
        self.policy = policy
        self.states: dict[ActorKey, State] = dict(states)
        self.asked: list[tuple[ActorKey, Request]] = []
        self.cases: dict[tuple[ActorKey, str], Case] = {}
        self.remarks: list[str] = []
        self.refusing: set[str] = set()
        self.now: datetime = NOW
        self._chance = chance
        self._coming: list[_Coming] = []
        self._waiting: list[tuple[ActorKey, Record | Result]] = []

    def tell(self, key: ActorKey, happened: Record) -> Decision:
        """Something happened, and all that follows from it. Answers the decision on the first."""
        first = self._decide(key, happened)
        while self._coming:
            self.go_on()
        return first

    def happens(self, key: ActorKey, happened: Record) -> None:
        """Something happened; what follows from it is still to come."""
        self._decide(key, happened)

    def go_on(self) -> bool:
        """One more thing arrives. False if nothing is on its way."""
        if not self._coming:
            return False
        firsts = list({each.source: each for each in reversed(self._coming)}.values())
        arrives = self._coming[0] if self._chance is None else self._chance.choice(firsts)
        self._coming.remove(arrives)
        self._decide(arrives.key, arrives.happened)
        return True

    def bodies(self, operation: str) -> list[Record]:
        """What was asked by an operation, in order."""
        return [_record(request) for _, request in self.asked if request.operation == operation]

    def topics(self, key: ActorKey) -> list[str]:
        """The open cases of a key."""
        return sorted(topic for holder, topic in self.cases if holder == key)

    def _decide(self, key: ActorKey, happened: Record | Result) -> Decision:
        actor = ACTORS[key.entity]
        others = {other: state for other, state in self.states.items() if other != key}
        state = self.states.get(key) or actor.state()
        decision = Given(actor, key, state, self.policy, others, now=self.now).when(happened)
        if isinstance(decision, Accept):
            self._commit(key, decision)
        elif isinstance(decision, Wait):
            self._waiting.append((key, happened))
        return decision

    def _commit(self, key: ActorKey, accept: Accept) -> None:
        self.states[key] = type(accept.state).model_validate_json(accept.state.model_dump_json())
        self.states |= {external: Binding(entity=key.entity, id=key.id) for external in accept.binds}
        for topic in accept.settles:
            self.cases.pop((key, topic), None)
        self.cases |= {(key, f"{case.topic}"): case for case in accept.cases}
        self.remarks += accept.remarks
        for request in accept.requests:
            self.asked.append((key, request))
            source = (key, request.system)
            if request.system == SELF:
                self._coming.append(_Coming(source, _target(request), _record(request)))
            result = Result(command_of(key, request), self._outcome(key, request))
            self._coming.append(_Coming(source, key, result))
        self._coming.extend(_Coming((key, "lane"), key, happened) for key, happened in self._waiting)
        self._waiting.clear()

    def _outcome(self, key: ActorKey, request: Request) -> Confirmed | Rejected:
        if request.operation in self.refusing:
            return Rejected(REFUSED)
        made = f"{request.operation.partition('.')[0]}-{key.id}"
        return Confirmed(None if request.system == SELF else made)


def _target(request: Request) -> ActorKey:
    """Whom a command to `self` is for."""
    type_ = EVENTS.find(EVENTS.latest(request.operation).type)
    return ActorKey(type_.actor, getattr(request.body, "to"))  # noqa: B009  # the body of a command to self names it


def _record(request: Request) -> Record:
    assert isinstance(request.body, Record)
    return request.body

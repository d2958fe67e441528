"""The outside system of the toy jobs: it keeps a journal of its effects, and behaves badly on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID

from adapters.ports.system import NOT_BEGUN, Absent, Capability, UnknownOperation, Upsert
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.gateway.toy import ERP, WRONG, Ask

KEYED = Capability(Upsert.NONE, key_window=86_400, unique_reference=False, look_up=True, late_bound=60)
LOOKED_UP = Capability(Upsert.NONE, key_window=None, unique_reference=False, look_up=True, late_bound=60)
NO_ANSWER = Failure(FailureClass.TIMEOUT, "timeout", "no answer came")
BUSY = Failure(FailureClass.RATE_LIMITED, "busy", "come back later")
EXPIRED = Failure(FailureClass.AUTH, "http_401", "the token has run out")
UNREACHABLE = Failure(FailureClass.UNAVAILABLE, "connect_failed", "it took no connection")
STALL = 20.0
"""Longer than it takes others to think that we are dead."""


class Mood(Enum):
    """How it treats one request."""

    WELL = auto()
    REJECTS = auto()
    BUSY = auto()
    AUTH = auto()
    """It refuses our token."""
    IS_UNREACHABLE = auto()
    """No connection comes about."""
    AWAY_FOR_AN_HOUR = auto()
    """It asks us to come back in an hour."""
    TIMES_OUT = auto()
    """Nothing is done, no answer comes."""
    APPLIES_THEN_TIMES_OUT = auto()
    APPLIES_HALF = auto()
    """Of a batch the first half is done, and no answer comes."""
    APPLIES_LATE = auto()
    """No answer comes, and the effect half a minute later."""
    STALLS = auto()
    """The sender's process stands still before the request leaves it."""
    STALLS_THEN_REJECTS = auto()
    RAISES = auto()
    """The adapter has a bug: the effect is there, and it raises."""


@dataclass
class Vendor:
    """A `System` that is `Batching`. `effects` are the references of what it has, in order.

    A remembered key has no second effect. `sizes` are those of its requests, of which a batch is one.
    """

    capability_of_all: Capability = KEYED
    seconds: Callable[[], float] = lambda: 0.01
    moods: deque[Mood] = field(default_factory=deque)
    otherwise: Callable[[], Mood] = lambda: Mood.WELL
    effects: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    look_ups: int = 0
    is_mute: bool = False
    """Whether it answers no look-up."""
    name: str = ERP
    _keys: set[UUID] = field(default_factory=set)
    _late: deque[Command] = field(default_factory=deque)
    _applying: set[asyncio.Task[None]] = field(default_factory=set)
    _busy_with: set[ActorKey] = field(default_factory=set)

    def capability(self, operation: str) -> Capability:
        if operation != "job.do":
            raise UnknownOperation(operation)
        return self.capability_of_all

    async def send(self, command: Command) -> Outcome:
        mood = await self._received([command])
        outcome = self._done(command, mood)
        if mood is Mood.RAISES:
            raise KeyError(command.line)
        return outcome

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        mood = await self._received(commands)
        half = (len(commands) + 1) // 2 if mood is Mood.APPLIES_HALF else len(commands)
        outcomes = list(self._in_order(commands[:half], mood))
        if mood is Mood.RAISES:
            raise KeyError(commands[0].line)
        return [*outcomes, *[Unknown(NO_ANSWER)] * (len(commands) - half)]

    def _in_order(self, commands: Sequence[Command], mood: Mood) -> Iterator[Outcome]:
        """Each is done unless the one before it of its key was refused; what a lost answer says is not the point."""
        stopped: set[ActorKey] = set()
        for each in commands:
            outcome = NOT_BEGUN if each.key in stopped else self._done(each, mood)
            if isinstance(outcome, Rejected | Deferred):
                stopped.add(each.key)
            yield outcome

    async def _received(self, commands: Sequence[Command]) -> Mood:
        """A request has arrived; how it is treated."""
        mood = self.moods.popleft() if self.moods else self.otherwise()
        if mood in (Mood.STALLS, Mood.STALLS_THEN_REJECTS):
            await asyncio.sleep(STALL)
        self.requests.extend(each.reference for each in commands)
        self.sizes.append(len(commands))
        await asyncio.sleep(self.seconds())
        return mood

    def _done(self, command: Command, mood: Mood) -> Outcome:
        match mood:
            case Mood.REJECTS | Mood.STALLS_THEN_REJECTS:
                return Rejected(WRONG)
            case Mood.BUSY:
                return Deferred(BUSY, 3.0)
            case Mood.AWAY_FOR_AN_HOUR:
                return Deferred(BUSY, 3600.0)
            case Mood.AUTH:
                return Deferred(EXPIRED, None)
            case Mood.IS_UNREACHABLE:
                return Deferred(UNREACHABLE, None)
            case Mood.TIMES_OUT:
                return Unknown(NO_ANSWER)
            case Mood.APPLIES_LATE:
                self._late.append(command)
                task = asyncio.create_task(self._apply_later())
                self._applying.add(task)
                task.add_done_callback(self._applying.discard)
                return Unknown(NO_ANSWER)
            case Mood.APPLIES_THEN_TIMES_OUT | Mood.APPLIES_HALF:
                self._apply(command)
                return Unknown(NO_ANSWER)
            case _:
                self._apply(command)
                return _confirmed(command)

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        self.look_ups += 1
        await asyncio.sleep(self.seconds())
        if self.is_mute:
            return Unknown(NO_ANSWER)
        return _confirmed(command) if command.reference in self.effects else Absent()

    def remember(self, key: UUID) -> None:
        """A request with this key has no effect any more."""
        self._keys.add(key)

    async def close(self) -> None:
        return

    async def _apply_later(self) -> None:
        """Apply the one that is late for longest: of several that are due at once, too, the first that came."""
        await asyncio.sleep(30)
        self._apply(self._late.popleft())

    def _apply(self, command: Command) -> None:
        if self.capability_of_all.key_window is None or command.id not in self._keys:
            self._keys.add(command.id)
            self.effects.append(command.reference)


def _confirmed(command: Command) -> Confirmed:
    return Confirmed(Ask.model_validate_json(command.body).binds or f"erp-{command.line}")

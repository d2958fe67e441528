"""An outside system: its own journal of effects, its own memory of keys, and bad days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum, auto
from random import Random
from typing import Final

from adapters.ports.system import NOT_BEGUN, Absent, Capability, Upsert
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.keys import ActorKey
from schemas.operations.table import read_body
from schemas.verdicts import Failure, FailureClass
from tests.checker import cells
from tests.checker.content import raw
from tests.checker.evidence import Cell, Effect, Request
from tests.sim.owner import context_of
from tests.sim.wire import Wire

LATE_BOUND: Final = 5.0
KEY_WINDOW: Final = 60.0
"""Longer than a process ever stands still and an attempt is late, so a key that is forgotten is an old one."""
KEYED: Final = Capability(Upsert.NONE, KEY_WINDOW, unique_reference=False, look_up=True, late_bound=LATE_BOUND)
UNIQUE: Final = Capability(Upsert.NONE, None, unique_reference=True, look_up=True, late_bound=LATE_BOUND)
BOTH: Final = Capability(Upsert.NONE, KEY_WINDOW, unique_reference=True, look_up=True, late_bound=LATE_BOUND)
"""Promises to remember keys and does not; its unique reference saves it."""
LOOKED_UP: Final = Capability(Upsert.NONE, None, unique_reference=False, look_up=True, late_bound=LATE_BOUND)
NOTHING: Final = Capability(Upsert.NONE, None, unique_reference=False, look_up=False, late_bound=LATE_BOUND)
NO_ANSWER: Final = Failure(FailureClass.TIMEOUT, "timeout", "no answer came")
BUSY: Final = Failure(FailureClass.RATE_LIMITED, "busy", "come back later")
NOTHING_THERE: Final = Failure(FailureClass.BUSINESS_RULE, "not_posted", "post it before taking it back")
REFUSED: Final = Failure(FailureClass.BUSINESS_RULE, "refused", "correct it, then retry")


TOGETHER: Final = 12
"""So many times as often as a request of one command, one of several fares badly."""


class Mood(Enum):
    """How it treats one request."""

    WELL = auto()
    THROTTLES = auto()
    REJECTS = auto()
    NEVER_THERE = auto()
    """The request is lost, and no answer comes."""
    APPLIES_UNHEARD = auto()
    APPLIES_LATE = auto()
    RAISES = auto()
    """It applies, and our adapter has a bug."""
    LEAVES_OUT = auto()
    """Half of a batch lands, and the answer speaks of that half alone."""


BAD: Final = tuple(mood for mood in Mood if mood not in (Mood.WELL, Mood.LEAVES_OUT))
OF_BATCHES: Final = (*BAD, Mood.LEAVES_OUT)
HALVES: Final = frozenset({Mood.APPLIES_UNHEARD, Mood.LEAVES_OUT})
"""Of a batch that fares so only the first half lands."""
CELLS: Final[Mapping[Mood, tuple[Cell, ...]]] = {
    Mood.THROTTLES: (cells.THROTTLED,),
    Mood.REJECTS: (cells.REJECTED,),
    Mood.NEVER_THERE: (cells.NO_ANSWER, Cell(cells.REQUEST, cells.LOST)),
    Mood.APPLIES_UNHEARD: (cells.APPLIED_UNKNOWN, Cell(cells.REQUEST, cells.LOST)),
    Mood.APPLIES_LATE: (cells.LATE, Cell(cells.REQUEST, cells.TIMEOUT)),
    Mood.RAISES: (cells.APPLIED_UNKNOWN,),
    Mood.LEAVES_OUT: (cells.LEFT_OUT,),
}


@dataclass
class Outside:
    """The system itself. `bad` is the share of requests that it treats badly; `tick` numbers what arrives."""

    name: str
    promises: Capability
    chance: Random
    tick: Callable[[], float]
    hit: Callable[[Cell], None]
    bad: float = 0.0
    is_down: bool = False
    requests: list[Request] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _keys: dict[str, float] = field(default_factory=dict)
    _pending: set[tuple[str, str]] = field(default_factory=set)
    _refused: set[str] = field(default_factory=set)
    _refused_for_good: set[str] = field(default_factory=set)
    _batches: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context_of(None)

    def mood(self, commands: int) -> Mood:
        """How the next request fares; one of several commands fares badly more often, for there are few of them."""
        if self.chance.random() >= self.bad * (1 if commands == 1 else TOGETHER):
            return Mood.WELL
        mood = self.chance.choice(BAD if commands == 1 else OF_BATCHES)
        for cell in CELLS[mood]:
            self.hit(cell)
        return mood

    def arrive_together(self, commands: Sequence[Command], mood: Mood) -> Sequence[Outcome]:
        """A batch is there; what is answered, if it is heard.

        Of one that is refused only one command is. What comes behind a command of its key that was not done is not
        begun.
        """
        self._batches += 1
        landing, ill = len(commands), None
        if mood in HALVES and not self.is_down:
            landing = (landing + 1) // 2
            self.hit(cells.HALF_A_BATCH)
        elif mood is Mood.REJECTS:
            ill = self.chance.randrange(landing)
        elif mood is Mood.APPLIES_LATE and not self.is_down:
            return self._late(commands)
        stopped: set[ActorKey] = set()
        outcomes: list[Outcome] = []
        for place, command in enumerate(commands):
            outcome: Outcome = Unknown(NO_ANSWER)
            if place < landing and command.key in stopped:
                self.hit(cells.NOT_BEGUN)
                self._note(command, self._batches)
                outcome = NOT_BEGUN
            elif place < landing:
                outcome = self.arrive(command, Mood.WELL if ill not in (None, place) else mood, self._batches)
            if not isinstance(outcome, Confirmed):
                stopped.add(command.key)
            outcomes.append(outcome)
        return outcomes

    def arrive(self, command: Command, mood: Mood, batch: int | None = None) -> Outcome:
        """A request is there; what is answered, if it is heard. `batch` is the number of those that it came with."""
        self._note(command, batch)
        if self.is_down:
            self.hit(cells.DOWN)
            return Deferred(BUSY, 1.0)
        if self.promises is BOTH and _place(command) in self._ids:
            self.hit(cells.IGNORES_KEY)
        if mood is Mood.THROTTLES:
            return Deferred(BUSY, self.chance.choice([None, 0.5, 2.0]))
        if (mood is Mood.REJECTS or command.reference in self._refused_for_good) and not self._has(command):
            self._refused.add(command.reference)
            return Rejected(REFUSED)
        if self._takes_back_nothing(command):
            return Rejected(NOTHING_THERE)
        if mood is Mood.APPLIES_LATE:
            return self._apply_late([command])
        self._apply(command)
        return self._confirmed(command)

    def forget_times(self) -> None:
        """The store was restored: requests of before have no time that compares. What was refused is refused again."""
        self.requests = [replace(request, at=None) for request in self.requests]
        self._refused_for_good = set(self._refused)

    @property
    def has_pending(self) -> bool:
        """Whether something has arrived that is not applied yet."""
        return bool(self._pending)

    def look_up(self, command: Command) -> Confirmed | Absent | Unknown:
        """Whether it has the effect, at this moment."""
        if self.is_down or self.chance.random() < self.bad / 4:
            return Unknown(NO_ANSWER)
        if _place(command) in self._ids:
            return self._confirmed(command)
        if _place(command) in self._pending:
            self.hit(cells.ABSENT_EARLY)
        return Absent()

    def _note(self, command: Command, batch: int | None) -> None:
        body = raw(command.body)
        self.requests.append(Request(self.name, str(command.id), command.reference, body, self.tick(), batch))

    def _late(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        """A batch lands late as a whole, in its order; behind what is refused for good of a key nothing does."""
        stopped: set[ActorKey] = set()
        landing: list[Command] = []
        for command in commands:
            self._note(command, self._batches)
            if command.reference in self._refused_for_good:
                stopped.add(command.key)
            if command.key not in stopped:
                landing.append(command)
        self._apply_late(landing)
        return [Unknown(NO_ANSWER)] * len(commands)

    def _apply_late(self, commands: Sequence[Command]) -> Outcome:
        self._pending.update(map(_place, commands))
        late = self.chance.uniform(0.5, LATE_BOUND * 0.9)
        self._loop.call_later(late, self._apply_all, commands, context=self._context)
        return Unknown(NO_ANSWER)

    def _apply_all(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._apply(command)

    def _has(self, command: Command) -> bool:
        """Whether another request would have no second effect."""
        if self.promises.unique_reference:
            return _place(command) in self._ids
        return self._keys.get(str(command.id), 0.0) > self._loop.time()

    def _takes_back_nothing(self, command: Command) -> bool:
        """Whether it is a reversal of what was never posted: every ERP has to refuse that."""
        kind, _, act = command.operation.rpartition(".")
        if act != "reverse":
            return False
        reverses: str = getattr(read_body(command.operation, command.body), "reverses")  # noqa: B009 - of every reversal
        return (f"{kind}.post", reverses) not in self._ids

    def _apply(self, command: Command) -> None:
        self._pending.discard(_place(command))
        if self._has(command) or self._takes_back_nothing(command):
            return
        if self.promises.key_window is not None:
            self._keys[str(command.id)] = self._loop.time() + self.promises.key_window
        amount = read_body(command.operation, command.body).amount or Decimal(0)
        self._ids[_place(command)] = f"{self.name}-{command.key.id}"
        self.effects.append(
            Effect(
                self.name, command.operation, str(command.key), command.reference, str(command.id),
                raw(command.body), amount,
            )
        )  # fmt: skip

    def _confirmed(self, command: Command) -> Confirmed:
        return Confirmed(self._ids[_place(command)])


class Line:
    """The `System` of one process: its own connection to the outside system."""

    def __init__(self, outside: Outside, wire: Wire) -> None:
        self.name = outside.name
        self._outside = outside
        self._wire = wire
        self._loop = asyncio.get_running_loop()
        self._context = context_of(None)

    def capability(self, _operation: str) -> Capability:
        return self._outside.promises

    async def send(self, command: Command) -> Outcome:
        [outcome] = await self._exchange([command])
        return outcome

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        return await self._exchange(commands)

    async def look_up(self, command: Command) -> Confirmed | Absent | Unknown:
        await asyncio.sleep(self._wire.delay())
        return self._outside.look_up(command)

    async def close(self) -> None:
        return

    async def _exchange(self, commands: Sequence[Command]) -> Sequence[Outcome]:
        """One request."""
        with self._wire.moment(cells.REQUEST):
            mood = self._outside.mood(len(commands))
            answer: asyncio.Future[Sequence[Outcome]] = self._loop.create_future()
            if mood is not Mood.NEVER_THERE:
                self._loop.call_later(self._wire.delay(), self._arrive, commands, mood, answer, context=self._context)
            else:
                self._answer(answer, [Unknown(NO_ANSWER)] * len(commands))
            outcomes = await answer
        if mood is Mood.RAISES and not any(isinstance(each, Deferred) for each in outcomes):
            raise KeyError(commands[0].line)
        if mood is Mood.APPLIES_UNHEARD:
            return [Unknown(NO_ANSWER) if isinstance(each, Confirmed) else each for each in outcomes]
        return outcomes

    def _arrive(self, commands: Sequence[Command], mood: Mood, answer: asyncio.Future[Sequence[Outcome]]) -> None:
        outside = self._outside
        if len(commands) == 1:
            self._answer(answer, [outside.arrive(commands[0], mood)])
        else:
            self._answer(answer, outside.arrive_together(commands, mood))

    def _answer(self, answer: asyncio.Future[Sequence[Outcome]], outcomes: Sequence[Outcome]) -> None:
        self._loop.call_later(self._wire.delay(), _settle, answer, outcomes, context=self._context)


def _settle(answer: asyncio.Future[Sequence[Outcome]], outcomes: Sequence[Outcome]) -> None:
    if not answer.done():
        answer.set_result(outcomes)


def _place(command: Command) -> tuple[str, str]:
    return command.operation, command.reference

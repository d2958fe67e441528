"""The wire from a process to its store: every verb of every port is late, lost, or refused by chance.

What was sent is done on the server whatever has become of the sender meanwhile. Verbs are looked up by name, so a
port may grow without a change here; a verb that is not in `READS` is taken for one that writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from inspect import iscoroutinefunction
from random import Random
from typing import Any, Final, Protocol, TypeVar, cast

from adapters.ports.turns import CommitUnknown, StoreUnavailable
from tests.checker import cells
from tests.checker.evidence import Cell
from tests.sim.owner import context_of

Port = TypeVar("Port")
Work = Callable[[], Coroutine[Any, Any, object]]
READS: Final = frozenset(
    {
        "load",
        "lanes",
        "runnable",
        "free",
        "pending",
        "take",
        "messages",
        "cases",
        "dead_letters",
        "status",
        "entity",
        "timeline",
        "asked",
        "judged",
    }
)
MOMENTS: Final = {
    "load": cells.BEFORE_COMMIT,
    "lanes": cells.BEFORE_COMMIT,
    "commit": cells.COMMIT,
    "claim": cells.LEASED,
    "record": cells.RECORDING,
}
RISKS: Final = {"load": 0.04, "lanes": 0.04, "commit": 0.08, "resolve": 0.3, "claim": 0.06, "record": 0.06}
"""How often a verb has trouble; all others now and then."""
LATEST: Final = 4.0
"""Seconds after which the server still does what nobody waits for any more."""


class Server(Protocol):
    """The store's server, as its wires see it."""

    is_away: bool
    is_read_only: bool
    is_calm: bool

    def done(self, process: str, verb: str, arguments: tuple[object, ...], answer: object) -> None:
        """Something was done on the server."""
        ...

    def hit(self, cell: Cell) -> None:
        """A fault struck."""
        ...


class Trouble(Enum):
    """What befalls one call."""

    NONE = auto()
    REFUSED = auto()
    """It is not done, and the caller knows it."""
    NEVER_THERE = auto()
    ANSWER_LOST = auto()
    LATE = auto()
    """The caller waits no longer; it is done later."""


@dataclass(slots=True)
class _Call:
    verb: str
    arguments: tuple[object, ...]
    work: Work
    answer: asyncio.Future[object]
    trouble: Trouble
    is_committed: bool = False


class Wire:
    """All connections of one process. `now` holds the moments that its calls are in."""

    def __init__(self, process: str, server: Server, chance: Random) -> None:
        self.process = process
        self.is_cut = False
        """The process is gone: what it asked to be done is done, what it asked to be told, or to hold, is not."""
        self.is_gone = False
        """The server it spoke to is gone: nothing of what is under way is done."""
        self.now: list[str] = []
        self.entered: Callable[[str], None] = lambda _moment: None
        self._server = server
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._context = context_of(None)

    @contextmanager
    def moment(self, name: str | None) -> Iterator[None]:
        """While inside, the process is in this moment."""
        if name is None:
            yield
            return
        self.now.append(name)
        self.entered(name)
        try:
            yield
        finally:
            self.now.remove(name)

    def delay(self) -> float:
        """Seconds that one way takes: most often none."""
        if self._server.is_calm:
            return 0.0
        kind = self._chance.random()
        return 0.0 if kind < 0.7 else self._chance.uniform(0, 0.05 if kind < 0.97 else 1.0)

    async def ask(self, verb: str, arguments: tuple[object, ...], work: Work) -> object:
        """Let the server do `work`."""
        with self.moment(MOMENTS.get(verb)):
            trouble = self._trouble(verb)
            self._check(verb)
            if trouble is Trouble.REFUSED:
                self._hit(cells.BEFORE_COMMIT, cells.LOST)
                raise StoreUnavailable("connection refused")
            if trouble is not Trouble.NONE:
                kind = cells.TIMEOUT if trouble is Trouble.LATE else cells.LOST
                self._hit(MOMENTS.get(verb, cells.BEFORE_COMMIT), kind)
            call = _Call(verb, arguments, work, self._loop.create_future(), trouble)
            if trouble is Trouble.NONE or trouble is Trouble.ANSWER_LOST:
                self._later(self.delay(), self._arrive, call)
            else:
                if trouble is Trouble.LATE:
                    self._later(self._chance.uniform(0.1, LATEST), self._arrive, call)
                self._later(self.delay(), _settle, call.answer, _lost(verb))
            try:
                return await call.answer
            finally:
                if call.is_committed:
                    self.now.remove(cells.COMMITTED)

    def _arrive(self, call: _Call) -> None:
        """The call has come to the server, which does it in one go."""
        if self.is_gone or (self.is_cut and call.verb in READS):
            return
        result: object
        try:
            self._check(call.verb)
            result = drive(call.work())
            self._server.done(self.process, call.verb, call.arguments, result)
        except Exception as error:  # noqa: BLE001  # whatever the port raises travels back to its caller
            result = error
        if call.answer.done():
            return
        if call.verb == "commit":
            call.is_committed = True
            self.now.append(cells.COMMITTED)
            self.entered(cells.COMMITTED)
        if call.trouble is not Trouble.NONE:
            result = _lost(call.verb)
        self._later(self.delay(), _settle, call.answer, result)

    def _check(self, verb: str) -> None:
        if self._server.is_away:
            raise StoreUnavailable("away")
        if self._server.is_read_only and verb not in READS:
            raise StoreUnavailable("read-only")

    def _trouble(self, verb: str) -> Trouble:
        if self._server.is_calm or self._chance.random() > RISKS.get(verb, 0.02):
            return Trouble.NONE
        if verb in READS:
            return Trouble.REFUSED
        return self._chance.choice([Trouble.REFUSED, Trouble.NEVER_THERE, Trouble.ANSWER_LOST, Trouble.LATE])

    def _hit(self, moment: str, fault: str) -> None:
        self._server.hit(Cell(moment, fault))

    def _later(self, seconds: float, act: Callable[..., None], *arguments: object) -> None:
        if seconds:
            self._loop.call_later(seconds, act, *arguments, context=self._context)
        else:
            self._loop.call_soon(act, *arguments, context=self._context)


def over(port: Port, wire: Wire) -> Port:
    """The same port behind a wire."""
    return cast("Port", _Remote(port, wire))


class _Remote:
    def __init__(self, port: object, wire: Wire) -> None:
        self._port = port
        self._wire = wire

    def __getattr__(self, verb: str) -> Any:
        there = getattr(self._port, verb)
        if not iscoroutinefunction(there):
            return there

        async def call(*arguments: object, **named: object) -> object:
            return await self._wire.ask(verb, arguments, lambda: there(*arguments, **named))

        self.__dict__[verb] = call
        return call


def drive(work: Coroutine[Any, Any, object]) -> object:
    """What a coroutine comes to that never waits, as none of the store in memory does."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise AssertionError("the store in memory waited for something")


def _lost(verb: str) -> Exception:
    return CommitUnknown("connection lost") if verb == "commit" else StoreUnavailable("connection lost")


def _settle(answer: asyncio.Future[object], result: object) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)

"""A store whose connection has troubles: answers that are late or lost, outages, values that it refuses."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from random import Random
from uuid import UUID

from adapters.memory.outbox import MemoryOutbox
from adapters.ports.gate import Limits
from adapters.ports.outbox import NO_LIMITS, Attempt, Claimed, Ended, SendLane
from adapters.ports.store import Commits
from adapters.ports.turns import (
    Answer,
    Batch,
    CommitUnknown,
    DataRefused,
    LaneMessage,
    Row,
    StoreUnavailable,
    Turn,
)  # fmt: skip
from schemas.keys import ActorKey
from schemas.verdicts import Verdict


class Trouble(Enum):
    """What befalls one commit."""

    NONE = auto()
    AWAY = auto()
    """The database takes nothing."""
    ANSWER_LOST = auto()
    """It commits, and nobody hears of it."""
    LOST = auto()
    """It never arrives, and nobody hears of it."""
    LATE = auto()
    """Nobody hears of it; the server commits it a while later, whoever sent it may be dead by then."""


class Outage:
    """Whether the database is there; shared by all connections to it."""

    def __init__(self) -> None:
        self.is_away = False

    def check(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")


class Connection:
    """`Commits` over a connection with troubles. `seconds` is how long each way takes.

    What was sent to the server goes on there when the sender is killed, as on PostgreSQL.
    """

    def __init__(self, inner: Commits, outage: Outage, seconds: Callable[[], float] = lambda: 0.0) -> None:
        self.inner = inner
        self.troubles: deque[Trouble] = deque()
        self.lost_answers_to_resolve = 0
        self.refused: set[str] = set()
        self.unwritable: set[str] = set()
        self.batches: list[list[ActorKey]] = []
        self.before_lanes: Callable[[], None] = lambda: None
        self._outage = outage
        self._seconds = seconds
        self._running: set[ActorKey] = set()
        self._server: set[asyncio.Task[list[Answer]]] = set()

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        await self._travel()
        return await self.inner.load(keys)

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        await self._travel()
        self.before_lanes()
        return await self.inner.lanes(keys, limit=limit, room=room)

    async def commit(self, batch: Batch) -> list[Answer]:
        keys = {turn.key for turn in batch.turns}
        assert len(keys) == len(batch.turns), "a batch has one turn of a key"
        assert not keys & self._running, "two turns of a key overlap"
        self._running |= keys
        self.batches.append([turn.key for turn in batch.turns])
        try:
            return await self._sent(batch)
        finally:
            self._running -= keys

    async def resolve(self, batch: Batch) -> list[bool]:
        await self._travel()
        if self.lost_answers_to_resolve:
            self.lost_answers_to_resolve -= 1
            raise StoreUnavailable("connection lost again")
        return await self.inner.resolve(batch)

    async def _sent(self, batch: Batch) -> list[Answer]:
        trouble = self.troubles.popleft() if self.troubles else Trouble.NONE
        if trouble is Trouble.AWAY:
            raise StoreUnavailable("away")
        if trouble is not Trouble.LOST:
            await self._travel()
            answers = await self._on_the_server(batch, late=trouble is Trouble.LATE)
            if trouble is Trouble.NONE:
                return answers
        raise CommitUnknown("the connection was lost")

    async def _on_the_server(self, batch: Batch, *, late: bool) -> list[Answer]:
        task = asyncio.create_task(self._committed(batch, 5.0 if late else self._seconds()))
        self._server.add(task)
        task.add_done_callback(self._server.discard)
        return [] if late else await asyncio.shield(task)

    async def _committed(self, batch: Batch, seconds: float) -> list[Answer]:
        await asyncio.sleep(seconds)
        if any(self._is_refused(turn) for turn in batch.turns):
            raise DataRefused("a value is out of range")
        return await self.inner.commit(batch)

    def _is_refused(self, turn: Turn) -> bool:
        """A message is refused for what it would write: it can be parked. What is unwritable cannot even be parked."""
        return (
            any(judged.message.id in self.unwritable for judged in turn.judged)
            or any(judged.message.id in self.refused and judged.verdict is Verdict.APPLIED for judged in turn.judged)
            or any(settled.command.line in self.refused and settled.reason is None for settled in turn.settled)
        )

    async def _travel(self) -> None:
        self._outage.check()
        await asyncio.sleep(self._seconds())
        self._outage.check()


def some_seconds(chance: Random, most: float) -> Callable[[], float]:
    """Delays by chance; often none."""
    return lambda: chance.choice((0.0, chance.uniform(0, most)))


class TroubledOutbox(MemoryOutbox):
    """An outbox that can lose the answer to a claim, and be away."""

    outage: Outage
    lost_claims = 0
    claims = 0

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        self.outage.check()
        self.claims += 1
        claimed = await super().claim(lanes, holder=holder, token=token, limits=limits)
        if self.lost_claims:
            self.lost_claims -= 1
            raise StoreUnavailable("the answer was lost")
        return claimed

    async def free(self, system: str, *, after: ActorKey | None, limit: int) -> list[SendLane]:
        self.outage.check()
        return await super().free(system, after=after, limit=limit)

    async def record(self, ended: Sequence[Ended]) -> None:
        self.outage.check()
        await super().record(ended)

    async def abandon(self, token: UUID) -> None:
        self.outage.check()
        await super().abandon(token)

    async def beat(self, holder: UUID) -> dict[UUID, int]:
        self.outage.check()
        return await super().beat(holder)

    async def take_over(self, silent: Sequence[UUID]) -> int:
        self.outage.check()
        return await super().take_over(silent)

    def log(self, command_id: UUID) -> list[Attempt]:
        """All attempts at a command."""
        return [logged.attempt for logged in self._tables.attempts.get(command_id, [])]

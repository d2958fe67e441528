"""What the gateway asks of the database beside the way of a message: a page of each, on sessions that end with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeVar
from uuid import uuid4

from adapters.ports.cases import CaseFilter
from adapters.ports.outbox import Ended, Ending
from adapters.ports.overdue import Term
from adapters.ports.retention import Old
from adapters.ports.views import InLane, LanesInOrder, Newest, OneLane, SameId
from adapters.postgres.cases import PostgresCases
from adapters.postgres.lanes import PostgresLanes
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.pauses import PostgresPauses
from adapters.postgres.reads import PostgresReads
from adapters.postgres.retention import PostgresRetention
from schemas.keys import ActorKey
from schemas.verdicts import LaneState

PAGE: Final = 100


class _Closes(Protocol):
    async def close(self) -> None: ...


Port = TypeVar("Port", bound=_Closes)


@asynccontextmanager
async def closing(port: Port) -> AsyncIterator[Port]:
    """The port, closed at the end of the block."""
    try:
        yield port
    finally:
        await port.close()


async def relay(url: str) -> None:
    """A page of send lanes is found, claimed, and tried; the holder of some others is taken over."""
    holder = uuid4()
    async with closing(PostgresOutbox(url)) as outbox:
        found = await outbox.free("erp", after=None, limit=PAGE)
        claimed = await outbox.claim(found, holder=holder, token=uuid4())
        assert len(claimed.leased) == PAGE
        await outbox.record(
            [Ended(one.command, one.token, one.attempt, Ending.DEFERRED, hold=60) for one in claimed.leased]
        )
        found = await outbox.free("erp", after=found[-1].key, limit=10)
        await outbox.claim(found, holder=holder, token=uuid4())
        await outbox.beat(holder)
        assert await outbox.take_over([holder]) == len(found) == 10


async def lanes(url: str) -> None:
    """The lane worker looks, sweeps, and reminds."""
    async with closing(PostgresLanes(url)) as worker, closing(PostgresPauses(url)) as pauses:
        assert await worker.runnable(after=None, limit=PAGE) == []
        assert await worker.wake(page=PAGE) == []
        assert await worker.sweep() == 0
        assert await worker.open_overdue(page=PAGE) == 0
        assert await pauses.release(page=PAGE) == []


async def shown(url: str) -> None:
    """The first page of each list that operators see, and one lane."""
    async with closing(PostgresReads(url)) as reads:
        listed = await reads.lanes(LanesInOrder(), limit=PAGE)
        assert len(listed) == len(await reads.lanes(LanesInOrder(LaneState.PARKED), limit=PAGE)) == PAGE
        key = ActorKey(listed[-1].entity, listed[-1].key)
        assert len(await reads.lanes(OneLane(key), limit=1)) == len(await reads.messages(InLane(key), limit=PAGE)) == 1
        assert len(await reads.messages(Newest(), limit=PAGE)) == PAGE
        assert len(await reads.messages(SameId("seed-applied"), limit=PAGE)) == 1
    async with closing(PostgresCases(url)) as cases:
        first = await cases.find(CaseFilter(), after=0, limit=PAGE)
        assert len(first) == len(await cases.find(CaseFilter(), after=first[-1].id, limit=PAGE)) == PAGE
        assert (await cases.file(first[0].id)).standing.is_head
        assert await cases.remind(page=PAGE) == 0


async def reminder(url: str) -> None:
    """A page of heads is looked at for their age; none is overdue."""
    async with closing(PostgresOverdue(url)) as overdue:
        looked = await overdue.open_cases("erp", Term(age=1e6), after=None, page=PAGE)
        assert (looked.opened, looked.last is None) == (0, False)
        assert await overdue.close_cases(page=PAGE) == 0


async def retention(url: str) -> None:
    """A page of each kind is removed, as far as there is any."""
    async with closing(PostgresRetention(url)) as cleaner:
        removed = {old: await cleaner.remove(old, age=0, limit=PAGE) for old in Old}
    assert removed[Old.INBOX] == removed[Old.ATTEMPTS] == removed[Old.TIMELINE] == PAGE


CHORES: Final[Mapping[str, tuple[Callable[[str], Awaitable[None]], int]]] = {
    "relay": (relay, 8 * PAGE),
    "lanes": (lanes, 8 * PAGE),
    "shown": (shown, 12 * PAGE),
    "reminder": (reminder, 3 * PAGE),
    "retention": (retention, 12 * PAGE),
}
"""Each with how many rows it may read."""

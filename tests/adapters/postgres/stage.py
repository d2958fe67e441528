"""A database on which a test holds transactions open at the critical point and sees who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Self, TypeAlias, TypeVar

import asyncpg
from asyncpg.transaction import Transaction

from adapters.ports.turns import Answer, Turn
from adapters.postgres.columns import COMMIT, commit_arguments
from adapters.postgres.commits import PostgresCommits, _answers
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.lanes import PostgresLanes
from adapters.postgres.outbox import PostgresOutbox
from schemas.keys import ActorKey
from tests.contracts.shared_database import EMPTY
from tests.contracts.tampering import tamper
from tests.contracts.turns import applied, batch, message

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Done = TypeVar("Done")

PATIENCE: Final = 15.0
"""Seconds in which a state must come about."""
WRONG: Final = Path(__file__).with_name("wrong")
_WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_ALONE: Final = """
    SELECT NOT EXISTS (
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend')
"""
_LOST: Final = """
    SELECT count(*) FROM tallystick.entity w
    JOIN tallystick.entity t ON t.entity = w.wait_entity AND t.key = w.wait_key AND w.wait_seen < t.entity_version
    WHERE NOT EXISTS (SELECT FROM tallystick.wake k WHERE k.entity = t.entity AND k.key = t.key
                      AND k.version > w.wait_seen)
"""


class Held:
    """A transaction that has done its work and is not committed."""

    def __init__(self, connection: Connection, transaction: Transaction) -> None:
        self.connection = connection
        self._transaction = transaction

    async def commit(self) -> None:
        """Commit."""
        await self._transaction.commit()

    async def rollback(self) -> None:
        """Roll back."""
        await self._transaction.rollback()


class Stage:
    """Connections to one database, all closed with it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connections: list[Connection] = []
        self._clients: list[PostgresCommits | PostgresLanes | PostgresLaneActs | PostgresOutbox] = []
        self._tasks: list[asyncio.Task[object]] = []

    async def __aenter__(self) -> Self:
        self.observer = await self.connection()
        name = await self.observer.fetchval("SELECT quote_ident(current_database())")
        await self.observer.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '100ms'; CREATE SCHEMA wrong")
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            if connection is not self.observer:
                connection.terminate()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            await client.close()
        try:
            # Backends whose connection was cut may still be at work.
            await self.until_true(_ALONE)
            await self.observer.execute("DROP SCHEMA wrong CASCADE")
        finally:
            # The loop would wait for ever for a connection that is left open.
            await self.observer.close()
        await tamper(self._url, EMPTY)

    async def connection(self) -> Connection:
        """A new connection."""
        connection = await asyncpg.connect(self._url, timeout=PATIENCE, command_timeout=2 * PATIENCE)
        self._connections.append(connection)
        return connection

    async def install(self, name: str) -> None:
        """Define the functions of a wrong design."""
        await self.observer.execute(WRONG.joinpath(f"{name}.sql").read_text())

    def commits(self) -> PostgresCommits:
        """The commits of one more process."""
        self._clients.append(client := PostgresCommits(self._url))
        return client

    def lanes(self) -> PostgresLanes:
        """The lanes as one more process sees them."""
        self._clients.append(client := PostgresLanes(self._url))
        return client

    def acts(self) -> PostgresLaneActs:
        """What an operator may do to lanes."""
        self._clients.append(client := PostgresLaneActs(self._url))
        return client

    def outbox(self) -> PostgresOutbox:
        """The outbox as one more process sees it."""
        self._clients.append(client := PostgresOutbox(self._url))
        return client

    async def hold(self, work: Callable[[Connection], Awaitable[object]]) -> Held:
        """Do some work in a transaction, and leave that open."""
        connection = await self.connection()
        transaction = connection.transaction()
        await transaction.start()
        await work(connection)
        return Held(connection, transaction)

    def start(self, work: Awaitable[Done]) -> asyncio.Task[Done]:
        """Do some work beside the test."""

        async def run() -> Done:
            return await work

        task = asyncio.create_task(run())
        self._tasks.append(task)
        return task

    async def until_waiting(self, *tasks: asyncio.Task[Done], others: int = 0) -> None:
        """Wait until each of these, and so many others, waits for a lock; fails if one is done instead."""
        async with asyncio.timeout(PATIENCE):
            while await self.observer.fetchval(_WAITING) < len(tasks) + others:
                for task in tasks:
                    assert not task.done(), f"went through, and should have waited: {task.result()}"

    async def until_stopped(self, task: asyncio.Task[Done]) -> bool:
        """Wait until it is done or waits for a lock; whether it waits."""
        async with asyncio.timeout(PATIENCE):
            while not task.done() and not await self.observer.fetchval(_WAITING):
                pass
        return not task.done()

    async def until_true(self, question: str, *arguments: object) -> None:
        """Wait until the database says yes."""
        async with asyncio.timeout(PATIENCE):
            while not await self.observer.fetchval(question, *arguments):
                pass

    async def lost(self) -> int:
        """How many wait on an older version than their target has, with no wake that will find them."""
        count: int = await self.observer.fetchval(_LOST)
        return count

    async def seed(self, *keys: ActorKey) -> None:
        """Give keys version 1."""
        commits = self.commits()
        rows = await commits.load(keys)
        answers = await commits.commit(batch(*[applied(rows[key], message(f"seed {key}")) for key in keys]))
        assert len(answers) == len(keys)


async def commit(connection: Connection, *turns: Turn) -> list[Answer]:
    """Commit turns as `PostgresCommits` does, in whatever transaction the connection is in."""
    return _answers(len(turns), await connection.fetch(COMMIT, *commit_arguments(batch(*turns))))

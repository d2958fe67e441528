"""One connection that comes back by itself: the next call after a loss opens a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import asyncpg

from adapters.postgres.errors import read_error

CONNECT_SECONDS: Final = 5.0
SETTINGS: Final = {
    "application_name": "tallystick",
    "jit": "off",
    "plan_cache_mode": "auto",
    # A host that vanished in the middle of a request may leave a session that holds locks: the server asks whether
    # it is still there, and by itself would begin after two hours.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
}
_END_SESSION: Final = """
    SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity
    WHERE pid = $1 AND pid <> pg_backend_pid() AND usename = current_user AND datname = current_database()
"""
END_MILLISECONDS: Final = 5000
"""How long a session that was left is waited for."""


class Link:
    """A connection used by one task at a time.

    `timeout` bounds each statement, in seconds; `settings` are parameters of the server for this session. A session
    that had to be left with a statement under way is ended by the next one: the server may never hear that we have
    gone, and what the statement has locked would stay locked.
    """

    def __init__(self, url: str, *, timeout: float = 30.0, settings: Mapping[str, str] = SETTINGS) -> None:
        self._url = url
        self._timeout = timeout
        self._settings = dict(settings)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._left: int | None = None
        """The process of the server that served a session which we had to leave."""
        self._busy = asyncio.Lock()

    async def __aenter__(self) -> asyncpg.Connection[asyncpg.Record]:
        await self._busy.acquire()
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._opened()
            return self._connection
        except BaseException:
            self._busy.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None and not isinstance(error, asyncpg.PostgresError) and self._connection is not None:
                # A statement may still be running on it: its answer must never be taken for the next one's.
                if not self._connection.is_closed():
                    self._left = self._connection.get_server_pid()
                self._connection.terminate()
                self._connection = None
        finally:
            self._busy.release()

    async def _opened(self) -> asyncpg.Connection[asyncpg.Record]:
        """A new connection. Its errors are told apart from those of a statement: nothing can have been written."""
        try:
            connection = await asyncpg.connect(
                self._url, timeout=CONNECT_SECONDS, command_timeout=self._timeout, server_settings=self._settings
            )
        except Exception as error:
            raise read_error(error) from error
        try:
            await self._end_what_was_left(connection)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, Exception):
                raise read_error(error) from error
            raise
        return connection

    async def _end_what_was_left(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Should the number be another session's by now, that one is ours too, and comes back."""
        if self._left is not None:
            await connection.fetch(_END_SESSION, self._left, END_MILLISECONDS)
            self._left = None

    async def close(self) -> None:
        """Close the connection; a later use opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=CONNECT_SECONDS)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    @classmethod
    def many(cls, url: str, count: int, *, timeout: float = 30.0) -> list[Self]:
        """`count` links to the same database."""
        return [cls(url, timeout=timeout) for _ in range(count)]

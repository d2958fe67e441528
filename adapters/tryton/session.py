"""The session of our user: logged in when it is first needed, and again, once for all who need it, when it is over."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable

Login = Callable[[], Awaitable[tuple[int, str]]]
"""Logs in and answers the user's number and the key of the new session."""


class Session:
    """Keeps the value of the header `Authorization`. `login` may raise; whoever waits then tries by itself."""

    def __init__(self, user: str, login: Login) -> None:
        self._user = user
        self._login = login
        self._value: str | None = None
        self._number = 0
        self._logging_in = asyncio.Lock()

    @property
    def user_number(self) -> int:
        """Tryton's number of our user; 0 before the first login."""
        return self._number

    async def value(self, *, instead_of: str | None = None) -> str:
        """The header's value; a new one if the present one is `instead_of`, which Tryton did not accept."""
        async with self._logging_in:
            if self._value is None or self._value == instead_of:
                self._value = None
                self._number, key = await self._login()
                token = b64encode(f"{self._user}:{self._number}:{key}".encode()).decode()
                self._value = f"Session {token}"
            return self._value

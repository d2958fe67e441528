"""Keys of one system whose head command may be sent, in the order in which we were told; bounded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from schemas.keys import ActorKey

CAPACITY: Final = 20_000
LOOK_SECONDS: Final = 1.0
"""How often the database is asked for heads that nobody told us of: delayed ones, other processes', forgotten ones."""


class SendQueue:
    """A set in order of arrival. What does not fit is found in the database later."""

    def __init__(self) -> None:
        self._keys: OrderedDict[ActorKey, None] = OrderedDict()
        self._added = asyncio.Event()
        self._next_look = 0.0
        self._is_more_there = False

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: ActorKey) -> None:
        """Remember `key`; what is beyond the capacity waits in the outbox."""
        if len(self._keys) < CAPACITY:
            self._keys[key] = None
            self._added.set()

    def put_back(self, keys: Sequence[ActorKey]) -> None:
        """Keys that were taken and could not be used come first again, in their order."""
        for key in reversed(keys):
            self._keys[key] = None
            self._keys.move_to_end(key, last=False)

    def found(self, keys: Sequence[ActorKey], *, more: bool) -> None:
        """Remember what the database had; with `more` it is asked again as soon as these are taken."""
        for key in keys:
            self.add(key)
        self._is_more_there = more

    def wake(self) -> None:
        """Let whoever waits in `take` return."""
        self._added.set()

    async def take(self, count: int) -> list[ActorKey]:
        """Up to `count` keys; none means: look into the database.

        That comes once in a while, however many there are, and when there are fewer than `count` and more in there.
        """
        loop = asyncio.get_running_loop()
        if len(self._keys) < count and self._is_more_there:
            self._next_look = loop.time()
        if not self._keys and loop.time() < self._next_look:
            self._added.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_look):
                    await self._added.wait()
        if loop.time() >= self._next_look:
            self._next_look = loop.time() + LOOK_SECONDS
            self._is_more_there = False  # said again by what is found: a look that fails must not take every turn
            return []
        taken = [key for key, _ in zip(self._keys, range(count), strict=False)]
        for key in taken:
            del self._keys[key]
        return taken

"""Reading ahead in a thread, so that a slow file or an idle terminal stops neither heartbeats nor Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from threading import Semaphore, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Takes from a blocking iterator in a thread, at most `most` items ahead of whoever iterates over this.

    The thread is a daemon: a read that never ends must not keep the process from ending. What the iterator raises is
    raised here, after the items before it.
    """

    def __init__(self, items: Iterator[T], *, most: int) -> None:
        self._items = items
        self._room = Semaphore(most)
        self._is_left = False
        self._loop = asyncio.get_running_loop()
        self._handed: asyncio.Queue[T | _End] = asyncio.Queue()
        Thread(target=self._read, name="reading ahead", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[T]:
        try:
            while not isinstance(item := await self._handed.get(), _End):
                yield item
                self._room.release()
            if item.error is not None:
                raise item.error
        finally:
            self._is_left = True
            self._room.release()

    def _read(self) -> None:
        error: Exception | None = None
        try:
            for item in self._items:
                self._room.acquire()
                if self._is_left:
                    return
                self._hand_over(item)
        except Exception as raised:  # noqa: BLE001 - it is raised again where the items are taken
            error = raised
        self._hand_over(_End(error))

    def _hand_over(self, item: T | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to take it
            self._loop.call_soon_threadsafe(self._handed.put_nowait, item)


class _End:
    """No item comes after this."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

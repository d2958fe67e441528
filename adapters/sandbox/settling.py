"""Postings that become effects in a sandbox system, at once or later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.postings import Posting

T = TypeVar("T")


class Settling:
    """Settles postings in a ledger; what is still to come ends with this object."""

    def __init__(self, system: str, ledger: Ledger) -> None:
        self._system = system
        self._ledger = ledger
        self._tasks: set[asyncio.Task[Any]] = set()
        """Each of what its caller waits for."""

    def settle(self, posting: Posting, *, ignore_key: bool = False) -> Made | Refusal:
        """The answer that its key has already, or a new effect."""
        earlier = None if ignore_key else self._ledger.recall(posting)
        return self._ledger.apply(posting) if earlier is None else earlier

    def settle_later(
        self, posting: Posting, seconds: float, *, ignore_key: bool = False
    ) -> asyncio.Future[Made | Refusal]:
        """Settle a posting whether or not the caller stays; from now on its key is in progress."""
        earlier = None if ignore_key else self._ledger.recall(posting)
        takes_key = earlier is None and not ignore_key
        if takes_key:
            self._ledger.begin(posting)

        def settle() -> Made | Refusal:
            if takes_key:
                self._ledger.end(posting)
            return self._ledger.apply(posting) if earlier is None else earlier

        return self._after(seconds, settle, posting.reference)

    def later(self, postings: Sequence[Posting], settle: Callable[[], T], seconds: float) -> asyncio.Future[T]:
        """Call `settle` later, whether or not the caller stays; until then the keys of `postings` are in progress."""
        begun: list[Posting] = []
        for posting in postings:
            if self._ledger.recall(posting) is None:
                self._ledger.begin(posting)
                begun.append(posting)

        def settle_all() -> T:
            for posting in begun:
                self._ledger.end(posting)
            return settle()

        return self._after(seconds, settle_all, f"{len(postings)} together")

    def _after(self, seconds: float, work: Callable[[], T], name: str) -> asyncio.Future[T]:
        async def do() -> T:
            await asyncio.sleep(seconds)
            return work()

        task = asyncio.create_task(do(), name=f"sandbox {self._system} {name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def close(self) -> None:
        """Forget what was still to come, as a process does that ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

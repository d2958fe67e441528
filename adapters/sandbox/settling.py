"""Postings that become effects in a sandbox system, at once or later."""

from __future__ import annotations

import asyncio

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.postings import Posting


class Settling:
    """Settles postings in a ledger; what is still to come ends with this object."""

    def __init__(self, system: str, ledger: Ledger) -> None:
        self._system = system
        self._ledger = ledger
        self._tasks: set[asyncio.Task[Made | Refusal]] = set()

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

        async def settle() -> Made | Refusal:
            await asyncio.sleep(seconds)
            if takes_key:
                self._ledger.end(posting)
            return self._ledger.apply(posting) if earlier is None else earlier

        task = asyncio.create_task(settle(), name=f"sandbox {self._system} {posting.reference}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)

    async def close(self) -> None:
        """Forget what was still to come, as a process does that ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

"""The bus: from a key to the committer that has its mailbox. The same key always finds the same committer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from zlib import crc32

from gateway.activation import Answered, Entry
from gateway.committer import Committer
from schemas.keys import ActorKey


class Bus:
    """Routes messages, results, and pokes. `committers` is filled once, before anything is delivered.

    Whoever delivers beside the consumer does so inside of `turnstile`, so that nobody enters while one is alone.
    """

    def __init__(self) -> None:
        self.turnstile = asyncio.Lock()
        self._committers: Sequence[Committer] = ()
        self._held: list[tuple[ActorKey, Answered | None]] | None = None
        """Results, and pokes (None), that wait while one is alone."""

    def connect(self, committers: Sequence[Committer]) -> None:
        """Set the committers; they forward through this bus, so they are made after it."""
        self._committers = committers

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        """Put a message into the mailbox of `key`."""
        self._committer(key).deliver(key, entry)

    def answer(self, key: ActorKey, answered: Answered) -> None:
        """Give `key` the result of its command."""
        if self._held is None:
            self._committer(key).answer(key, answered)
        else:
            self._held.append((key, answered))

    def poke(self, key: ActorKey) -> None:
        """Let `key` look at its lane."""
        if self._held is None:
            self._committer(key).poke(key)
        else:
            self._held.append((key, None))

    @property
    def activations(self) -> int:
        """Keys in memory."""
        return sum(len(committer.activations) for committer in self._committers)

    async def caught_up(self) -> None:
        """Wait until few enough keys stand in line for a turn."""
        for committer in self._committers:
            await committer.activations.caught_up()

    async def quiet(self) -> None:
        """Wait until no committer has a turn running or wanted; one may have work from another while that one ends."""
        while not all(committer.activations.is_quiet for committer in self._committers):
            await asyncio.gather(*(committer.activations.quiet() for committer in self._committers))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Inside, nothing is decided but what is delivered inside: all else is done before, or waits.

        What waits is bounded: by the attempts in flight, and by the lanes of a few scans.
        """
        async with self.turnstile:
            self._held = []
            try:
                await self.quiet()
                yield
            finally:
                held, self._held = self._held, None
                for key, answered in held:
                    if answered is None:
                        self.poke(key)
                    else:
                        self.answer(key, answered)

    def _committer(self, key: ActorKey) -> Committer:
        place = crc32(f"{key.entity}/{key.id}".encode()) % len(self._committers)
        return self._committers[place]

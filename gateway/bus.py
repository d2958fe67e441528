"""The bus: from a key to the committer that has its mailbox. The same key always finds the same committer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from zlib import crc32

from gateway.activation import Answered, Entry
from gateway.committer import Committer
from schemas.keys import ActorKey


class Bus:
    """Routes messages, results, and pokes. `committers` is filled once, before anything is delivered."""

    def __init__(self) -> None:
        self._committers: Sequence[Committer] = ()

    def connect(self, committers: Sequence[Committer]) -> None:
        """Set the committers; they forward through this bus, so they are made after it."""
        self._committers = committers

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        """Put a message into the mailbox of `key`."""
        self._committer(key).deliver(key, entry)

    def answer(self, key: ActorKey, answered: Answered) -> None:
        """Give `key` the result of its command."""
        self._committer(key).answer(key, answered)

    def poke(self, key: ActorKey) -> None:
        """Let `key` look at its lane."""
        self._committer(key).poke(key)

    @property
    def activations(self) -> int:
        """Keys in memory."""
        return sum(len(committer.activations) for committer in self._committers)

    async def quiet(self) -> None:
        """Wait until no committer has a turn running or wanted; one may have work from another while that one ends."""
        while not all(committer.activations.is_quiet for committer in self._committers):
            await asyncio.gather(*(committer.activations.quiet() for committer in self._committers))

    def _committer(self, key: ActorKey) -> Committer:
        place = crc32(f"{key.entity}/{key.id}".encode()) % len(self._committers)
        return self._committers[place]

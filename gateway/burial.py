"""The burial: what could not become a message is stored with its bytes, and acked only after that."""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import Final

from adapters.ports.broker import Delivery
from adapters.ports.letters import DeadLetter, DeadLetters
from adapters.ports.turns import StoreUnavailable
from gateway.activation import Entry, Receipt
from gateway.backoff import Backoff
from gateway.letters import letter_of, letter_of_message
from schemas.verdicts import Failure

MOST: Final = 50
MOST_BYTES: Final = 8 * 1024 * 1024
"""Letters of a batch, and bytes of their bodies: few enough that a slow database takes them in its time."""


class Burial:
    """Batches dead letters naturally. Bounded by the prefetch: what is not acked is not replaced."""

    def __init__(self, dead_letters: DeadLetters, backoff: Backoff) -> None:
        self._dead_letters = dead_letters
        self._backoff = backoff
        self._waiting: list[tuple[DeadLetter, Receipt]] = []
        self._added = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def bury(self, delivery: Delivery, failure: Failure) -> None:
        """Store the delivery as a dead letter, then ack it."""
        self._add(letter_of(delivery, failure), delivery)

    def bury_message(self, entry: Entry, failure: Failure) -> None:
        """The same for a message that was admitted, and that the database does not take."""
        self._add(letter_of_message(entry.message, entry.envelope, failure), entry.receipt)

    async def quiet(self) -> None:
        """Wait until every dead letter is stored and acked."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Bury for ever."""
        while True:
            if not self._waiting:
                self._is_idle.set()
                self._added.clear()
                await self._added.wait()
            batch = self._take()
            await self._store([letter for letter, _ in batch])
            for _, receipt in batch:
                receipt.ack()

    def _take(self) -> list[tuple[DeadLetter, Receipt]]:
        """The next batch: at least one letter, and no more than fit."""
        sizes = accumulate(len(letter.body) for letter, _ in self._waiting[:MOST])
        many = max(1, sum(size <= MOST_BYTES for size in sizes))
        batch, self._waiting = self._waiting[:many], self._waiting[many:]
        return batch

    def _add(self, letter: DeadLetter, receipt: Receipt) -> None:
        self._waiting.append((letter, receipt))
        self._is_idle.clear()
        self._added.set()

    async def _store(self, letters: list[DeadLetter]) -> None:
        while True:
            try:
                await self._dead_letters.bury(letters)
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return

"""The burial: what could not become a message is stored with its bytes, and acked only after that."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from adapters.ports.broker import Delivery
from adapters.ports.store import DeadLetter, DeadLetters
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from schemas.verdicts import Failure

MOST: Final = 50
HEADERS: Final = 64
"""Headers kept of a dead letter; header abuse is a reason to be here."""
HEADER_CHARACTERS: Final = 500


class Burial:
    """Batches dead letters naturally. Bounded by the prefetch: what is not acked is not replaced."""

    def __init__(self, dead_letters: DeadLetters, backoff: Backoff) -> None:
        self._dead_letters = dead_letters
        self._backoff = backoff
        self._waiting: list[tuple[DeadLetter, Delivery]] = []
        self._added = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def bury(self, delivery: Delivery, failure: Failure) -> None:
        """Store the delivery as a dead letter, then ack it."""
        self._waiting.append((_letter(delivery, failure), delivery))
        self._is_idle.clear()
        self._added.set()

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
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._store([letter for letter, _ in batch])
            for _, delivery in batch:
                delivery.ack()

    async def _store(self, letters: list[DeadLetter]) -> None:
        while True:
            try:
                await self._dead_letters.bury(letters)
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return


def _letter(delivery: Delivery, failure: Failure) -> DeadLetter:
    headers = {
        str(name)[:HEADER_CHARACTERS]: str(value)[:HEADER_CHARACTERS]
        for name, value in list(delivery.headers.items())[:HEADERS]
    }
    parts = (delivery.queue, delivery.routing_key, delivery.content_type or "", repr(sorted(headers.items())))
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace") + b"\x1f" + delivery.body).digest()
    return DeadLetter(
        digest, delivery.queue, delivery.routing_key, failure.failure_class, failure.code, failure.reason,
        delivery.content_type, headers, delivery.body,
    )  # fmt: skip

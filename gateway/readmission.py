"""Readmission: dead letters through the door again, with the bytes that were stored, after somebody mended the cause.

A letter is settled once its message is durable. What ends in between leaves it open: the next retry finds the message
in the inbox, as any redelivery does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, assert_never

from adapters.ports.letters import (
    Admission,
    DeadLetter,
    DeadLetters,
    LetterFilter,
    LetterNotFound,
    LetterPlace,
    LetterState,
    Purpose,
)
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.bus import Bus
from gateway.door import Door
from gateway.failures import KILLS
from gateway.letters import LetterDelivery
from gateway.suspicion import Suspicion, Treatment
from schemas.verdicts import Failure

PATIENCE: Final = 5.0
"""Seconds that a request waits until a message is durable."""
MOST: Final = 100
"""Dead letters of one bulk retry."""
MOST_MARKS: Final = 500


class Outcome(StrEnum):
    """What came of a retry."""

    ADMITTED = "admitted"
    """Its message is durable, and the dead letter settled."""
    UNDER_WAY = "under_way"
    """It was admitted, and is not durable yet."""
    REFUSED = "refused"
    """It still cannot become a message; the dead letter has the present reason."""
    CUT = "cut"
    """Not all of it was kept, so it would be another message."""
    SETTLED = "settled"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Retried:
    """A dead letter and what came of its retry. `failure`: why it was refused."""

    digest: bytes
    outcome: Outcome
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Readmitted:
    """What came of a bulk retry, letter by letter; `last` is the place behind which more are left, if there are any."""

    items: Sequence[Retried]
    last: LetterPlace | None


class NotTaking(RuntimeError):
    """The process is shutting down and admits nothing more."""


class Readmission:
    """Retries dead letters. Owns the marks of those that became durable."""

    def __init__(self, letters: DeadLetters, door: Door, bus: Bus, suspicion: Suspicion, backoff: Backoff) -> None:
        self._letters = letters
        self._door = door
        self._bus = bus
        self._suspicion = suspicion
        self._backoff = backoff
        self._under_way = 0
        self._durable: list[tuple[Admission, asyncio.Future[None]]] = []
        self._added = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_closed = False

    async def retry(self, digest: bytes, *, actor: str, reason: str) -> Retried:
        """Admit one letter and wait, for a while, until it is durable. Raises `NotTaking` and `StoreUnavailable`."""
        if self._is_closed:
            raise NotTaking("this process is shutting down: ask another, or again when it has restarted")
        try:
            exhumed = await self._letters.exhume(digest, Purpose.RETRY, actor=actor, reason=reason)
        except LetterNotFound:
            return Retried(digest, Outcome.NOT_FOUND)
        if exhumed.state is not LetterState.BURIED:
            return Retried(digest, Outcome.SETTLED)
        if exhumed.letter.is_cut:
            return Retried(digest, Outcome.CUT)
        return await self._admit(exhumed.letter, Admission(digest, actor, reason))

    async def retry_many(
        self,
        chosen: LetterFilter,
        *,
        after: LetterPlace | None,
        until: datetime | None,
        limit: int,
        actor: str,
        reason: str,
    ) -> Readmitted:
        """Retry up to `limit` letters that stand open since `until` or before, oldest first, and each by itself."""
        places = await self._letters.choose(chosen, after=after, until=until, limit=min(limit, MOST) + 1)
        taken = places[: min(limit, MOST)]
        done = await asyncio.gather(
            *(self.retry(bytes.fromhex(place.digest), actor=actor, reason=reason) for place in taken),
            return_exceptions=True,
        )
        items: list[Retried] = []
        for each in done:
            if isinstance(each, BaseException):
                raise each
            items.append(each)
        return Readmitted(items, taken[-1] if len(places) > len(taken) else None)

    def close(self) -> None:
        """Take no more."""
        self._is_closed = True

    async def quiet(self) -> None:
        """Wait until every letter that became durable is settled."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Settle letters for ever."""
        while True:
            if not self._durable:
                self._added.clear()
                self._note_idle()
                await self._added.wait()
            batch, self._durable = self._durable[:MOST_MARKS], self._durable[MOST_MARKS:]
            await self._settle([admission for admission, _ in batch])
            self._under_way -= len(batch)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def _admit(self, letter: DeadLetter, admission: Admission) -> Retried:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        delivery = LetterDelivery(letter, partial(self._on_durable, admission, done))
        if letter.code == KILLS.code:
            failures: list[Failure] = []
            await self._suspicion.run_alone(delivery, lambda _, chosen: self._treat(delivery, failures.append, chosen))
            failure = failures[0] if failures else None
        else:
            async with self._bus.turnstile:
                failure = self._deliver(delivery)
        if failure is not None:
            await self._letters.refused(letter.digest, failure)
            return Retried(letter.digest, Outcome.REFUSED, failure)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(done)
        except TimeoutError:
            return Retried(letter.digest, Outcome.UNDER_WAY)
        return Retried(letter.digest, Outcome.ADMITTED)

    def _deliver(self, delivery: LetterDelivery, held: Failure | None = None) -> Failure | None:
        match self._door.try_admit(delivery):
            case Failure() as failure:
                return failure
            case key, entry:
                entry.held = held
                self._under_way += 1
                self._is_idle.clear()
                self._bus.deliver(key, entry)
                return None

    def _treat(self, delivery: LetterDelivery, refuse: Callable[[Failure], None], treatment: Treatment) -> None:
        match treatment:
            case Treatment.ALONE:
                failure = self._deliver(delivery)
            case Treatment.PARKED:
                failure = self._deliver(delivery, KILLS)
            case Treatment.BURIED:
                failure = KILLS
            case _:
                assert_never(treatment)
        if failure is not None:
            refuse(failure)

    def _on_durable(self, admission: Admission, done: asyncio.Future[None]) -> None:
        self._durable.append((admission, done))
        self._added.set()

    def _note_idle(self) -> None:
        if not self._under_way:
            self._is_idle.set()

    async def _settle(self, admissions: Sequence[Admission]) -> None:
        """Settling is idempotent, so it is repeated until it is heard."""
        while True:
            try:
                await self._letters.admitted(admissions)
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return

"""The burial: each batch of dead letters is small enough to be stored, and what waits is acked once it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from adapters.memory.dead_letters import MemoryDeadLetters
from adapters.memory.tables import Tables
from adapters.ports.letters import DeadLetter
from gateway.backoff import Backoff
from gateway.burial import MOST, MOST_BYTES, Burial
from gateway.letters import BODY_BYTES
from schemas.verdicts import Failure, FailureClass
from tests.gateway.deliveries import Parcel
from tests.gateway.toy import Slip, entry

FAILURE: Final = Failure(FailureClass.SCHEMA, "not_json", "not JSON")


class Graves(MemoryDeadLetters):
    """Dead letters that remember the batches in which they were stored."""

    def __init__(self) -> None:
        super().__init__(Tables(), lambda: 0.0)
        self.batches: list[list[int]] = []
        """Of each the sizes of its bodies."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        self.batches.append([len(letter.body) for letter in letters])
        await super().bury(letters)


async def buried(burial: Burial) -> None:
    """Bury what waits."""
    running = asyncio.create_task(burial.run())
    await burial.quiet()
    running.cancel()


def test_a_batch_has_no_more_bytes_than_fit() -> None:
    async def story() -> None:
        graves = Graves()
        burial = Burial(graves, Backoff())
        parcels = [Parcel(b"%03d" % number + b"x" * (BODY_BYTES - 3)) for number in range(11)]
        for parcel in parcels:
            burial.bury(parcel, FAILURE)
        await buried(burial)
        assert [len(batch) for batch in graves.batches] == [MOST_BYTES // BODY_BYTES, 3]
        assert all(parcel.acks == 1 for parcel in parcels)

    asyncio.run(story())


def test_small_letters_go_by_their_number_and_one_that_is_too_large_alone() -> None:
    async def story() -> None:
        graves = Graves()
        burial = Burial(graves, Backoff())
        slip = Slip()
        large = entry("large", slip=slip)
        large.message = large.message._replace(body=b"x" * (MOST_BYTES + 1))
        burial.bury_message(large, FAILURE)
        for number in range(MOST + 1):
            burial.bury(Parcel(b"%d" % number), FAILURE)
        await buried(burial)
        assert [len(batch) for batch in graves.batches] == [1, MOST, 1]
        assert slip.acks == 1

    asyncio.run(story())

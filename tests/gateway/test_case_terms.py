"""Terms of cases: all that are due are told of in one round, page by page, and again after the database was away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from adapters.memory.cases import MemoryCases
from adapters.memory.rows import CaseRow
from adapters.memory.store import MemoryStore
from adapters.ports.turns import Opened, StoreUnavailable
from gateway.backoff import Backoff
from gateway.case_terms import MOST, PAGE, ROUND_SECONDS, CaseTerms
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.runtime.virtual import run

WAITS = Failure(FailureClass.BUSINESS_RULE, "approval_needed", "a partner must approve")


@dataclass
class Place:
    """Cases that want to be told of after a minute. Make it inside of a running story."""

    cases: int
    lost: int = 0
    """How often the database is away."""
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(asyncio.get_running_loop().time)
        now = asyncio.get_running_loop().time()
        self.store.tables.cases += [
            CaseRow(number, ActorKey("engagement", str(number)), Opened(Case(WAITS, topic="approval")), now, now,
                    now + 60, None)
            for number in range(self.cases)
        ]  # fmt: skip

    @property
    def reminded(self) -> int:
        return sum(row.is_reminded for row in self.store.tables.cases)


class Unsteady(MemoryCases):
    """Cases of a database that is away at first."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.store.tables, asyncio.get_running_loop().time)
        self._place = place

    async def remind(self, *, page: int) -> int:
        if self._place.lost > 0:
            self._place.lost -= 1
            raise StoreUnavailable("away")
        return await super().remind(page=page)


@pytest.mark.parametrize("lost", [0, 2])
def test_what_is_due_is_told_of_in_the_next_round(lost: int) -> None:
    async def story() -> None:
        place = Place(3)
        looking = asyncio.create_task(CaseTerms(Unsteady(place), Backoff()).run())
        await asyncio.sleep(59)
        assert place.reminded == 0
        place.lost = lost
        await asyncio.sleep(1 + ROUND_SECONDS + 5)
        assert place.reminded == 3
        looking.cancel()

    run(story())


def test_a_round_goes_so_far_and_the_next_goes_on() -> None:
    async def story() -> None:
        place = Place(PAGE * MOST + 1)
        await asyncio.sleep(60)
        looking = asyncio.create_task(CaseTerms(Unsteady(place), Backoff()).run())
        await asyncio.sleep(1)
        assert place.reminded == PAGE * MOST
        await asyncio.sleep(ROUND_SECONDS)
        assert place.reminded == PAGE * MOST + 1
        looking.cancel()

    run(story())

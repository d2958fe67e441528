"""Mischief: lanes of faults, each with a deck of its own that is shuffled by the seed and dealt again and again."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.checker.evidence import Cell

ACT_SECONDS: Final = 300.0
"""No act may take longer, however long the servers take to come back."""
MOST_LATE: Final = 8
"""Acts after the end, at most, of what is owed: on a slow machine an act of the broker takes a third of a minute."""


@dataclass(frozen=True, slots=True)
class Act:
    """One fault. `do` answers how often it hit: what nobody was there for does not count."""

    cell: Cell
    do: Callable[[], Awaitable[int]]
    copies: int = 1
    """How many of it are in the deck."""
    is_owed: bool = False
    """Whether every run owes one: it comes before all others, until it has hit."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """A lane of faults, one after the other, with `rest` (least, most) seconds between two."""

    name: str
    acts: Sequence[Act]
    rest: tuple[float, float]

    async def run(self, seed: int, ended: asyncio.Event, told: Callable[[str, Cell, int], None]) -> Counter[Cell]:
        """Deal until `ended`; the act that runs then is finished, and what is owed goes on until it has hit.

        `told` hears of each act and its hits.
        """
        chance = random.Random(f"{self.name} {seed}")
        hits: Counter[Cell] = Counter()
        deck: list[Act] = []
        owed = [act for act in self.acts if act.is_owed]
        chance.shuffle(owed)
        late = 0
        while late < MOST_LATE and not await self._rests(chance, ended, is_owing=bool(owed)):
            late += ended.is_set()
            if not deck and not owed:
                deck = [act for act in self.acts for _ in range(act.copies)]
                chance.shuffle(deck)
            act = owed.pop() if owed else deck.pop()
            async with asyncio.timeout(ACT_SECONDS):
                hit = await act.do()
            if act.is_owed and not hits[act.cell] and not hit:
                owed.insert(0, act)
            hits[act.cell] += hit
            told(self.name, act.cell, hit)
        return hits

    async def _rests(self, chance: random.Random, ended: asyncio.Event, *, is_owing: bool) -> bool:
        """Wait; whether the end has come for a lane that owes nothing."""
        seconds = chance.uniform(*self.rest)
        if is_owing:
            await asyncio.sleep(seconds)
            return False
        try:
            async with asyncio.timeout(seconds):
                await ended.wait()
        except TimeoutError:
            return False
        return True

"""The reminder: opens a case for each command that its system does not settle in time, and closes it when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from adapters.ports.overdue import Overdue, Term
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.gate import SystemGate
from gateway.rules import OVERDUE_SECONDS
from schemas.keys import ActorKey

GRACE_SECONDS: Final = 900.0
"""How long nothing is said after an operator, or the policy's hours, have let commands go on."""
ROUND_SECONDS: Final = 30.0
PAGE: Final = 500
MOST_LOOKED_AT: Final = 5_000
"""Keys of one system looked at in one round, and cases closed; the next round goes on behind them."""


class Reminder:
    """Looks for ever. `ages` are the policy's, in seconds by system; `gates` know its hours.

    `told` hears of each system that has commands and is not in the policy: its name, how many, and since when.
    """

    def __init__(
        self,
        overdue: Overdue,
        ages: Mapping[str, float],
        gates: Mapping[str, SystemGate],
        backoff: Backoff,
        told: Callable[[str, int, datetime], None] = telemetry.system_unlisted,
    ) -> None:
        self._overdue = overdue
        self._terms = {name: Term(age, min(GRACE_SECONDS, age)) for name, age in ages.items()}
        self._gates = gates
        self._backoff = backoff
        self._told = told
        self._unlisted: frozenset[str] = frozenset()
        self._behind: dict[str, ActorKey | None] = {}

    async def run(self) -> None:
        """Round after round, the first one at once."""
        while True:
            try:
                await self._round()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            self._backoff.reset()
            await asyncio.sleep(ROUND_SECONDS)

    async def _round(self) -> None:
        await self._close()
        for name, term in self._terms.items():
            if self._gates[name].is_open_for(term.grace):
                await self._look(name, term)
        unlisted = await self._overdue.systems(but=self._terms)
        for found in unlisted:
            if found.system not in self._unlisted:
                self._told(found.system, found.commands, found.oldest)
            await self._look(found.system, Term(OVERDUE_SECONDS, GRACE_SECONDS, is_listed=False))
        self._unlisted = frozenset(found.system for found in unlisted)

    async def _close(self) -> None:
        for _ in range(0, MOST_LOOKED_AT, PAGE):
            if await self._overdue.close_cases(page=PAGE) < PAGE:
                return

    async def _look(self, system: str, term: Term) -> None:
        """Go on behind where the last round ended; after the last key from the first."""
        for _ in range(0, MOST_LOOKED_AT, PAGE):
            looked = await self._overdue.open_cases(system, term, after=self._behind.get(system), page=PAGE)
            self._behind[system] = looked.last
            if looked.last is None:
                return

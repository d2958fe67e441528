"""Terms of cases: their owners are reminded of those that stand open for long, and told of those that are overdue.

So is written down what came of acts that stood in a lane when whoever asked for them was answered.
"""

from __future__ import annotations

import asyncio
from typing import Final

from adapters.ports.cases import Cases
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff

ROUND_SECONDS: Final = 30.0
PAGE: Final = 500
MOST: Final = 20
"""Pages of one round; what is left is told of in the next."""


class CaseTerms:
    """Looks for ever. The database keeps the times and remembers what was told, so any number of processes may look."""

    def __init__(self, cases: Cases, backoff: Backoff) -> None:
        self._cases = cases
        self._backoff = backoff

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
        for _ in range(MOST):
            told = await self._cases.remind(page=PAGE)
            ended = await self._cases.end_acts(page=PAGE)
            if told == ended == 0:
                return

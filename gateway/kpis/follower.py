"""The follower: counts what was committed, page by page, behind the commits and never in their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from adapters.ports.kpis import Books, Page
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.kpis.counting import count, keys_of

PAGE: Final = 500
REST_SECONDS: Final = 0.05
"""After a page, and at least nine times as long as it took: counting takes a tenth of one connection's time at most."""
ROUND_SECONDS: Final = 2.0
"""Between looks, once nothing more is there, or another process is at it."""


class Step(NamedTuple):
    """What became of a page: whether it was the last for now, and whether we have added it, or there was nothing."""

    is_last: bool
    is_added: bool


class Follower:
    """Counts for ever. Of several processes each line is counted by one, whichever adds it first.

    `failed` hears of mistakes of ours, which end nothing else.
    """

    def __init__(
        self,
        books: Books,
        backoff: Backoff,
        *,
        rest: float = REST_SECONDS,
        failed: Callable[[Exception], None] = telemetry.figures_failed,
    ) -> None:
        self._books = books
        self._backoff = backoff
        self._rest = rest
        self._failed = failed

    async def run(self) -> None:
        """Page after page."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                step = await count_page(self._books)
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            except Exception as error:  # noqa: BLE001  # a mistake in a figure must not end a process that moves money
                self._failed(error)
                await self._backoff.wait()
                continue
            self._backoff.reset()
            goes_on = step.is_added and not step.is_last
            await asyncio.sleep(max(self._rest, 9 * (loop.time() - began)) if goes_on else ROUND_SECONDS)


async def count_page(books: Books, *, most: int = PAGE) -> Step:
    """Count the next page. One that another process has added meanwhile counts for nothing.

    Raises `StoreUnavailable`, also where nobody knows whether it was added: the next page is read behind what is there.
    """
    page = await books.page(most=most)
    if _says_nothing(page):
        return Step(page.is_last, is_added=True)
    counted = count(page, await books.kept(keys_of(page.lines)))
    return Step(page.is_last, await books.add(counted))


async def count_all(books: Books, *, most: int = PAGE) -> None:
    """Count until nothing more is there for now. Raises `StoreUnavailable`."""
    while await count_page(books, most=most) != Step(is_last=True, is_added=True):
        pass


def _says_nothing(page: Page) -> bool:
    """Whether neither a line came nor a missing number was settled."""
    return not (page.lines or page.cases or any(page.reached.missing) or any(page.reached.found))

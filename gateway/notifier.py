"""The notifier: committed facts go, in order, to the exchange `tallystick.notices`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from adapters.ports.broker import BrokerUnavailable, Outgoing, Published, Publishing
from adapters.ports.outbox import NoticeRow, Notices
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff

EXCHANGE: Final = "tallystick.notices"
PAGE: Final = 500
"""Notices told in one round, and what is left of the last one's commit."""
LOOK_SECONDS: Final = 1.0


class Notifier:
    """Publishes notices. One that no queue is bound for is settled and counted, never retried."""

    def __init__(
        self,
        notices: Notices,
        publishing: Publishing,
        backoff: Backoff,
        observed: Callable[[Published, int], None],
    ) -> None:
        self._notices = notices
        self._publishing = publishing
        self._backoff = backoff
        self._observed = observed
        self._hinted = asyncio.Event()

    def hint(self) -> None:
        """A commit has written notices."""
        self._hinted.set()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            self._hinted.clear()
            try:
                rows = await self._notices.pending(limit=PAGE)
                if rows:
                    await self._publish(rows)
            except (StoreUnavailable, BrokerUnavailable):
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if not rows:
                await self._pause()

    async def _publish(self, rows: list[NoticeRow]) -> None:
        """Publish in order and forget what was confirmed or had no reader; a refused one stays, with those behind."""
        results = await self._publishing.publish([_outgoing(row) for row in rows])
        refused = {row.id for row, result in zip(rows, results, strict=True) if result is Published.REFUSED}
        told = [row.id for row in rows if not refused or row.id < min(refused)]
        for kind in Published:
            self._observed(kind, sum(result is kind for result in results))
        if told:
            await self._notices.published(sorted(set(told)))
        if refused:
            raise BrokerUnavailable("the broker refused a notice")

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._hinted.wait()
        except TimeoutError:
            return


def _outgoing(row: NoticeRow) -> Outgoing:
    """The message; its id is the same however often it is published."""
    message_id = f"notice-{row.id}-{row.place}"
    return Outgoing(EXCHANGE, row.routing_key, row.body, "application/json", {}, message_id=message_id)

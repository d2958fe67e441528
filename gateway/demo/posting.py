"""Publishing the play: in order, with confirms, and stretched over some seconds so that one can watch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from adapters.ports.broker import BrokerUnavailable, Published, Publishing
from gateway.demo.telling.sending import Sender, Sending

ATTEMPTS: Final = 20
PAUSE: Final = 0.5
"""Seconds before what the broker did not take is published again."""
SLICE: Final = 0.1
"""Seconds between two bursts."""


class NotPublished(RuntimeError):
    """The broker did not take a message, however often it was tried."""


class Posting:
    """`publishers` by sender: each source publishes as its own user, where the broker knows it."""

    def __init__(self, publishers: Mapping[Sender, Publishing]) -> None:
        self._publishers = publishers
        self.confirmed = 0

    async def publish(self, sendings: Sequence[Sending], seconds: float) -> None:
        """Publish all, in about `seconds`. Raises `NotPublished`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        bursts = max(1, min(len(sendings), round(seconds / SLICE)))
        for burst in range(bursts):
            part = sendings[len(sendings) * burst // bursts : len(sendings) * (burst + 1) // bursts]
            # Another sender's messages go only after the confirms: two connections keep no order between them.
            for sender, run in groupby(part, key=lambda each: each.sender):
                await self._confirmed(self._publishers[sender], list(run))
            await asyncio.sleep(max(0.0, began + seconds * (burst + 1) / bursts - loop.time()))

    async def _confirmed(self, publisher: Publishing, run: Sequence[Sending]) -> None:
        """Publish until all are confirmed; from the first that was refused on, so that their order holds."""
        rest = list(run)
        for _ in range(ATTEMPTS):
            try:
                answers = await publisher.publish([each.outgoing for each in rest])
            except BrokerUnavailable:
                await asyncio.sleep(PAUSE)
                continue
            taken = next((n for n, answer in enumerate(answers) if answer is not Published.CONFIRMED), len(rest))
            self.confirmed += taken
            rest = rest[taken:]
            if not rest:
                return
            await asyncio.sleep(PAUSE)
        raise NotPublished(f"the broker did not take {rest[0].source} {rest[0].id} in {ATTEMPTS} attempts")

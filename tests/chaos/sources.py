"""The sources: they publish the business until it is confirmed, and again when a queue was lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from adapters.ports.broker import BrokerUnavailable, Published
from adapters.rabbitmq.backoff import growing
from adapters.rabbitmq.publishing import RabbitPublishing
from tests.chaos.business import Business, Event
from tests.checker import content as digest
from tests.checker import evidence
from tests.checker.cells import BAD, CONFLICT, DUPLICATE, EARLY, OUT_OF_ORDER, POISON
from tests.checker.evidence import Cell

PATIENCE: Final = 5.0
AGAIN_SECONDS: Final = 0.2
QUICK: Final = growing(first=0.1, most=0.5)


class Sources:
    """Publishes waves, one after the other, each until all of it is confirmed. Keeps what was published."""

    def __init__(self, url: str, business: Business, every: float) -> None:
        self.published: list[evidence.Published] = []
        self.faults: Counter[Cell] = Counter()
        self._business = business
        self._every = every
        self._publishing = RabbitPublishing(
            url, report=lambda _report: None, delay=QUICK, patience=PATIENCE, name="sources"
        )
        self._waves: list[Sequence[Event]] = []
        self._contents: dict[tuple[str, str], str] = {}
        self._confirmed: set[str] = set()
        self._numbers: dict[str, set[int]] = {}
        self.pause: Final = asyncio.Lock()
        """Held by whoever must not be published past; a wave is never left half done."""

    async def run(self, ended: asyncio.Event) -> None:
        """Publish until `ended`, then what is still owed."""
        while not ended.is_set():
            await self._publish(self._business.wave())
            try:
                async with asyncio.timeout(self._every):
                    await ended.wait()
            except TimeoutError:
                continue
        await self._publish(self._business.rest())

    async def again(self, entity: str) -> int:
        """Publish once more, in order, all that went to an entity's queue; how many. The caller holds `pause`."""
        count = 0
        for wave in tuple(self._waves):
            events = [event for event in wave if event.queue == entity]
            await self._confirm(events)
            count += len(events)
        return count

    async def close(self) -> None:
        """Close the connection."""
        await self._publishing.close()

    async def _publish(self, wave: Sequence[Event]) -> None:
        async with self.pause:
            for event in wave:
                self._note(event)
            self._waves.append(wave)
            await self._confirm(wave)

    async def _confirm(self, events: Sequence[Event]) -> None:
        """Send until each is confirmed: what was refused may have arrived nevertheless."""
        left = list(events)
        while left:
            try:
                answers = await self._publishing.publish([event.outgoing for event in left])
            except BrokerUnavailable:
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            rest = []
            for event, answer in zip(left, answers, strict=True):
                is_confirmed = answer is Published.CONFIRMED
                self.published.append(self._row(event, is_confirmed=is_confirmed))
                if is_confirmed:
                    self._confirmed.add(event.key)
                else:
                    rest.append(event)
            if left := rest:
                await asyncio.sleep(AGAIN_SECONDS)

    def _note(self, event: Event) -> None:
        """Count what is amiss with an event."""
        body = event.outgoing.body
        if event.is_bad:
            self.faults[BAD] += 1
            return
        content = digest.content(body)
        first = self._contents.setdefault((event.source, event.id), content)
        known = self._contents.get((event.source, f"{event.id} {content}"))
        self._contents[event.source, f"{event.id} {content}"] = content
        if known is not None:
            self.faults[DUPLICATE] += 1
        elif first != content:
            self.faults[CONFLICT] += 1
        if event.stops:
            self.faults[POISON] += 1
        if event.sequence is not None:
            series = self._numbers.setdefault(event.key, set())
            self.faults[OUT_OF_ORDER] += series != set(range(1, event.sequence)) and event.sequence not in series
            series.add(event.sequence)
        if not self._confirmed.issuperset(need for need in event.needs if not need.startswith("external/")):
            self.faults[EARLY] += 1

    def _row(self, event: Event, *, is_confirmed: bool) -> evidence.Published:
        body = event.outgoing.body
        raw = digest.raw(body)
        return evidence.Published(
            event.source, event.id, event.key, event.outgoing.routing_key,
            raw if event.is_bad else digest.content(body), raw, len(self.published),
            is_confirmed=is_confirmed, is_bad=event.is_bad, needs=event.needs, blocks=event.blocks, stops=event.stops,
            books=event.books, sequence=event.sequence,
        )  # fmt: skip

"""The reader: one look at what changed in a system, published as events, page by page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from adapters.ports.broker import BrokerUnavailable, Outgoing, Published, Publishing
from adapters.ports.changes import Change, Fact, Feed, Positions
from gateway.reader_window import Window
from schemas.codec import STRUCTURED

EXCHANGE: Final = "tallystick.events"
_SHORT: Final = 255
"""Bytes of a text in an AMQP header frame (AMQP 0-9-1, section 4.2.5.3)."""
_VERSION: Final = re.compile(r"\.v[0-9]+\Z")


class Unroutable(RuntimeError):
    """No queue is bound for an event: nobody would ever read it."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A look that ended. `published` events; `is_whole`: it came to the end of its window, and was not stopped."""

    published: int
    is_whole: bool


class Reader:
    """Publishes the changed records of one feed under `source`.

    Between publishing a page and recording it a crash repeats the page, with the same ids and bodies, which the gateway
    knows. `start`: where the first look begins, see `Window.since`. `why` says what the broker said last.
    """

    def __init__(
        self,
        system: str,
        feed: Feed,
        positions: Positions,
        publishing: Publishing,
        *,
        source: str,
        window: Window,
        start: datetime | None = None,
        why: Callable[[], str] = lambda: "it gave no reason",
    ) -> None:
        self.system = system
        self._feed = feed
        self._positions = positions
        self._publishing = publishing
        self._source = source
        self._window = window
        self._start = start
        self._why = why

    @property
    def record(self) -> str:
        """The kind of record that is read."""
        return self._feed.record

    async def look(self, is_stopped: Callable[[], bool] = lambda: False) -> Looked:
        """Publish what changed since the last look; once it is stopped, no page is begun.

        Raises `FeedUnavailable`, `BrokerUnavailable`, `Unroutable`, and `StoreUnavailable`. Nothing of the page that it
        was at is recorded then; the pages before are.
        """
        position = await self._positions.position(self.system, self.record)
        until = self._window.until(await self._feed.now())
        since = self._window.since(position, until, self._start)
        start: str | None = None
        published = 0
        while True:
            page = await self._feed.page(since, until, start)
            published += await self._take(page.changes, until)
            start = page.next
            if start is None:
                break
            if is_stopped():
                return Looked(published, is_whole=False)
        await self._positions.advance(position, until, forget_before=self._window.forgotten(until))
        self._start = None
        return Looked(published, is_whole=True)

    async def _take(self, changes: Sequence[Change], until: datetime) -> int:
        """Publish what was not published yet, then record it; how many events that were."""
        asked = [change.version for change in changes]
        unseen = await self._positions.unseen(self.system, self.record, asked) if asked else []
        if not unseen:
            return 0
        by_version = {change.version: change for change in reversed(changes)}
        fresh = [by_version[version] for version in unseen]
        events = [event for change in fresh for event in self._events(change)]
        for run in _runs(events):
            await self._publish(run)
        await self._positions.saw(self.system, self.record, unseen, until=until)
        return len(events)

    async def _publish(self, run: Sequence[_Event]) -> None:
        """Publish, and wait until the broker has confirmed all of it."""
        answers = await self._publishing.publish([event.message for event in run])
        for event, answer in zip(run, answers, strict=True):
            if answer is Published.UNROUTABLE:
                raise Unroutable(f"no queue is bound for {event.message.routing_key}, the type of {event.id}")
        refused = sum(answer is Published.REFUSED for answer in answers)
        if refused:
            raise BrokerUnavailable(f"the broker did not take {refused} of {len(run)} events ({self._why()})")

    def _events(self, change: Change) -> Iterator[_Event]:
        """The events of a change: always the same for the same version."""
        base = f"{self.record}/{change.version.id}/{change.version.version}"
        for index, fact in enumerate(change.facts):
            yield _event(fact, base if len(change.facts) == 1 else f"{base}/{index}", self._source)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event ready to publish, and the key whose order it is in."""

    id: str
    key: tuple[str, str]
    message: Outgoing


def _event(fact: Fact, id: str, source: str) -> _Event:
    body = orjson.dumps(
        {
            "specversion": "1.0",
            "type": fact.type,
            "source": source,
            "id": id,
            "subject": fact.subject,
            "time": fact.time,
            "datacontenttype": "application/json",
            "data": orjson.Fragment(fact.data),
        }
    )
    message_id = id if len(id.encode()) <= _SHORT else hashlib.sha256(id.encode()).hexdigest()
    message = Outgoing(EXCHANGE, _VERSION.sub("", fact.type), body, STRUCTURED, {}, message_id)
    return _Event(id, (fact.type.partition(".")[0], fact.subject), message)


def _runs(events: Iterable[_Event]) -> Iterator[list[_Event]]:
    """Cut wherever a key comes again: the broker may refuse an event and take a later one that is on its way with it.

    So an event is sent only when all earlier ones of its key are confirmed.
    """
    run: list[_Event] = []
    keys: set[tuple[str, str]] = set()
    for event in events:
        if event.key in keys:
            yield run
            run, keys = [], set()
        run.append(event)
        keys.add(event.key)
    if run:
        yield run

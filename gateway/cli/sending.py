"""Sending events to the broker in batches: in order, confirmed, and again a bounded number of times if refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from adapters.ports.broker import BrokerUnavailable, Outgoing, Published, Publishing
from adapters.rabbitmq.topology import EVENTS
from gateway.backoff import Backoff
from gateway.cli.events_file import CAP, Line
from gateway.exits import Exit, Failed
from schemas.codec import STRUCTURED

BATCH: Final = 1000
"""Events that are on their way at once, at most."""
BATCH_BYTES: Final = 4 << 20
ATTEMPTS: Final = 6

_SHORT: Final = 255
"""Bytes of a text in an AMQP header frame (AMQP 0-9-1, section 4.2.5.3)."""
_VERSION: Final = re.compile(r"\.v[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Ready:
    """A line, and the message that it becomes."""

    line: Line
    message: Outgoing


@dataclass(slots=True)
class Tally:
    """What became of the events so far."""

    published: int = 0
    unroutable: int = 0
    sent_again: int = 0
    first_unroutable: Line | None = None
    seconds: float | None = None
    """How long it took; None as long as nothing was sent."""


def ready(line: Line) -> Ready:
    """The message of a line; looks at `type` and `id` alone. Raises `Failed`, naming the line."""
    if len(line.body) > CAP:
        raise Failed(Exit.FAILED, f"{line}: an event may have {CAP} bytes at most")
    try:
        event: object = orjson.loads(line.body)
    except orjson.JSONDecodeError as error:
        raise Failed(Exit.FAILED, f"{line}: not JSON ({error}): write one event on each line") from error
    if not isinstance(event, dict):
        raise Failed(Exit.FAILED, f"{line}: not a JSON object: write one CloudEvent in structured mode on each line")
    type_ = event.get("type")
    if not isinstance(type_, str) or not 0 < len(type_.encode()) <= _SHORT:
        raise Failed(
            Exit.FAILED, f"{line}: `type` is missing or no short text: set it to one like timesheet.approved.v1"
        )
    message = Outgoing(EVENTS, _VERSION.sub("", type_), line.body, STRUCTURED, {}, _message_id(event.get("id"), line))
    return Ready(line, message)


def batches(lines: Iterable[Line], size: int) -> Iterator[list[Ready]]:
    """Lines as batches of at most `size`; what stands before a bad line comes out before the error. Raises `Failed`."""
    batch: list[Ready] = []
    weight = 0
    try:
        for line in lines:
            batch.append(ready(line))
            weight += len(line.body)
            if len(batch) >= size or weight >= BATCH_BYTES:
                yield batch
                batch, weight = [], 0
    except Failed:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class Sender:
    """Sends batches one after the other, counting in `tally`. `why` tells what the broker said last.

    RabbitMQ confirms in order within a queue, and a lost connection loses what came last. So what was refused is sent
    again before anything later is: the events of a key keep their order unless the broker refuses one and takes a later
    one of the same batch. Where that matters, number the events with `sequence`.
    """

    def __init__(self, publishing: Publishing, tally: Tally, why: Callable[[], str], backoff: Backoff) -> None:
        self._publishing = publishing
        self._tally = tally
        self._why = why
        self._backoff = backoff

    async def send(self, batch: Sequence[Ready]) -> None:
        """Send until everything is confirmed or unroutable. Raises `Failed` after `ATTEMPTS`, naming the first line."""
        open_, unavailable = batch, False
        for attempt in range(ATTEMPTS):
            if attempt:
                self._tally.sent_again += len(open_)
                await self._backoff.wait()
            try:
                open_, unavailable = self._count(open_, await self._publish(open_)), False
            except BrokerUnavailable:
                unavailable = True
            if not open_:
                self._backoff.reset()
                return
        raise Failed(
            Exit.UNREACHABLE if unavailable else Exit.FAILED,
            f"{open_[0].line}: the broker did not take it in {ATTEMPTS} attempts ({self._why()}); {len(open_)} events "
            "of its batch and all after it are not published",
        )

    async def _publish(self, batch: Sequence[Ready]) -> list[Published]:
        return await self._publishing.publish([each.message for each in batch])

    def _count(self, batch: Sequence[Ready], answers: Sequence[Published]) -> list[Ready]:
        """Count what is done; answers what was refused."""
        refused: list[Ready] = []
        for each, answer in zip(batch, answers, strict=True):
            match answer:
                case Published.CONFIRMED:
                    self._tally.published += 1
                case Published.UNROUTABLE:
                    self._tally.unroutable += 1
                    self._tally.first_unroutable = self._tally.first_unroutable or each.line
                case Published.REFUSED:
                    refused.append(each)
        return refused


def _message_id(id_: object, line: Line) -> str:
    """The event's own id, so that it can be found in the broker; a digest where there is none that fits."""
    if isinstance(id_, str) and 0 < len(id_.encode()) <= _SHORT:
        return id_
    return hashlib.sha256(line.body).hexdigest()

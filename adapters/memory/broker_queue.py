"""A queue in memory: prefetch, one consumer at a time, and what comes back keeps its order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Final

from adapters.ports.broker import Delivery, Outgoing, Queue

DELIVERY_COUNT: Final = "x-delivery-count"
"""RabbitMQ's header, which is not the sender's to write."""


@dataclass(slots=True)
class Message:
    """What was published, by whom, and how often it was taken back since."""

    outgoing: Outgoing
    user_id: str
    returns: int = 0


class MemoryQueue:
    """Messages ready, messages given back, and the channels that consume.

    As in a quorum queue, what is given back goes out before what never went out, but behind what was given back
    earlier. So a prefetch that is lowered while messages are unacked breaks their order here too.
    """

    def __init__(self, declared: Queue) -> None:
        self.declared = declared
        self._ready: deque[Message] = deque()
        self._returned: deque[Message] = deque()
        self._channels: deque[MemoryChannel] = deque()

    def __repr__(self) -> str:
        return f"MemoryQueue({self.declared.name!r}, ready={self.depth}, channels={list(self._channels)})"

    @property
    def depth(self) -> int:
        return len(self._returned) + len(self._ready)

    def put(self, message: Message) -> None:
        self._ready.append(replace(message))
        self.check_out()
        self._drop_head()

    def take(self) -> list[Message]:
        """All that is ready, held by whoever takes it."""
        taken = [*self._returned, *self._ready]
        self._returned.clear()
        self._ready.clear()
        return taken

    def give_back(self, messages: Sequence[Message]) -> None:
        """What was taken is ready again, before what never went out."""
        self._returned.extend(messages)
        self.check_out()
        self._drop_head()

    def attach(self, channel: MemoryChannel) -> None:
        self._channels.append(channel)
        self.check_out()

    def detach(self, channel: MemoryChannel) -> None:
        """Take back what the channel has not acked, and let the next one have it."""
        self._channels.remove(channel)
        self._returned.extend(channel.give_up())
        self.check_out()

    def check_out(self) -> None:
        """Give out as much as prefetch allows: to the first channel alone, or to all in turn."""
        while self.depth and (channel := self._next_with_room()) is not None:
            channel.give(self._returned.popleft() if self._returned else self._ready.popleft())

    def _drop_head(self) -> None:
        """Keep to the queue's length, if it has one."""
        most = self.declared.arguments.get("x-max-length")
        while isinstance(most, int) and self.depth > most:
            (self._returned or self._ready).popleft()

    def _next_with_room(self) -> MemoryChannel | None:
        if self.declared.arguments.get("x-single-active-consumer"):
            return next((channel for channel in list(self._channels)[:1] if channel.has_room), None)
        for _ in self._channels:
            self._channels.rotate(-1)
            if self._channels[-1].has_room:
                return self._channels[-1]
        return None


class MemoryChannel:
    """One consumer of a queue, until it is given up.

    What reaches it is a step of its own, in the consumer's `context`, whoever had it given out: a publisher, or another
    consumer that gave it back and may stand still by then. So nothing overtakes on the way.
    """

    def __init__(self, queue: MemoryQueue, prefetch: int, take: Callable[[Delivery], None], context: Context) -> None:
        self.queue = queue
        self.is_live = True
        self._loop = asyncio.get_running_loop()
        self.quiet_since = self._loop.time()
        self._prefetch = prefetch
        self._take = take
        self._context = context
        self._last_tag = 0
        self._unacked: dict[int, Message] = {}
        self._acks: list[int] = []
        """Acks on their way: lost if the channel is."""
        self._held: deque[MemoryDelivery] | None = None
        """What arrived while paused; None while deliveries are handed over."""

    def __repr__(self) -> str:
        return f"MemoryChannel(is_live={self.is_live}, unacked={self.unacked})"

    @property
    def unacked(self) -> int:
        return len(self._unacked)

    @property
    def held_bytes(self) -> int:
        return sum(size_of(message.outgoing) for message in self._unacked.values())

    @property
    def has_room(self) -> bool:
        return self.unacked < self._prefetch

    def give(self, message: Message) -> None:
        """Count it as delivered; it is handed over in the loop's next turn."""
        self._last_tag += 1
        self._unacked[self._last_tag] = message
        delivery = MemoryDelivery(message, self, self._last_tag, message.returns)
        self._loop.call_soon(self._arrive, delivery, context=self._context)

    def give_up(self) -> list[Message]:
        """Die, and give back what is unacked, in its order."""
        self.is_live = False
        returned = list(self._unacked.values())
        for message in returned:
            message.returns += 1
        self._unacked.clear()
        return returned

    def ack(self, tag: int) -> None:
        """Does nothing on a dead channel; else it reaches the queue in the loop's next turn."""
        if self.is_live:
            self._acks.append(tag)
            if len(self._acks) == 1:
                self._loop.call_soon(self.flush, context=self._context)

    def flush(self) -> None:
        """Bring the acks to the queue now."""
        if self.is_live:
            for tag in self._acks:
                self._unacked.pop(tag, None)
            self._acks.clear()
            self.queue.check_out()

    def pause(self) -> None:
        if self._held is None:
            self._held = deque()

    def resume(self) -> None:
        held, self._held = self._held, None
        for delivery in held or ():
            self._hand_over(delivery)

    def _arrive(self, delivery: MemoryDelivery) -> None:
        self.quiet_since = self._loop.time()
        if self._held is None:
            self._hand_over(delivery)
        else:
            self._held.append(delivery)

    def _hand_over(self, delivery: MemoryDelivery) -> None:
        if self.is_live:
            self._take(delivery)


def size_of(outgoing: Outgoing) -> int:
    """Bytes of its body and headers."""
    return len(outgoing.body) + sum(len(name) + len(str(value)) for name, value in outgoing.headers.items())


@dataclass(frozen=True, slots=True)
class MemoryDelivery:
    """A `Delivery` that knows the channel it came on."""

    message: Message
    channel: MemoryChannel
    tag: int
    returns: int

    @property
    def queue(self) -> str:
        return self.channel.queue.declared.name

    @property
    def body(self) -> bytes:
        return self.message.outgoing.body

    @property
    def content_type(self) -> str | None:
        return self.message.outgoing.content_type

    @property
    def headers(self) -> Mapping[str, object]:
        return {name: value for name, value in self.message.outgoing.headers.items() if name != DELIVERY_COUNT}

    @property
    def user_id(self) -> str | None:
        return self.message.user_id

    @property
    def routing_key(self) -> str:
        return self.message.outgoing.routing_key

    @property
    def delivery_count(self) -> int:
        return self.returns

    @property
    def is_live(self) -> bool:
        return self.channel.is_live

    def ack(self) -> None:
        self.channel.ack(self.tag)

"""A broker with one queue and one active consumer, which can lose a channel without the process noticing at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gateway.activation import Entry
from schemas.keys import ActorKey
from tests.gateway.toy import Step, message_of, read
from tests.runtime.town import Process, Town


@dataclass(eq=False, slots=True)
class Channel:
    """A consumer. `is_open`: as the broker sees it; `is_known_dead`: as its process does."""

    process: Process
    unacked: dict[int, tuple[ActorKey, Step]] = field(default_factory=dict)
    is_open: bool = True
    is_known_dead: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a process acks."""

    wire: Wire
    channel: Channel
    tag: int
    id: str

    @property
    def is_live(self) -> bool:
        return not self.channel.is_known_dead

    def ack(self) -> None:
        self.wire.acked(self.channel, self.tag, self.id)


class Wire:
    """The queue. What a lost channel has not acked is delivered again, in its order, before anything else."""

    def __init__(self, town: Town, prefetch: int) -> None:
        self._town = town
        self._prefetch = prefetch
        self._ready: deque[tuple[ActorKey, Step]] = deque()
        self._tag = 0
        self.channels: list[Channel] = []

    @property
    def is_empty(self) -> bool:
        """Whether everything was acked."""
        return not self._ready and not any(channel.unacked for channel in self.channels)

    def publish(self, key: ActorKey, step: Step) -> None:
        """Append to the queue."""
        self._ready.append((key, step))
        self._check_out()

    def attach(self, process: Process) -> None:
        """Let a process consume, behind those that do."""
        self.channels.append(Channel(process))
        self._check_out()

    def cut(self, channel: Channel) -> None:
        """Close the channel at the broker; its process does not know."""
        channel.is_open = False
        self.channels.remove(channel)
        self._ready.extendleft(reversed(channel.unacked.values()))
        channel.unacked.clear()
        self._check_out()

    def notice(self, channel: Channel) -> None:
        """The process of a closed channel notices, and comes back."""
        channel.is_known_dead = True
        self.attach(channel.process)

    def acked(self, channel: Channel, tag: int, id: str) -> None:
        """A process says that a message is durable; on a closed channel nobody hears it."""
        if ("psa", id) not in self._town.store.tables.identities:
            self._town.lost.append(id)
        if channel.is_open and tag in channel.unacked:
            del channel.unacked[tag]
            self._check_out()

    def _check_out(self) -> None:
        while self._ready and self.channels and len(self.channels[0].unacked) < self._prefetch:
            channel = self.channels[0]
            key, step = self._ready.popleft()
            self._tag += 1
            channel.unacked[self._tag] = (key, step)
            message = message_of(step.name, step)
            receipt = Receipt(self, channel, self._tag, step.name)
            channel.process.bus.deliver(key, Entry(message, read(message), receipt))

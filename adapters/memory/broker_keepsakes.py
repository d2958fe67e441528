"""Reading what is kept in the broker in memory."""

from __future__ import annotations

from adapters.memory.broker import GUEST, MemoryBroker
from adapters.memory.broker_queue import Message
from adapters.ports.broker import BrokerUnavailable, Keepsake


class MemoryKeepsakes:
    """`Keepsakes` of the broker."""

    def __init__(self, broker: MemoryBroker, *, user: str = GUEST) -> None:
        self.user = user
        self._broker = broker
        self._held: list[tuple[str, list[Message]]] = []

    async def take(self, queue: str) -> list[Keepsake]:
        if not self._broker.is_up or queue not in self._broker.queues:
            raise BrokerUnavailable(f"read queue {queue}: it is not there")
        taken = self._broker.queues[queue].take()
        self._held.append((queue, taken))
        return [Keepsake(message.outgoing.body, message.user_id) for message in taken]

    async def drop(self) -> None:
        self._held.clear()

    async def close(self) -> None:
        held, self._held = self._held, []
        for queue, messages in held:
            self._broker.queues[queue].give_back(messages)

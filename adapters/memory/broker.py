"""A broker in this process: exchanges, queues, confirms, and the faults of a real one, on the event loop's time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from adapters.memory.broker_queue import MemoryQueue, Message
from adapters.memory.broker_routing import matches
from adapters.ports.broker import BrokerUnavailable, Exchange, Outgoing, Published, Queue, Topology, TopologyDiffers

GUEST: Final = "guest"


class Standing(Protocol):
    """A wish to consume a queue, as the broker knows it."""

    @property
    def queue(self) -> str: ...

    def attach(self) -> None:
        """Consume, if there is a queue to consume."""
        ...

    def lose(self) -> None:
        """The connection, or the queue, is gone."""
        ...


class MemoryBroker:
    """All state of the broker; the ports below and in `broker_consuming` are its connections.

    Nothing is durable. `stop`, `cut`, `block`, and `delete_queue` do what befalls a real broker. Deterministic: every
    delivery is a turn of the event loop, in the order of publishing.
    """

    def __init__(self) -> None:
        self.is_up = True
        self.cuts = 0
        """How often connections were lost, so that a publisher notices that its confirm cannot come."""
        self.unblocked = asyncio.Event()
        self.unblocked.set()
        self.standing: list[Standing] = []
        self.queues: dict[str, MemoryQueue] = {}
        self.exchanges: dict[str, Exchange] = {}

    def __repr__(self) -> str:
        return f"MemoryBroker(is_up={self.is_up}, queues={list(self.queues.values())})"

    def declare_exchange(self, exchange: Exchange) -> None:
        """Raises `TopologyDiffers`."""
        there = self.exchanges.setdefault(exchange.name, exchange)
        if there != exchange:
            raise TopologyDiffers(f"exchange {exchange.name} stands in the broker as {there}: delete it first")

    def declare_queue(self, queue: Queue) -> None:
        """Raises `TopologyDiffers`."""
        if queue.name not in self.queues:
            self.queues[queue.name] = MemoryQueue(queue)
            self._attach_all()
        elif (there := self.queues[queue.name].declared) != queue:
            raise TopologyDiffers(f"queue {queue.name} stands in the broker as {there}: delete it first")

    def route(self, message: Message) -> bool:
        """Put it into every queue that is bound for it, or into those of the alternate exchange; False if in none."""
        for exchange in self._with_alternates(message.outgoing.exchange):
            reached = [queue for queue in self.queues.values() if leads_to(exchange, queue.declared, message.outgoing)]
            for queue in reached:
                queue.put(message)
            if reached:
                return True
        return False

    def delete_queue(self, name: str) -> None:
        """With all its messages; the broker cancels its consumers."""
        del self.queues[name]
        for standing in [standing for standing in self.standing if standing.queue == name]:
            standing.lose()

    def cut(self) -> None:
        """Every connection is lost; consumers come back by themselves."""
        self.cuts += 1
        for standing in list(self.standing):
            standing.lose()

    def stop(self) -> None:
        """Refuse connections, until `start`; the messages stay."""
        self.is_up = False
        self.cut()

    def start(self) -> None:
        self.is_up = True
        self._attach_all()

    def block(self) -> None:
        """Raise an alarm: publishers have to wait, until `unblock`."""
        self.unblocked.clear()

    def unblock(self) -> None:
        self.unblocked.set()

    def _with_alternates(self, name: str) -> list[Exchange]:
        """The exchange, its alternate exchange, and so on; each once."""
        chain: list[Exchange] = []
        exchange = self.exchanges.get(name)
        while exchange is not None and exchange not in chain:
            chain.append(exchange)
            exchange = self.exchanges.get(str(exchange.arguments.get("alternate-exchange", "")))
        return chain

    def _attach_all(self) -> None:
        for standing in self.standing:
            standing.attach()


def leads_to(exchange: Exchange, queue: Queue, outgoing: Outgoing) -> bool:
    """Whether the queue's bindings on this exchange take the message. Exchanges are of kind fanout or topic."""
    return queue.exchange == exchange.name and (
        exchange.kind == "fanout" or any(matches(pattern, outgoing.routing_key) for pattern in queue.routing_keys)
    )


class MemoryPublishing:
    """`Publishing` as one user of the broker."""

    def __init__(self, broker: MemoryBroker, *, user: str = GUEST, patience: float = 10.0) -> None:
        """`patience`: seconds to wait for an alarm's end."""
        self._broker = broker
        self._user = user
        self._patience = patience
        self._is_closed = False

    @property
    def is_connected(self) -> bool:
        return self._broker.is_up and not self._is_closed

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        """Confirmed one turn of the loop later; refused if the connection was lost in between."""
        await self._ready()
        cuts = self._broker.cuts
        answers = [self._publish(message) for message in messages]
        await asyncio.sleep(0)
        return answers if cuts == self._broker.cuts else [Published.REFUSED for _ in messages]

    async def close(self) -> None:
        self._is_closed = True

    async def _ready(self) -> None:
        if not self.is_connected:
            raise BrokerUnavailable("publish: the broker is not there")
        try:
            async with asyncio.timeout(self._patience):
                await self._broker.unblocked.wait()
        except TimeoutError:
            raise BrokerUnavailable(f"publish: no answer within {self._patience:g} s") from None

    def _publish(self, message: Outgoing) -> Published:
        if message.exchange not in self._broker.exchanges:
            return Published.REFUSED
        is_routed = self._broker.route(Message(message, self._user))
        return Published.CONFIRMED if is_routed else Published.UNROUTABLE


class MemoryAdministration:
    """`Administration` of the broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def apply(self, topology: Topology) -> None:
        self._check_up()
        for exchange in topology.exchanges:
            self._broker.declare_exchange(exchange)
        for queue in topology.queues:
            self._broker.declare_queue(queue)

    async def missing(self, topology: Topology) -> list[str]:
        self._check_up()
        exchanges = [x.name for x in topology.exchanges if x.name not in self._broker.exchanges]
        queues = [q.name for q in topology.queues if q.name not in self._broker.queues]
        return [f"exchange {name}" for name in exchanges] + [f"queue {name}" for name in queues]

    async def depth(self, queue: str) -> int:
        """Raises `LookupError` if there is no such queue."""
        self._check_up()
        if queue not in self._broker.queues:
            raise LookupError(f"there is no queue {queue}")
        return self._broker.queues[queue].depth

    async def close(self) -> None:
        return

    def _check_up(self) -> None:
        if not self._broker.is_up:
            raise BrokerUnavailable("the broker is not there")

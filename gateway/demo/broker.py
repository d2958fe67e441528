"""The broker of the demo: the one that the environment names, a private node, or one inside this process."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.ports.broker import Administration, Publishing
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.guest import guest
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Report
from adapters.rabbitmq.topology import WATERMARK
from gateway.app import the_topology
from gateway.demo.telling.sending import Sender
from gateway.local.errors import ServerMissing
from gateway.local.rabbitmq import AMQP_URL, rabbitmq


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker with the topology declared. `place`: its URL for the gateway, or the broker itself if it is in here.

    `users`: as whom each sender publishes, which the policy is to know.
    """

    origin: str
    place: str | MemoryBroker
    users: Mapping[Sender, str]
    publishers: Mapping[Sender, Publishing]
    administration: Administration

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return "inside this process" if isinstance(self.place, MemoryBroker) else parse_address(self.place).name

    async def ready(self) -> int:
        """Messages that stand in the queues. Raises `BrokerUnavailable`."""
        # What RabbitMQ remembers of the database is no message to take.
        queues = [queue.name for queue in the_topology().queues if queue.name != WATERMARK]
        depths = [await self.administration.depth(queue) for queue in queues]
        return sum(depths)


@asynccontextmanager
async def a_broker(environment: Mapping[str, str], *, in_process: bool = False) -> AsyncIterator[Broker]:
    """The best that there is, unless `in_process`. Raises `BrokerInUse`, `BrokerUnavailable`, `ServerFailed`."""
    if in_process:
        yield await _memory_broker()
        return
    passwords = {sender: secrets.token_hex(16) for sender in Sender}
    async with AsyncExitStack() as stack:
        try:
            users = [(sender.value, password) for sender, password in passwords.items()]
            found = await stack.enter_async_context(rabbitmq(environment, users))
        except ServerMissing:
            yield await _memory_broker()
            return
        if environment.get(AMQP_URL):
            # Somebody else's: all senders publish as the one user that we have been given.
            await stack.enter_async_context(guest(found.url, the_topology()))
            urls = dict.fromkeys(Sender, found.url)
        else:
            urls = {sender: _as_user(found.url, sender.value, password) for sender, password in passwords.items()}
        yield await _real_broker(stack, found.origin, found.url, urls)


async def _real_broker(stack: AsyncExitStack, origin: str, url: str, urls: Mapping[Sender, str]) -> Broker:
    administration = RabbitAdministration(url, name="tallystick demo")
    stack.push_async_callback(administration.close)
    await administration.apply(the_topology())
    by_url = {each: RabbitPublishing(each, report=_unheard, name="tallystick demo") for each in set(urls.values())}
    for publisher in by_url.values():
        stack.push_async_callback(publisher.close)
    return Broker(
        origin=origin,
        place=url,
        users={sender: parse_address(each).user for sender, each in urls.items()},
        publishers={sender: by_url[each] for sender, each in urls.items()},
        administration=administration,
    )


async def _memory_broker() -> Broker:
    broker = MemoryBroker()
    administration = MemoryAdministration(broker)
    await administration.apply(the_topology())
    return Broker(
        origin="none, a broker inside this process in its place: what a real one does to order and redelivery is not "
        "shown",
        place=broker,
        users={sender: sender.value for sender in Sender},
        publishers={sender: MemoryPublishing(broker, user=sender.value) for sender in Sender},
        administration=administration,
    )


def _as_user(url: str, user: str, password: str) -> str:
    """The URL of a private node for another of its users."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()


def _unheard(report: Report) -> None:
    """A lost connection comes back by itself; what could not be published is told by who publishes."""

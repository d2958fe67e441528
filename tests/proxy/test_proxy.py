"""The proxy itself: each harm, on a server that echoes lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from gateway.local.ports import LOOPBACK
from tests.integration.firm import until
from tests.proxy.dialects import Frame, Sender, Sight
from tests.proxy.proxy import Harm, Proxy, Trap, proxy


class Lines:
    """A protocol of lines, for this test: those that the client sends are acks, the echoes are deliveries."""

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        sight = Sight.ACK if sender is Sender.CLIENT else Sight.DELIVER
        return [Frame(sender, line, sight) for line in data.splitlines(keepends=True)]


@pytest_asyncio.fixture
async def received() -> list[bytes]:
    """What the server has received."""
    return []


@pytest_asyncio.fixture
async def between(received: list[bytes]) -> AsyncIterator[Proxy]:
    """A proxy before a server that echoes."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                received.append(line)
                writer.write(line)
        except ConnectionResetError:
            received.append(b"reset")
        finally:
            received.append(b"end")
            writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, proxy(server.sockets[0].getsockname()[1], Lines) as made:
        yield made


class Client:
    """A connection to a proxy that says lines and hears their echoes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, line: bytes, *, within: float = 5) -> bytes:
        """The echo of a line; empty if the connection was closed in order."""
        self._writer.write(line)
        return await asyncio.wait_for(self._reader.readline(), within)

    def leave(self) -> None:
        self._writer.close()


Connect = Callable[[Proxy], Awaitable[Client]]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients, and lets them leave at the end."""
    made: list[Client] = []

    async def to(between: Proxy) -> Client:
        made.append(Client(*await asyncio.open_connection(LOOPBACK, between.port)))
        return made[-1]

    yield to
    for client in made:
        client.leave()


async def ended(received: list[bytes]) -> None:
    """Wait until the server has seen the end of a connection."""

    async def has_ended() -> bool:
        return b"end" in received

    await until(has_ended, 5, "the server has seen the end")


async def test_without_a_trap_everything_passes_and_is_counted(connect: Connect, between: Proxy) -> None:
    client = await connect(between)
    assert await client.say(b"one\n") == b"one\n"
    assert between.seen == {Sight.ACK: 1, Sight.DELIVER: 1}
    assert between.connections == 1
    client.leave()


async def test_a_trap_springs_once_at_the_nth_sight_and_tells(connect: Connect, between: Proxy) -> None:
    client = await connect(between)
    told: list[str] = []
    trap = between.set(Trap(Sight.ACK, Harm.SWALLOW, nth=2, then=lambda: told.append("now")))
    assert await client.say(b"one\n") == b"one\n"
    assert await client.say(b"two\nthree\n") == b"three\n"
    assert trap.sprung.is_set()
    assert told == ["now"]


async def test_a_disarmed_trap_does_nothing(connect: Connect, between: Proxy) -> None:
    client = await connect(between)
    trap = between.set(Trap(Sight.ACK, Harm.SWALLOW))
    between.clear(trap)
    between.clear(trap)
    assert await client.say(b"one\n") == b"one\n"


@pytest.mark.parametrize(
    ("sight", "harm", "arrives"),
    [
        (Sight.ACK, Harm.RESET_BEFORE, False),
        (Sight.ACK, Harm.RESET_AFTER, True),
        (Sight.DELIVER, Harm.RESET_BEFORE, True),
    ],
)
async def test_a_reset_loses_the_frame_before_or_after_it(
    connect: Connect, between: Proxy, received: list[bytes], sight: Sight, harm: Harm, *, arrives: bool
) -> None:
    client = await connect(between)
    between.set(Trap(sight, harm))
    with pytest.raises(ConnectionResetError):
        await client.say(b"one\n")
    await ended(received)
    assert (b"one\n" in received) is arrives


@pytest.mark.parametrize(("harm", "arrives"), [(Harm.CLOSE_BEFORE, False), (Harm.CLOSE_AFTER, True)])
async def test_a_close_ends_both_sides_in_order(
    connect: Connect, between: Proxy, received: list[bytes], harm: Harm, *, arrives: bool
) -> None:
    client = await connect(between)
    between.set(Trap(Sight.ACK, harm))
    assert await client.say(b"one\n") == b""
    await ended(received)
    assert received == ([b"one\n", b"end"] if arrives else [b"end"])


async def test_a_half_open_connection_says_nothing_and_does_not_end(
    connect: Connect, between: Proxy, received: list[bytes]
) -> None:
    client = await connect(between)
    between.set(Trap(Sight.ACK, Harm.HALF_OPEN))
    with pytest.raises(TimeoutError):
        await client.say(b"one\n", within=0.2)
    other = await connect(between)
    assert await other.say(b"two\n") == b"two\n"
    client.leave()
    assert await other.say(b"three\n") == b"three\n"
    assert received == [b"two\n", b"three\n"]
    assert between.connections == 2


async def test_cut_ends_every_connection_and_takes_new_ones(
    connect: Connect, between: Proxy, received: list[bytes]
) -> None:
    client = await connect(between)
    assert await client.say(b"one\n") == b"one\n"
    assert between.cut() == 1
    with pytest.raises(ConnectionResetError):
        await client.say(b"two\n")
    await ended(received)
    client = await connect(between)
    assert await client.say(b"three\n") == b"three\n"


async def test_hush_makes_every_connection_half_open(connect: Connect, between: Proxy) -> None:
    client = await connect(between)
    assert await client.say(b"one\n") == b"one\n"
    assert between.hush() == 1
    with pytest.raises(TimeoutError):
        await client.say(b"two\n", within=0.2)


async def test_refused_connections_are_reset(connect: Connect, between: Proxy) -> None:
    between.refuse(everything=True)
    client = await connect(between)
    with pytest.raises(ConnectionResetError):
        await client.say(b"one\n")
    between.refuse(everything=False)
    client = await connect(between)
    assert await client.say(b"two\n") == b"two\n"


async def test_a_server_that_is_away_looks_like_a_reset(connect: Connect) -> None:
    async with proxy(1) as away:
        client = await connect(away)
        with pytest.raises(ConnectionResetError):
            await client.say(b"one\n")


async def test_the_delay_is_added_to_each_direction(connect: Connect, between: Proxy) -> None:
    client = await connect(between)
    between.delay = 0.05
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await client.say(b"one\n") == b"one\n"
    # The loop counts whole milliseconds; the difference of two such times as floats can lie below its true value.
    assert round(1000 * (loop.time() - began)) >= 100

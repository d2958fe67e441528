"""Where bytes arrive: aiormq reads what it would have read without us, and nothing is read while the valve is shut."""

from __future__ import annotations

import asyncio
from typing import Any

import pamqp.frame
import pytest
from aiormq import spec
from aiormq.exceptions import AMQPConnectionError

from adapters.rabbitmq.sieve import HEARTBEAT, Sieve
from adapters.rabbitmq.valve import READ_BYTES, SiftedProtocol, Valve
from tests.adapters.rabbitmq.test_sieve import ANOTHER, OURS, Seen, delivered, plain

START = pamqp.frame.marshal(spec.Connection.Start(server_properties={"product": "RabbitMQ"}), 0)


class Socket(asyncio.Transport):
    """A transport that knows only whether it is read, and whether it was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # as asyncio has it
        return default


class Stand:
    """A protocol on such a socket, whose taker keeps what arrives in the valve."""

    def __init__(self, limit: int) -> None:
        loop = asyncio.get_running_loop()
        self.valve, self.sieve, self.socket, self.seen = Valve(limit), Sieve(), Socket(), Seen()
        self.reader = asyncio.StreamReader(limit=READ_BYTES, loop=loop)
        self.protocol = SiftedProtocol(self.reader, self.sieve, self.valve, loop)
        self.protocol.connection_made(self.socket)

    def arrive(self, size: int) -> None:
        """A delivery comes, and counts from then on."""
        self.valve.take(size)
        self.protocol.data_received(b"".join(delivered(OURS, plain(b"x"))))


def reads(stand: Stand) -> bool:
    """Whether the socket is read."""
    return stand.socket.is_read


@pytest.mark.parametrize("cut", [3, 8, len(START) - 1])
async def test_a_handshake_in_two_pieces_is_a_handshake(cut: int) -> None:
    stand = Stand(100)
    for piece in (START[:cut], START[cut:]):
        stand.protocol.data_received(piece)
    assert await stand.reader.readexactly(len(START)) == START


async def test_aiormq_hears_a_heartbeat_where_all_else_is_deliveries() -> None:
    stand = Stand(100)
    stand.sieve.enter(OURS, stand.seen)
    for _ in range(3):
        stand.arrive(1)
    assert [arrival.body for arrival in stand.seen.arrivals] == [b"x"] * 3
    assert await stand.reader.readexactly(len(HEARTBEAT)) == HEARTBEAT
    # and: once a second is enough
    stand.protocol.data_received(START)
    assert await stand.reader.readexactly(len(START)) == START


async def test_a_shut_valve_stays_shut_though_the_reader_resumes_the_socket() -> None:
    stand = Stand(100)
    stand.sieve.enter(OURS, stand.seen)
    # Given so much for aiormq that its reader pauses the socket itself, and then a shut valve
    others = pamqp.frame.marshal(spec.Queue.DeclareOk("q" * 200, 1, 2), ANOTHER)
    stand.protocol.data_received(others * (3 * READ_BYTES // len(others)))
    assert not reads(stand)
    stand.arrive(100)
    # When aiormq has read on
    await stand.reader.read(4 * READ_BYTES)
    assert reads(stand), "the reader knows nothing of the valve"
    # Then what comes next pauses it again
    stand.arrive(1)
    assert not reads(stand)
    stand.valve.give(101)
    assert reads(stand)


async def test_a_lost_connection_is_told_to_its_takers() -> None:
    stand = Stand(100)
    stand.sieve.enter(OURS, stand.seen)
    stand.protocol.connection_lost(None)
    assert stand.seen.is_lost
    stand.valve.take(100)
    stand.valve.give(100)  # whose opening concerns it no more


async def test_a_delivery_that_is_cut_short_ends_the_connection() -> None:
    stand = Stand(100)
    stand.sieve.enter(OURS, stand.seen)
    stand.protocol.data_received(b"\x01" + OURS.to_bytes(2) + (5).to_bytes(4) + b"\x00\x3c\x00\x3c\x09" + b"\xce")
    assert stand.socket.is_aborted
    with pytest.raises(AMQPConnectionError, match="cut short"):
        await stand.reader.readexactly(1)

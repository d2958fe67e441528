"""Publishing when the connection ends in the middle of it, in whatever way."""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Final, cast

import pytest
from aiormq.abc import AbstractChannel, ChannelFrame
from aiormq.base import Base

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.confirms import Confirms
from adapters.rabbitmq.publishing import RabbitPublishing, _Outlet
from adapters.rabbitmq.reports import Change, Report

ACK: Final = b"\x00\x3c\x00\x50"


class _Ending:
    """A channel of a connection that takes what is written, and ends with an error instead of an answer."""

    def __init__(self, error: BaseException | None) -> None:
        self.number = 1
        self.is_closed = False
        self.connection: Any = self
        self.connection_tune: Any = self
        self.frame_max = 131_072
        self.write_queue = self
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.written = 0
        self.confirms = Confirms()
        self._error = error

    async def put(self, _: object) -> None:
        self.written += 1
        if self._error is None:
            self.closing.cancel()
        else:
            self.closing.set_exception(self._error)
            self.closing.exception()


class _Answering(Base):
    """What aiormq makes channels of, with a broker that confirms at once."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self.number = 1
        self.connection: Any = self
        self.connection_tune: Any = self
        self.frame_max = 131_072
        self.write_queue = self
        self.confirms = Confirms()
        self.written = 0

    async def put(self, frame: ChannelFrame) -> None:
        self.written += 1
        assert frame.drain_future is not None
        frame.drain_future.set_result(None)
        asyncio.get_running_loop().call_soon(self._confirm)

    def _confirm(self) -> None:
        self.confirms.takes(1, ACK + struct.pack(">QB", self.written, 0))

    @property
    def observers(self) -> int:
        """Callbacks that wait for the end of the channel."""
        return len(self._closing._callbacks or ())

    async def _on_close(self, exc: BaseException | type[BaseException] | None = None) -> None:
        pass

    def __str__(self) -> str:
        return "a channel"


class _OnChannel(RabbitPublishing):
    """Publishes on a channel that it is given."""

    given: _Ending | _Answering

    async def _ready_outlet(self) -> _Outlet:
        if self._outlet is None:
            confirms = self.given.confirms
            self._outlet = _Outlet(cast("AbstractChannel", self.given), self.given.closing, confirms)
        return self._outlet


@pytest.fixture
def reports() -> list[Report]:
    return []


@pytest.fixture
def publishing(reports: list[Report]) -> _OnChannel:
    return _OnChannel("amqp://127.0.0.1:1", report=reports.append)


def message(routing_key: str = "key") -> Outgoing:
    return Outgoing("events", routing_key, b"{}", "application/json", {}, message_id="m1")


@pytest.mark.parametrize("error", [Exception("Connection closed"), OSError("reset"), None], ids=repr)
async def test_whatever_a_channel_ends_with_its_messages_are_published_again(
    publishing: _OnChannel, error: Exception | None
) -> None:
    publishing.given = _Ending(error)
    assert await publishing.publish([message()]) == [Published.REFUSED]


async def test_on_a_channel_that_is_closed_nothing_is_written(publishing: _OnChannel) -> None:
    publishing.given = _Ending(None)
    publishing.given.is_closed = True
    publishing.given.closing.cancel()
    assert await publishing.publish([message()]) == [Published.REFUSED]
    assert publishing.given.written == 0


async def test_what_has_no_place_in_a_frame_is_refused_and_told(publishing: _OnChannel, reports: list[Report]) -> None:
    publishing.given = _Ending(None)
    publishing.given.closing.cancel()
    assert await publishing.publish([message("k" * 256)]) == [Published.REFUSED]
    assert [report.change for report in reports] == [Change.PUBLISHER_REFUSED]
    assert publishing.given.written == 0


async def test_who_is_cancelled_is_not_held_up(publishing: _OnChannel) -> None:
    publishing.given = _Ending(None)
    publishing.given.put = _taken  # type: ignore[method-assign]  # and never answered
    task = asyncio.create_task(publishing.publish([message()]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_channel_keeps_nothing_of_the_batches_that_went_by(publishing: _OnChannel) -> None:
    channel = publishing.given = _Answering()
    await publishing.publish([message()])
    observers = channel.observers
    for _ in range(100):
        assert await publishing.publish([message()]) == [Published.CONFIRMED]
    assert channel.observers == observers


async def _taken(_: object) -> None:
    return None

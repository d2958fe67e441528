"""Answers that are not read: whoever leaves one lying holds a connection for a while, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Final, cast

LOOKS: Final = 20
"""How often who takes a little is let go on: with the seconds of the API that makes ten minutes for one answer."""


class Unread(asyncio.Protocol):
    """Passes a connection on to `inner`, and cuts it when nothing of what was written is taken within `seconds`.

    Who takes some of it, and be it slowly, has as long again, `LOOKS` times in all.
    """

    def __init__(self, inner: asyncio.Protocol, seconds: float) -> None:
        self._inner = inner
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast: what uvloop makes has all of this, and is no subclass.
        self._transport = cast("asyncio.Transport", transport)
        # Whatever is left counts: the rest of an answer, too, whose handler has ended long ago.
        self._transport.set_write_buffer_limits(high=0)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._wait(self._transport, self._transport.get_write_buffer_size(), LOOKS)
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._stop()
        self._inner.resume_writing()

    def _wait(self, transport: asyncio.Transport, lying: int, looks: int) -> None:
        self._end = asyncio.get_running_loop().call_later(self._seconds, self._look, transport, lying, looks - 1)

    def _look(self, transport: asyncio.Transport, lay: int, looks: int) -> None:
        lying = transport.get_write_buffer_size()
        if looks and lying < lay:
            self._wait(transport, lying, looks)
        else:
            transport.abort()

    def _stop(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

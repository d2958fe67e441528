"""A TCP proxy on loopback that does harm on demand, between a client and one server."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

from gateway.local.ports import LOOPBACK
from tests.proxy.dialects import Dialect, Frame, Plain, Sender, Sight

CHUNK: Final = 65_536
CONNECT_SECONDS: Final = 5.0
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Harm(StrEnum):
    """What a trap does with the frame that springs it, and with its connection."""

    PASS = "pass"
    """Nothing: the trap only tells that the frame passed."""
    SWALLOW = "swallow"
    """The frame never arrives; the connection lives on."""
    RESET_BEFORE = "reset before"
    """Both sides are reset; the frame never arrives."""
    RESET_AFTER = "reset after"
    """The frame is forwarded; then its sender is reset, and its receiver closed in order, for it must have read it."""
    CLOSE_BEFORE = "close before"
    """Both sides are closed in order (FIN); the frame never arrives."""
    CLOSE_AFTER = "close after"
    """The frame is forwarded, then both sides are closed in order."""
    HALF_OPEN = "half open"
    """From this frame on nothing is forwarded in either direction, and the sockets stay open."""


@dataclass(slots=True, eq=False)
class Trap:
    """Waits for the `nth` sight of its kind from now on, does its harm once, and tells `then`, if it is given."""

    sight: Sight
    harm: Harm
    nth: int = 1
    then: Callable[[], object] | None = None
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def __repr__(self) -> str:
        return f"Trap({self.harm} at {self.nth}. {self.sight})"


class Wire:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, dialect: Dialect) -> None:
        self.writers: Final = {Sender.CLIENT: client, Sender.SERVER: server}
        self.dialect: Final = dialect
        self.is_silent = False

    def cut(self, *, reset: bool) -> None:
        """End both sides at once: reset, or closed in order."""
        for writer in self.writers.values():
            end(writer, reset=reset)


class Proxy:
    """Listens on `port` of loopback and forwards to `target`. `delay` is in seconds, for every frame that passes."""

    def __init__(self, target: int, dialect: Callable[[], Dialect] = Plain) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        self.seen: Counter[Sight] = Counter()
        self._dialect = dialect
        self._wires: set[Wire] = set()
        self._traps: list[Trap] = []
        self._is_closed_to_all = False

    @property
    def connections(self) -> int:
        """Connections that pass through it now, half-open ones too."""
        return len(self._wires)

    def set(self, trap: Trap) -> Trap:
        """Arm a trap; of several for one sight the first set is the first sprung."""
        self._traps.append(trap)
        return trap

    def clear(self, trap: Trap) -> None:
        """Disarm a trap; nothing happens if it has sprung."""
        if trap in self._traps:
            self._traps.remove(trap)

    def cut(self, *, reset: bool = True) -> int:
        """End all connections; how many there were. New ones are taken."""
        wires = tuple(self._wires)
        for wire in wires:
            wire.cut(reset=reset)
        return len(wires)

    def hush(self) -> int:
        """Make all connections half-open; how many there were. New ones are forwarded."""
        for wire in self._wires:
            wire.is_silent = True
        return len(self._wires)

    def refuse(self, *, everything: bool) -> None:
        """Whether new connections are reset at once, as by a host whose server is gone."""
        self._is_closed_to_all = everything

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        if self._is_closed_to_all:
            end(writer, reset=True)
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except (OSError, TimeoutError):
            end(writer, reset=True)
            return
        wire = Wire(writer, far_writer, self._dialect())
        self._wires.add(wire)
        pumps = [
            asyncio.create_task(self._pump(wire, Sender.CLIENT, reader), name="proxy to server"),
            asyncio.create_task(self._pump(wire, Sender.SERVER, far_reader), name="proxy to client"),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if wire.is_silent:
                await asyncio.wait(pumps)  # nor does the one side hear that the other one has gone
        finally:
            for pump in pumps:
                pump.cancel()
            ended = await asyncio.gather(*pumps, return_exceptions=True)
            wire.cut(reset=False)
            self._wires.discard(wire)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _pump(self, wire: Wire, sender: Sender, reader: asyncio.StreamReader) -> None:
        """Forward what `sender` sends, until it ends or the wire is cut."""
        receiver = wire.writers[Sender.SERVER if sender is Sender.CLIENT else Sender.CLIENT]
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                for frame in wire.dialect.feed(sender, data):
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    if not self._forward(wire, frame, receiver):
                        return
                await receiver.drain()

    def _forward(self, wire: Wire, frame: Frame, receiver: asyncio.StreamWriter) -> bool:
        """Forward or harm one frame; whether the connection goes on."""
        if wire.is_silent:
            return True
        if receiver.is_closing():
            return False
        trap = None if frame.sight is None else self._sprung(frame.sight)
        harm = Harm.PASS if trap is None else trap.harm
        match harm:
            case Harm.PASS:
                receiver.write(frame.raw)
            case Harm.SWALLOW:
                pass
            case Harm.HALF_OPEN:
                wire.is_silent = True
            case Harm.RESET_BEFORE | Harm.CLOSE_BEFORE:
                wire.cut(reset=harm is Harm.RESET_BEFORE)
            case Harm.RESET_AFTER | Harm.CLOSE_AFTER:
                receiver.write(frame.raw)
                receiver.close()
                end(wire.writers[frame.sender], reset=harm is Harm.RESET_AFTER)
            case _:
                assert_never(harm)
        if trap is not None:
            trap.sprung.set()
            if trap.then is not None:
                trap.then()
        return harm in (Harm.PASS, Harm.SWALLOW, Harm.HALF_OPEN)

    def _sprung(self, sight: Sight) -> Trap | None:
        self.seen[sight] += 1
        found: Trap | None = None
        for trap in tuple(self._traps):
            if trap.sight is sight and found is None:
                trap.nth -= 1
                if trap.nth == 0:
                    self._traps.remove(trap)
                    found = trap
        return found


@asynccontextmanager
async def proxy(target: int, dialect: Callable[[], Dialect] = Plain, *, port: int = 0) -> AsyncIterator[Proxy]:
    """A proxy to `target`, a port of loopback, while the context lasts. `port` 0 takes a free one."""
    made = Proxy(target, dialect)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.serve(reader, writer), name="proxy connection")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, LOOPBACK, port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """End one side: at once and without what still waits to be written, or in order."""
    if not reset:
        writer.close()
        return
    with suppress(OSError):
        found: socket.socket = writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()

"""A connection that comes back by itself until it is closed."""

from __future__ import annotations

import asyncio
import gc

import aiormq
from aiormq.abc import AbstractConnection

from adapters.ports.broker import BrokerUnavailable
from adapters.rabbitmq.address import Address
from adapters.rabbitmq.backoff import Delay, Retry
from adapters.rabbitmq.reports import Change, Report, Reporter
from adapters.rabbitmq.seam import FAREWELL, PATIENCE, broker_call, close_quietly, end_of
from adapters.rabbitmq.sieve import Sieve
from adapters.rabbitmq.tolerance import tolerate_odd_values
from adapters.rabbitmq.valve import SiftedTransport, Valve


class Link:
    """One connection to the broker under a name that its operators see. Owns the task that keeps it up.

    With a `valve` it reads only while that is open, and does not connect while it is shut.
    """

    def __init__(
        self, address: Address, name: str, *, delay: Delay, report: Reporter, valve: Valve | None = None
    ) -> None:
        self._valve = valve
        self._address = address
        self._name = name
        self._delay = delay
        self._report = report
        self._connection: AbstractConnection | None = None
        self.sieve = Sieve()
        """Of the present connection, where there is a valve: it takes out the deliveries."""
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"Link({self._name!r}, {self._address}, is_connected={self.is_connected})"

    @property
    def is_connected(self) -> bool:
        return self._connection is not None and self._connection.is_opened

    def start(self) -> None:
        """Begin to connect, once; needs a running loop."""
        if self._is_closed:
            raise BrokerUnavailable(f"{self._name} is closed")
        if self._task is None:
            self._task = asyncio.create_task(self._keep_up(), name=f"link {self._name}")

    async def connection(self) -> AbstractConnection:
        """The connection, as soon as there is one: waits for as long as the broker is away, so bound it.

        It may break at any time; whoever uses it learns that from its own call. Raises `BrokerUnavailable`.
        """
        self.start()
        await self._connected.wait()
        if self._connection is None:
            raise BrokerUnavailable(f"{self._name}: the connection was lost")
        return self._connection

    async def close(self) -> None:
        """Close the connection for good."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def _keep_up(self) -> None:
        """Connect, wait for the end, and again; `close` ends it by cancelling."""
        loop, retry = asyncio.get_running_loop(), Retry(self._delay)
        while not self._is_closed:
            if self._valve is not None and not self._valve.is_open:
                gc.collect()  # what a cycle still holds of the lost connection would keep the valve shut
                await self._valve.opened()
            began = loop.time()
            try:
                connection = await self._connect()
            except BrokerUnavailable as error:
                self._report(Report(Change.UNREACHABLE, self._name, str(error)))
            else:
                self._report(Report(Change.DISCONNECTED, self._name, await self._hold(connection)))
            await asyncio.sleep(retry.after(loop.time() - began))

    async def _connect(self) -> AbstractConnection:
        tolerate_odd_values()
        transport = None if self._valve is None else SiftedTransport(self._valve)
        async with broker_call(f"connect to {self._address}", PATIENCE):
            connection = await aiormq.connect(
                self._address.url, client_properties={"connection_name": self._name}, transport_factory=transport
            )
        if transport is not None:
            self.sieve = transport.sieve
        return connection

    async def _hold(self, connection: AbstractConnection) -> str:
        """Lend the connection out until it is gone; says why it is gone."""
        self._connection = connection
        self._connected.set()
        self._report(Report(Change.CONNECTED, self._name, f"connected to {self._address}"))
        try:
            return await end_of(connection)
        finally:
            self._connected.clear()
            self._connection = None
            await close_quietly(connection, within=FAREWELL)

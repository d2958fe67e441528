"""The watchdog of a subscription: notices a broker that stopped answering, and a consumer that the broker forgot.

A frozen broker keeps its connections open, and heartbeats take long to miss it. The watchdog asks on the same
connection and says so within seconds. It cuts nothing: a slow broker stays connected, and heartbeats end what is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiormq import ChannelNotFoundEntity
from aiormq.abc import AbstractChannel, AbstractConnection

from adapters.ports.broker import BrokerUnavailable
from adapters.rabbitmq.intake import Intake
from adapters.rabbitmq.link import Link
from adapters.rabbitmq.reports import Change, Report, Reporter
from adapters.rabbitmq.seam import broker_call, open_channel
from adapters.rabbitmq.valve import Valve

STEP: Final = 0.5
"""Patience is counted in steps, so that a stall of our own event loop is not taken for the broker's."""
HEARTBEATS: Final = 60.0
"""Seconds after which a question is given up; heartbeats end its connection long before."""


@dataclass(frozen=True, slots=True)
class Care:
    """In seconds: how often the broker is asked, how long it may take, and how long a consumer may get nothing.

    Getting nothing counts only while messages are ready and none is unacked.
    """

    every: float = 2.0
    patience: float = 4.0
    forgotten: float = 10.0


@dataclass(frozen=True, slots=True)
class _Counts:
    """What the broker says of a queue."""

    ready: int
    consumers: int


@dataclass(frozen=True, slots=True)
class _Idle:
    """A consumer that gets nothing: the time of its last delivery, and for how long it has been seen so."""

    quiet_since: float
    seconds: float = 0.0


class Watchdog:
    """Watches over the intakes of one link, from construction until `close`."""

    def __init__(self, link: Link, intakes: Mapping[str, Intake], care: Care, report: Reporter, valve: Valve) -> None:
        self.is_answering = True
        self._link = link
        self._intakes = intakes
        self._care = care
        self._report = report
        self._valve = valve
        self._idle: dict[str, _Idle] = {}
        self._channel: AbstractChannel | None = None
        self._task = asyncio.create_task(self._watch(), name="watchdog")

    async def close(self) -> None:
        """Stop watching."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def _watch(self) -> None:
        """Ask again and again; `close` ends it by cancelling."""
        while True:
            await asyncio.sleep(self._care.every)
            try:
                found = await self._asked(await self._link.connection())
            except BrokerUnavailable:
                self._idle.clear()  # the link and the intakes say so themselves
                continue
            self._answers()
            for queue, counts in found.items():
                self._look(queue, counts)

    async def _asked(self, connection: AbstractConnection) -> dict[str, _Counts]:
        """What the broker says of every queue that is there. Raises `BrokerUnavailable`."""
        asking = asyncio.create_task(self._ask(connection), name="watchdog's question")
        try:
            steps = 0
            while not (await asyncio.wait({asking}, timeout=STEP))[0]:
                # What we do not read, because of too many bytes in memory, says nothing about the broker.
                steps = steps + 1 if self._valve.is_open else 0
                if steps * STEP >= self._care.patience and self.is_answering:
                    self.is_answering = False
                    reason = f"no answer within {self._care.patience:g} s"
                    self._report(Report(Change.SILENT, "broker", reason))
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _ask(self, connection: AbstractConnection) -> dict[str, _Counts]:
        found: dict[str, _Counts] = {}
        for queue in self._intakes:
            channel = await self._ready_channel(connection)
            try:
                async with broker_call(f"look at queue {queue}", HEARTBEATS):
                    answer = await channel.queue_declare(queue, passive=True)
                found[queue] = _Counts(answer.message_count or 0, answer.consumer_count or 0)
            except BrokerUnavailable as error:
                if not isinstance(error.__cause__, ChannelNotFoundEntity):
                    raise
        return found

    async def _ready_channel(self, connection: AbstractConnection) -> AbstractChannel:
        """The channel for questions. It is never closed by us, and ends with its connection.

        To close one that was given up in the middle of a question is an error of the protocol, which ends the
        connection, and with it what was delivered.
        """
        if self._channel is None or self._channel.is_closed or self._channel.connection is not connection:
            self._channel = await open_channel(connection, within=HEARTBEATS)
        return self._channel

    def _answers(self) -> None:
        if not self.is_answering:
            self.is_answering = True
            self._report(Report(Change.ANSWERING, "broker", "it answers again"))

    def _look(self, queue: str, counts: _Counts) -> None:
        """Reopen a consumer that should get messages and gets none.

        A stand-by gets none either, and the broker counts the active consumer alone, whoever that is: only one that has
        had a delivery is known to be it.
        """
        intake = self._intakes[queue]
        quiet_since = intake.quiet_since
        is_ours = counts.consumers == 0 or intake.has_delivered
        if quiet_since is None or not is_ours or intake.unacked or not (counts.ready or counts.consumers == 0):
            self._idle.pop(queue, None)
            return
        before = self._idle.get(queue)
        is_still = before is not None and before.quiet_since == quiet_since
        idle = _Idle(quiet_since, before.seconds + self._care.every if before is not None and is_still else 0.0)
        self._idle[queue] = idle
        if idle.seconds >= self._care.forgotten:
            del self._idle[queue]
            why = f"{counts.ready} messages are ready" if counts.consumers else "the broker knows no consumer"
            intake.reopen(f"no delivery for {idle.seconds:.0f} s, though {why}")

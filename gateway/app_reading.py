"""The composition root of a process that reads the changes of one system, and publishes them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from adapters.ports.changes import Feed
from adapters.postgres.migrations.upgrade import check
from adapters.postgres.positions import PostgresPositions
from adapters.postgres.server import refuse_unsafe
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Change, Report
from gateway import telemetry
from gateway.app_systems import feeds
from gateway.backoff import Backoff
from gateway.changes_policy import ChangesPolicy
from gateway.exits import Exit, Failed
from gateway.policy_file import PolicyFile, read_policy
from gateway.readable import changes_of, why_unreadable
from gateway.reader import Reader
from gateway.reader_window import Window
from gateway.reading import Reading
from gateway.settings import Settings
from gateway.starting import Patience
from gateway.system_policy import PolicyInvalid


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read. `feeds` makes its feeds, inside the running event loop.

    `start`: where the first look begins; see `Window.since`.
    """

    system: str
    changes: ChangesPolicy
    feeds: Callable[[], Sequence[Feed]]
    start: datetime | None = None


def wanted(settings: Settings, system: str, start: datetime | None = None) -> Wanted:
    """What the policy file wants read of a system.

    Raises `PolicyInvalid`, also where it lets this user publish nothing of what would be read; and `Failed` for a
    system that it does not list.
    """
    policy = read_policy(settings.policy)
    changes = _readable(policy, system, parse_address(settings.amqp_url).user)
    entry = policy.systems[system]
    return Wanted(system, changes, lambda: feeds(system, entry), start)


def _readable(policy: PolicyFile, system: str, user: str) -> ChangesPolicy:
    if system not in policy.systems:
        raise Failed(Exit.NOT_FOUND, f"the policy file lists no system {system}; it lists {', '.join(policy.systems)}")
    wrong = why_unreadable(policy, system, user)
    changes = changes_of(policy.systems[system])
    if wrong or changes is None:
        raise PolicyInvalid("\n".join(wrong))
    return changes


async def read_once(settings: Settings, what: Wanted) -> int:
    """Look once; how many events were published. Raises what a look does, and what the start refuses with."""
    async with reading(settings, what) as reader:
        await _refuse(settings.database_url)
        return await reader.once()


async def read(settings: Settings, what: Wanted) -> bool:
    """Read until SIGTERM or SIGINT, then finish the page; whether that was done in time.

    Waits for a database that is away. Raises what the start refuses with: `ServerUnsafe`, `SchemaBehind`.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    async with reading(settings, what) as reader:
        patience = Patience(Backoff(longest=5.0))
        clean = True
        if await _done_before(asked, patience.until_done("postgresql", lambda: _refuse(settings.database_url))):
            clean = await _run(reader, asked, settings.grace_seconds)
    telemetry.stopped(clean=clean)
    return clean


@asynccontextmanager
async def reading(settings: Settings, what: Wanted) -> AsyncIterator[Reading]:
    """The concrete adapters, all closed at the end: the hold last, when nothing can be published any more."""
    changes, said = what.changes, _LastWord()
    async with AsyncExitStack() as closing:
        positions = PostgresPositions(settings.database_url, f"{socket.gethostname()}:{os.getpid()}")
        closing.push_async_callback(positions.close)
        found = what.feeds()
        for feed in found:
            closing.push_async_callback(feed.close)
        publishing = RabbitPublishing(settings.amqp_url, report=said, name=f"tallystick read {what.system}")
        closing.push_async_callback(publishing.close)
        readers = [
            Reader(
                what.system, feed, positions, publishing, source=changes.source, window=Window.of(changes),
                start=what.start, why=lambda: said.reason,
            )
            for feed in found
        ]  # fmt: skip
        yield Reading(what.system, readers, positions, every=changes.every_seconds)


async def _refuse(database_url: str) -> None:
    """Raise what is wrong with the database: that it is away, or what only a person mends."""
    await refuse_unsafe(database_url)
    await check(database_url)


async def _run(reader: Reading, asked: asyncio.Event, grace: float) -> bool:
    """Read until asked to stop; whether the page under way ended within `grace` seconds. Raises our bugs."""
    running = asyncio.create_task(reader.run(), name="reading")
    try:
        await _done_before(asked, asyncio.shield(running))
        if not running.done():
            telemetry.draining()
        reader.stop()
        await asyncio.wait([running], timeout=grace)
        if not running.done():
            return False
        running.result()
        return True
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _done_before(asked: asyncio.Event, work: Awaitable[None]) -> bool:
    """Whether work was done before we were asked to stop; it is cancelled else. Raises what it raises."""
    doing, stop = asyncio.ensure_future(work), asyncio.create_task(asked.wait())
    try:
        await asyncio.wait([doing, stop], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
            return True
        return False
    finally:
        for each in (doing, stop):
            each.cancel()
        await asyncio.gather(doing, stop, return_exceptions=True)


class _LastWord:
    """Logs what happens to the connection, and keeps what the broker said last when it refused."""

    def __init__(self, told: Callable[[str, str], None] = telemetry.broker_changed) -> None:
        self._told = told
        self.reason = "it gave no reason"

    def __call__(self, report: Report) -> None:
        self._told(report.change, f"{report.subject}: {report.reason}")
        if report.change in {Change.DISCONNECTED, Change.PUBLISHER_REFUSED}:
            self.reason = report.reason

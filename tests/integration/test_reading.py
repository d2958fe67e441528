"""Reading changes on real servers: one process at a time, what it publishes is applied once, and it ends when told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import orjson
import pytest

from adapters.ports.broker import BrokerUnavailable
from adapters.ports.changes import Fact, FeedUnavailable
from adapters.ports.turns import StoreUnavailable
from gateway.app_reading import Wanted, read, read_once, reading
from gateway.changes_policy import ChangesPolicy
from gateway.reading import Reading
from gateway.settings import Settings
from tests.gateway.vendor import Stamped, Vendor, VendorFeed
from tests.integration.events import CRM, customer
from tests.integration.firm import Firm, until


class CustomersRead(ChangesPolicy):
    """Customers of the vendor of these tests."""

    @property
    def types(self) -> tuple[str, ...]:
        return ("customer.upserted",)


CHANGES = CustomersRead(source=CRM, begins_on=date(1970, 1, 1), every_seconds=0.1, settle_seconds=0, overlap_seconds=60)
READER = "SELECT reader FROM tallystick.reader WHERE looked_at IS NOT NULL"
LOOKED = "SELECT count(*) FROM tallystick.reader WHERE looked_at > $1"
HOLDER = """
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
"""


def customers(record: Stamped) -> tuple[Fact, ...]:
    """A customer, by its record."""
    event = orjson.loads(customer(record.id).body)
    return (Fact("customer.upserted.v1", record.id, record.at, orjson.dumps(event["data"])),)


def wanted(vendor: Vendor) -> Wanted:
    return Wanted("crm", CHANGES, lambda: [VendorFeed(vendor, facts=customers)])


def settings(installation: Firm) -> Settings:
    return Settings(database_url=installation.database_url, amqp_url=installation.amqp_url, policy=Path())


@asynccontextmanager
async def running(installation: Firm, vendor: Vendor) -> AsyncIterator[tuple[Reading, asyncio.Task[None]]]:
    """A process that reads."""
    async with reading(settings(installation), wanted(vendor)) as made:
        task = asyncio.create_task(made.run())
        try:
            yield made, task
        finally:
            made.stop()
            await asyncio.wait_for(task, 20)


async def is_published(installation: Firm, count: int) -> bool:
    return await installation.count("SELECT count(*) FROM tallystick.reader_seen") == count


async def has_looked_again(installation: Firm) -> None:
    """Wait for a look that begins now."""
    now = await installation.database.fetchval("SELECT clock_timestamp()")

    async def has() -> bool:
        return await installation.count(LOOKED, now) == 1

    await until(has, 20, "a look came to its end")


async def test_what_is_read_is_applied_once_whatever_is_published_again(installation: Firm) -> None:
    await installation.start_ready()
    vendor = Vendor()
    for id in ("C1", "C2", "C3", "C4", "C5"):
        vendor.change(id)
        vendor.seconds += 1
    assert await read_once(settings(installation), wanted(vendor)) == 5
    assert await read_once(settings(installation), wanted(vendor)) == 0
    # As after a crash between the broker's confirm and our record of it.
    await installation.database.execute("DELETE FROM tallystick.reader_seen")
    assert await read_once(settings(installation), wanted(vendor)) == 5
    vendor.change("C1")
    assert await read_once(settings(installation), wanted(vendor)) == 1

    async def all_applied() -> bool:
        verdicts = await installation.verdicts()
        return sum(verdicts.values()) == 6 and set(verdicts) <= {"applied", "ignored"}

    await until(all_applied, 20, "six messages are final")
    ids = await installation.database.fetch(
        "SELECT event_id FROM tallystick.inbox WHERE source NOT LIKE 'tallystick:%' ORDER BY event_id"
    )
    assert [row[0] for row in ids] == ["deal/C1/1", "deal/C1/2", *(f"deal/C{n}/1" for n in range(2, 6))]


async def test_a_second_process_takes_over_when_the_first_ends(installation: Firm) -> None:
    vendor = Vendor()
    vendor.change("C1")
    async with running(installation, vendor) as (first, task):
        await until(lambda: is_published(installation, 1), 20, "the first process has read")
        async with running(installation, vendor):
            holder = await installation.database.fetchval(HOLDER)
            vendor.seconds += 1
            vendor.change("C2")
            await until(lambda: is_published(installation, 2), 20, "the first process goes on")
            assert await installation.database.fetchval(HOLDER) == holder
            first.stop()
            await asyncio.wait_for(task, 20)
            await installation.database.fetchval("SELECT pg_terminate_backend($1)", holder)
            vendor.seconds += 1
            vendor.change("C3")
            await until(lambda: is_published(installation, 3), 20, "the second process has read")


async def test_a_process_whose_connection_is_cut_reads_on_once_it_holds_again(installation: Firm) -> None:
    vendor = Vendor()
    async with running(installation, vendor), running(installation, vendor):
        for number in range(1, 6):
            vendor.seconds += 1
            vendor.change(f"C{number}")
            await until(lambda n=number: is_published(installation, n), 20, "it was read")  # type: ignore[misc]
            holder = await installation.database.fetchval(HOLDER)
            await installation.database.fetchval("SELECT pg_terminate_backend($1)", holder)


async def test_sigterm_ends_it_well_and_what_it_held_is_free(installation: Firm) -> None:
    vendor = Vendor()
    vendor.change("C1")
    task = asyncio.create_task(read(settings(installation), wanted(vendor)))
    await until(lambda: is_published(installation, 1), 20, "it has read")
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(task, 20)
    assert await installation.database.fetch(HOLDER) == []


async def test_sigterm_ends_it_while_it_waits_for_the_database(installation: Firm) -> None:
    away = settings(installation).model_copy(update={"database_url": "postgresql://u:p@127.0.0.1:1/x"})
    task = asyncio.create_task(read(away, wanted(Vendor())))
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(task, 20)


async def test_a_vendor_that_is_away_is_shown_and_read_once_it_is_back(installation: Firm) -> None:
    vendor = Vendor(is_up=False)
    vendor.change("C1")
    async with running(installation, vendor):

        async def is_told() -> bool:
            told = await installation.database.fetchval("SELECT failure FROM tallystick.reader")
            return bool(told == "the vendor does not answer")

        await until(is_told, 20, "its failure is shown")
        vendor.is_up = True
        await has_looked_again(installation)
        assert await installation.database.fetchval("SELECT failure FROM tallystick.reader") is None
        assert await is_published(installation, 1)


async def test_a_broker_without_our_exchange_takes_nothing_and_says_why(database_url: str, amqp_url: str) -> None:
    vendor = Vendor()
    vendor.change("C1")
    bare = Settings(database_url=database_url, amqp_url=amqp_url, policy=Path())
    with pytest.raises(BrokerUnavailable, match=r"did not take 1 of 1 events \(.*no exchange"):
        await read_once(bare, wanted(vendor))


async def test_once_raises_what_is_away(installation: Firm) -> None:
    for url, vendor, away in (
        (installation.database_url, Vendor(is_up=False), FeedUnavailable),
        ("postgresql://u:p@127.0.0.1:1/x", Vendor(), StoreUnavailable),
    ):
        there = settings(installation).model_copy(update={"database_url": url})
        with pytest.raises(away):
            await read_once(there, wanted(vendor))

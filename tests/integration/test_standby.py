"""Two processes on the same queues: one is killed or stands still, the other takes over; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import orjson
import pytest

from schemas.values import Reference
from tests.integration.events import sheet
from tests.integration.firm import SILENT, Firm, GatewayProcess, until
from tests.integration.load import Load, metric

TAKEN_OVER = 10.0
"""Seconds within which the stand-by must apply a message after the active process was killed."""
GIVEN_UP = 25.0
"""The same where the active process stands still: until then the broker waits for its heartbeat."""
TRIES = 5
BLOCKED = """
    SELECT count(DISTINCT client_port) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%first messages of some lanes%'
"""


async def test_the_stand_by_replaces_a_killed_process(installation: Firm, figures: Callable[[str], None]) -> None:
    load = Load(installation)
    await load.prepare()
    active = await installation.start_ready(**SILENT)
    stand_by = await installation.start_ready(**SILENT)
    loop = asyncio.get_running_loop()
    async with load.running():
        await until(lambda: reaches(load.applied, 50), 30, "50 sheets applied")
        assert await applied_by(stand_by, installation) == 0, "a stand-by gets nothing"
        await active.kill()
        killed = loop.time()
        await until(lambda: applies(stand_by, installation), 60, "the stand-by applies")
        seconds = loop.time() - killed
    figures(f"killed: the stand-by applied its first message after {seconds:.2f} s")
    await load.prove()
    assert seconds <= TAKEN_OVER
    assert await stand_by.stop() == 0


async def test_a_process_that_stood_still_for_20_s_loses_and_doubles_nothing(
    installation: Firm, figures: Callable[[str], None]
) -> None:
    await stand_still(installation, figures, 20.0)


@pytest.mark.long
async def test_a_process_that_stood_still_for_90_s_loses_and_doubles_nothing(
    installation: Firm, figures: Callable[[str], None]
) -> None:
    await stand_still(installation, figures, 90.0)


async def stand_still(installation: Firm, figures: Callable[[str], None], seconds: float) -> None:
    """Stop the active process while it has a turn in hand and leases, and let it go on under load."""
    loop = asyncio.get_running_loop()
    load = Load(installation)
    await load.prepare()
    # It takes the answer that it waits for, however old: that turn must be refused when it comes to commit
    zombie = await installation.start_ready(TALLYSTICK_COMMIT_SECONDS=f"{seconds + 60:.0f}")
    stand_by = await installation.start_ready()
    await park(installation, "Z1")
    # Given the active one with leases, its commands on their way, and both with a turn of one key in hand
    await installation.faults("erp", {"fault": "slow", "seconds": 10.0, "count": 20, "operation": "billable.post"})
    await load.burst()
    await until(lambda: reaches(load.applied, load.published), 30, "the first sheets applied")
    holder = instance(zombie)
    leases = "SELECT count(*) FROM tallystick.lease WHERE holder = $1"
    await until(lambda: reaches(lambda: installation.count(leases, holder), 1), 10, "it holds leases")
    await stop_with_a_turn_in_hand(zombie, installation, "Z1")
    stopped = loop.time()
    async with load.running():
        # When the active one stands still
        await until(lambda: applies(stand_by, installation), 60, "the stand-by applies")
        applied_after = loop.time() - stopped
        await until(lambda: is_logged(stand_by, "leases_taken_over"), 30, "its leases are taken over")
        freed_after = loop.time() - stopped
        await asyncio.sleep(stopped + seconds - loop.time())
        zombie.process.send_signal(signal.SIGCONT)
        resumed = loop.time()
        # Then it learns that others have written
        await until(lambda: is_stale(zombie, installation), 60, "its turn in hand is refused as stale")
        stale_after = loop.time() - resumed
        await until(zombie.is_ready, 30, "it is ready again, as the stand-by")
    figures(
        f"stood still for {seconds:.0f} s: the stand-by applied its first message after {applied_after:.1f} s, "
        f"took the leases over after {freed_after:.1f} s; resumed, the zombie was refused after {stale_after:.2f} s, "
        f"stale_writer_total {await metric(zombie, installation, 'tallystick_stale_writer_total'):.0f}"
    )
    await load.prove()
    assert await installation.count("SELECT entity_version FROM tallystick.entity WHERE key = 'Z1'") == 0
    assert applied_after <= GIVEN_UP
    assert await zombie.stop() == 0
    assert await stand_by.stop() == 0


async def both_hold_a_turn(installation: Firm) -> bool:
    """Whether both processes come to wait for the lock within five seconds."""
    for _ in range(100):
        if await installation.count(BLOCKED) >= 2:
            return True
        await asyncio.sleep(0.05)
    return False


@asynccontextmanager
async def locked(installation: Firm, key: str) -> AsyncIterator[None]:
    """Open the lane of `key`, and let nobody read what stands in it while the block lasts."""
    connection = await asyncpg.connect(installation.database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            await installation.database.execute(
                "UPDATE tallystick.entity SET lane_state = 'open', row_version = row_version + 1 WHERE key = $1", key
            )
            yield
    finally:
        await connection.close()


async def park(installation: Firm, key: str) -> None:
    """A sheet that cannot be billed, and that is tried again in vain."""
    await installation.publish([sheet(key, Reference(id="P0"), role="gardener")])
    await parked(installation, key)


async def parked(installation: Firm, key: str) -> None:
    """Wait until the lane of `key` is parked."""
    query = "SELECT count(*) FROM tallystick.entity WHERE key = $1 AND lane_state = 'parked'"
    await until(lambda: reaches(lambda: installation.count(query, key), 1), 30, "it is parked")


async def stop_with_a_turn_in_hand(zombie: GatewayProcess, installation: Firm, key: str) -> None:
    """SIGSTOP `zombie` while both processes are about to read the lane of `key`.

    One that looks for long waits in that moment is held up by the lock before it has seen the lane; then once more.
    """
    for _ in range(TRIES):
        await parked(installation, key)
        async with locked(installation, key):
            if await both_hold_a_turn(installation):
                zombie.process.send_signal(signal.SIGSTOP)
                return
    pytest.fail(f"in {TRIES} tries not both processes had the turn in hand")


async def reaches(count: Callable[[], Awaitable[int]], goal: int) -> bool:
    """Whether a count is at least so large."""
    return await count() >= goal


async def applied_by(gateway: GatewayProcess, installation: Firm) -> float:
    """Messages that were handed to this very process."""
    return await metric(gateway, installation, "tallystick_messages_received_total")


async def applies(gateway: GatewayProcess, installation: Firm) -> bool:
    return await applied_by(gateway, installation) > 0


async def is_stale(gateway: GatewayProcess, installation: Firm) -> bool:
    return await metric(gateway, installation, "tallystick_stale_writer_total") > 0


async def is_logged(gateway: GatewayProcess, event: str) -> bool:
    return any(line["event"] == event for line in logged(gateway))


def instance(gateway: GatewayProcess) -> str:
    """The id under which it holds leases."""
    return next(str(line["instance"]) for line in logged(gateway) if line["event"] == "started")


def logged(gateway: GatewayProcess) -> list[dict[str, object]]:
    """The lines of its log that are whole."""
    lines = gateway.log.read_text(encoding="utf-8").splitlines(keepends=True)
    return [orjson.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

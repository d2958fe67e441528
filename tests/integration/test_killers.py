"""Messages that end the process, on real servers: a process that really dies, and innocents that came back with it."""

from __future__ import annotations

import asyncio

from adapters.rabbitmq.administration import RabbitAdministration
from gateway.suspicion import SUSPECT_FROM
from tests.integration.deadly import DIED, KILLER
from tests.integration.events import customer
from tests.integration.firm import Firm, until

OTHERS = 60
INNOCENTS = 1000
CUSTOMERS = "tallystick.customer"
MOST_DEATHS = 12


async def deaths_until_it_lives(installation: Firm, mode: str) -> int:
    """Start one process after the other, until one does not die any more but has done everything."""
    for deaths in range(MOST_DEATHS):
        gateway = await installation.start("-m", "tests.integration.deadly", mode)
        ended = asyncio.create_task(gateway.process.wait())
        while not ended.done() and not await is_done(installation):
            await asyncio.wait({ended}, timeout=0.05)
        if not ended.done():
            await gateway.kill()
            return deaths
        assert ended.result() == DIED, gateway.log.read_text(encoding="utf-8")[-4000:]
    raise AssertionError(f"still dying after {MOST_DEATHS} lives")


async def is_done(installation: Firm) -> bool:
    """Whether each message has ended somewhere, and nobody is a suspect."""
    return await installation.count(
        "SELECT (SELECT count(*) FROM tallystick.inbox) + (SELECT count(*) FROM tallystick.dead_letter)"
    ) == OTHERS + 1 and not await installation.count("SELECT count(*) FROM tallystick.suspect")


async def publish_the_killer_among_others(installation: Firm) -> None:
    events = [customer(f"C{n}") for n in range(OTHERS)]
    await installation.publish([*events[: OTHERS // 2], customer(KILLER), *events[OTHERS // 2 :]])


async def test_a_message_that_kills_in_its_decision_ends_parked(installation: Firm) -> None:
    await publish_the_killer_among_others(installation)
    assert await deaths_until_it_lives(installation, "decide") == SUSPECT_FROM + 2
    assert await installation.verdicts() == {"applied": OTHERS, "parked": 1}
    found = await installation.database.fetch(
        "SELECT failure_class, code, key FROM tallystick.cases WHERE closed_at IS NULL"
    )
    assert [tuple(row) for row in found] == [("internal", "kills_process", KILLER)]


async def test_a_message_that_kills_at_the_door_ends_as_a_dead_letter(installation: Firm) -> None:
    await publish_the_killer_among_others(installation)
    assert await deaths_until_it_lives(installation, "door") == SUSPECT_FROM + 3
    assert await installation.verdicts() == {"applied": OTHERS}
    found = await installation.database.fetch("SELECT failure_class, code, body FROM tallystick.dead_letter")
    assert [tuple(row) for row in found] == [("internal", "kills_process", customer(KILLER).body)]


async def test_a_thousand_innocents_are_no_suspects_for_long(installation: Firm) -> None:
    await installation.publish([customer(f"C{n}") for n in range(INNOCENTS)])
    for _ in range(SUSPECT_FROM):
        await die_with_everything_at_hand(installation)
    gateway = await installation.start_ready()
    await until(lambda: all_applied(installation), 60, "every innocent is applied, and no suspect any more")
    seconds = await installation.database.fetchval(
        "SELECT extract(epoch FROM max(received_at) - min(received_at))::float8 FROM tallystick.inbox"
    )
    print(f"{INNOCENTS} innocent suspects took {seconds:.2f} s")  # noqa: T201  # a figure of the report
    assert seconds < 30
    assert await gateway.metric('tallystick_suspects_total{treatment="alone"}') >= INNOCENTS
    assert await installation.count("SELECT count(*) FROM tallystick.cases") == 0
    assert await gateway.stop() == 0


async def all_applied(installation: Firm) -> bool:
    return await installation.verdicts() == {"applied": INNOCENTS} and not await installation.count(
        "SELECT count(*) FROM tallystick.suspect"
    )


async def die_with_everything_at_hand(installation: Firm) -> None:
    """A process that takes every message and is killed before it can commit any."""
    administration = RabbitAdministration(installation.amqp_url)
    try:
        async with installation.database.transaction():
            await installation.database.execute("LOCK TABLE tallystick.inbox IN EXCLUSIVE MODE")
            gateway = await installation.start()

            async def has_taken_all() -> bool:
                return await administration.depth(CUSTOMERS) == 0

            await until(has_taken_all, 30, "every message is at hand")
            await gateway.kill()

        async def are_all_back() -> bool:
            return await administration.depth(CUSTOMERS) == INNOCENTS

        await until(are_all_back, 30, "the broker has taken everything back")
    finally:
        await administration.close()

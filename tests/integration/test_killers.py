"""Messages that end the process, on real servers: a process that really dies, and innocents that came back with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.rabbitmq.administration import RabbitAdministration
from gateway.first_look import TOGETHER
from gateway.suspicion import SUSPECT_FROM
from tests.integration.deadly import DIED, KILLER
from tests.integration.events import customer, deal
from tests.integration.firm import API_TOKEN, Firm, until

OTHERS = 60
INNOCENTS = 1000
innocents = pytest.mark.parametrize("count", [200, pytest.param(INNOCENTS, marks=pytest.mark.long)])
CUSTOMERS = "tallystick.customer"
MOST_DEATHS = 12


Done = Callable[[Firm], Awaitable[bool]]


async def deaths_until_it_lives(installation: Firm, mode: str, is_done: Done) -> int:
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


async def has_each_ended(installation: Firm) -> bool:
    """Whether each message has ended somewhere, and nobody is a suspect."""
    return await installation.count(
        "SELECT (SELECT count(*) FROM tallystick.inbox WHERE source NOT LIKE 'tallystick:%')"
        " + (SELECT count(*) FROM tallystick.dead_letter)"
    ) == OTHERS + 1 and not await installation.count("SELECT count(*) FROM tallystick.suspect")


async def publish_the_killer_among_others(installation: Firm) -> None:
    events = [customer(f"C{n}") for n in range(OTHERS)]
    await installation.publish([*events[: OTHERS // 2], customer(KILLER), *events[OTHERS // 2 :]])


async def test_a_message_that_kills_in_its_decision_ends_parked(installation: Firm) -> None:
    await publish_the_killer_among_others(installation)
    assert await deaths_until_it_lives(installation, "decide", has_each_ended) == SUSPECT_FROM + 2
    assert await installation.verdicts() == {"applied": OTHERS, "parked": 1}
    found = await installation.database.fetch(
        "SELECT failure_class, code, key FROM tallystick.cases WHERE closed_at IS NULL"
    )
    assert [tuple(row) for row in found] == [("internal", "kills_process", KILLER)]


async def test_a_message_that_kills_at_the_door_ends_as_a_dead_letter(installation: Firm) -> None:
    await publish_the_killer_among_others(installation)
    assert await deaths_until_it_lives(installation, "door", has_each_ended) == SUSPECT_FROM + 3
    assert await installation.verdicts() == {"applied": OTHERS}
    found = await installation.database.fetch("SELECT failure_class, code, body FROM tallystick.dead_letter")
    assert [tuple(row) for row in found] == [("internal", "kills_process", customer(KILLER).body)]


async def test_a_child_that_kills_once_its_parent_is_there_ends_parked(installation: Firm) -> None:
    # Given children that wait in their lanes, one of which ends the process when it can go on
    await installation.publish([deal(f"P{n}", "PARENT") for n in range(OTHERS)] + [deal(KILLER, "PARENT")])
    first = await installation.start("-m", "tests.integration.deadly", "lane")

    async def do_all_wait() -> bool:
        return await installation.verdicts() == {"waiting": OTHERS + 1}

    await until(do_all_wait, 30, "every child waits")
    # When the parent comes
    await installation.publish([customer("PARENT")])
    await asyncio.wait_for(first.process.wait(), 30)
    # Then it takes few deaths until the siblings and others go on, and the killer alone is parked
    await installation.publish([customer(f"C{n}") for n in range(OTHERS)])
    assert await deaths_until_it_lives(installation, "lane", have_all_but_the_killer_gone_on) == 3
    found = await installation.database.fetch("SELECT failure_class, code, key FROM tallystick.cases")
    assert [tuple(row) for row in found] == [("internal", "kills_process", KILLER)]
    assert await installation.verdicts() == {"applied": OTHERS * 2 + 1, "parked": 1}
    # Then nobody runs it again by mistake
    gateway = await installation.start_ready()
    head = f"{gateway.api}/v1/lanes/engagement/{KILLER}/retry"
    token = {"Authorization": f"Bearer {API_TOKEN}"}
    async with installation.session.post(head, json={"reason": "perhaps"}, headers=token) as refused:
        assert (refused.status, (await refused.json())["type"]) == (409, "/problems/lane-kills")
    # Then a release that can take it does so
    asked = {"reason": "mended", "force": True}
    async with installation.session.post(head, json=asked, headers=token) as retried:
        assert retried.status == 200, await retried.text()

    async def is_applied() -> bool:
        return await installation.verdicts() == {"applied": OTHERS * 2 + 2}

    await until(is_applied, 30, "the mended release has applied it")
    assert await gateway.stop() == 0
    assert await installation.count("SELECT count(*) FROM tallystick.life") == 0
    assert await installation.count("SELECT count(*) FROM tallystick.lane_suspect") == 0


async def have_all_but_the_killer_gone_on(installation: Firm) -> bool:
    """Whether every sibling and every other message is applied, and no look is under way."""
    verdicts = await installation.verdicts()
    return verdicts == {"applied": OTHERS * 2 + 1, "parked": 1} and not await installation.count(
        "SELECT count(*) FROM tallystick.lane_suspect"
    )


async def test_a_thousand_innocents_in_lanes_are_looked_at_quickly(installation: Firm) -> None:
    # Given a thousand lanes that may run, and processes that died in their start
    await installation.publish([deal(f"P{n}", "PARENT") for n in range(INNOCENTS)])
    gateway = await installation.start_ready()

    async def do_all_wait() -> bool:
        return await installation.verdicts() == {"waiting": INNOCENTS}

    await until(do_all_wait, 60, "every child waits")
    await gateway.kill()
    await installation.database.execute(
        "UPDATE tallystick.entity SET lane_state = 'open', wait_entity = NULL, wait_key = NULL, wait_seen = NULL"
        " WHERE entity = 'engagement'"
    )
    # When the next one looks at all of them, alone those that are recorded
    await installation.database.execute(
        "INSERT INTO tallystick.lane_suspect SELECT ref, 0 FROM tallystick.inbox ORDER BY ref LIMIT $1", TOGETHER
    )
    began = asyncio.get_running_loop().time()
    gateway = await installation.start_ready()
    seconds = asyncio.get_running_loop().time() - began
    print(f"{INNOCENTS} lanes, {TOGETHER} of them alone: ready after {seconds:.2f} s")  # noqa: T201  # a figure
    # Then they all wait again, and nobody is parked
    assert await installation.verdicts() == {"waiting": INNOCENTS}
    assert await gateway.metric('tallystick_suspects_total{treatment="alone"}') == TOGETHER
    assert await installation.count("SELECT count(*) FROM tallystick.lane_suspect") == 0
    assert await installation.count("SELECT count(*) FROM tallystick.cases") == 0
    assert seconds < 30
    assert await gateway.stop() == 0


async def test_a_start_that_is_stopped_at_a_locked_row_parks_nobody(installation: Firm) -> None:
    # Given a message of a lane that must run alone, and a process that died
    await installation.publish([deal("P0", "PARENT")])
    gateway = await installation.start_ready()

    async def does_wait() -> bool:
        return await installation.verdicts() == {"waiting": 1}

    await until(does_wait, 30, "the child waits")
    await gateway.kill()
    await installation.database.execute(
        "UPDATE tallystick.entity SET lane_state = 'open', wait_entity = NULL, wait_key = NULL, wait_seen = NULL"
        " WHERE entity = 'engagement'"
    )
    await installation.database.execute("INSERT INTO tallystick.lane_suspect SELECT ref, 0 FROM tallystick.inbox")
    # When its row is locked, and each start is stopped there in order
    async with installation.database.transaction():
        await installation.database.execute("SELECT FROM tallystick.entity WHERE entity = 'engagement' FOR UPDATE")
        for _ in range(3):
            gateway = await installation.start()
            await until(lambda: is_one_at_hand_and_blocked(installation), 30, "it waits for the row")
            assert "looking at lanes of before" in await gateway.page("/startupz")
            assert await gateway.stop() == 0, gateway.log.read_text(encoding="utf-8")[-4000:]
            # Then it leaves nobody under suspicion, and no doubt of its own
            assert await installation.count("SELECT count(*) FROM tallystick.lane_suspect") == 0
            assert await installation.count("SELECT count(*) FROM tallystick.life") == 1
    # Then the next one parks nobody
    gateway = await installation.start_ready()
    assert await installation.verdicts() == {"waiting": 1}
    assert await installation.count("SELECT count(*) FROM tallystick.cases") == 0
    assert await gateway.stop() == 0


async def is_one_at_hand_and_blocked(installation: Firm) -> bool:
    """Whether a message is recorded as being decided, and somebody waits for its row; stopped ones may wait still."""
    return (
        await installation.count("SELECT count(*) FROM tallystick.lane_suspect") == 1
        and await installation.count("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
    )


@innocents
async def test_innocents_are_no_suspects_for_long(installation: Firm, count: int) -> None:
    await installation.publish([customer(f"C{n}") for n in range(count)])
    for _ in range(SUSPECT_FROM):
        await die_with_everything_at_hand(installation, count)
    gateway = await installation.start_ready()
    await until(lambda: all_applied(installation, count), 120, "every innocent is applied, and no suspect any more")
    alone = await seconds_apart(installation, "C%")
    assert await gateway.metric('tallystick_suspects_total{treatment="alone"}') >= count
    assert await installation.count("SELECT count(*) FROM tallystick.cases") == 0
    assert await gateway.stop() == 0
    # Beside messages that come one by one, and nobody suspects
    gateway = await installation.start_ready(TALLYSTICK_PREFETCH="1")
    await installation.publish([customer(f"D{n}") for n in range(OTHERS)])
    await until(lambda: all_applied(installation, count + OTHERS), 60, "the others are applied")
    singly = await seconds_apart(installation, "D%")
    told = f"{count} innocent suspects, {1000 * alone:.1f} ms each; one by one unsuspected {1000 * singly:.1f} ms"
    print(told)  # noqa: T201  # a figure of the report
    assert alone < 10 * singly
    assert await gateway.stop() == 0


async def seconds_apart(installation: Firm, keys: str) -> float:
    """How long after one another messages became durable, on average."""
    seconds: float = await installation.database.fetchval(
        "SELECT extract(epoch FROM max(received_at) - min(received_at))::float8 / (count(*) - 1)"
        " FROM tallystick.inbox WHERE key LIKE $1",
        keys,
    )
    return seconds


async def all_applied(installation: Firm, count: int) -> bool:
    return await installation.verdicts() == {"applied": count} and not await installation.count(
        "SELECT count(*) FROM tallystick.suspect"
    )


async def die_with_everything_at_hand(installation: Firm, count: int) -> None:
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
            return await administration.depth(CUSTOMERS) == count

        await until(are_all_back, 30, "the broker has taken everything back")
    finally:
        await administration.close()

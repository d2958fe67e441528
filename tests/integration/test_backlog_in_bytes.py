"""Large messages while the database is held up: a bounded number of bytes is in memory, and all of them are applied."""

from __future__ import annotations

import orjson

from adapters.ports.broker import Outgoing
from tests.integration.events import customer
from tests.integration.firm import Firm, GatewayProcess, until

MESSAGES = 240
NOTE = 500_000
LIMIT = 8 * 1024 * 1024
SLACK = 3 * 1024 * 1024
"""A message of each queue that was begun, frames that the AMQP library keeps of a channel, and a read buffer."""

GROWTH = 40 * 1024 * 1024
"""What the process may grow by: several copies of each body on its way, and its allocator's. Without a bound:
350 MiB."""


def large(number: int) -> Outgoing:
    """A customer's event in half a megabyte, most of it an extension that nobody reads."""
    event = customer(f"C{number}")
    body = orjson.dumps(orjson.loads(event.body) | {"padding": "x" * NOTE})
    return Outgoing(event.exchange, event.routing_key, body, event.content_type, {}, event.message_id)


async def test_bytes_in_memory_are_bounded_while_the_database_is_held_up(installation: Firm) -> None:
    gateway = await installation.start_ready(TALLYSTICK_UNACKED_BYTES=str(LIMIT))
    before, sizes = gateway.memory(), list[int]()
    seen: list[int] = []

    async def is_at_rest() -> bool:
        seen.append(await gateway.metric("tallystick_unacked_bytes"))
        sizes.append(gateway.memory())
        return seen[-1] >= LIMIT and seen[-5:].count(seen[-1]) == 5

    async with installation.database.transaction():
        await installation.database.execute("LOCK TABLE tallystick.inbox IN EXCLUSIVE MODE")
        await installation.publish([large(number) for number in range(MESSAGES)])
        await until(is_at_rest, 20, "reading has stopped")
        assert await gateway.status("/livez") == 200

    async def are_applied() -> bool:
        sizes.append(gateway.memory())
        return await installation.verdicts() == {"applied": MESSAGES}

    await until(are_applied, 60, "all of them are applied")
    print(f"at most {max(seen) / 1024**2:.1f} MiB of {MESSAGES * NOTE / 1024**2:.1f} were in memory")  # noqa: T201
    print(f"the process grew by at most {(max(sizes) - before) / 1024**2:.1f} MiB")  # noqa: T201  # a figure
    assert max(seen) <= LIMIT + SLACK
    assert max(sizes) - before < GROWTH
    await until(lambda: is_empty(gateway), 20, "nothing is in memory any more")
    assert "consumer_lost" not in gateway.log.read_text(encoding="utf-8")
    assert await gateway.stop() == 0


async def is_empty(gateway: GatewayProcess) -> bool:
    return await gateway.metric("tallystick_unacked_bytes") == 0

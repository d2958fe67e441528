"""A flood of junk: memory stays flat, the consumer never stops, every body is kept, and what is healthy is applied."""

from __future__ import annotations

import pytest

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED
from tests.integration.events import customer
from tests.integration.firm import Firm, until

SLACK = 32 * 1024 * 1024
"""What a process may grow by after the first tenth: its caches and its allocator's. Its input is several times that."""


def junk(number: int, size: int) -> Outgoing:
    """What is no JSON, no two alike."""
    body = f"junk {number} ".encode().ljust(size, b"{")
    return Outgoing(EVENTS, "customer.upserted", body, STRUCTURED, {}, message_id=f"junk-{number}")


async def flood(installation: Firm, count: int, size: int) -> None:
    """Publish `count` bodies of `size` bytes in tenths while one process takes them."""
    assert count * size > 2 * SLACK, "a process that kept them would be seen"
    gateway = await installation.start_ready()
    sizes: list[int] = []
    for tenth in range(10):
        first = tenth * count // 10
        last = (tenth + 1) * count // 10
        await installation.publish([junk(number, size) for number in range(first, last)])

        async def are_buried(last: int = last) -> bool:
            return await installation.count("SELECT count(*) FROM tallystick.dead_letter") == last

        await until(are_buried, 30 + count / 1000, f"{last} are dead letters")
        sizes.append(gateway.memory())
    await installation.publish([customer("C0")])
    await until(lambda: is_applied(installation), 30, "the healthy one is applied")
    print(f"{count} junk messages: {[size // 1024**2 for size in sizes]} MiB after each tenth")  # noqa: T201  # a figure
    assert max(sizes[1:]) - sizes[0] < SLACK
    assert await installation.count("SELECT count(DISTINCT body) FROM tallystick.dead_letter") == count
    assert "consumer_lost" not in gateway.log.read_text(encoding="utf-8")
    assert await gateway.stop() == 0


async def is_applied(installation: Firm) -> bool:
    return await installation.verdicts() == {"applied": 1}


async def test_twenty_thousand_junk_messages_cost_flat_memory(installation: Firm) -> None:
    await flood(installation, 20_000, 4096)


@pytest.mark.long
async def test_two_hundred_thousand_junk_messages_cost_flat_memory(installation: Firm) -> None:
    await flood(installation, 200_000, 1024)

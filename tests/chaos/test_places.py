"""Places are kept of commands that stood in the outbox when somebody looked, also after they are gone."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.chaos.places import Places
from tests.integration.firm import until

STAND = """
    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index)
    VALUES ('00000000-0000-0000-0000-000000000001', 'erp', 'billable.post', 'timesheet', 'S', '1', 1,
            'timesheet/S/1/1', '{}', 3, 2)
"""


async def test_the_place_of_a_command_is_known_after_it_has_gone(database_url: str) -> None:
    places = Places(database_url)
    looking = asyncio.create_task(places.run())
    connection = await asyncpg.connect(database_url)

    async def is_seen() -> bool:
        return bool(places.seen)

    try:
        await connection.execute(STAND)
        await until(is_seen, 10, "the command is seen")
        await connection.execute("DELETE FROM tallystick.outbox")
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await connection.close()
    assert places.seen == {"00000000-0000-0000-0000-000000000001": (3, 2)}

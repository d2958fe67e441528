"""Counting a whole database, row by row known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from adapters.ports.tally import Counted, Judged
from adapters.postgres.tally import PostgresTally

INBOX = """INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, body)
           VALUES ($1, 's', $2, 't', 'timesheet', 'k', '', $3, '')"""
LANE = "INSERT INTO tallystick.entity (entity, key, lane_state, lane_depth) VALUES ('timesheet', $1, $2, $3)"
COMMAND = """INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                           entity_version, index, state)
             VALUES ($1, 'erp', 'o', 'timesheet', $2, $3, 1, 'r', '', $4, 0, $5)"""
LETTER = """INSERT INTO tallystick.dead_letter (digest, queue, routing_key, failure_class, code, reason, headers, body)
            VALUES ($1, 'q', 'r', 'schema', 'c', 'r', '{}', $1)"""
WAKE = "INSERT INTO tallystick.wake (entity, key, version) VALUES ('project', $1, 1)"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def tally(database_url: str) -> AsyncIterator[PostgresTally]:
    tally = PostgresTally(database_url)
    yield tally
    await tally.close()


async def test_an_empty_database_has_nothing(tally: PostgresTally) -> None:
    assert await tally.count() == Counted({}, {}, {}, 0, 0)
    assert await tally.messages() == []
    assert await tally.dead_letters() == []


async def test_everything_is_counted(connection: asyncpg.Connection[asyncpg.Record], tally: PostgresTally) -> None:
    for number, verdict in enumerate(("applied", "applied", "waiting")):
        await connection.execute(INBOX, UUID(int=number), f"e{number}", verdict)
    await connection.executemany(LANE, [("a", "waiting", 1), ("b", "open", 0), ("c", "parked", 2)])
    commands = [("a", "1", 1, "open"), ("b", "1", 1, "parked"), ("b", "2", 2, "open"), ("b", "3", 3, "open")]
    await connection.executemany(COMMAND, [(UUID(int=n), *row) for n, row in enumerate(commands)])
    await connection.execute(LETTER, b"bad")
    await connection.execute(WAKE, "p")
    assert await tally.count() == Counted(
        verdicts={"applied": 2, "waiting": 1},
        lanes={"waiting": 1, "parked": 1},
        commands={"open": 1, "parked": 1, "held": 2},
        dead_letters=1,
        wakes=1,
    )
    assert sorted(each.id for each in await tally.messages()) == ["e0", "e1", "e2"]
    assert Judged("s", "e2", "waiting") in await tally.messages()
    assert await tally.dead_letters() == [b"bad"]

"""A large outbox: stuck keys are found through their own indexes, and a look at heads costs what it looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.ports.overdue import Term
from adapters.ports.views import LanesInOrder
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.reads import PostgresReads

KEYS = 4000
BEHIND = 3000
"""Commands of the first key."""
TRIED = 3
SETTLED = 5000
"""Commands of before, whose attempts are in the log."""
SEED = """
    INSERT INTO tallystick.entity (entity, key, row_version)
    SELECT 'timesheet', 'T-' || to_char(n, 'FM00000'), 1 FROM generate_series(1, {keys}) n;
    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index, created_at)
    SELECT gen_random_uuid(), 'erp', 'billable.post', 'timesheet', 'T-' || to_char(k.n, 'FM00000'), l.n::text, 1, 'r',
           '{{"amount": "1.00", "currency": "EUR"}}', 1, l.n, now() - interval '1 day'
    FROM generate_series(1, {keys}) k(n), generate_series(1, CASE WHEN k.n = 1 THEN {behind} ELSE 1 END) l(n);
    INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line,
                                    generation, ending)
    SELECT o.id, a.n, o.id, o.id, o.system, o.operation, o.entity, o.key, o.line, 1, 'unknown'
    FROM tallystick.outbox o, generate_series(1, 2) a(n) WHERE o.key > 'T-' || to_char({keys} - {tried}, 'FM00000');
    INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line,
                                    generation, ending)
    SELECT c.id, a.n, c.id, c.id, 'erp', 'billable.post', 'timesheet', 'T-00001', '1', 1, 'unknown'
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, {settled})) c, generate_series(1, 3) a(n);
    UPDATE tallystick.outbox SET due_at = now() WHERE key > 'T-' || to_char({keys} - {tried}, 'FM00000');
"""


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection to a database with many open commands, of which few were tried."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(SEED.format(keys=KEYS, behind=BEHIND, tried=TRIED, settled=SETTLED))
    await connection.execute("VACUUM ANALYZE")
    yield connection
    await connection.close()


async def rows_read(admin: asyncpg.Connection[asyncpg.Record]) -> int:
    """Rows of the large tables that were read so far by sessions that have ended, by whatever way."""
    await admin.execute("SELECT pg_stat_force_next_flush()")
    return int(
        await admin.fetchval(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_user_tables"
            " WHERE schemaname = 'tallystick' AND relname IN ('outbox', 'entity', 'attempt', 'cases')"
        )
    )


async def test_the_list_reads_what_it_shows_and_little_more(
    admin: asyncpg.Connection[asyncpg.Record], database_url: str
) -> None:
    before = await rows_read(admin)
    reads = PostgresReads(database_url)
    shown = await reads.lanes(LanesInOrder(), limit=100)
    await reads.close()
    assert [(row.depth, row.commands[0].attempts) for row in shown] == [(0, 2)] * TRIED
    assert TRIED <= await rows_read(admin) - before < 200


async def test_a_look_at_heads_reads_no_more_than_its_page(
    admin: asyncpg.Connection[asyncpg.Record], database_url: str
) -> None:
    before = await rows_read(admin)
    overdue = PostgresOverdue(database_url)
    young = await overdue.open_cases("erp", Term(age=1e6), after=None, page=100)
    await overdue.close()
    assert (young.opened, young.last and young.last.id) == (0, "T-00100")
    assert 100 <= await rows_read(admin) - before < 500


async def test_an_outage_makes_a_case_of_each_key_and_the_list_still_comes_in_pages(
    admin: asyncpg.Connection[asyncpg.Record], database_url: str
) -> None:
    overdue, reads = PostgresOverdue(database_url), PostgresReads(database_url)
    opened, after = 0, None
    for _ in range(KEYS // 500 + 1):
        looked = await overdue.open_cases("erp", Term(age=3600), after=after, page=500)
        opened, after = opened + looked.opened, looked.last
    await overdue.close()
    assert (opened, after) == (KEYS, None)
    await admin.execute("VACUUM ANALYZE")
    before = await rows_read(admin)
    shown = await reads.lanes(LanesInOrder(), limit=10)
    await reads.close()
    assert [row.key for row in shown] == [f"T-{number:05}" for number in range(1, 11)]
    assert BEHIND <= await rows_read(admin) - before < 2 * BEHIND + 500

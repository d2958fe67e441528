"""Groups of cases from their sums: what a recount finds, whatever was done to cases, and as cheap with many of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Final, TypeAlias

import asyncpg
import pytest

from adapters.ports.cases import CaseFilter, CaseGroup, Owned
from adapters.ports.reach import Reach
from adapters.postgres.cases import PostgresCases
from schemas.verdicts import FailureClass

OPEN: Final = """
    INSERT INTO tallystick.cases (entity, key, failure_class, code, reason, owner, money)
    SELECT (ARRAY['timesheet', 'project'])[1 + (n + $2) % 2], 'K' || n % 7, (ARRAY['mapping', 'timeout'])[1 + n % 2],
           'c' || n % 3, 'r' || n, (ARRAY['finance', NULL])[1 + (n / 2 + $2) % 2],
           (ARRAY['{}', '{"EUR": "10.25"}', '{"EUR": "-3", "USD": "7.00"}']::jsonb[])[1 + (n + $2) % 3]
    FROM generate_series(1, $1::integer) n
"""
CHANGES: Final = (
    "closed_at = now(), closed_how = 'resolved'", "closed_at = NULL, closed_how = NULL, opened_at = now()",
    "owner = 'board'", "owner = NULL", "assignee = 'erin'", "assignee = NULL", "reminded_at = now()",
    "failure_class = 'internal', code = 'c0', field = 'f'", "money = '{\"EUR\": \"0.00\"}'", "money = '{}'",
    "opened_at = opened_at - id * interval '1 minute'",
)  # fmt: skip
STATE: Final = 'INSERT INTO tallystick.entity (entity, key, state) VALUES ($1, $2, \'{"legal_entity": "DE01"}\')'
EVERYTHING: Final = Reach(None, frozenset({"DE01"}))
"""All keys are of one legal entity; to see within one, all cases are looked at."""
FILTERS: Final = (
    CaseFilter(), CaseFilter(is_open=False), CaseFilter(failure_class=FailureClass.TIMEOUT),
    CaseFilter(owned=Owned("finance")), CaseFilter(owned=Owned("ops", (FailureClass.MAPPING,))),
    CaseFilter(assignee="erin"), CaseFilter(entity="project"), CaseFilter(entity="project", assignee="erin"),
    CaseFilter(within=Reach(frozenset({"timesheet"}), None)), CaseFilter(within=Reach(frozenset(), None)),
)  # fmt: skip
MANY: Final = 5000
FEW: Final = 300
"""Rows that may be read for groups of few kinds."""
PATIENCE: Final = 10.0
OTHERS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
READ: Final = "SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    for entity in ("timesheet", "project"):
        await connection.executemany(STATE, [(entity, f"K{number}") for number in range(7)])
    yield connection
    await connection.close()


@pytest.fixture
async def cases(database_url: str) -> AsyncIterator[PostgresCases]:
    cases = PostgresCases(database_url)
    yield cases
    await cases.close()


async def pages(cases: PostgresCases, chosen: CaseFilter, limit: int = 3) -> list[CaseGroup]:
    """All groups, page after page."""
    found: list[CaseGroup] = []
    while page := await cases.groups(chosen, after=found[-1].place if found else None, limit=limit):
        found += page
    return found


async def recounted(cases: PostgresCases, chosen: CaseFilter) -> list[CaseGroup]:
    """The same, added up from the cases themselves."""
    within = replace(EVERYTHING, entities=chosen.within.entities)
    return await cases.groups(replace(chosen, within=within), after=None, limit=100)


async def agree(cases: PostgresCases) -> None:
    for chosen in FILTERS:
        assert await pages(cases, chosen) == await recounted(cases, chosen), chosen
    for fingerprint in {group.fingerprint for group in await pages(cases, CaseFilter())}:
        chosen = CaseFilter(fingerprint=fingerprint)
        assert await pages(cases, chosen) == await recounted(cases, chosen) != []


@pytest.mark.parametrize("seed", range(3))
async def test_they_are_what_a_recount_finds_whatever_was_done(
    connection: Connection, cases: PostgresCases, seed: int
) -> None:
    chance = Random(seed)
    for _ in range(6):
        await connection.execute(OPEN, chance.randint(1, 40), chance.randrange(6))
        for change in chance.sample(CHANGES, 4):
            await connection.execute(
                f"UPDATE tallystick.cases SET {change} WHERE id % $1::bigint = 0",  # noqa: S608  # from the table above
                chance.randint(2, 5),
            )
        await connection.execute("DELETE FROM tallystick.cases WHERE id % 11 = $1::bigint", chance.randrange(11))
        await agree(cases)
        if chance.random() < 0.5:
            await cases.remind(page=1)
            await agree(cases)
    await connection.execute("DELETE FROM tallystick.cases")
    await cases.remind(page=1)
    assert await connection.fetchval("SELECT count(*) FROM tallystick.case_sum") == 0


async def test_what_is_not_committed_does_not_count_and_holds_nobody_up(
    connection: Connection, cases: PostgresCases, database_url: str
) -> None:
    await connection.execute(OPEN, 6, 0)
    before = await pages(cases, CaseFilter())
    other = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute(OPEN, 6, 0)
        async with asyncio.timeout(PATIENCE):
            await other.execute(OPEN, 6, 0)
            await cases.remind(page=1)
        assert [group.cases for group in await pages(cases, CaseFilter())] == [2 * each.cases for each in before]
    await other.close()
    assert [group.cases for group in await pages(cases, CaseFilter())] == [3 * each.cases for each in before]
    await agree(cases)


async def test_rows_of_the_same_are_drawn_together(connection: Connection, cases: PostgresCases) -> None:
    for _ in range(20):
        await connection.execute(OPEN, 6, 0)
    await cases.remind(page=1)
    rows = await connection.fetchval("SELECT count(*) FROM tallystick.case_sum")
    assert rows == await connection.fetchval(
        "SELECT count(DISTINCT (fingerprint, owner, entity, currency)) FROM tallystick.case_sum"
    )
    await agree(cases)


async def test_many_cases_of_few_kinds_are_few_rows(connection: Connection, cases: PostgresCases) -> None:
    await connection.execute(OPEN, MANY, 0)
    await connection.execute("UPDATE tallystick.cases SET reminded_at = now(), overdue_at = now()")
    await cases.remind(page=1)
    await connection.execute("ANALYZE tallystick.cases")
    await cases.close()
    before = await rows_read(connection)
    found = await cases.groups(CaseFilter(), after=None, limit=100)
    await cases.close()
    assert sum(group.cases for group in found) == MANY
    assert await rows_read(connection) - before <= FEW


async def rows_read(connection: Connection) -> int:
    """By all sessions that have ended, of which this waits for the last."""
    async with asyncio.timeout(PATIENCE):
        while await connection.fetchval(OTHERS):  # noqa: ASYNC110  # nothing tells when a session has ended
            await asyncio.sleep(0.01)
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    return int(await connection.fetchval(READ))

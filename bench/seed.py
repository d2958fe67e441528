"""Large databases in little time: rows that the gateway wrote for one message, copied by the database many times.

Messages are given to the gateway first, some that are applied to one key and one that is parked; so the copies follow
whatever the gateway writes. Ids of copies are ordered in time and older than those of any message to come.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import asyncpg

from bench import load
from bench.contenders import T
from bench.load import Sheet
from bench.part import Say
from bench.rounds import emptied
from bench.servers import Place

APPLIED: Final = "APPLIED"
PARKED: Final = "PARKED"
CHUNK: Final = 500_000
"""Rows in one statement."""

# A version 7 UUID of November 2023, twenty to the millisecond; $1 and $2 are the first and the last number.
FUNCTION: Final = """
    CREATE FUNCTION seed_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(1700000000000 + n / 20), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
                || lpad(to_hex(n), 15, '0'))::uuid
    $$
"""
KEYS: Final = """
    INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, state_schema, commit_id)
    SELECT t.entity, 'TS-' || n, t.row_version, t.entity_version, replace(t.state::text, t.key, 'TS-' || n)::json,
           t.state_schema, t.commit_id
    FROM tallystick.entity t, generate_series($1::bigint, $2::bigint) n
    WHERE t.entity = 'timesheet' AND t.key = 'TS-APPLIED'
    ON CONFLICT DO NOTHING
"""
COMMANDS: Final = """
    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index)
    SELECT seed_id(n * 1000 + t.entity_version), t.system, t.operation, t.entity, 'TS-' || n, t.line, t.generation,
           replace(t.reference, t.key, 'TS-' || n),
           convert_to(replace(convert_from(t.body, 'UTF8'), t.key, 'TS-' || n), 'UTF8'), t.entity_version, t.index
    FROM tallystick.outbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
ORDERED: Final = """
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, received_at, body)
    SELECT seed_id(n), t.source, seed_id(n)::text, t.type, t.entity, 'TS-' || n / 10, t.body_hash, t.verdict,
           t.received_at, t.body
    FROM tallystick.inbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
RANDOM: Final = """
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, received_at, body)
    SELECT seed_id(n), t.source, md5(n::text)::uuid::text, t.type, t.entity, 'TS-' || n / 10, t.body_hash, t.verdict,
           t.received_at, t.body
    FROM tallystick.inbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
PARKED_LANES: Final = """
    INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, state_schema, commit_id,
                                   lane_state, lane_depth, lane_tail, lane_reason, lane_since)
    SELECT t.entity, 'TS-PARKED-' || n, t.row_version, t.entity_version, t.state, t.state_schema, t.commit_id,
           t.lane_state, t.lane_depth, t.lane_tail, t.lane_reason, t.lane_since
    FROM tallystick.entity t, generate_series($1::bigint, $2::bigint) n
    WHERE t.entity = 'timesheet' AND t.key = 'TS-PARKED'
"""
PARKED_MESSAGES: Final = """
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, position, attempts,
                                  reason, received_at, body)
    SELECT seed_id(n), t.source, 'parked-' || seed_id(n), t.type, t.entity, 'TS-PARKED-' || n, t.body_hash, t.verdict,
           t.position, t.attempts, t.reason, t.received_at, t.body
    FROM tallystick.inbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-PARKED'
"""
PARKED_CASES: Final = """
    INSERT INTO tallystick.cases (entity, key, ref, failure_class, code, field, reason)
    SELECT t.entity, 'TS-PARKED-' || n, seed_id(n), t.failure_class, t.code, t.field, t.reason
    FROM tallystick.cases t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-PARKED'
"""
OLD_MESSAGES: Final = """
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, received_at, body)
    SELECT seed_id(n), t.source, seed_id(n)::text, t.type, t.entity, 'TS-OLD-' || n / 10, t.body_hash, t.verdict,
           t.received_at - interval '1 day', t.body
    FROM tallystick.inbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
OLD_TIMELINE: Final = """
    INSERT INTO tallystick.timeline (entity, key, entity_version, at, what, ref)
    SELECT t.entity, 'TS-OLD-' || n / 10, n % 10, t.at - interval '1 day', t.what, seed_id(n)
    FROM tallystick.timeline t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""


async def prepare(place: Place, lines: int = 1) -> str:
    """The gateway's tables and queues, with its messages taken; the exchange to publish to.

    The sheet that is applied has so many `lines`, at most 999. The other one is refused by a rule: for want of a
    mapping, it and its copies would be tried again as soon as `served` begins with a policy of its own.
    """
    exchange = await T.prepare(place)
    sheets = [Sheet(f"seed-applied-{number}", APPLIED, f"L{number}", day=number) for number in range(lines)]
    sheets.append(Sheet("seed-parked", PARKED, "L0", currency="EUR"))
    await load.fill(place.amqp_url, exchange, sheets)
    await emptied(place, T, len(sheets))
    await place.fetch(FUNCTION)
    return exchange


async def parked(place: Place, count: int, say: Say) -> None:
    """`count` lanes of one parked message each, with their cases."""
    for what in (PARKED_LANES, PARKED_MESSAGES, PARKED_CASES):
        await copied(place, what, 0, count)
    say(f"{count:,} parked messages stand in the database")


async def open_commands(place: Place, count: int, say: Say) -> None:
    """`count` keys with a command that was never sent for each line of the sheet that was applied."""
    for what in (KEYS, COMMANDS):
        await copied(place, what, 0, count)
    say(f"the open commands of {count:,} sheets stand in the database")


async def copied(place: Place, what: str, first: int, end: int) -> None:
    """Run the statement for the numbers from `first` up to `end`, which is left out."""
    connection = await asyncpg.connect(place.database_url)
    try:
        for start, stop in pairwise([*range(first, end, CHUNK), end]):
            await connection.execute(what, start, stop - 1)
    finally:
        await connection.close()


async def tidied(place: Place) -> None:
    """Statistics, visibility, and a checkpoint, as a database that grew over months has them."""
    connection = await asyncpg.connect(place.database_url)
    try:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()

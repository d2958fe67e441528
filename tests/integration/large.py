"""A database that has grown: rows that the gateway wrote, copied many times, and how its tables are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bench import seed
from bench.load import Sheet
from bench.servers import Place
from tests.integration.firm import until

TABLES: Final = ("attempt", "cases", "entity", "inbox", "outbox", "timeline")
"""Those that grow with the business."""

TIMELINE: Final = """
    INSERT INTO tallystick.timeline (entity, key, entity_version, what, ref)
    SELECT t.entity, 'TS-' || n / 10, t.entity_version, t.what, seed_id(n)
    FROM tallystick.timeline t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
ATTEMPTS: Final = """
    INSERT INTO tallystick.attempt (command_id, number, holder, token, system, operation, entity, key, line, generation,
                                    ended_at, ending)
    SELECT gen_random_uuid(), 1, seed_id(0), seed_id(0), t.system, t.operation, t.entity, 'TS-' || n / 10, t.line,
           t.generation, now(), 'confirmed'
    FROM tallystick.outbox t, generate_series($1::bigint, $2::bigint) n
    WHERE t.key = 'TS-APPLIED'
"""
SESSIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'tallystick%'"
READ: Final = """
    SELECT relname, seq_scan, seq_tup_read, idx_tup_fetch, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
    WHERE schemaname = 'tallystick' AND relname = ANY ($1)
"""


@dataclass(frozen=True, slots=True)
class Read:
    """How one table was read, and its rows updated, since its statistics began, or between two moments."""

    scans: int
    rows: int
    """By whatever way."""
    updated: int
    hot: int

    def __sub__(self, other: Read) -> Read:
        return Read(
            self.scans - other.scans, self.rows - other.rows, self.updated - other.updated, self.hot - other.hot
        )


async def read(place: Place) -> dict[str, Read]:
    """How each of the tables was read by sessions that have ended, of which this waits for the last."""

    async def have_ended() -> bool:
        # A session tells the statistics before it leaves this list.
        return not await place.number(SESSIONS)

    await until(have_ended, 10, "the gateway's sessions have ended")
    found = await place.fetch(READ, TABLES)
    return {row[0]: Read(row[1], row[2] + row[3], row[4], row[5]) for row in found}


def samples() -> Iterable[Sheet]:
    """The messages whose rows are copied: one is applied, one is parked."""
    return Sheet("seed-applied", seed.APPLIED, "L0"), Sheet("seed-parked", seed.PARKED, "L0", role="gardener")


async def grow(place: Place, rows: int) -> None:
    """So many messages of a tenth as many keys, with their history, some open commands, and few parked lanes.

    The gateway must have taken the samples.
    """
    await place.fetch(seed.FUNCTION)
    keys, commands, end = rows // 10, rows // 40, rows + rows // 400
    copies = (
        (seed.KEYS, 1, keys),
        (seed.ORDERED, 1, rows),
        (TIMELINE, 1, rows),
        (ATTEMPTS, 1, keys),
        (seed.COMMANDS, keys - commands + 1, keys),
        (seed.PARKED_LANES, rows + 1, end),
        (seed.PARKED_MESSAGES, rows + 1, end),
        (seed.PARKED_CASES, rows + 1, end),
    )
    for what, first, last in copies:
        await seed.copied(place, what, first, last + 1)
    await place.fetch("VACUUM (ANALYZE)")

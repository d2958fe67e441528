"""What is counted for the business's figures, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

import asyncpg
import orjson

from adapters.ports.kpis import (
    LOOKED_INTO,
    About,
    CaseChange,
    CaseLine,
    Counted,
    Line,
    Page,
    Period,
    Progress,
    Reached,
    Said,
    Sent,
    Sum,
    Waiting,
)
from adapters.postgres.connection import SETTINGS, Link
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import ReadLinks
from adapters.postgres.statements import statement
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass

_POSITION = statement("kpi_position")
_LINES = statement("kpi_lines")
_CASE_LINES = statement("kpi_case_lines")
_KEPT = statement("kpi_kept")
_ADD = "SELECT tallystick.kpi_add($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
_RESTART = "SELECT tallystick.kpi_restart($1)"
_SUMS = statement("kpi_sums")
_WAITING = statement("kpi_waiting")
_PROGRESS = """
    SELECT now() AS at, p.until, (SELECT min(t.at) FROM tallystick.timeline t
                                  WHERE t.at > COALESCE(p.until, '-infinity')) AS uncounted
    FROM tallystick.kpi_position p
"""
_PATTERNS: Final = [f"{name}.v%" for name in (*LOOKED_INTO, "%.acted")]
RESTART_SECONDS: Final = 300.0
"""A restart looks at the whole timeline once."""


class PostgresBooks:
    """Port `Books`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        # The numbers of a page are a small part of the timeline, which is never read from end to end.
        settings = SETTINGS | {"plan_cache_mode": "force_custom_plan", "enable_seqscan": "off"}
        self._link = Link(url, timeout=RESTART_SECONDS, settings=settings)

    async def page(self, *, most: int) -> Page:
        [at] = await self._fetch(_POSITION, most)
        lines = await self._fetch(_LINES, at["timeline"], at["timeline_end"], at["timeline_missing"], _PATTERNS)
        cases = await self._fetch(_CASE_LINES, at["cases"], at["cases_end"], at["cases_missing"])
        timeline, case_log = _passed("timeline", at, most, lines), _passed("cases", at, most, cases)
        missing, found = (timeline.missing, case_log.missing), (timeline.found, case_log.found)
        return Page(
            at["turn"],
            Reached(timeline.through, case_log.through, missing, found),
            [_line(record) for record in lines],
            [_case_line(record) for record in cases],
            at["since"],
            is_last=at["timeline_end"] == at["timeline_last"] and at["cases_end"] == at["cases_last"],
        )

    async def kept(self, keys: Collection[ActorKey]) -> dict[ActorKey, bytes]:
        found = await self._fetch(_KEPT, [key.entity for key in keys], [key.id for key in keys])
        return {ActorKey(row["entity"], row["key"]): row["body"].encode() for row in found}

    async def add(self, counted: Counted) -> bool:
        page, added, kept = counted.page, counted.added, counted.kept
        times = [*(line.at for line in page.lines), *(line.at for line in page.cases)]
        reached, until = page.reached, max(times, default=None)
        bodies = [None if each is None else each.body.decode() for each in kept.values()]
        [answer] = await self._fetch(
            _ADD, page.turn, reached.timeline, reached.cases, until, *reached.missing, *reached.found,
            *([place[column] for place in added] for column in range(5)),
            [each.count for each in added.values()], [each.total for each in added.values()],
            [key.entity for key in kept], [key.id for key in kept], bodies,
            [None if each is None else each.since for each in kept.values()],
        )  # fmt: skip
        return bool(answer[0])

    async def restart(self, *, since: date | None) -> None:
        await self._fetch(_RESTART, since)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(query, *arguments)
        except Exception as error:
            raise read_error(error) from error


class PostgresKpis:
    """Port `Kpis`, over connections on which nothing can be written."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "kpis")

    async def sums(self, period: Period, *, stocks: Collection[str] = (), months: Collection[str] = ()) -> list[Sum]:
        found = await self._links.fetch(
            _SUMS, period.first, period.end, period.legal_entity, list(stocks), list(months)
        )
        return [Sum(*record.values()) for record in found]

    async def waiting(self) -> list[Waiting]:
        found = await self._links.fetch(_WAITING)
        return [
            Waiting(
                record["flow"], record["count"], record["oldest"],
                {currency: Decimal(total) for currency, total in orjson.loads(record["money"]).items()},
            )
            for record in found
        ]  # fmt: skip

    async def progress(self) -> Progress:
        [found] = await self._links.fetch(_PROGRESS)
        return Progress(found["at"], found["until"], found["uncounted"])

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()


class _Passed(NamedTuple):
    """Through which number a log is read; the numbers passed that are not there, and those not missing any more."""

    through: int
    missing: tuple[int, ...]
    found: tuple[int, ...]


def _passed(log: str, at: asyncpg.Record, most: int, rows: Sequence[asyncpg.Record]) -> _Passed:
    """What a page passes.

    At the end of a log it stops at the last line that is there: the numbers behind it are not missing yet.
    """
    here, end = {row["seq"] for row in rows}, at[f"{log}_end"]
    is_full = end == at[log] + most
    through = end if is_full else max([at[log], *(number for number in here if number > at[log])])
    missing = tuple(number for number in range(at[log] + 1, through + 1) if number not in here)
    known, over = at[f"{log}_missing"], set(at[f"{log}_over"])
    return _Passed(through, missing, tuple(number for number in known if number in here or number in over))


def _line(record: asyncpg.Record) -> Line:
    said = sent = None
    if record["ref"] is not None:
        said = Said(
            record["ref"], record["source"], record["type"], record["received_at"], record["legal_entity"],
            record["body"],
        )  # fmt: skip
    if record["operation"] is not None:
        about = About(
            record["about_legal_entity"], record["about_currency"], record["about_amount"], record["about_day"],
            record["about_line_id"],
        )  # fmt: skip
        version = record["asked_version"] or 0
        sent = Sent(record["operation"], record["line"], version, record["is_confirmed"], about)
    key = ActorKey(record["entity"], record["key"])
    return Line(record["seq"], record["at"], key, record["what"], record["entity_version"], said, sent)


def _case_line(record: asyncpg.Record) -> CaseLine:
    return CaseLine(
        record["seq"], record["at"], CaseChange(record["what"]), FailureClass(record["failure_class"]),
        record["opened_at"],
    )  # fmt: skip

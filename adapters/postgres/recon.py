"""Reconciliation on PostgreSQL: its runs, the work on them, and what keys hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from uuid import UUID

import asyncpg

from adapters.ports.holdings import HeldState, Moving, OpenCommand
from adapters.ports.recon import (
    Beside,
    Difference,
    Group,
    Kind,
    Numbered,
    Phase,
    Run,
    RunAsked,
    RunClickReused,
    Scheduled,
    Tally,
)
from adapters.postgres.connection import SETTINGS, Link
from adapters.postgres.errors import read_error
from adapters.postgres.positions import LEAVE
from adapters.postgres.read_links import ReadLinks
from adapters.postgres.recon_texts import (
    difference_text,
    read_difference,
    read_standing,
    read_tally,
    standing_text,
    tally_text,
)
from adapters.postgres.statements import statement
from schemas.commands import command_reference
from schemas.keys import ActorKey
from schemas.standing import Standing

_BEGIN = "SELECT * FROM tallystick.begin_recon($1, $2, $3, $4, $5, $6, $7, $8)"
_CANCEL = "SELECT * FROM tallystick.cancel_recon($1, $2, $3)"
_RUN = "SELECT * FROM tallystick.recon_run WHERE id = $1"
_PAGE = """
    SELECT * FROM tallystick.recon_run
    WHERE ($1::text IS NULL OR system = $1) AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""
_SCHEDULED = statement("recon_scheduled")
_DIFFERENCES = statement("recon_differences")
_STILL = statement("recon_still")
_ALONE = statement("recon_alone")
_HOLD = "SELECT pg_try_advisory_lock(hashtextextended('tallystick.recon', 0))"
_NEXT = """
    SELECT * FROM tallystick.recon_run
    WHERE ended_at IS NULL AND NOT id = ANY ($2::bigint[]) AND NOT (phase = 'theirs' AND system = ANY ($3::text[]))
    ORDER BY id <= $1, id LIMIT 1
"""
_KEEP = "SELECT tallystick.keep_recon($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_GROUPS = statement("recon_groups")
_FOUND = "SELECT tallystick.found_recon($1, $2, $3, $4, $5, $6, $7, $8)"
_END = "SELECT tallystick.end_recon($1, $2, $3, $4)"
_CLEAR = "SELECT tallystick.clear_recon($1) AS is_more"
_STATES = """
    SELECT key, state, state_schema FROM tallystick.entity
    WHERE entity = $1 AND key > $2 AND state IS NOT NULL ORDER BY key LIMIT $3
"""
_MOVING = statement("recon_moving")
SECONDS = 60.0
"""For one statement of a run: a page of it is never for somebody who waits."""


class PostgresRuns:
    """Port `Runs`, over connections that read and one that writes."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "reconciliations")
        self._link = Link(url)

    async def begin(self, asked: RunAsked, *, by: str, click: str) -> Run:
        [found] = await self._written(
            _BEGIN, asked.system, asked.first, asked.last, asked.entity, asked.legal_entity, asked.schedule, by, click
        )
        run = _run(found)
        if run.asked != asked:
            raise RunClickReused(f"run {run.id} was asked for with the same key, and it is another one")
        return run

    async def cancel(self, id: int, *, by: str, reason: str) -> Run | None:
        found = await self._written(_CANCEL, id, by, reason)
        return _run(found[0]) if found else None

    async def run(self, id: int) -> Run | None:
        found = await self._links.fetch(_RUN, id)
        return _run(found[0]) if found else None

    async def page(self, *, system: str | None, before: int | None, limit: int) -> list[Run]:
        return [_run(record) for record in await self._links.fetch(_PAGE, system, before, limit)]

    async def scheduled(self, schedule: str, system: str) -> Scheduled:
        found = await self._links.fetch(_SCHEDULED, schedule, system)
        runs = [_run(record) for record in found]
        done = next((run for run in runs if run.phase is Phase.DONE), None)
        return Scheduled(next(iter(runs), None), done, found[0]["failed"] if found else 0)

    async def differences(
        self, run: int, *, kind: Kind | None, beside: Beside | None, after: int, limit: int
    ) -> list[Numbered]:
        if beside is None:
            found = await self._links.fetch(_DIFFERENCES, run, after, kind, limit)
        else:
            found = await self._links.fetch(_STILL if beside.found else _ALONE, run, after, kind, beside.run, limit)
        return [Numbered(record["number"], read_difference(record["body"])) for record in found]

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._link.close()

    async def _written(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


class PostgresRunWork:
    """Port `RunWork`, over a connection of its own, whose session holds the lock of the one that works."""

    def __init__(self, url: str) -> None:
        self._link = Link(url, timeout=SECONDS, settings={**SETTINGS, **LEAVE})
        self._held_on: object = None
        """The connection that holds the lock; with it the lock is lost."""

    async def hold(self) -> bool:
        try:
            async with self._link as connection:
                if self._held_on is not connection:
                    self._held_on = connection if await connection.fetchval(_HOLD) else None
                return self._held_on is connection
        except Exception as error:
            raise read_error(error) from error

    async def next(self, *, behind: int = 0, without: Collection[int] = (), unread: Collection[str] = ()) -> Run | None:
        found = await self._fetch(_NEXT, behind, list(without), list(unread))
        return _run(found[0]) if found else None

    async def keep(
        self, run: Run, entries: Sequence[Standing], *, ours: bool, phase: Phase, cursor: str | None
    ) -> None:
        # The same entry twice in one page would be updated twice by one statement, which PostgreSQL refuses.
        once = {(each.name, "" if ours else each.external_id or ""): each for each in entries}
        names, ids = [name for name, _ in once], [id for _, id in once]
        standings = [standing_text(each) for each in once.values()]
        await self._fetch(_KEEP, *_as_read(run), names, ids, standings, ours, phase, cursor)

    async def groups(self, run: int, *, after: str | None, limit: int) -> list[Group]:
        found = await self._fetch(_GROUPS, run, after or "", limit)
        return [_group(name, list(records)) for name, records in groupby(found, key=lambda record: record["name"])]

    async def found(self, run: Run, differences: Sequence[Difference], tally: Tally, *, cursor: str) -> None:
        await self._fetch(
            _FOUND, *_as_read(run), [each.kind for each in differences], [_digest(each.mark) for each in differences],
            [difference_text(each) for each in differences], tally_text(tally), cursor,
        )  # fmt: skip

    async def end(self, run: Run, reason: str | None = None) -> None:
        await self._fetch(_END, *_as_read(run), reason)

    async def clear(self, *, limit: int) -> bool:
        [found] = await self._fetch(_CLEAR, limit)
        return bool(found["is_more"])

    async def close(self) -> None:
        """Close the connection, and hold nothing any more."""
        await self._link.close()

    async def _fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


class PostgresHoldings:
    """Port `Holdings`."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "holdings", timeout=SECONDS)

    async def states(self, entity: str, *, after: str | None, limit: int) -> list[HeldState]:
        found = await self._links.fetch(_STATES, entity, after or "", limit)
        return [HeldState(ActorKey(entity, row["key"]), row["state"].encode(), row["state_schema"]) for row in found]

    async def moving(self, system: str, keys: Collection[ActorKey], *, since: datetime) -> Mapping[ActorKey, Moving]:
        ours = [[key[part] for key in keys] for part in range(2)]
        found = await self._links.fetch(_MOVING, system, *ours, since)
        by_key = groupby(found, key=lambda row: ActorKey(row["entity"], row["key"]))
        moving = {key: _moving(key, list(records)) for key, records in by_key}
        return {key: each for key, each in moving.items() if each.open or each.has_moved}

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()


def _as_read(run: Run) -> tuple[int, str, str | None]:
    """By what is told that no other process has taken the run further."""
    return run.id, run.phase, run.cursor


def _run(record: asyncpg.Record) -> Run:
    asked = RunAsked(
        record["system"], record["first_day"], record["last_day"], record["entity"], record["legal_entity"],
        record["schedule"],
    )  # fmt: skip
    return Run(
        record["id"], asked, record["by"], record["started_at"], Phase(record["phase"]), record["cursor"],
        record["ended_at"], record["reason"], read_tally(record["tally"]), record["kept"],
    )  # fmt: skip


def _digest(mark: str) -> UUID:
    """A mark as it is kept: sixteen bytes of its SHA-256, which the database compares as one value."""
    return UUID(bytes=sha256(mark.encode()).digest()[:16])


def _group(name: str, records: Sequence[asyncpg.Record]) -> Group:
    ours = [read_standing(record["standing"]) for record in records if record["ours"]]
    theirs = tuple(read_standing(record["standing"]) for record in records if not record["ours"])
    return Group(name, ours[0] if ours else None, theirs)


def _moving(key: ActorKey, records: Sequence[asyncpg.Record]) -> Moving:
    commands = tuple(
        OpenCommand(
            record["operation"], command_reference(key, record["line"], record["generation"]), record["body"],
            record["case_id"],
        )
        for record in records
        if record["operation"] is not None
    )  # fmt: skip
    return Moving(commands, records[0]["has_moved"])

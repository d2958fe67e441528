"""Loading rows and committing turns on PostgreSQL, over a connection of its own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import orjson

from adapters.ports.turns import (
    Again,
    Answer,
    Batch,
    Committed,
    Duplicate,
    Lane,
    LaneMessage,
    Message,
    Refused,
    Row,
)
from adapters.postgres.columns import COMMIT, commit_arguments
from adapters.postgres.connection import Link
from adapters.postgres.errors import commit_error, read_error
from adapters.postgres.statements import statement
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.sequence import Cursor
from schemas.verdicts import LaneState, Verdict

_LOAD = statement("load")
_LANES = statement("lanes")
_PLACEHOLDERS = statement("placeholders")
_RESOLVE = statement("resolve")
_TABLE = (Again.DUPLICATE, Again.TAKEN, Again.SETTLED, Again.REFERENCE, Again.STALE_WRITER)
"""Why a turn was refused, the most telling first."""


class PostgresCommits:
    """Port `Commits`. Used by one committer: calls do not overlap."""

    def __init__(self, url: str, patience: float = 30.0) -> None:
        """`patience`: seconds that a statement may take."""
        self._link = Link(url, timeout=patience)

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        rows = {key: Row(key) for key in keys}
        try:
            async with self._link as connection:
                found = await connection.fetch(_LOAD, [key.entity for key in keys], [key.id for key in keys])
        except Exception as error:
            raise read_error(error) from error
        for record in found:
            row = _row(record)
            rows[row.key] = row
        return rows

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        lanes: dict[ActorKey, list[LaneMessage]] = {key: [] for key in keys}
        columns = [key.entity for key in keys], [key.id for key in keys]
        try:
            async with self._link as connection:
                found = await connection.fetch(_LANES, *columns, limit, room)
        except Exception as error:
            raise read_error(error) from error
        for record in found:
            lanes[ActorKey(record["entity"], record["key"])].append(_lane_message(record))
        return lanes

    async def commit(self, batch: Batch) -> list[Answer]:
        arguments = commit_arguments(batch)
        try:
            async with self._link as connection:
                found = await connection.fetch(COMMIT, *arguments)
        except Exception as error:
            raise commit_error(error) from error
        return _answers(len(batch.turns), found)

    async def resolve(self, batch: Batch) -> list[bool]:
        keys = sorted(turn.key for turn in batch.turns)
        columns = [key.entity for key in keys], [key.id for key in keys]
        try:
            async with self._link as connection, connection.transaction():
                await connection.execute(_PLACEHOLDERS, *columns)
                found = await connection.fetch(_RESOLVE, *columns)
        except Exception as error:
            raise read_error(error) from error
        commits = {ActorKey(record["entity"], record["key"]): record["commit_id"] for record in found}
        return [commits.get(turn.key) == batch.commit_id for turn in batch.turns]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _row(record: asyncpg.Record) -> Row:
    entity, key, row_version, entity_version, state, schema, lane, depth, tail, reason, *wait = record
    target = None if wait[0] is None else ActorKey(wait[0], wait[1])
    return Row(
        ActorKey(entity, key),
        row_version,
        entity_version,
        None if state is None else state.encode(),
        schema,
        Lane(LaneState(lane), depth, tail, reason, wait[6], target, wait[2], wait[3], wait[4]),
        {} if wait[5] is None else _cursors(wait[5]),
    )


def _lane_message(record: asyncpg.Record) -> LaneMessage:
    message = Message(
        record["ref"], record["source"], record["event_id"], record["type"], record["body_hash"],
        record["body"], record["series"], record["sequence"],
    )  # fmt: skip
    return LaneMessage(message, record["position"], Verdict(record["verdict"]), record["attempts"], record["reason"])


def _cursors(stored: str) -> dict[str, Cursor]:
    return {
        series: Cursor(cursor["through"], tuple(cursor["beyond"]), cursor["applied"])
        for series, cursor in orjson.loads(stored).items()
    }


def _answers(count: int, found: Sequence[asyncpg.Record]) -> list[Answer]:
    if not found:
        return [Committed()] * count
    told: dict[int, list[asyncpg.Record]] = {}
    for record in found:
        told.setdefault(record["turn"], []).append(record)
    return [_refused(told[index]) if index in told else Committed() for index in range(1, count + 1)]


def _refused(told: Sequence[asyncpg.Record]) -> Refused:
    reasons = {record["why"] for record in told}
    duplicates: tuple[Duplicate, ...] = tuple(
        Duplicate(record["ref"], record["same_body"]) for record in told if record["why"] == Again.DUPLICATE
    )
    settled: tuple[UUID, ...] = tuple(record["ref"] for record in told if record["why"] == Again.SETTLED)
    taken = {
        Claim(record["scope"], record["value"]): ActorKey(record["entity"], record["key"])
        for record in told
        if record["why"] == Again.TAKEN
    }
    return Refused(next(why for why in _TABLE if why in reasons), duplicates, taken, settled)

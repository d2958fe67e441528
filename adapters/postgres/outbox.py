"""The outbox, the sent log, and the notices on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from adapters.ports.gate import Heard, Hold, HoldReason, Limits
from adapters.ports.outbox import (
    NO_LIMITS,
    Attempt,
    Claimed,
    Ended,
    Ending,
    Leased,
    LostTime,
    NoticeRow,
    SendLane,
    one_system,
    with_results,
)
from adapters.ports.restores import Remembered
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.literals import cast_from_text, literal
from adapters.postgres.statements import statement
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass

_CLAIM = "SELECT * FROM tallystick.claim_lanes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
_ATTEMPTS = statement("attempts")
_FREE = "SELECT * FROM tallystick.free_lanes($1, $2, $3, $4)"
_RECORD = """
    SELECT tallystick.record_ends(
        $1::text::uuid[], $2::text::integer[], $3::text::uuid[], $4::text::text[], $5::text::text[], $6::text::text[],
        $7::text::text[], $8::text::text[], $9::text::integer[], $10, $11::text::boolean[], $12::text::text[],
        $13::text::text[], $14::text::text[], $15::text::text[], $16, $17::text::integer[], $18, $19)
"""
_LITERALS = cast_from_text(_RECORD)
_ABANDON = "SELECT tallystick.abandon_claim($1)"
_BEAT = statement("beat")
_TAKE_OVER = statement("take_over")
_TELL_ALONE = "SELECT pg_try_advisory_lock(hashtextextended('tallystick.notices', 0))"


class PostgresOutbox:
    """Port `Outbox`, over three connections of its own: a slow claim delays neither an end nor the heartbeat.

    A database that is behind `remembered` went back, and gives nothing to send.
    """

    def __init__(self, url: str, remembered: Remembered | None = None) -> None:
        self._link = Link(url)
        self._ends = Link(url)
        self._pulse = Link(url)
        self._remembered = remembered or Remembered()

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        if not lanes:
            return Claimed()
        system = one_system(lanes)
        entities = [lane.key.entity for lane in lanes]
        keys = [lane.key.id for lane in lanes]
        allowed = (limits.concurrency, limits.rate, limits.burst, limits.quota, list(limits.resets))
        remembered = (self._remembered.counter, self._remembered.epoch)
        in_order = [operation in limits.in_order for operation in limits.together]
        together = (list(limits.together), list(limits.together.values()), in_order)
        try:
            async with self._link as connection:
                rows = await connection.fetch(
                    _CLAIM, system, entities, keys, holder, token, *allowed, *remembered, *together, limits.most
                )
                retried = [row["id"] for row in rows[:-1] if (row["number"] or 1) > 1]
                attempts = await connection.fetch(_ATTEMPTS, retried, token) if retried else []
        except Exception as error:
            raise read_error(error) from error
        if not rows:
            # Held by a restore: they are to be found again once it is released, not to be asked for all the time.
            return Claimed()
        earlier: dict[UUID, list[Attempt]] = {}
        for record in attempts:
            earlier.setdefault(record["command_id"], []).append(_attempt(record))
        places = sorted(rows[:-1], key=_step)
        leased = [
            Leased(_command(row), token, row["number"], tuple(earlier.get(row["id"], ())), _lost(row), row["is_resent"])
            for row in places
            if row["number"] is not None
        ]
        refused = [lanes[_place(row) - 1] for row in places if row["number"] is None]
        return Claimed(leased, _left(lanes, refused, rows[-1]), _hold(rows[-1]))

    async def free(self, system: str, *, after: ActorKey | None, limit: int) -> list[SendLane]:
        entity, key = after or ("", "")
        try:
            async with self._link as connection:
                found = await connection.fetch(_FREE, system, entity, key, limit)
        except Exception as error:
            raise read_error(error) from error
        return [SendLane(system, ActorKey(record[0], record[1])) for record in found]

    async def record(self, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        told = with_results(ended)
        rows = [
            (end.command.id, end.attempt, end.token, end.ending, end.external_id, end.failure_class, end.code,
             end.reason, end.found_generation, end.hold, (end.token, end.command.key) not in told,
             end.command.system, end.command.key.entity, end.command.key.id, *_heard(end.heard))
            for end in ended
        ]  # fmt: skip
        columns = [
            literal(column) if place in _LITERALS else list(column)
            for place, column in enumerate(zip(*rows, strict=True))
        ]
        try:
            async with self._ends as connection:
                await connection.execute(_RECORD, *columns)
        except Exception as error:
            raise read_error(error) from error

    async def abandon(self, token: UUID) -> None:
        try:
            async with self._link as connection:
                await connection.execute(_ABANDON, token)
        except Exception as error:
            raise read_error(error) from error

    async def beat(self, holder: UUID) -> dict[UUID, int]:
        try:
            async with self._pulse as connection:
                found = await connection.fetch(_BEAT, holder)
        except Exception as error:
            raise read_error(error) from error
        return {record[0]: record[1] for record in found}

    async def take_over(self, silent: Sequence[UUID]) -> int:
        try:
            async with self._pulse as connection:
                freed: int = await connection.fetchval(_TAKE_OVER, list(silent))
        except Exception as error:
            raise read_error(error) from error
        return freed

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()
        await self._ends.close()
        await self._pulse.close()


class PostgresNotices:
    """Port `Notices`, over a connection of its own, whose session holds the lock of the one that publishes."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._alone_on: object = None
        """The connection that holds the lock; with it the lock is lost."""
        self._pending = statement("notices")
        self._published = statement("published")

    async def pending(self, *, limit: int) -> list[NoticeRow]:
        try:
            async with self._link as connection:
                if self._alone_on is not connection:
                    if not await connection.fetchval(_TELL_ALONE):
                        return []
                    self._alone_on = connection
                found = await connection.fetch(self._pending, limit)
        except Exception as error:
            raise read_error(error) from error
        return [
            NoticeRow(record["id"], record["place"], record["routing_key"], record["body"].encode()) for record in found
        ]

    async def published(self, ids: Sequence[int]) -> None:
        try:
            async with self._link as connection:
                await connection.execute(self._published, list(ids))
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _place(row: asyncpg.Record) -> int:
    place: int = row["place"]
    return place


def _step(row: asyncpg.Record) -> tuple[int, int]:
    """The place of its lane, and its own in the run."""
    step: int = row["step"]
    return _place(row), step


def _left(lanes: Sequence[SendLane], refused: Sequence[SendLane], last: asyncpg.Record) -> Sequence[SendLane]:
    """The lanes that the gate did not let pass: their heads, and all behind those that were tried."""
    return lanes if last["admitted"] == 0 else [*refused, *lanes[last["place"] :]]


def _hold(last: asyncpg.Record) -> Hold | None:
    return None if last["hold"] is None else Hold(HoldReason(last["hold"]), last["hold_seconds"])


def _heard(heard: Heard | None) -> tuple[object, ...]:
    if heard is None:
        return None, None, None, None, None
    rule = heard.rule
    return heard.speech, heard.wait, rule.failures, rule.open_for, rule.longest


def _command(head: asyncpg.Record) -> Command:
    key = ActorKey(head["entity"], head["key"])
    return Command(
        head["id"], head["system"], head["operation"], key, head["line"], head["generation"], head["body"],
        head["reference"],
    )  # fmt: skip


def _lost(head: asyncpg.Record) -> LostTime | None:
    return None if head["started_for"] is None else LostTime(head["started_for"], head["ended_for"])


def _attempt(record: asyncpg.Record) -> Attempt:
    ending, failure_class = record["ending"], record["failure_class"]
    return Attempt(
        record["number"],
        None if ending is None else Ending(ending),
        record["started_for"],
        record["ended_for"],
        record["external_id"],
        None if failure_class is None else FailureClass(failure_class),
        record["code"],
        record["reason"],
        record["found_generation"],
    )

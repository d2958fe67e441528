"""What the API shows, read from PostgreSQL on connections of its own, and the probe that readiness asks."""

from __future__ import annotations

from typing import Final, assert_never

import asyncpg

from adapters.ports.turns import StoreUnavailable
from adapters.ports.views import (
    DeadLetterRow,
    InLane,
    LaneQuery,
    LaneRow,
    LanesInOrder,
    LetterQuery,
    Letters,
    MessageQuery,
    MessageRow,
    Newest,
    OneLane,
    OneLetter,
    OneMessage,
    SameId,
    StatusReport,
)
from adapters.postgres.connection import Link
from adapters.postgres.migrations.upgrade import head
from adapters.postgres.read_links import PLANNED_ONCE, STATEMENT_SECONDS, ReadLinks, question_error
from adapters.postgres.rows import dead_letter_row, lane_row, message_row, status_report
from adapters.postgres.statements import statement
from schemas.verdicts import LaneState

PROBE_SECONDS: Final = 2.0

_PROBE = statement("read_probe")
_STATUS = statement("read_status")
_MESSAGE = statement("read_message")
_MESSAGES_BY_ID = statement("read_messages_by_id")
_MESSAGES_IN_LANE = statement("read_messages_in_lane")
_MESSAGES = statement("read_messages")
_FIND_LANES = statement("find_lanes")
_LANES = statement("read_lanes")
_DEAD_LETTER = statement("read_dead_letter")
_DEAD_LETTERS = statement("read_dead_letters")


class PostgresReads:
    """Port `Reads`. The server ends a statement after `timeout` seconds."""

    def __init__(self, url: str, *, timeout: float = STATEMENT_SECONDS) -> None:
        self._links = ReadLinks(url, "reads", timeout=timeout)
        self._planned = ReadLinks(url, "lanes", timeout=timeout, settings=PLANNED_ONCE)
        self._probe_link = Link(url, timeout=PROBE_SECONDS)
        self._revision = head()

    async def probe(self) -> None:
        try:
            async with self._probe_link as connection:
                found = await connection.fetchrow(_PROBE)
                if found is None or found["read_only"]:
                    # Raised here, so that the next probe connects anew: the address may lead to another server by then.
                    raise StoreUnavailable("PostgreSQL: the server is read-only, it may be a stand-by")
                revision = found["revision"]
        except asyncpg.UndefinedTableError:
            revision = None
        except Exception as error:
            raise question_error(error) from error
        if revision != self._revision:
            found_text = f"revision {revision}" if revision else "no Tallystick schema"
            raise StoreUnavailable(
                f"PostgreSQL: the database has {found_text}, this release needs {self._revision}: "
                "run `tallystick db upgrade`"
            )

    async def status(self) -> StatusReport:
        return status_report(await self._links.fetch(_STATUS))

    async def messages(self, query: MessageQuery, *, limit: int) -> list[MessageRow]:
        match query:
            case OneMessage(ref):
                found = await self._links.fetch(_MESSAGE, ref, limit)
            case SameId(event_id, source, verdict):
                found = await self._links.fetch(_MESSAGES_BY_ID, event_id, source, verdict, limit)
            case InLane(key):
                found = await self._links.fetch(_MESSAGES_IN_LANE, key.entity, key.id, limit)
            case Newest(source, verdict, before):
                found = await self._links.fetch(_MESSAGES, source, verdict, before, limit)
            case _:
                assert_never(query)
        return [message_row(record) for record in found]

    async def lanes(self, query: LaneQuery, *, limit: int) -> list[LaneRow]:
        match query:
            case OneLane(key):
                keys = [(key.entity, key.id)]
            case LanesInOrder(state, after):
                states = [*LaneState] if state is None else [state]
                entity, key_id = after or ("", "")
                found = await self._planned.fetch(_FIND_LANES, states, entity, key_id, state is None, limit)
                keys = [(record["entity"], record["key"]) for record in found]
            case _:
                assert_never(query)
        found = await self._planned.fetch(_LANES, *([key[part] for key in keys] for part in range(2)))
        return [lane_row(record) for record in found]

    async def dead_letters(self, query: LetterQuery, *, limit: int) -> list[DeadLetterRow]:
        match query:
            case OneLetter(digest):
                found = await self._links.fetch(_DEAD_LETTER, digest, limit)
            case Letters(state, chosen, before):
                found = await self._links.fetch(
                    _DEAD_LETTERS, state, chosen.failure_class, chosen.code, chosen.queue,
                    before and before.first_at, before and bytes.fromhex(before.digest), limit,
                )  # fmt: skip
            case _:
                assert_never(query)
        return [dead_letter_row(record) for record in found]

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._planned.close()
        await self._probe_link.close()

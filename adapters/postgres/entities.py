"""What is known of one entity, read from PostgreSQL on connections of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from uuid import UUID

import asyncpg

from adapters.ports.entities import AskedRow, CommandState, EntityRow, Judgement, TimelineRow, Told, Tried
from adapters.ports.outbox import Ending
from adapters.postgres.read_links import STATEMENT_SECONDS, ReadLinks
from adapters.postgres.statements import statement
from schemas.commands import command_reference
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey
from schemas.verdicts import FailureClass, Verdict

_ENTITY = statement("read_entity")
_TIMELINE = statement("read_timeline")
_ASKED = statement("read_asked")
_JUDGED = statement("read_judged")
_HOLDERS = statement("read_holders")


class PostgresEntities:
    """Port `Entities`. The server ends a statement after `timeout` seconds."""

    def __init__(self, url: str, *, timeout: float = STATEMENT_SECONDS) -> None:
        self._links = ReadLinks(url, "entities", timeout=timeout)

    async def entity(self, key: ActorKey) -> EntityRow | None:
        found = await self._links.fetch(_ENTITY, key.entity, key.id)
        return _entity(key, found[0]) if found else None

    async def timeline(self, key: ActorKey, *, before: int | None, limit: int) -> list[TimelineRow]:
        return [_line(record) for record in await self._links.fetch(_TIMELINE, key.entity, key.id, before, limit)]

    async def asked(self, key: ActorKey, *, after: int, through: int, limit: int) -> list[AskedRow]:
        found = await self._links.fetch(_ASKED, key.entity, key.id, after, through, limit)
        return [_asked(key, list(records)) for _, records in groupby(found, key=lambda record: record["id"])]

    async def judged(self, ref: UUID, *, source: str, id: str) -> Judgement | None:
        found = await self._links.fetch(_JUDGED, ref, source, id)
        if not found:
            return None
        [message] = found
        return Judgement(message["ref"], Verdict(message["verdict"]), message["reason"], message["body_hash"])

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, ActorKey]:
        scopes, values = [claim.scope for claim in claims], [claim.value for claim in claims]
        return {
            Claim(record["scope"], record["value"]): ActorKey(record["entity"], record["key"])
            for record in await self._links.fetch(_HOLDERS, scopes, values)
        }

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()


def _entity(key: ActorKey, record: asyncpg.Record) -> EntityRow:
    bound = None if record["bound_entity"] is None else ActorKey(record["bound_entity"], record["bound_key"])
    state = None if record["state"] is None else record["state"].encode()
    externals = tuple(ActorKey(EXTERNAL, id) for id in record["externals"])
    return EntityRow(key, record["entity_version"], state, record["state_schema"], bound, externals)


def _line(record: asyncpg.Record) -> TimelineRow:
    told = None
    if record["ref"] is not None:
        told = Told(record["ref"], record["source"], record["event_id"], record["type"])
    return TimelineRow(
        record["seq"], record["at"], record["entity_version"], record["what"], record["reason"], record["policy"],
        told, record["command_id"],
    )  # fmt: skip


def _asked(key: ActorKey, records: Sequence[asyncpg.Record]) -> AskedRow:
    """A command from its rows, one for each attempt, or a single one without."""
    first = records[0]
    attempts = tuple(_tried(record) for record in records if record["number"] is not None)
    reference = command_reference(key, first["line"], first["generation"])
    return AskedRow(
        first["id"], first["system"], first["operation"], reference, first["entity_version"], first["index"],
        CommandState(first["state"]), attempts,
    )  # fmt: skip


def _tried(record: asyncpg.Record) -> Tried:
    ending, failure_class = record["ending"], record["failure_class"]
    return Tried(
        record["number"], record["started_at"], record["ended_at"], None if ending is None else Ending(ending),
        record["external_id"], None if failure_class is None else FailureClass(failure_class), record["code"],
        record["reason"],
    )  # fmt: skip

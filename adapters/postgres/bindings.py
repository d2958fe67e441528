"""Bindings as rows, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from adapters.ports.bindings import BindingFilter, Bound, External, Known
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import STATEMENT_SECONDS, ReadLinks
from adapters.postgres.statements import statement
from schemas.keys import EXTERNAL, ActorKey

_PAGE = statement("read_bindings")
_LOOK = statement("look_at_bindings")
_STATES = statement("read_states")
_RECORD = "INSERT INTO tallystick.audit (actor, action, reason) VALUES ($1, $2, $3)"


class PostgresBindings:
    """Port `Bindings`, over connections that read and one that writes."""

    def __init__(self, url: str, *, timeout: float = STATEMENT_SECONDS) -> None:
        self._links = ReadLinks(url, "bindings", timeout=timeout)
        self._link = Link(url)

    async def page(self, chosen: BindingFilter, *, after: External | None, limit: int) -> list[Bound]:
        found = await self._links.fetch(
            _PAGE, chosen.system, chosen.kind, chosen.external_id, chosen.entity, chosen.key,
            after and after.key.id, limit,
        )  # fmt: skip
        return [_bound(record) for record in found]

    async def look(self, externals: Collection[External], keys: Collection[ActorKey]) -> Known:
        ours = [[key[part] for key in keys] for part in range(2)]
        bound = await self._links.fetch(_LOOK, [external.key.id for external in externals], *ours)
        states = await self._links.fetch(_STATES, *ours)
        return Known(
            [_bound(record) for record in bound],
            {ActorKey(record["entity"], record["key"]): record["state"].encode() for record in states},
        )

    async def record(self, action: str, *, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                await connection.execute(_RECORD, actor, action, reason)
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._link.close()


def _bound(record: asyncpg.Record) -> Bound:
    state = record["state"]
    external = External.of(ActorKey(EXTERNAL, record["external"]))
    key = ActorKey(record["bound_entity"], record["bound_key"])
    return Bound(external, key, None if state is None else state.encode())

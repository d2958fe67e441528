"""Keys of programs on PostgreSQL."""

from __future__ import annotations

from typing import Final

import asyncpg

from adapters.ports.api_keys import ENTITY, MADE, REVOKED, ApiKey, KeyNameTaken, KeyNotFound, Scope
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import ReadLinks

_MAKE: Final = """
    WITH made AS (
        INSERT INTO tallystick.api_key (name, digest, permissions, entities, legal_entities, actor, reason, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8))
        ON CONFLICT (name) DO NOTHING RETURNING *
    ), told AS (
        INSERT INTO tallystick.audit (actor, action, entity, key, reason)
        SELECT actor, $9, $10, name, reason FROM made
    )
    SELECT * FROM made
"""
_OF: Final = "SELECT * FROM tallystick.api_key WHERE digest = $1 AND revoked_at IS NULL AND expires_at > now()"
_PAGE: Final = """
    SELECT * FROM tallystick.api_key WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""
_REVOKE: Final = """
    WITH revoked AS (
        UPDATE tallystick.api_key SET revoked_at = now(), revoked_by = $2
        WHERE id = $1 AND revoked_at IS NULL RETURNING *
    ), told AS (
        INSERT INTO tallystick.audit (actor, action, entity, key, reason) SELECT $2, $4, $5, name, $3 FROM revoked
    )
    SELECT * FROM revoked
"""
_ONE: Final = "SELECT * FROM tallystick.api_key WHERE id = $1"


class PostgresApiKeys:
    """Port `ApiKeys`: requests look keys up over connections that read, one connection writes."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "keys")
        self._link = Link(url)

    async def make(self, name: str, digest: bytes, scope: Scope, *, days: int, actor: str, reason: str) -> ApiKey:
        made = await self._write(
            _MAKE, name, digest, scope.permissions, scope.entities, scope.legal_entities, actor, reason, days, MADE,
            ENTITY,
        )  # fmt: skip
        if made is None:
            raise KeyNameTaken(f"there is, or was, a key {name}")
        return made

    async def of(self, digest: bytes) -> ApiKey | None:
        found = await self._links.fetch(_OF, digest)
        return _key(found[0]) if found else None

    async def page(self, *, before: int | None, limit: int) -> list[ApiKey]:
        return [_key(record) for record in await self._links.fetch(_PAGE, before, limit)]

    async def revoke(self, id: int, *, actor: str, reason: str) -> ApiKey:
        revoked = await self._write(_REVOKE, id, actor, reason, REVOKED, ENTITY)
        if revoked is None:
            revoked = await self._write(_ONE, id)
        if revoked is None:
            raise KeyNotFound(f"there is no key {id}")
        return revoked

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()
        await self._link.close()

    async def _write(self, text: str, *arguments: object) -> ApiKey | None:
        """The row that a statement answers."""
        try:
            async with self._link as connection:
                found = await connection.fetchrow(text, *arguments)
        except Exception as error:
            raise read_error(error) from error
        return None if found is None else _key(found)


def _key(record: asyncpg.Record) -> ApiKey:
    scope = Scope(tuple(record["permissions"]), _some(record["entities"]), _some(record["legal_entities"]))
    return ApiKey(
        record["id"], record["name"], scope, record["actor"], record["reason"], record["made_at"],
        record["expires_at"], record["revoked_at"], record["revoked_by"],
    )  # fmt: skip


def _some(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)

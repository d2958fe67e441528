"""Policies on PostgreSQL, and what they may let go on."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from adapters.ports.policies import Activation, How, PolicyNotFound, PolicyOvertaken, UnmappedCase
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from schemas.keys import ActorKey

_BEGIN = "SELECT * FROM tallystick.begin_policy($1, $2, $3, $4)"
_ACTIVE = "SELECT * FROM tallystick.policy_activation ORDER BY id DESC LIMIT 1"
_TEXT = "SELECT text FROM tallystick.policy WHERE hash = $1"
_LOAD = "SELECT * FROM tallystick.load_policy($1, $2, 'reload', $3, $4, $5, $6)"
_ROLL_BACK = "SELECT * FROM tallystick.activate_policy($1, 'rollback', $2, $3, $4, $5)"
_HISTORY = """
    SELECT * FROM tallystick.policy_activation
    WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""
_NEWEST = "SELECT max(id) FROM tallystick.cases WHERE closed_at IS NULL AND failure_class = 'mapping'"
_CASES = """
    SELECT c.id, c.version, c.entity, c.key, c.topic FROM tallystick.cases c
    WHERE c.closed_at IS NULL AND c.failure_class = 'mapping' AND c.id > $1 AND c.id <= $2 ORDER BY c.id LIMIT $3
"""
_IS_TRIED = "SELECT EXISTS (SELECT FROM tallystick.policy_tried WHERE activation = $1)"
_TRIED = "INSERT INTO tallystick.policy_tried (activation) VALUES ($1) ON CONFLICT DO NOTHING"
_UNTRIED = "DELETE FROM tallystick.policy_tried WHERE activation = $1"


class PostgresPolicies:
    """Port `Policies`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def begin(self, policy: str, text: str, *, actor: str, reason: str) -> Activation:
        [record] = await self._fetch(_BEGIN, policy, text, actor, reason)
        return _activation(record)

    async def active(self) -> Activation | None:
        found = await self._fetch(_ACTIVE)
        return _activation(found[0]) if found else None

    async def text(self, policy: str) -> str:
        found = await self._fetch(_TEXT, policy)
        if not found:
            raise _unknown(policy)
        return str(found[0]["text"])

    async def load(
        self, policy: str, text: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        found = await self._fetch(_LOAD, policy, text, actor, reason, retries, after)
        if not found:
            raise _overtaken(after)
        return _activation(found[0])

    async def roll_back(
        self, to: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        await self.text(to)  # texts are never removed, so nothing but another policy can be in the way below
        found = await self._fetch(_ROLL_BACK, to, actor, reason, retries, after)
        if not found:
            raise _overtaken(after)
        return _activation(found[0])

    async def history(self, *, before: int | None, limit: int) -> list[Activation]:
        return [_activation(record) for record in await self._fetch(_HISTORY, before, limit)]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(statement, *arguments)
        except Exception as error:
            raise read_error(error) from error


class PostgresUnmapped:
    """Port `Unmapped`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def newest(self) -> int:
        [found] = await self._fetch(_NEWEST)
        return found[0] or 0

    async def cases(self, *, after: int, through: int, limit: int) -> Sequence[UnmappedCase]:
        found = await self._fetch(_CASES, after, through, limit)
        return [
            UnmappedCase(row["id"], row["version"], ActorKey(row["entity"], row["key"]), row["topic"]) for row in found
        ]

    async def is_tried(self, activation: int) -> bool:
        [found] = await self._fetch(_IS_TRIED, activation)
        return bool(found[0])

    async def tried(self, activation: int) -> None:
        await self._fetch(_TRIED, activation)

    async def untried(self, activation: int) -> None:
        await self._fetch(_UNTRIED, activation)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(statement, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _activation(record: asyncpg.Record) -> Activation:
    return Activation(
        record["id"], record["hash"], How(record["how"]), record["actor"], record["reason"], record["at"],
        retries=record["retries"],
    )  # fmt: skip


def _overtaken(after: int | None) -> PolicyOvertaken:
    return PolicyOvertaken(f"activation {after} is not in force any more")


def _unknown(policy: str) -> PolicyNotFound:
    return PolicyNotFound(f"no policy {policy} was ever loaded")

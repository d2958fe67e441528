"""What a gateway was asked to do, and what it says came of it, read from its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import asyncpg

from schemas.commands import command_reference
from schemas.keys import ActorKey

_CONFIRMED: Final = """
SELECT DISTINCT entity, key, line, generation FROM tallystick.attempt
WHERE operation = $1 AND ending = 'confirmed'
"""
_ENDED_OTHERWISE: Final = """
SELECT t.entity || '/' || t.key FROM tallystick.timeline t
WHERE t.what = 'command_done' AND NOT EXISTS (
    SELECT FROM tallystick.attempt a WHERE a.command_id = t.command_id AND a.ending = 'confirmed')
ORDER BY 1
"""
_PARKED: Final = """
SELECT o.operation, o.entity, o.key, o.reference, o.body, coalesce(o.reason, '') AS reason,
       EXISTS (SELECT FROM tallystick.cases c WHERE c.command_id = o.id AND c.closed_at IS NULL) AS has_case
FROM tallystick.outbox o WHERE o.state = 'parked' ORDER BY o.operation, o.entity, o.key, o.line
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A command that waits for a person; its effect may be there or not."""

    operation: str
    key: ActorKey
    reference: str
    body: bytes
    reason: str
    has_case: bool

    def __str__(self) -> str:
        return f"{self.operation} {self.key}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Asked:
    """The commands of one gateway."""

    database: asyncpg.Connection[asyncpg.Record]

    async def confirmed_keys(self, operation: str) -> set[str]:
        """Ids of the entities for which a system has said that it did this."""
        return {row["key"] for row in await self.database.fetch(_CONFIRMED, operation)}

    async def confirmed_references(self, operation: str) -> set[str]:
        """References of the commands that a system has confirmed."""
        return {
            command_reference(ActorKey(row["entity"], row["key"]), row["line"], row["generation"])
            for row in await self.database.fetch(_CONFIRMED, operation)
        }

    async def done_unconfirmed(self) -> list[str]:
        """Entities with a command that is done although no system has confirmed it."""
        return [row[0] for row in await self.database.fetch(_ENDED_OTHERWISE)]

    async def parked(self) -> list[Parked]:
        """Commands that wait for a person."""
        return [
            Parked(
                row["operation"], ActorKey(row["entity"], row["key"]), row["reference"], row["body"], row["reason"],
                row["has_case"],
            )
            for row in await self.database.fetch(_PARKED)
        ]  # fmt: skip

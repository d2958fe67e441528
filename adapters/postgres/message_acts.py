"""What operators do about one message, on PostgreSQL: each act is one function, which locks the row of its key."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from adapters.ports.message_acts import EditTaken, KeptMessage, MessageElsewhere, MessageNotFound, MessageOvertaken
from adapters.ports.turns import Message
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

_KEPT = """
    SELECT ref, source, event_id, type, entity, key, body_hash, body, series, sequence, verdict,
           position IS NOT NULL AS is_standing
    FROM tallystick.inbox WHERE ref = $1
"""
_BRING_BACK = "SELECT outcome, kind, id FROM tallystick.bring_back($1, $2, $3, $4, $5)"
_EDIT = "SELECT outcome, kind, id FROM tallystick.edit_message($1, $2, $3, $4, $5, $6, $7)"


class PostgresMessageActs:
    """Port `MessageActs`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def kept(self, ref: UUID) -> KeptMessage | None:
        found = await self._fetch(_KEPT, ref)
        return None if not found else _kept(found[0])

    async def undiscard(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        return await self._act(ref, _BRING_BACK, ref, Verdict.DISCARDED, "undiscard", actor, reason)

    async def force(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        return await self._act(ref, _BRING_BACK, ref, Verdict.STALE, "force", actor, reason)

    async def edit(self, ref: UUID, edited: Message, *, actor: str, reason: str) -> ActorKey:
        return await self._act(
            ref, _EDIT, ref, edited.ref, edited.id, edited.body_hash, edited.body, actor, reason
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _act(self, ref: UUID, text: str, *arguments: object) -> ActorKey:
        [said] = await self._fetch(text, *arguments)
        match said["outcome"]:
            case "done":
                return ActorKey(said["kind"], said["id"])
            case "absent":
                raise MessageNotFound(f"there is no message {ref}")
            case "overtaken":
                raise MessageOvertaken(f"something of {said['kind']}/{said['id']} was applied since it ended")
            case "taken":
                raise EditTaken(f"another message of its source has the id that message {ref} would get")
            case _:
                raise MessageElsewhere(f"message {ref} has another verdict, or waits for an id to be bound")

    async def _fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _kept(record: asyncpg.Record) -> KeptMessage:
    message = Message(
        record["ref"], record["source"], record["event_id"], record["type"], record["body_hash"], record["body"],
        record["series"], record["sequence"],
    )  # fmt: skip
    key = ActorKey(record["entity"], record["key"])
    return KeptMessage(message, key, Verdict(record["verdict"]), record["is_standing"])

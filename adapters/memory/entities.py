"""What is known of one entity, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from uuid import UUID

from adapters.memory.checks import bound_to
from adapters.memory.rows import Happened, Logged
from adapters.memory.tables import Tables
from adapters.ports.entities import AskedRow, CommandState, EntityRow, Judgement, TimelineRow, Told, Tried
from schemas.commands import Command
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey


class MemoryEntities:
    """Port `Entities`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def entity(self, key: ActorKey) -> EntityRow | None:
        tables = self._tables
        if key not in tables.entities:
            return None
        row = tables.row(key)
        externals = sorted(other for other in tables.entities if other.is_external and bound_to(tables, other) == key)
        bound = bound_to(tables, key) if key.is_external else None
        return EntityRow(key, row.entity_version, row.state, row.schema, bound, tuple(externals))

    async def timeline(self, key: ActorKey, *, before: int | None, limit: int) -> list[TimelineRow]:
        lines = [
            self._line(seq, line)
            for seq, line in enumerate(self._tables.timeline, 1)
            if line.key == key and (before is None or seq < before)
        ]
        return lines[::-1][:limit]

    async def asked(self, key: ActorKey, *, after: int, through: int, limit: int) -> list[AskedRow]:
        rows = [row for row in self._all_asked(key) if after < row.version <= through]
        return sorted(rows, key=lambda row: (row.version, row.index, row.system, row.reference))[:limit]

    async def judged(self, ref: UUID, *, source: str, id: str) -> Judgement | None:
        inbox = self._tables.inbox
        found = inbox.get(ref)
        if found is None:
            found = inbox.get(self._tables.identities.get((source, id), ref))
        if found is None:
            return None
        return Judgement(found.message.ref, found.verdict, found.reason, found.message.body_hash)

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, ActorKey]:
        tables = self._tables
        bound = {
            claim: bound_to(tables, ActorKey(EXTERNAL, claim.value)) for claim in claims if claim.scope == EXTERNAL
        }
        held = {claim: tables.claims.get(claim) for claim in claims if claim.scope != EXTERNAL}
        return {claim: holder for claim, holder in (bound | held).items() if holder is not None}

    async def close(self) -> None:
        """Nothing to close."""

    def _line(self, seq: int, line: Happened) -> TimelineRow:
        accepted = None if line.ref is None else self._tables.inbox.get(line.ref)
        told = None
        if accepted is not None:
            message = accepted.message
            told = Told(message.ref, message.source, message.id, message.type)
        return TimelineRow(
            seq, _moment(line.at), line.entity_version, line.what, line.reason, line.policy, told, line.command_id
        )

    def _all_asked(self, key: ActorKey) -> Iterator[AskedRow]:
        tables = self._tables
        for standing in tables.outbox.values():
            if standing.command.key == key:
                state = CommandState.PARKED if standing.is_parked else CommandState.OPEN
                yield self._asked(standing.command, standing.place, state)
        for id, log in tables.attempts.items():
            sent = next((logged for logged in log if logged.command is not None), None)
            if sent is not None and sent.command is not None and sent.command.key == key and id not in tables.outbox:
                yield self._asked(sent.command, sent.place, CommandState.ENDED)

    def _asked(self, command: Command, place: tuple[int, int], state: CommandState) -> AskedRow:
        attempts = tuple(_tried(logged) for logged in self._tables.attempts.get(command.id, ()))
        return AskedRow(
            command.id, command.system, command.operation, command.reference, *place, state, attempts
        )  # fmt: skip


def _tried(logged: Logged) -> Tried:
    attempt = logged.attempt
    ended_at = None if logged.ended_at is None else _moment(logged.ended_at)
    return Tried(
        attempt.number, _moment(logged.started_at), ended_at, attempt.ending, attempt.external_id,
        attempt.failure_class, attempt.code, attempt.reason,
    )  # fmt: skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

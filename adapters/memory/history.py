"""What has happened, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.memory.tables import Tables
from adapters.ports.history import GivenId, PastMessage
from adapters.ports.outbox import Ending
from schemas.keys import ActorKey


class MemoryHistory:
    """Port `History`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def messages(self, *, since: datetime | None, until: datetime | None, limit: int) -> list[PastMessage]:
        found: list[PastMessage] = []
        imported: list[PastMessage] = []
        for row in sorted(self._tables.inbox.values(), key=lambda row: row.message.ref):
            past = PastMessage(row.message.ref, row.key, row.message.body, datetime.fromtimestamp(row.at, UTC))
            if until is not None and past.received_at >= until:
                continue
            if row.message.source == "tallystick:import":
                imported.append(past)
            elif not row.message.source.startswith("tallystick:") and (since is None or past.received_at >= since):
                found.append(past)
        return sorted((*found[-limit:], *imported), key=lambda each: each.ref)

    async def given_ids(self, keys: Sequence[ActorKey]) -> list[GivenId]:
        wanted = set(keys)
        found = [
            (logged.ended_at or 0.0, asked.id, asked, external_id)
            for log in self._tables.attempts.values()
            for logged in log
            if (asked := logged.command) is not None
            and asked.key in wanted
            and logged.attempt.ending is Ending.CONFIRMED
            and (external_id := logged.attempt.external_id) is not None
        ]
        return [
            GivenId(asked.system, asked.operation, asked.key, asked.line, external_id)
            for _, _, asked, external_id in sorted(found, key=lambda each: each[:2])
        ]

    async def close(self) -> None:
        """Nothing to close."""

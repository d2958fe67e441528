"""What a second person must allow, in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.memory.rows import Act
from adapters.memory.tables import Tables
from adapters.ports.api_keys import KEY_PREFIX
from adapters.ports.approvals import ASKED, ENTITY, GIVEN, LASTS, NOBODY_ASKS, ONE_S_OWN, STEPS, USED, NotToApprove
from schemas.keys import ActorKey


class MemoryApprovals:
    """Port `Approvals`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def use(self, what: str, *, actor: str, reason: str) -> datetime | None:
        last = self._last(what)
        step = None if last is None else last.action
        if step == GIVEN:
            self._tables.record(Act(actor, USED, ActorKey(ENTITY, what), None, reason))
            return datetime.fromtimestamp(self._tables.clock(), UTC)
        if step != ASKED:
            self._tables.record(Act(actor, ASKED, ActorKey(ENTITY, what), None, reason))
        return None

    async def used(self, what: str) -> datetime | None:
        last = self._last(what)
        return datetime.fromtimestamp(last.at, UTC) if last is not None and last.action == USED else None

    async def give(self, what: str, *, actor: str, reason: str) -> None:
        last = self._last(what)
        if last is None or last.action != ASKED:
            raise NotToApprove(NOBODY_ASKS)
        if self._person(last.actor) == actor:
            raise NotToApprove(ONE_S_OWN)
        self._tables.record(Act(actor, GIVEN, ActorKey(ENTITY, what), None, reason))

    async def close(self) -> None:
        """Nothing to close."""

    def _person(self, actor: str) -> str:
        """Who asks by a key is the person who made it."""
        keys = self._tables.api_keys.values()
        return next((key.by for key in keys if actor == f"{KEY_PREFIX}{key.name}"), actor)

    def _last(self, what: str) -> Act | None:
        """The newest step that still counts."""
        since = self._tables.clock() - LASTS.total_seconds()
        about = ActorKey(ENTITY, what)
        steps = (act for act in reversed(self._tables.audit) if act.key == about and act.action in STEPS)
        return next((act for act in steps if act.at > since), None)

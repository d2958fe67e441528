"""What a second person must allow, in memory."""

from __future__ import annotations

from adapters.memory.rows import Act
from adapters.memory.tables import Tables
from adapters.ports.approvals import ASKED, ENTITY, GIVEN, LASTS, NOBODY_ASKS, ONE_S_OWN, STEPS, USED, NotToApprove
from schemas.keys import ActorKey


class MemoryApprovals:
    """Port `Approvals`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def use(self, what: str, *, actor: str, reason: str, goes_on: bool = False) -> bool:
        last = self._last(what)
        if goes_on and last is not None and last.action == USED:
            return True
        if last is None or last.action != ASKED:
            is_given = last is not None and last.action == GIVEN
            self._tables.record(Act(actor, USED if is_given else ASKED, ActorKey(ENTITY, what), None, reason))
            return is_given
        return False

    async def give(self, what: str, *, actor: str, reason: str) -> None:
        last = self._last(what)
        if last is None or last.action != ASKED:
            raise NotToApprove(NOBODY_ASKS)
        if last.actor == actor:
            raise NotToApprove(ONE_S_OWN)
        self._tables.record(Act(actor, GIVEN, ActorKey(ENTITY, what), None, reason))

    async def close(self) -> None:
        """Nothing to close."""

    def _last(self, what: str) -> Act | None:
        """The newest step that still counts."""
        since = self._tables.clock() - LASTS.total_seconds()
        about = ActorKey(ENTITY, what)
        steps = (act for act in reversed(self._tables.audit) if act.key == about and act.action in STEPS)
        return next((act for act in steps if act.at > since), None)

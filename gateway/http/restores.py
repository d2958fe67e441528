"""What operators see and do of a restore: declare, release, end. Each names a reason and is audited with the change."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.restores import Found, Phase, Restore, RestoreConflict, Restores
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.problems import RESTORE_CONFLICT, Problem
from gateway.http.requests import Because, Nothing, RestorePoint, body, query


class ToldRestore(TypedDict):
    """A restore of the database: from `since` on things were done that it does not know of."""

    id: int
    phase: Phase
    since: datetime
    found: Found
    declared_at: datetime
    declared_by: str
    reason: str
    released_at: datetime | None
    released_by: str | None
    ended_at: datetime | None
    ended_by: str | None


class TheRestore(TypedDict):
    """The newest restore; null: there was none."""

    restore: ToldRestore | None


class RestoreActs:
    """Each method answers one route."""

    def __init__(self, restores: Restores) -> None:
        self._restores = restores

    async def show(self, request: web.Request) -> web.Response:
        """The newest restore, or null."""
        query(request, Nothing)
        newest = (await self._restores.look()).newest
        return json_answer(TheRestore(restore=None if newest is None else told_restore(newest)))

    async def declare(self, request: web.Request) -> web.Response:
        """Hold every command back."""
        query(request, Nothing)
        asked, actor = await body(request, RestorePoint), request[CALLER].name
        try:
            declared = await self._restores.declare(
                since=asked.since, found=Found.DECLARED, actor=actor, reason=asked.reason
            )
        except RestoreConflict as error:
            raise _conflict(error) from error
        return json_answer(TheRestore(restore=told_restore(declared)))

    async def release(self, request: web.Request) -> web.Response:
        """Let commands be sent again, each after its system was asked."""
        query(request, Nothing)
        asked = await body(request, Because)
        try:
            released = await self._restores.release(actor=request[CALLER].name, reason=asked.reason)
        except RestoreConflict as error:
            raise _conflict(error) from error
        return json_answer(TheRestore(restore=told_restore(released)))

    async def end(self, request: web.Request) -> web.Response:
        """Sources have published again: what is new is sent without asking."""
        query(request, Nothing)
        asked = await body(request, Because)
        try:
            over = await self._restores.end(actor=request[CALLER].name, reason=asked.reason)
        except RestoreConflict as error:
            raise _conflict(error) from error
        return json_answer(TheRestore(restore=told_restore(over)))


def told_restore(restore: Restore) -> ToldRestore:
    """A restore as it is shown."""
    return {
        "id": restore.id,
        "phase": restore.phase,
        "since": restore.since,
        "found": restore.found,
        "declared_at": restore.declared_at,
        "declared_by": restore.declared_by,
        "reason": restore.reason,
        "released_at": restore.released_at,
        "released_by": restore.released_by,
        "ended_at": restore.ended_at,
        "ended_by": restore.ended_by,
    }


def _conflict(error: RestoreConflict) -> Problem:
    text = str(error)
    return Problem(RESTORE_CONFLICT, f"{text[:1].upper()}{text[1:]}.")

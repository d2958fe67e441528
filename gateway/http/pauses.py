"""Pauses: what an operator stops, a key, an entity, a legal entity, or everything, until it is let go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.pauses import Pause, PauseNotFound, Pauses, Scope
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.problems import PAUSE_NOT_FOUND, REQUEST_INVALID, Problem
from gateway.http.requests import BeginPause, EndPause, Nothing, PageQuery, Retry, body, lane_key, pause_id, query
from schemas.keys import ActorKey


class ToldPause(TypedDict):
    """A pause as it is shown; `pauses` says what, in words."""

    id: int
    pauses: str
    entity: str | None
    key: str | None
    legal_entity: str | None
    by: str
    reason: str
    since: datetime


class PauseDone(TypedDict):
    """A pause was ended."""

    done: str
    pause: int
    by: str
    reason: str


class Pausing:
    """Each method answers one route. `changed` lets this process decide by the change at once."""

    def __init__(self, pauses: Pauses, changed: Callable[[], None]) -> None:
        self._pauses = pauses
        self._changed = changed

    async def active(self, request: web.Request) -> web.Response:
        """The pauses in force, in the order in which they began."""
        asked = query(request, PageQuery)
        after = place_of(asked.cursor, _number) or 0
        behind = [_shown(pause) for pause in await self._pauses.active() if pause.id > after]
        return page_answer(request, behind, asked.limit, lambda item: item["id"])

    async def begin(self, request: web.Request) -> web.Response:
        """Pause what the body names."""
        query(request, Nothing)
        asked = await body(request, BeginPause)
        scope = Scope(asked.entity, asked.key, asked.legal_entity)
        if (scope == Scope()) != asked.everything:
            raise Problem(REQUEST_INVALID, "Name what to pause, or write `everything: true` and nothing else.")
        if (scope.key is not None and scope.entity is None) or None not in (scope.entity, scope.legal_entity):
            raise Problem(REQUEST_INVALID, "Name an `entity`, an `entity` with a `key`, or a `legal_entity`.")
        return await self._begun(request, scope, asked.reason)

    async def end(self, request: web.Request) -> web.Response:
        """End the pause that the path names."""
        asked = query(request, EndPause)
        return await self._ended(request, pause_id(request), asked.reason)

    async def begin_lane(self, request: web.Request) -> web.Response:
        """Pause one key."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, Retry)
        return await self._begun(request, _scope(key), asked.reason)

    async def end_lane(self, request: web.Request) -> web.Response:
        """End the pause of one key."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, Retry)
        for pause in await self._pauses.active():
            if pause.scope == _scope(key):
                return await self._ended(request, pause.id, asked.reason)
        raise Problem(PAUSE_NOT_FOUND, f"{key} is not paused by itself: look at /v1/pauses.")

    async def _begun(self, request: web.Request, scope: Scope, reason: str) -> web.Response:
        pause = await self._pauses.begin(scope, actor=request[CALLER].name, reason=reason)
        self._changed()
        return json_answer(_shown(pause))

    async def _ended(self, request: web.Request, id: int, reason: str) -> web.Response:
        try:
            await self._pauses.end(id, actor=request[CALLER].name, reason=reason)
        except PauseNotFound as error:
            raise Problem(PAUSE_NOT_FOUND, f"No pause {id} is in force: look at /v1/pauses.") from error
        self._changed()
        return json_answer(PauseDone(done="resume", pause=id, by=request[CALLER].name, reason=reason))


def _number(place: object) -> int:
    if not isinstance(place, int):
        raise TypeError(place)
    return place


def _scope(key: ActorKey) -> Scope:
    return Scope(key.entity, key.id)


def _shown(pause: Pause) -> ToldPause:
    scope = pause.scope
    return {
        "id": pause.id, "pauses": str(scope), "entity": scope.entity, "key": scope.key,
        "legal_entity": scope.legal_entity, "by": pause.actor, "reason": pause.reason, "since": pause.at,
    }  # fmt: skip

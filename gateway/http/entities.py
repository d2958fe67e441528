"""One entity as operators see it: its state, what means it, its lane, and the whole of what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from aiohttp import hdrs, web
from typing_extensions import TypedDict

from adapters.ports.entities import Entities, EntityRow
from adapters.ports.reveals import Reveals
from adapters.ports.store import Reads
from adapters.ports.views import LaneRow, OneLane
from gateway.callers import Permission
from gateway.http.access import CALLER
from gateway.http.answers import Stored, cursor_of, json_answer, place_of
from gateway.http.problems import ENTITY_NOT_FOUND, FORBIDDEN, Problem
from gateway.http.requests import EntityQuery, entity_key, query
from gateway.story import Chapter, story, versions_of
from schemas.keys import ActorKey
from schemas.personal import masked

MOST_ASKED: Final = 2000
"""Commands shown on one page."""


class EntityFile(TypedDict):
    """One entity with a page of its timeline, newest first.

    `state` is null while nothing was applied. `bound_to` is the key of ours that an external key means, `externals` are
    the ids of other systems that mean this one. `next` is the cursor of the lines before these.
    """

    entity: str
    key: str
    version: int
    schema: int
    state: Stored | None
    bound_to: ActorKey | None
    externals: list[str]
    lane: LaneRow | None
    items: Sequence[Chapter]
    next: str | None


class EntityViews:
    """Answers one route."""

    def __init__(self, entities: Entities, reads: Reads, reveals: Reveals) -> None:
        self._entities = entities
        self._reads = reads
        self._reveals = reveals

    async def entity(self, request: web.Request) -> web.Response:
        """One entity, with a page of its timeline, newest first; what is about people only with a reason."""
        asked = query(request, EntityQuery)
        key = entity_key(request)
        found = await self._entities.entity(key)
        if found is None:
            raise Problem(ENTITY_NOT_FOUND, f"Nobody ever named {key}: look at its spelling, and at /v1/messages.")
        if asked.reveal is not None:
            await self._reveal(request, key, asked.reveal)
        lanes = await self._reads.lanes(OneLane(key), limit=1)
        before = place_of(asked.cursor, _seq)
        lines = await self._entities.timeline(key, before=before, limit=asked.limit + 1)
        shown = lines[: asked.limit]
        older = lines[asked.limit] if len(lines) > asked.limit else None
        after, through = versions_of(shown, older)
        commands = await self._entities.asked(key, after=after, through=through, limit=MOST_ASKED)
        cursor = None if older is None else cursor_of(shown[-1].seq)
        answer = json_answer(
            EntityFile(
                entity=key.entity,
                key=key.id,
                version=found.version,
                schema=found.schema,
                state=_shown(found, is_revealed=asked.reveal is not None),
                bound_to=found.bound_to,
                externals=[external.id for external in found.externals],
                lane=lanes[0] if lanes else None,
                items=story(shown, commands),
                next=cursor,
            )
        )
        if cursor is not None:
            answer.headers[hdrs.LINK] = f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'
        return answer

    async def _reveal(self, request: web.Request, key: ActorKey, reason: str) -> None:
        """Audit that all of the entity is shown. Raises `Problem`."""
        caller = request[CALLER]
        if Permission.REVEAL not in caller.permissions:
            detail = f"To be shown what is about people needs the permission {Permission.REVEAL}: leave `reveal` out."
            raise Problem(FORBIDDEN, detail)
        await self._reveals.entity(key, actor=caller.name, reason=reason)


def _shown(found: EntityRow, *, is_revealed: bool) -> orjson.Fragment | None:
    if found.state is None:
        return None
    return orjson.Fragment(found.state if is_revealed else masked(found.key.entity, found.state))


def _seq(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

"""One entity as operators see it: its state, what means it, its lane, and the whole of what happened to it."""

from __future__ import annotations

from typing import Final

import orjson
from aiohttp import hdrs, web

from adapters.ports.entities import Entities
from adapters.ports.store import Reads
from adapters.ports.views import OneLane
from gateway.http.answers import cursor_of, json_answer, place_of
from gateway.http.problems import ENTITY_NOT_FOUND, Problem
from gateway.http.requests import PageQuery, entity_key, query
from gateway.story import story, versions_of

MOST_ASKED: Final = 2000
"""Commands shown on one page."""


class EntityViews:
    """Answers one route."""

    def __init__(self, entities: Entities, reads: Reads) -> None:
        self._entities = entities
        self._reads = reads

    async def entity(self, request: web.Request) -> web.Response:
        """One entity, with a page of its timeline, newest first."""
        asked = query(request, PageQuery)
        key = entity_key(request)
        found = await self._entities.entity(key)
        if found is None:
            raise Problem(ENTITY_NOT_FOUND, f"Nobody ever named {key}: look at its spelling, and at /v1/messages.")
        lanes = await self._reads.lanes(OneLane(key), limit=1)
        before = place_of(asked.cursor, _seq)
        lines = await self._entities.timeline(key, before=before, limit=asked.limit + 1)
        shown = lines[: asked.limit]
        older = lines[asked.limit] if len(lines) > asked.limit else None
        after, through = versions_of(shown, older)
        commands = await self._entities.asked(key, after=after, through=through, limit=MOST_ASKED)
        cursor = None if older is None else cursor_of(shown[-1].seq)
        answer = json_answer(
            {
                "entity": key.entity,
                "key": key.id,
                "version": found.version,
                "schema": found.schema,
                "state": None if found.state is None else orjson.Fragment(found.state),
                "bound_to": found.bound_to,
                "externals": [external.id for external in found.externals],
                "lane": lanes[0] if lanes else None,
                "items": story(shown, commands),
                "next": cursor,
            }
        )
        if cursor is not None:
            answer.headers[hdrs.LINK] = f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'
        return answer


def _seq(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

"""Who asks, and what they may do: as a token says it, so that nobody finds out by being refused."""

from __future__ import annotations

from aiohttp import web
from typing_extensions import TypedDict

from gateway.callers import Permission
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.requests import Nothing, query


class Me(TypedDict):
    """A caller. `entities` and `legal_entities` are how far they reach, null: everywhere."""

    name: str
    permissions: list[Permission]
    roles: list[str]
    entities: list[str] | None
    legal_entities: list[str] | None


async def me(request: web.Request) -> web.Response:
    """Who you are by your token, and what you may see and do."""
    query(request, Nothing)
    caller = request[CALLER]
    return json_answer(
        Me(
            name=caller.name,
            permissions=[each for each in Permission if each in caller.permissions],
            roles=sorted(caller.roles),
            entities=_some(caller.reach.entities),
            legal_entities=_some(caller.reach.legal_entities),
        )
    )


def _some(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)

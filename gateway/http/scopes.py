"""What a caller whose reach is limited may ask for: only what is known to lie within it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final, assert_never
from uuid import UUID

import orjson
from aiohttp import web

from adapters.ports.cases import CaseNotFound, Cases
from adapters.ports.entities import Entities
from adapters.ports.reach import EVERYWHERE
from adapters.ports.store import Reads
from adapters.ports.views import OneMessage
from gateway.callers import Caller
from gateway.http.case_requests import case_id
from gateway.http.problems import OUT_OF_REACH, Problem
from gateway.http.requests import entity_key, lane_key, message_ref
from schemas.keys import ActorKey


class About(Enum):
    """What a route shows or changes."""

    EVERYTHING = auto()
    """Anything of any entity: not for callers whose reach is limited. So is a route that does not say."""
    NO_ENTITY = auto()
    """Nothing that names an entity."""
    LIST = auto()
    """What its handler chooses from within the caller's reach."""
    LANE = auto()
    """The key that the path names."""
    ENTITY = auto()
    """The same of a path of entities."""
    CASE = auto()
    """The case that the path names."""
    MESSAGE = auto()
    """The message that the path names."""


_ELSEWHERE: Final = "A limited reach shows single lanes, entities, messages, and cases, and the list of cases."


class Scopes:
    """Looks up what a request is about, where its caller may not see everything."""

    def __init__(self, entities: Entities, cases: Cases, reads: Reads) -> None:
        self._entities = entities
        self._cases = cases
        self._reads = reads

    async def check(self, request: web.Request, about: About, caller: Caller) -> None:
        """Raise `Problem` unless the request lies within the caller's reach. Raises `StoreUnavailable`."""
        if caller.reach == EVERYWHERE:
            return
        match about:
            case About.EVERYTHING:
                raise _refusal(caller, _ELSEWHERE)
            case About.NO_ENTITY | About.LIST:
                return
            case About.LANE:
                key: ActorKey | None = lane_key(request)
            case About.ENTITY:
                key = entity_key(request)
            case About.CASE:
                key = await self._of_case(case_id(request))
            case About.MESSAGE:
                key = await self._of_message(message_ref(request))
            case _:
                assert_never(about)
        # What is not there is outside, too: whoever may not see a thing does not learn whether it exists.
        if key is None or not caller.reach.covers(key.entity, await self._legal_entity(key, caller)):
            raise _refusal(caller, "What this is about lies outside.")

    async def _of_case(self, id: int) -> ActorKey | None:
        try:
            case = (await self._cases.file(id)).case
        except CaseNotFound:
            return None
        return ActorKey(case.entity, case.key)

    async def _of_message(self, ref: UUID) -> ActorKey | None:
        found = await self._reads.messages(OneMessage(ref), limit=1)
        return ActorKey(found[0].entity, found[0].key) if found else None

    async def _legal_entity(self, key: ActorKey, caller: Caller) -> str | None:
        """The one that the key's state names, where that matters."""
        if caller.reach.legal_entities is None:
            return None
        row = await self._entities.entity(key)
        if row is None or row.state is None:
            return None
        found = orjson.loads(row.state).get("legal_entity")
        return found if isinstance(found, str) else None


def check_named(legal_entities: Iterable[str], entity: str, caller: Caller) -> None:
    """Raise `Problem` if a message of an entity names a legal entity outside of the caller's reach."""
    if not all(caller.reach.covers(entity, code) for code in legal_entities):
        raise _refusal(caller, "What the message names, or would name, lies outside.")


def _refusal(caller: Caller, why: str) -> Problem:
    reach = caller.reach
    parts = (("entities", reach.entities), ("legal entities", reach.legal_entities))
    told = " and ".join(f"{name} {', '.join(sorted(some)) or 'none'}" for name, some in parts if some is not None)
    return Problem(OUT_OF_REACH, f"{caller.name} reaches {told}. {why}")

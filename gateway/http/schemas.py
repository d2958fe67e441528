"""What the API shows of schemas in use: which types of events each source sends."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.schema_uses import SchemaUse, SchemaUses
from gateway.http.answers import page_answer, place_of
from gateway.http.requests import PageQuery, query
from schemas.catalogue import newer


class ToldUse(TypedDict):
    """A type that a source sends. `instead` takes its place, if it is deprecated, as a notice said at `told_at`."""

    source: str
    type: str
    seen: int
    first_at: datetime
    last_at: datetime
    instead: str | None
    told_at: datetime | None


class SchemaViews:
    """Each method answers one route; all raise `Problem` and `StoreUnavailable`."""

    def __init__(self, uses: SchemaUses) -> None:
        self._uses = uses

    async def uses(self, request: web.Request) -> web.Response:
        """Which types of events each source has sent, and how many, by source and type."""
        asked = query(request, PageQuery)
        found = await self._uses.page(after=place_of(asked.cursor, _place), limit=asked.limit + 1)
        return page_answer(request, [_told(use) for use in found], asked.limit, _place_in)


def _told(use: SchemaUse) -> ToldUse:
    return {
        "source": use.source, "type": use.type, "seen": use.seen, "first_at": use.first_at, "last_at": use.last_at,
        "instead": newer(use.type), "told_at": use.told_at,
    }  # fmt: skip


def _place_in(item: ToldUse) -> object:
    return item["source"], item["type"]


def _place(found: object) -> tuple[str, str]:
    match found:
        case [str() as source, str() as type_] if "\0" not in source + type_:
            return source, type_
        case _:
            raise TypeError(found)

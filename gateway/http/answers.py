"""How answers of the API look: JSON, and pages of lists with an opaque cursor to the next."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Final, Generic, TypeVar
from uuid import UUID

import orjson
from aiohttp import hdrs, web
from pydantic import GetPydanticSchema
from pydantic_core import core_schema
from typing_extensions import TypedDict

from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.style import STYLE_SOURCE
from schemas.keys import ActorKey

Item = TypeVar("Item")
Place = TypeVar("Place")

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src {STYLE_SOURCE}; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "tallystick",
}


Stored = Annotated[orjson.Fragment, GetPydanticSchema(lambda _source, _handler: core_schema.dict_schema())]
"""A JSON object that is written as it is stored."""


class Page(TypedDict, Generic[Item]):
    """A page of a list. `next` is the cursor of the page behind it; null: this is the last."""

    items: Sequence[Item]
    next: str | None


def json_answer(content: object) -> web.Response:
    """Rows, or whatever else can be `written`."""
    return web.Response(body=written(content), content_type="application/json")


def written(content: object) -> bytes:
    """JSON of whatever orjson writes; a key becomes an object, an amount a string with all its digits."""
    return orjson.dumps(content, default=_plain, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def page_answer(
    request: web.Request, rows: Sequence[Item], limit: int, place: Callable[[Item], object]
) -> web.Response:
    """The first `limit` of `rows`, which were asked for one more; `place` is the last one's place, for the cursor."""
    shown = rows[:limit]
    cursor = cursor_of(place(shown[-1])) if len(rows) > limit else None
    answer = json_answer(Page[Item](items=shown, next=cursor))
    if cursor is not None:
        answer.headers[hdrs.LINK] = f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'
    return answer


def place_of(cursor: str | None, read: Callable[[object], Place]) -> Place | None:
    """The place that a cursor of ours stands for; None for the beginning. Raises `Problem`.

    `read` raises `ValueError` or `TypeError` for what is no place in its list.
    """
    if cursor is None:
        return None
    try:
        return read(orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except (ValueError, TypeError) as error:
        raise Problem(REQUEST_INVALID, "cursor: take it from the Link header of the page before.") from error


async def secure(_: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer; a signal of aiohttp before it is sent."""
    response.headers.update(HEADERS)


def cursor_of(place: object) -> str:
    """The cursor that stands for a place in a list."""
    written = orjson.dumps(place, default=_plain, option=orjson.OPT_UTC_Z)
    return urlsafe_b64encode(written).rstrip(b"=").decode()


def _plain(value: object) -> object:
    match value:
        case ActorKey(entity, key):
            return {"entity": entity, "key": key}
        case UUID():  # asyncpg's own kind of it
            return str(value)
        case Decimal():
            return f"{value:f}"
        case _:
            raise TypeError(f"{type(value).__name__} is not shown")

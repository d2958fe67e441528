"""What one route takes and gives, in types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs

from gateway.http.problems import Kind
from gateway.http.requests import Nothing
from schemas.record import Record


@dataclass(frozen=True, slots=True)
class Json:
    """An answer in JSON. `type` is what pydantic can make a schema of: a row, or a `TypedDict`."""

    type: Any


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer that is no JSON, or JSON of which we promise nothing."""

    media_type: str
    says: str


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request."""

    name: str
    says: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A route. `body` is the form of a JSON body, or the media type of one that is read as it is.

    `refuses` are the kinds of problems beside those that any route answers with. `path` has a schema for each name in
    the path that means something else here than elsewhere.
    """

    gives: Json | Plain
    query: type[Record] = Nothing
    body: type[Record] | str | None = None
    refuses: tuple[Kind, ...] = ()
    statuses: tuple[int, ...] = (200,)
    headers: tuple[Header, ...] = ()
    is_page: bool = False
    """Whether it answers a page, whose header `Link` names the next one."""
    has_etag: bool = False


SEEN: Final = Header(
    hdrs.IF_MATCH, "The ETag of the case as its caller has seen it, with its quotes.", r'^"[0-9]{1,18}"$'
)
CLICK: Final = Header(
    "Idempotency-Key",
    "The caller's own name of this request: sent again, it is the same one.",
    r"^[!-~](?:[ -~]{0,198}[!-~])?$",
)

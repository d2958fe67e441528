"""Keys of programs that ask the API: made and shown once, listed, and revoked by people who administer."""

from __future__ import annotations

from datetime import datetime
from secrets import token_urlsafe
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from adapters.ports.api_keys import ApiKey, ApiKeys, KeyNameTaken, KeyNotFound, Scope
from gateway.callers import Caller, Granted, Permission, digest, permissions_of
from gateway.http.access import CALLER, KEY_BEGINS
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.problems import KEY_NAME_TAKEN, KEY_NOT_FOUND, KEY_TOO_WIDE, REQUEST_INVALID, Problem
from gateway.http.requests import Nothing, PageQuery, Reason, body, query
from schemas.record import Record
from schemas.rules import Rule
from schemas.values import Id

CREATED: Final = 201
KEY_BYTES: Final = 32
MOST_DAYS: Final = 366
DAYS: Final = 90


class MakeKey(Record):
    """`POST /v1/api-keys`."""

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"),
        Rule("name_invalid", "write 1 to 100 letters, digits, and . _ -, beginning with a letter or digit"),
    ]
    """What the program is; the audit has it behind `key:`."""
    reason: Reason
    permissions: Annotated[tuple[Granted, ...], Field(strict=False, min_length=1)]
    """Single ones, or bundles of them as they are now."""
    entities: Annotated[tuple[Id, ...], Field(strict=False)] | None = None
    """What it may see and act on; left out: every kind."""
    legal_entities: Annotated[tuple[Id, ...], Field(strict=False)] | None = None
    """The same by legal entity."""
    days: Annotated[
        int, Field(ge=1, le=MOST_DAYS), Rule("days_invalid", f"write for how many days it counts, 1 to {MOST_DAYS}")
    ] = DAYS


class RevokeKey(Record):
    """`DELETE /v1/api-keys/{id}`."""

    reason: Reason


class ToldKey(TypedDict):
    """A key as it is shown: never what opens."""

    id: int
    name: str
    permissions: tuple[str, ...]
    entities: tuple[str, ...] | None
    legal_entities: tuple[str, ...] | None
    by: str
    reason: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


class NewKey(ToldKey):
    """A key that was made. `key` is its token, which is shown this once and kept nowhere."""

    key: str


class ApiKeyActs:
    """Each method answers one route; all raise `Problem` and `StoreUnavailable`."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def keys(self, request: web.Request) -> web.Response:
        """All keys that were ever made, newest first."""
        asked = query(request, PageQuery)
        found = await self._keys.page(before=place_of(asked.cursor, _number), limit=asked.limit + 1)
        return page_answer(request, [_told(each) for each in found], asked.limit, lambda item: item["id"])

    async def make(self, request: web.Request) -> web.Response:
        """Make a key for a program, with no more than whoever makes it may do; its token is shown this once."""
        query(request, Nothing)
        asked, caller = await body(request, MakeKey), request[CALLER]
        granted = frozenset(permission for each in asked.permissions for permission in permissions_of(each))
        _check_may(caller, granted)
        token = f"{KEY_BEGINS}{token_urlsafe(KEY_BYTES)}"
        scope = Scope(tuple(sorted(granted)), asked.entities, asked.legal_entities)
        try:
            made = await self._keys.make(
                asked.name, digest(token.encode()), scope, days=asked.days, actor=caller.name, reason=asked.reason
            )
        except KeyNameTaken as error:
            raise Problem(KEY_NAME_TAKEN, f"There is, or was, a key {asked.name}: take another name.") from error
        answer = json_answer(NewKey(**_told(made), key=token))
        answer.set_status(CREATED)
        return answer

    async def revoke(self, request: web.Request) -> web.Response:
        """Let a key count no more, from this moment on and for ever."""
        asked, id = query(request, RevokeKey), _id(request)
        try:
            revoked = await self._keys.revoke(id, actor=request[CALLER].name, reason=asked.reason)
        except KeyNotFound as error:
            raise Problem(KEY_NOT_FOUND, f"There is no key {id}: look at /v1/api-keys.") from error
        return json_answer(_told(revoked))


def _check_may(caller: Caller, granted: frozenset[Permission]) -> None:
    """Raise `Problem` for what is more than the caller's. Those whose reach is limited do not come here."""
    if caller.made_by is not None:
        raise Problem(KEY_TOO_WIDE, "People make keys: with a key none is made.")
    if more := granted - caller.permissions:
        names = ", ".join(sorted(more))
        raise Problem(KEY_TOO_WIDE, f"{caller.name} has not {names}: leave that out, or have somebody make it who has.")


def _id(request: web.Request) -> int:
    found = request.match_info["id"]
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise Problem(REQUEST_INVALID, "The path names a key by its number, as /v1/api-keys shows it.")
    return int(found)


def _told(key: ApiKey) -> ToldKey:
    return {
        "id": key.id, "name": key.name, "permissions": key.scope.permissions, "entities": key.scope.entities,
        "legal_entities": key.scope.legal_entities, "by": key.by, "reason": key.reason, "made_at": key.made_at,
        "expires_at": key.expires_at, "revoked_at": key.revoked_at, "revoked_by": key.revoked_by,
    }  # fmt: skip


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

"""Who may ask what: bearer tokens, what each of them permits, and the guard that every request passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final, Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.http.problems import FORBIDDEN, TOKEN_NOT_SET, UNAUTHENTICATED, Problem
from gateway.settings import SettingsInvalid

TOKEN_FILE: Final = "TALLYSTICK_API_TOKEN_FILE"  # noqa: S105  # the name of a variable


class Permission(StrEnum):
    """What a token may allow."""

    READ = "read"
    """See counts, messages without their bodies, lanes, cases, dead letters."""
    OPERATE = "operate"
    """Retry and discard; see the bytes of a dead letter."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` goes into the audit; it is never the token."""

    name: str
    permissions: frozenset[Permission]


CALLER: Final = web.RequestKey("caller", Caller)


class Access:
    """Callers by the SHA-256 of their token: digests have one length, so comparing them takes one time."""

    def __init__(self, callers: Mapping[bytes, Caller]) -> None:
        self._callers = callers

    @classmethod
    def from_file(cls, path: Path | None) -> Self:
        """The one token of `path`, which permits everything; without a file nothing is permitted.

        Raises `SettingsInvalid` if the file cannot be read or is empty.
        """
        if path is None:
            return cls({})
        try:
            token = path.read_bytes().strip()
        except OSError as error:
            raise SettingsInvalid(f"{TOKEN_FILE}: {path}: {error.strerror or error}") from error
        if not token:
            raise SettingsInvalid(f"{TOKEN_FILE}: {path} is empty: write a long random token into it")
        return cls({digest(token): Caller("api-token", frozenset(Permission))})

    def caller(self, request: web.Request) -> Caller:
        """Who asks. Raises `Problem`."""
        if not self._callers:
            detail = f"Set {TOKEN_FILE} to a file that holds a long random token, and restart the gateway."
            raise Problem(TOKEN_NOT_SET, detail)
        values = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            detail = "Send the header `Authorization: Bearer TOKEN` once, with the token of the gateway's token file."
            raise Problem(UNAUTHENTICATED, detail, {hdrs.WWW_AUTHENTICATE: 'Bearer realm="tallystick"'})
        given = digest(token.strip().encode("utf-8", "surrogateescape"))
        found = [caller for known, caller in self._callers.items() if compare_digest(known, given)]
        if not found:
            challenge = 'Bearer realm="tallystick", error="invalid_token"'
            detail = "This token is not known: send the one in the gateway's token file."
            raise Problem(UNAUTHENTICATED, detail, {hdrs.WWW_AUTHENTICATE: challenge})
        return found[0]


def digest(token: bytes) -> bytes:
    """What is kept and compared in place of a token."""
    return sha256(token).digest()


def guard(access: Access, permissions: Mapping[tuple[str, str], Permission]) -> Middleware:
    """The middleware that refuses what it does not know. `permissions`: by method and path of each route."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = access.caller(request)
        resource = request.match_info.route.resource
        if resource is not None:  # None: there is no such path or method, and the router says so
            needed = permissions.get((request.method, resource.canonical))
            if needed is None or needed not in caller.permissions:
                raise Problem(FORBIDDEN, f"{request.method} {request.rel_url.raw_path} needs the permission {needed}.")
        request[CALLER] = caller
        return await handler(request)

    return guarded

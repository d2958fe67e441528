"""The guard that every request passes: bearer tokens, and the permission that each route needs."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from typing import Final, Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.callers import CALLERS_FILE, TOKEN_FILE, Caller, Permission, digest, known_callers
from gateway.http.problems import FORBIDDEN, TOKEN_NOT_SET, UNAUTHENTICATED, Problem

CALLER: Final = web.RequestKey("caller", Caller)


class Access:
    """Callers by the SHA-256 of their token: digests have one length, so comparing them takes one time."""

    def __init__(self, callers: Mapping[bytes, Caller]) -> None:
        self._callers = callers

    @classmethod
    def from_files(cls, token_file: Path | None, callers_file: Path | None) -> Self:
        """The one token, which permits everything, and the callers; without a file nothing is permitted.

        Raises `SettingsInvalid` if a file cannot be read or used.
        """
        return cls(known_callers(token_file, callers_file))

    def caller(self, request: web.Request) -> Caller:
        """Who asks. Raises `Problem`."""
        if not self._callers:
            detail = (
                f"Set {TOKEN_FILE} to a file that holds a long random token, or {CALLERS_FILE} to one that "
                "`tallystick caller add` makes, and restart the gateway."
            )
            raise Problem(TOKEN_NOT_SET, detail)
        values = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            detail = "Send the header `Authorization: Bearer TOKEN` once, with your token."
            raise Problem(UNAUTHENTICATED, detail, {hdrs.WWW_AUTHENTICATE: 'Bearer realm="tallystick"'})
        given = digest(token.strip().encode("utf-8", "surrogateescape"))
        found = [caller for known, caller in self._callers.items() if compare_digest(known, given)]
        if not found:
            challenge = 'Bearer realm="tallystick", error="invalid_token"'
            detail = (
                "This token is not known: send the one of the gateway's token file, or your own of its callers' file."
            )
            raise Problem(UNAUTHENTICATED, detail, {hdrs.WWW_AUTHENTICATE: challenge})
        return found[0]


def guard(access: Access, permissions: Mapping[tuple[str, str], frozenset[Permission]]) -> Middleware:
    """The middleware that refuses what it does not know. `permissions`: all that a route needs, by method and path."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = access.caller(request)
        resource = request.match_info.route.resource
        if resource is not None:  # None: there is no such path or method, and the router says so
            needed = permissions.get((request.method, resource.canonical))
            if needed is None or not needed <= caller.permissions:
                lacking = " and ".join(sorted((needed or frozenset()) - caller.permissions)) or "of no caller"
                raise Problem(FORBIDDEN, f"{request.method} {request.rel_url.raw_path} needs the permission {lacking}.")
        request[CALLER] = caller
        return await handler(request)

    return guarded

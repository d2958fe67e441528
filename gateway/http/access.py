"""The guard that every request passes: bearer tokens, and the permission that each route needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from math import ceil
from pathlib import Path
from typing import Final, Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from adapters.ports.api_keys import ApiKeys
from adapters.ports.signing_keys import KeysUnavailable
from gateway.callers import CALLERS_FILE, TOKEN_FILE, Caller, Permission, digest, key_caller, known_callers
from gateway.http.problems import (
    FORBIDDEN,
    ISSUER_UNAVAILABLE,
    RATE_LIMITED,
    RETRY_AFTER,
    TOKEN_NOT_SET,
    UNAUTHENTICATED,
    Problem,
)
from gateway.http.rates import Rates
from gateway.http.scopes import About, Scopes
from gateway.http.tokens import TokenRefused, Tokens

CALLER: Final = web.RequestKey("caller", Caller)
_CHALLENGE: Final[Mapping[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="tallystick", error="invalid_token"'}
KEY_BEGINS: Final = "tsk_"
"""So an API key begins, and nothing else is looked for among them; scanners of secrets know it by that."""
_DOTS: Final = 2
"""In a JWT."""


class Access:
    """Callers by the SHA-256 of their token: digests have one length, so comparing them takes one time.

    `tokens` knows others by what somebody else has signed, `keys` those of programs.
    """

    def __init__(
        self, callers: Mapping[bytes, Caller], tokens: Tokens | None = None, keys: ApiKeys | None = None
    ) -> None:
        self._callers = callers
        self._tokens = tokens
        self._keys = keys

    @classmethod
    def from_files(
        cls,
        token_file: Path | None,
        callers_file: Path | None,
        tokens: Tokens | None = None,
        keys: ApiKeys | None = None,
    ) -> Self:
        """The one token, which permits everything, and the callers; without a file nothing is permitted.

        Raises `SettingsInvalid` if a file cannot be read or used.
        """
        return cls(known_callers(token_file, callers_file), tokens, keys)

    async def caller(self, request: web.Request) -> Caller:
        """Who asks. Raises `Problem` and `StoreUnavailable`."""
        if not self._callers and self._tokens is None:
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
        if found:
            return found[0]
        if self._keys is not None and token.startswith(KEY_BEGINS):
            key = await self._keys.of(given)
            if key is not None:
                return key_caller(key)
            detail = "There is no such API key, or it has expired or was revoked: have another one made."
            raise Problem(UNAUTHENTICATED, detail, _CHALLENGE)
        if self._tokens is not None and token.count(".") == _DOTS:
            return await _signed(self._tokens, token.strip())
        detail = "This token is not known: send the one of the gateway's token file, or your own of its callers' file."
        raise Problem(UNAUTHENTICATED, detail, _CHALLENGE)


async def _signed(tokens: Tokens, token: str) -> Caller:
    """Who a JWT stands for. Raises `Problem`."""
    try:
        return await tokens.caller(token)
    except TokenRefused as error:
        raise Problem(UNAUTHENTICATED, f"This token is refused: {error}.", _CHALLENGE) from error
    except KeysUnavailable as error:
        detail = f"Nobody can tell whose token this is: {error}."
        raise Problem(ISSUER_UNAVAILABLE, detail, {hdrs.RETRY_AFTER: RETRY_AFTER}) from error


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks of its caller: permissions, and a reach; no permission: anybody may ask, without a token."""

    permissions: frozenset[Permission]
    about: About = About.EVERYTHING


def guard(access: Access, rates: Rates, scopes: Scopes, table: Mapping[tuple[str, str], Needs]) -> Middleware:
    """The middleware that refuses what it does not know, or what is too much.

    `table`: by method and path of each route.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        needs = None if resource is None else table.get((request.method, resource.canonical))
        if needs is not None and not needs.permissions:
            return await handler(request)
        caller = await access.caller(request)
        wait = rates.wait(caller.name)
        if wait > 0:
            detail = f"{caller.name} asks more than {rates.per_second:g} times a second: wait as `Retry-After` says."
            raise Problem(RATE_LIMITED, detail, {hdrs.RETRY_AFTER: str(ceil(wait))})
        if resource is not None:  # None: there is no such path or method, and the router says so
            if needs is None or not needs.permissions <= caller.permissions:
                lacking = (
                    "of no caller" if needs is None else " and ".join(sorted(needs.permissions - caller.permissions))
                )
                raise Problem(FORBIDDEN, f"{request.method} {request.rel_url.raw_path} needs the permission {lacking}.")
            await scopes.check(request, needs.about, caller)
        request[CALLER] = caller
        return await handler(request)

    return guarded

"""Tokens that somebody else has signed (JWT, RFC 7519): checked by the keys of their issuer, and who they stand for."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Final

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.ports.signing_keys import KeysUnavailable, SigningKeys
from gateway import telemetry
from gateway.callers import Caller
from gateway.oidc import Oidc

FRESH_SECONDS: Final = 300.0
"""How long keys are not asked for again: so long a key that was withdrawn counts."""
KEEP_SECONDS: Final = 3600.0
"""How long they count while they cannot be asked for."""
ASK_SECONDS: Final = 30.0
"""At least between two questions for the keys: tokens with keys that nobody knows must not make us ask all the time."""
LEEWAY: Final = 60
"""Seconds by which clocks may differ."""
MOST: Final = 16 * 1024
"""Characters of a token."""


class TokenRefused(Exception):
    """The token is not one for us; the message says why, and never repeats it."""


class Tokens:
    """Knows callers by tokens of one issuer. `clock` is in seconds, and only goes forward."""

    def __init__(self, oidc: Oidc, source: SigningKeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._oidc = oidc
        self._source = source
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": oidc.issuer},
            aud={"essential": True, "value": oidc.audience},
            exp={"essential": True},
        )

    async def caller(self, token: str) -> Caller:
        """Who it stands for. Raises `TokenRefused`, and `KeysUnavailable` while nobody can tell."""
        if len(token) > MOST:
            raise TokenRefused("it is too long")
        keys = await self._keys_with(_kid(token))
        try:
            claims = jwt.decode(token, keys, algorithms=[*self._oidc.algorithms]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError) as error:  # the last of a header whose members are of other types
            raise TokenRefused(getattr(error, "description", None) or "it is not signed as it says") from error
        found = self._oidc.caller(claims)
        if found is None:
            raise TokenRefused("it stands for nobody in a group of the gateway's file")
        return found

    async def _keys_with(self, kid: str) -> KeySet:
        """The keys, asked for again if they are old or lack this one."""
        if self._keys is not None and _has(self._keys, kid) and self._clock() - self._read_at <= FRESH_SECONDS:
            return self._keys  # whoever names another key must not keep this one waiting
        async with self._asking:
            now = self._clock()
            is_due = now - self._read_at > FRESH_SECONDS or not _has(self._keys, kid)
            if is_due and now - self._asked_at >= ASK_SECONDS:
                self._asked_at = now
                await self._ask()
            if self._keys is None or now - self._read_at > KEEP_SECONDS:
                raise KeysUnavailable("the keys of the issuer cannot be had now")
            if not _has(self._keys, kid):
                raise TokenRefused("its issuer has no such key")
            return self._keys

    async def _ask(self) -> None:
        """Read the keys again; those that were there stay if that fails."""
        try:
            self._keys = KeySet.import_key_set(orjson.loads(await self._source.read()))
            self._read_at = self._clock()
        except KeysUnavailable as error:
            telemetry.keys_unavailable(str(error))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            telemetry.keys_unavailable(f"what stands there is no key set: {type(error).__name__}")


def _has(keys: KeySet | None, kid: str) -> bool:
    return keys is not None and any(key.kid == kid for key in keys.keys)


def _kid(token: str) -> str:
    """The key that a token names, before anything of it is believed. Raises `TokenRefused`."""
    head = token.partition(".")[0]
    try:
        found = orjson.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    except (ValueError, TypeError, KeyError) as error:
        raise TokenRefused("it is no JWT that names its key") from error
    if not isinstance(found, str):
        raise TokenRefused("it is no JWT that names its key")
    return found

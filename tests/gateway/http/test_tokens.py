"""Tokens that somebody else has signed: one that is good stands for its caller, every other is refused."""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from adapters.ports.signing_keys import KeysUnavailable
from gateway.callers import Bundle, Grants
from gateway.http.tokens import ASK_SECONDS, FRESH_SECONDS, KEEP_SECONDS, TokenRefused, Tokens
from gateway.oidc import Oidc
from tests.gateway.http.stand import listening

KEY: Final = ECKey.generate_key("P-256", {"kid": "one", "use": "sig", "alg": "ES256"})
OTHER: Final = ECKey.generate_key("P-256", {"kid": "two", "use": "sig", "alg": "ES256"})
OIDC: Final = Oidc(
    issuer="https://id.example.com",
    audience="tallystick",
    jwks_url="https://id.example.com/keys",
    groups={"finance": Grants(permissions=(Bundle.FINANCE,))},
)


def claims(**others: Any) -> dict[str, Any]:
    good = {
        "iss": OIDC.issuer,
        "aud": OIDC.audience,
        "exp": int(time.time()) + 600,
        "sub": "E-17",
        "groups": ["finance"],
    }
    return {name: value for name, value in {**good, **others}.items() if value is not None}


def signed(said: Mapping[str, Any], key: ECKey | RSAKey | OctKey = KEY, **header: Any) -> str:
    head = {"alg": "ES256", "kid": key.kid, **header}
    return jwt.encode(
        {name: value for name, value in head.items() if value is not None}, dict(said), key, [head["alg"]]
    )


def key_set(*keys: ECKey) -> bytes:
    return orjson.dumps(KeySet(list(keys)).as_dict(private=False))


@dataclass(slots=True)
class Served:
    """Keys, as they stand somewhere; None: they cannot be had."""

    content: bytes | None = field(default_factory=lambda: key_set(KEY))
    asked: int = 0

    async def read(self) -> bytes:
        self.asked += 1
        if self.content is None:
            raise KeysUnavailable("nobody answers")
        return self.content

    async def close(self) -> None: ...


@dataclass(slots=True)
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_good_token_stands_for_its_caller() -> None:
    caller = await Tokens(OIDC, Served()).caller(signed(claims()))
    assert (caller.name, caller) == ("E-17", OIDC.groups["finance"].to("E-17"))
    several = signed(claims(aud=["other", "tallystick"]))
    assert (await Tokens(OIDC, Served()).caller(several)).name == "E-17"


def _unsigned(header: Mapping[str, Any]) -> str:
    parts = (urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (header, claims()))
    return ".".join([*parts, ""])


SECRET: Final = OctKey.import_key(key_set(KEY), {"kid": "one"})


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(iss="https://other.example.com")),
        signed(claims(iss=None)),
        signed(claims(aud="other")),
        signed(claims(aud=None)),
        signed(claims(exp=int(time.time()) - 120)),
        signed(claims(exp=None)),
        signed(claims(nbf=int(time.time()) + 600)),
        signed(claims(groups=["others"])),
        signed(claims(), OTHER),
        signed(claims(), OTHER, kid="one"),
        signed(claims(), kid=None),
        signed(claims())[:-4] + "AAAA",
        signed(claims(), SECRET, alg="HS256", kid="one"),
        _unsigned({"alg": "none", "kid": "one"}),
        _unsigned({"alg": "ES256", "kid": "one"}),
        _unsigned({"alg": "ES256", "kid": 1}),
        _unsigned({"alg": "ES256", "kid": "one", "crit": 1}),
        _unsigned({"alg": "ES256", "kid": "one", "crit": None}),
        "a.b.c",
        "..",
        "é.é.é",
        signed(claims()) + "x" * 20_000,
    ],
)
async def test_every_other_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        await Tokens(OIDC, Served()).caller(token)
    assert token[:20] not in str(refused.value)


@dataclass(slots=True)
class Slow(Served):
    """Keys at a place that does not answer from the second time on."""

    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> bytes:
        if self.asked:
            self.hangs.set()
            await asyncio.Event().wait()
        return await Served.read(self)


async def test_a_token_with_a_key_that_nobody_knows_keeps_no_other_waiting() -> None:
    slow, clock = Slow(), Clock()
    tokens = Tokens(OIDC, slow, clock)
    await tokens.caller(signed(claims()))
    clock.now += ASK_SECONDS
    unknown = asyncio.create_task(tokens.caller(signed(claims(), OTHER)))
    await slow.hangs.wait()
    async with asyncio.timeout(5):
        assert (await tokens.caller(signed(claims()))).name == "E-17"
    unknown.cancel()


async def test_keys_are_asked_for_when_they_are_old_or_one_is_new_and_never_all_the_time() -> None:
    served, clock = Served(), Clock()
    tokens = Tokens(OIDC, served, clock)
    for _ in range(3):
        await tokens.caller(signed(claims()))
    assert served.asked == 1
    served.content = key_set(KEY, OTHER)
    with pytest.raises(TokenRefused, match="no such key"):
        await tokens.caller(signed(claims(), OTHER))
    clock.now += ASK_SECONDS
    assert (await tokens.caller(signed(claims(), OTHER))).name == "E-17"
    clock.now += FRESH_SECONDS + 1
    served.content = key_set(OTHER)
    with pytest.raises(TokenRefused, match="no such key"):
        await tokens.caller(signed(claims()))
    assert served.asked == 3


async def test_keys_that_cannot_be_had_count_for_a_while() -> None:
    served, clock = Served(), Clock()
    tokens = Tokens(OIDC, served, clock)
    await tokens.caller(signed(claims()))
    for content in (None, b"[]", b"not json", b'{"keys": [{"kty": "none"}]}'):
        served.content = content
        clock.now += FRESH_SECONDS + 1
        assert (await tokens.caller(signed(claims()))).name == "E-17"
    clock.now += KEEP_SECONDS
    with pytest.raises(KeysUnavailable):
        await tokens.caller(signed(claims()))
    served.content = key_set(KEY)
    clock.now += ASK_SECONDS
    assert (await tokens.caller(signed(claims()))).name == "E-17"


async def test_the_api_takes_them_beside_its_own(token_file: Path) -> None:
    served = Served()
    nowhere = "postgresql://127.0.0.1:1/none"
    async with listening(nowhere, token_file, tokens=Tokens(OIDC, served, Clock(ASK_SECONDS))) as stand:
        assert (await stand.get("/v1/none")).status == 404
        assert (await stand.asked_by(signed(claims()), "GET", "/v1/none")).status == 404
        refused = await stand.asked_by(signed(claims(aud="other")), "GET", "/v1/none")
        assert (refused.status, "This token is refused: " in refused.detail) == (401, True)
        assert "invalid_token" in refused.headers["WWW-Authenticate"]
        forbidden = await stand.asked_by(signed(claims()), "POST", "/v1/restore/end", {"reason": "why not"})
        assert (forbidden.status, forbidden.json["type"]) == (403, "/problems/forbidden")
        assert (await stand.asked_by("wrong", "GET", "/v1/none")).status == 401


async def test_the_api_says_so_when_nobody_can_tell(token_file: Path) -> None:
    served = Served(None)
    async with listening("postgresql://127.0.0.1:1/none", token_file, tokens=Tokens(OIDC, served)) as stand:
        told = await stand.asked_by(signed(claims()), "GET", "/v1/status")
        assert (told.status, told.json["type"], told.headers["Retry-After"]) == (
            503,
            "/problems/issuer-unavailable",
            "2",
        )
        assert (await stand.get("/v1/none")).status == 404

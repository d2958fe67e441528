"""The composition root of tokens that somebody else signs: the file that names the issuer, and where its keys stand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.jwks.file import FileKeys
from adapters.jwks.url import UrlKeys
from adapters.ports.signing_keys import SigningKeys
from gateway.http.tokens import Tokens
from gateway.oidc import Oidc, read_oidc
from gateway.settings import Settings


@asynccontextmanager
async def signed_tokens(settings: Settings) -> AsyncIterator[Tokens | None]:
    """Those of the issuer in the settings; None without one. Raises `SettingsInvalid`."""
    if settings.oidc_file is None:
        yield None
        return
    oidc = read_oidc(settings.oidc_file)
    keys = _keys(oidc)
    try:
        yield Tokens(oidc, keys)
    finally:
        await keys.close()


def _keys(oidc: Oidc) -> SigningKeys:
    if oidc.jwks_file is not None:
        return FileKeys(oidc.jwks_file)
    return UrlKeys(str(oidc.jwks_url), allow_private=oidc.allow_private)

"""A key set behind an https URL.

The URL comes from the operator's own file. Still nothing is followed, and no address of a private network is asked
unless its owner says so: whoever controls the name there must not reach what stands inside.
"""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from adapters.ports.signing_keys import MOST_BYTES, KeysUnavailable

SECONDS: Final = 5.0
"""For one answer."""


class UrlKeys:
    """Asks whenever it is asked. `allow_private`: whether the host may stand in a private network.

    `trust` says whose certificates count, None: those that the machine trusts.
    """

    def __init__(self, url: str, *, allow_private: bool = False, trust: ssl.SSLContext | None = None) -> None:
        self._url = url
        self._allow_private = allow_private
        self._trust = trust or True
        self._session: aiohttp.ClientSession | None = None

    async def read(self) -> bytes:
        """What the URL answers. Raises `KeysUnavailable`."""
        parts = urlsplit(self._url)
        if parts.scheme != "https":
            raise KeysUnavailable(f"{self._url}: write an https URL")
        if not self._allow_private and _is_private(parts.hostname or ""):
            raise KeysUnavailable(f"{self._url}: its address is private: set allow_private, if that is meant")
        try:
            async with self._opened().get(self._url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise KeysUnavailable(f"{self._url}: it answers {answer.status}")
                content = await answer.content.read(MOST_BYTES + 1)
                while len(content) <= MOST_BYTES and (more := await answer.content.read(MOST_BYTES)):
                    content += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KeysUnavailable(f"{self._url}: {type(error).__name__}") from error
        if len(content) > MOST_BYTES:
            raise KeysUnavailable(f"{self._url}: it answers more than {MOST_BYTES} bytes, so it is no key set")
        return content

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver: AbstractResolver = ThreadedResolver() if self._allow_private else PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, ssl=self._trust, limit=1, force_close=True),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session


class PublicResolver(ThreadedResolver):
    """Knows only addresses of the public network: what a name means is looked at where it is connected to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The public addresses of a host. Raises OSError if it has none."""
        found = [each for each in await super().resolve(host, port, family) if not _is_private(each["host"])]
        if not found:
            raise OSError(f"{host} has no public address")
        return found


def _is_private(host: str) -> bool:
    """Whether it is an address, and not one of the public network."""
    try:
        return not ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False

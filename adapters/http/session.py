"""Sessions to systems over HTTP, bounded in time, connections, and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import aiohttp

READ_STEP: Final = 1 << 16
"""Bytes that are inflated at once, at most: a small compressed answer must not grow large before it is counted."""


def open_session(
    headers: Mapping[str, str], *, timeout: float, connect_timeout: float, connections: int, read_cap: int
) -> aiohttp.ClientSession:
    """A session that keeps no cookies and uses no proxies of the environment. Call it inside the running event loop.

    A broken connection ends every call but a GET, which aiohttp may make once more: it changes nothing. `timeout` and
    `connect_timeout` are seconds: for a whole call, and for getting a connection.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=timeout, connect=connect_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=min(read_cap, READ_STEP),
        headers={"User-Agent": "tallystick", **headers},
        middlewares=(_one_attempt,),
    )


async def _one_attempt(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT or DELETE on a broken connection, be it new or used before.

    It does so by itself on the two errors below, in line with RFC 9110 section 9.2.2: another one ends the call.
    Where no connection came about it repeats nothing, and that error says that nothing was sent.
    """
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "GET":
            raise
        raise aiohttp.ClientConnectionError("the connection broke before the answer") from error


async def read_capped(response: aiohttp.ClientResponse, cap: int) -> bytes | None:
    """The whole body, counted after decompression; None, with the connection closed, once it is over `cap` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > cap:
            response.close()
            return None
        chunks.append(chunk)
    return b"".join(chunks)

"""Sessions over HTTP: how often a call arrives whose connection breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from adapters.http.session import open_session
from adapters.http.transport import outcome_of_error
from gateway.local.ports import free_port
from schemas.commands import Deferred, Unknown
from tests.adapters.http.conftest import Serving

BREAKS = "/breaks"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session({}, timeout=5.0, connect_timeout=2.0, connections=1, read_cap=4096) as running:
        yield running


class Breaking:
    """Answers every call, but cuts the connection where the path says so. `arrived`: method and connection of each."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, int]] = []

    async def answer(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        await request.read()
        self.arrived.append((request.method, request.transport.get_extra_info("peername")[1]))
        if request.path == BREAKS:
            request.transport.abort()
        return web.Response(text="here")


async def call(session: aiohttp.ClientSession, method: str, url: str) -> None:
    async with session.request(method, url, data=b"{}" if method != "GET" else None) as response:
        await response.read()


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_writing_call_arrives_once_on_a_connection_that_was_kept(
    serving: Serving, session: aiohttp.ClientSession, method: str
) -> None:
    # Given a connection that was used and kept
    url = await serving((breaking := Breaking()).answer)
    await call(session, "GET", url)
    # When it breaks after a writing call
    with pytest.raises(aiohttp.ClientConnectionError) as broken:
        await call(session, method, url + BREAKS)
    # Then the call came once, over that connection, and what became of it is not known
    [(_, kept), (arrived, used)] = breaking.arrived
    assert (arrived, used) == (method, kept)
    assert isinstance(outcome_of_error(broken.value), Unknown)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_writing_call_arrives_once_on_a_new_connection(
    serving: Serving, session: aiohttp.ClientSession, method: str
) -> None:
    url = await serving((breaking := Breaking()).answer)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call(session, method, url + BREAKS)
    assert [arrived for arrived, _ in breaking.arrived] == [method]


async def test_a_reading_call_may_be_repeated_once(serving: Serving, session: aiohttp.ClientSession) -> None:
    url = await serving((breaking := Breaking()).answer)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await call(session, "GET", url + BREAKS)
    assert [arrived for arrived, _ in breaking.arrived] == ["GET", "GET"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_without_a_connection_nothing_was_sent(session: aiohttp.ClientSession, method: str) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as refused:
        await call(session, method, f"http://127.0.0.1:{free_port()}")
    assert isinstance(outcome_of_error(refused.value), Deferred)

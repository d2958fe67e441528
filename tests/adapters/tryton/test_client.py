"""The client against a server on loopback that speaks Tryton's JSON-RPC as far as a test wants."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest
from aiohttp import web

from adapters.tryton.client import Client
from adapters.tryton.failures import Failed
from adapters.tryton.settings import TrytonSettings
from schemas.commands import Deferred, Rejected, Unknown
from schemas.verdicts import FailureClass

Method = Callable[[list[Any]], Any]


class Server:
    """Sessions that can be ended, and methods by name. `calls` counts requests by method."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.methods: dict[str, Method] = {}
        self.password = "right"
        self.drops: set[str] = set()
        self._sessions: set[str] = set()

    def end_sessions(self) -> None:
        self._sessions.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = orjson.loads(await request.read())
        method, params = asked["method"], asked["params"]
        self.calls[method] += 1
        if method == "common.db.login":
            if params[1]["password"] != self.password:
                raise web.HTTPUnauthorized
            self._sessions.add(key := f"{len(self._sessions):064x}{self.calls[method]}")
            return web.json_response({"id": 0, "result": [7, key, None]})
        scheme, _, token = request.headers["Authorization"].partition(" ")
        user, number, key = b64decode(token).decode().split(":")
        assert (scheme, user, number) == ("Session", "gateway", "7")
        if key not in self._sessions:
            raise web.HTTPUnauthorized
        found = self.methods[method](params)
        if method in self.drops:
            assert request.transport is not None
            request.transport.abort()
        return found if isinstance(found, web.Response) else web.json_response({"id": 0, **found})


def keeping(kept: list[Any], result: object, *, whole: bool = False) -> Method:
    """A method that keeps its first parameter, or all of them, and answers `result`."""

    def method(params: list[Any]) -> Any:
        kept.append(params if whole else params[0])
        return {"result": result}

    return method


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with AsyncExitStack() as running:
        app = web.Application()
        app.router.add_post("/erp/rpc/", server.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        running.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = TrytonSettings(
            name="erp", url=f"http://127.0.0.1:{runner.addresses[0][1]}", database="erp", user="gateway",
            password="right", companies={}, operations=frozenset(), acknowledge=("*.known",), timeout=5.0,
        )  # fmt: skip
        made = Client(settings)
        running.push_async_callback(made.close)
        yield made


async def test_one_login_is_for_all_who_come_at_once(server: Server, client: Client) -> None:
    server.methods["model.a.read"] = lambda params: {"result": params[0]}
    assert await asyncio.gather(*(client.ask("model.a.read", number) for number in range(20))) == list(range(20))
    assert server.calls["common.db.login"] == 1
    assert client.user_number == 7


async def test_a_session_that_ends_costs_one_login_and_no_call(server: Server, client: Client) -> None:
    made: list[int] = []
    server.methods["model.a.create"] = keeping(made, [0])
    await client.write("model.a.create", 0)
    server.end_sessions()
    await asyncio.gather(*(client.write("model.a.create", number) for number in range(1, 21)))
    assert sorted(made) == list(range(21))
    assert server.calls["common.db.login"] == 2


async def test_a_password_that_is_refused_is_told_once_a_call(server: Server, client: Client) -> None:
    server.password = "other"
    with pytest.raises(Failed) as caught:
        await client.write("model.a.create", 0)
    assert isinstance(caught.value.outcome, Deferred)
    assert caught.value.outcome.failure.failure_class is FailureClass.AUTH
    assert server.calls == {"common.db.login": 1}


async def test_a_call_that_is_cut_is_unknown_if_it_writes_and_nothing_if_it_reads(
    server: Server, client: Client
) -> None:
    server.methods["model.a.create"] = lambda _: {"result": [1]}
    server.drops.add("model.a.create")
    with pytest.raises(Failed) as caught:
        await client.write("model.a.create", 0)
    assert isinstance(caught.value.outcome, Unknown)
    assert server.calls["model.a.create"] == 1
    with pytest.raises(Failed) as caught:
        await client.ask("model.a.create", 0)
    assert isinstance(caught.value.outcome, Deferred)


async def test_a_warning_that_is_allowed_is_acknowledged_and_the_call_made_again(
    server: Server, client: Client
) -> None:
    agreed: list[str] = []
    server.methods["model.res.user.warning.skip"] = keeping(agreed, None)
    server.methods["model.a.post"] = lambda _: (
        {"result": "posted"} if agreed else {"error": ["UserWarning", "7f.known", "Sure?", ""]}
    )
    assert await client.write("model.a.post", 1) == "posted"
    assert agreed == ["7f.known"]


async def test_another_warning_stops_the_call(server: Server, client: Client) -> None:
    server.methods["model.a.post"] = lambda _: {"error": ["UserWarning", "7f.other", "Sure?", ""]}
    with pytest.raises(Failed) as caught:
        await client.write("model.a.post", 1)
    assert isinstance(caught.value.outcome, Rejected)
    assert server.calls["model.a.post"] == 1
    assert server.calls["model.res.user.warning.skip"] == 0


async def test_each_call_says_its_language_and_what_it_is_tied_to(server: Server, client: Client) -> None:
    seen: list[Any] = []
    server.methods["model.a.search_read"] = lambda _: {"result": [{"id": 3, "_timestamp": "17.25"}]}
    server.methods["model.a.write"] = keeping(seen, None, whole=True)
    [row] = await client.find("a", [], ["_timestamp"])
    await client.change("a", row, {"name": "x"}, context={"company": 2})
    assert seen == [[[3], {"name": "x"}, {"language": "en", "company": 2, "_timestamp": {"a,3": "17.25"}}]]


@pytest.mark.parametrize("result", [None, {"id": 1}, [1, 2]])
async def test_records_of_another_form_are_told(server: Server, client: Client, result: object) -> None:
    server.methods["model.a.search_read"] = lambda _: {"result": result}
    with pytest.raises(Failed) as caught:
        await client.find("a", [], [])
    assert caught.value.outcome.failure.code == "answer_malformed"

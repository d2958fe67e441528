"""The client against a server on loopback that speaks Tryton's JSON-RPC as far as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.tryton.client import Client
from adapters.tryton.failures import Failed
from schemas.commands import Deferred, Rejected, Unknown
from schemas.verdicts import FailureClass
from tests.adapters.tryton.server import Method, Server, serving


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
    async with serving(server) as settings:
        made = Client(settings)
        yield made
        await made.close()


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

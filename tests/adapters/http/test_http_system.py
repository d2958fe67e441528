"""The HTTP system against servers that do what they should not."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from adapters.http.settings import HttpOperation, HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.ports.system import Absent, UnknownOperation
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import FailureClass
from tests.adapters.http.conftest import BODY, CAPABILITY, TOKEN, Asking, Serving

PROBLEM = "application/problem+json"


def failure_code(outcome: Outcome | Absent) -> str:
    assert isinstance(outcome, Rejected | Deferred | Unknown)
    return outcome.failure.code


async def test_an_attempt_is_one_post_with_the_frozen_body(serving: Serving, asking: Asking, command: Command) -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, dict(request.headers), await request.read()))
        return web.json_response({"id": "B-1"}, status=201)

    system = asking(await serving(answer))
    assert await system.send(command) == Confirmed("B-1")
    [(method, path, headers, body)] = seen
    assert (method, path, body) == ("POST", "/billables", BODY)
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Idempotency-Key"] == f'"{command.id}"'
    assert headers["Tallystick-Reference"] == command.reference
    assert headers["Content-Type"] == "application/json"


async def test_a_look_up_asks_by_reference(serving: Serving, asking: Asking, command: Command) -> None:
    seen: list[tuple[str, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, request.query["reference"]))
        return web.json_response({"id": "B-1"})

    system = asking(await serving(answer) + "/api/")
    assert await system.look_up(command) == Confirmed("B-1")
    quoted = "timesheet%2FS%25201%252F7%2FL1%2F1"
    assert seen == [("GET", f"/api/billables?reference={quoted}", command.reference)]


async def test_a_redirect_is_not_followed(serving: Serving, asking: Asking, command: Command) -> None:
    followed: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        followed.append(request.path)
        return web.json_response({"id": "B-1"})

    target = await serving(elsewhere)
    for status in (301, 302, 303, 307, 308):

        async def redirect(request: web.Request, status: int = status) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{target}/billables"})

        system = asking(await serving(redirect))
        assert failure_code(await system.send(command)) == f"http_{status}"
        assert failure_code(await system.look_up(command)) == f"http_{status}"
    assert followed == []


async def test_cookies_of_the_system_are_not_sent_back(serving: Serving, asking: Asking, command: Command) -> None:
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response({"id": "B-1"}, headers={"Set-Cookie": "session=1"})

    system = asking(await serving(answer))
    await system.send(command)
    await system.send(command)
    assert cookies == [None, None]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_does_not_inflate(serving: Serving, asking: Asking, command: Command, encoding: str) -> None:
    plain = b'{"id": "' + b" " * (64 << 20)
    bomb = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    del plain

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding}, content_type="application/json")

    system = asking(await serving(answer))
    tracemalloc.start()
    try:
        outcome = await system.send(command)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Unknown)
    assert peak < 4 << 20


async def test_an_answer_over_the_cap_is_not_read(serving: Serving, asking: Asking, command: Command) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b'{"id": "B-1"}' + b" " * 4096, content_type="application/json")

    url = await serving(answer)
    assert isinstance(await asking(url).send(command), Unknown)
    assert await asking(url, read_cap=5000).send(command) == Confirmed("B-1")


async def test_a_status_that_needs_no_body_counts_over_the_cap(
    serving: Serving, asking: Asking, command: Command
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=429, body=b" " * 5000, headers={"Retry-After": "2"})

    outcome = await asking(await serving(answer)).send(command)
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after == 2.0


@pytest.mark.parametrize(
    "detail",
    [f"Token {TOKEN} has expired", f"You sent Bearer {TOKEN}", f"Cannot book {BODY.decode()}", BODY.decode()[5:80]],
)
@pytest.mark.parametrize("status", [401, 409, 422, 500])
async def test_neither_token_nor_body_gets_into_a_reason(
    serving: Serving, asking: Asking, command: Command, status: int, detail: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        members = {"type": "not-found", "code": "some_code", "detail": detail, "field": TOKEN}
        return web.json_response(members, status=status, content_type=PROBLEM)

    system = asking(await serving(answer))
    for outcome in (await system.send(command), await system.look_up(command)):
        assert isinstance(outcome, Rejected | Deferred | Unknown)
        assert TOKEN not in repr(outcome)
        assert "senior consultant" not in repr(outcome)
    assert TOKEN not in repr(system)


async def test_no_answer_in_time_is_unknown(serving: Serving, asking: Asking, command: Command) -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await released.wait()
        return web.json_response({"id": "B-1"})

    system = asking(await serving(answer), timeout=0.05)
    for outcome in (await system.send(command), await system.look_up(command)):
        assert isinstance(outcome, Unknown)
        assert outcome.failure.failure_class is FailureClass.TIMEOUT
    released.set()


async def test_a_body_that_trickles_is_bounded_in_time(serving: Serving, asking: Asking, command: Command) -> None:
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=422, headers={"Content-Type": PROBLEM})
        await response.prepare(request)
        await response.write(b"{")
        await released.wait()
        return response

    outcome = await asking(await serving(answer), timeout=0.05).send(command)
    assert failure_code(outcome) == "timeout"
    released.set()


async def test_waiting_for_a_connection_sends_nothing(serving: Serving, asking: Asking, command: Command) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()
    count = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        arrived.set()
        await released.wait()
        return web.json_response({"id": "B-1"})

    system = asking(await serving(answer), connections=1, connect_timeout=0.05)
    first = asyncio.create_task(system.send(command))
    await arrived.wait()
    outcome = await system.send(command)
    released.set()
    assert await first == Confirmed("B-1")
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.code, outcome.failure.failure_class) == ("connect_timeout", FailureClass.UNAVAILABLE)
    assert count == 1


async def test_a_refused_connection_is_deferred(serving: Serving, asking: Asking, command: Command) -> None:
    listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    system = asking(f"http://127.0.0.1:{port}")
    outcome = await system.send(command)
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.code, outcome.failure.failure_class) == ("connect_failed", FailureClass.UNAVAILABLE)
    assert await system.look_up(command) == outcome


async def test_a_failed_handshake_is_deferred(serving: Serving, asking: Asking, command: Command) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"id": "B-1"})

    url = (await serving(answer)).replace("http://", "https://")
    assert failure_code(await asking(url).send(command)) == "tls_failed"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 201 Crea",
        b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"id": "B-1"}',
        b'HTTP/1.1 422 No\r\nContent-Type: application/problem+json\r\nContent-Length: 100\r\n\r\n{"code": "x"}',
        b'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"',
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_or_is_not_http_is_unknown(
    asking: Asking, command: Command, sent: bytes
) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    async with await asyncio.start_server(converse, "127.0.0.1", 0) as server:
        system = asking(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert isinstance(await system.send(command), Unknown)
        assert isinstance(await system.look_up(command), Unknown)


async def test_an_operation_that_is_not_configured_is_ours_to_mend(asking: Asking, command: Command) -> None:
    system = asking("http://127.0.0.1:9")
    assert system.capability("billable.post") == CAPABILITY
    with pytest.raises(UnknownOperation, match=r"erp is not configured for operation project\.create"):
        system.capability("project.create")


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"url": "ftp://erp"}, "http://"),
        ({"url": "erp:80"}, "http://"),
        ({"url": "http://ann:secret@erp"}, "no user"),
        ({"url": "http://erp/?token=1"}, "query"),
        ({"token": ""}, "token"),
        ({"token": "two\r\nlines"}, "token"),
        ({"timeout": 1.0, "connect_timeout": 2.0}, "connect_timeout"),
        ({"read_cap": 0}, "read_cap"),
    ],
)
def test_settings_that_cannot_work_say_what_to_change(changed: dict[str, Any], complaint: str) -> None:
    sound = HttpSystemSettings(name="erp", url="http://erp", token=TOKEN, operations={})
    with pytest.raises(ValueError, match=complaint):
        replace(sound, **changed)


def test_settings_do_not_show_the_token() -> None:
    assert TOKEN not in repr(HttpSystemSettings(name="erp", url="http://erp", token=TOKEN, operations={}))


@pytest.mark.parametrize("path", ["billables", "/bill ables", "/billables?x=1", "/a#b", "/a\r\nb"])
def test_a_path_that_cannot_work_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        HttpOperation(path, CAPABILITY)


async def test_nothing_is_sent_after_close(asking: Asking, command: Command) -> None:
    system: HttpSystem = asking("http://127.0.0.1:9")
    await system.close()
    with pytest.raises(RuntimeError, match="closed"):
        await system.send(command)

"""What is read from a system's answers about itself."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from socket import EAI_NONAME, gaierror

import orjson
import pytest
from aiohttp import web

from adapters.http.declarations import declarations
from adapters.http.inspection import LIMIT_CAP, Told, inspection_of, no_answer, told
from adapters.http.settings import HttpOperation
from adapters.ports.declarations import Ambiguity
from adapters.ports.inspection import NotInspected
from adapters.ports.system import Capability, Upsert
from tests.adapters.http.conftest import CAPABILITY, TOKEN, Asking, Serving

ABSENT = orjson.dumps({"type": "not-found"})


def answered(path: str, status: int, body: bytes = b"", **headers: str) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return told(path, status, {"Content-Type": "application/problem+json", **named}, body)


def test_a_system_that_finds_nothing_is_right() -> None:
    date = "Fri, 20 Nov 2026 10:00:00 GMT"
    found = inspection_of("erp", [answered("/a", 404, ABSENT), answered("/b", 404, ABSENT, Date=date)])
    assert [(each.name, each.missing) for each in found.rights] == [("look-up at /a", None), ("look-up at /b", None)]
    assert found.clock == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, b"", "let the token read /a"),
        (404, b"", "it answers 404 where 404 with problem type"),
        (200, b'{"id": "42"}', "set look_up: false for /a"),
        (302, b"", "it answers 302"),
        (500, b"", "mend the system"),
        (429, b"", "it answers 429"),
    ],
)
def test_each_path_that_is_wrong_is_told_and_no_other(status: int, body: bytes, words: str) -> None:
    wrong = told("/a", status, {"Content-Type": "application/json"}, body)
    found = inspection_of("erp", [wrong, answered("/b", 404, ABSENT)])
    first, second = found.rights
    assert first.missing is not None
    assert words in first.missing
    assert second.missing is None


@pytest.mark.parametrize(("path", "status"), [("/a", 401), ("", 401), ("", 403)])
def test_a_token_that_is_refused_everywhere_ends_it(path: str, status: int) -> None:
    with pytest.raises(NotInspected, match=r"refuses the token .*: correct systems.erp.token_file"):
        inspection_of("erp", [answered(path, status)])


def test_limits_are_shown_on_one_line_and_capped() -> None:
    headers = {"RateLimit-Remaining": "5", "X-RateLimit-Limit": "9\t" + "9" * 500, "Server": "x"}
    found = inspection_of("erp", [told("", 200, headers, b"")])
    assert set(found.limits) == {"RateLimit-Remaining", "X-RateLimit-Limit"}
    assert found.limits["RateLimit-Remaining"] == "5"
    assert found.limits["X-RateLimit-Limit"].startswith("9?9")
    assert len(found.limits["X-RateLimit-Limit"]) == LIMIT_CAP


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "Connection refused"),
        (gaierror(EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_why_no_answer_came_is_told(error: Exception, words: str) -> None:
    told_of = no_answer("erp", "http://erp.example", error)
    assert told_of.found.startswith("http://erp.example does not answer: ")
    assert words in told_of.found
    assert str(told_of) == f"{told_of.found}: {told_of.change}"


async def test_a_system_is_asked_for_what_does_not_exist(serving: Serving, asking: Asking) -> None:
    seen: list[tuple[str, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, request.headers["Authorization"]))
        return web.Response(status=404, body=ABSENT, content_type="application/problem+json")

    found = await asking(await serving(answer) + "/api/").inspect()
    assert seen == [("GET", "/api/billables", f"Bearer {TOKEN}")]
    assert [each.missing for each in found.rights] == [None]
    assert found.clock is not None


async def test_a_system_that_is_away_is_told_with_what_to_change(asking: Asking) -> None:
    with pytest.raises(NotInspected) as raised:
        await asking("http://127.0.0.1:1").inspect()
    assert raised.value.found.startswith("http://127.0.0.1:1 does not answer: ")
    assert raised.value.change == "start it, or correct systems.erp.url in the policy file"


def test_operations_at_one_path_are_one_record() -> None:
    bare = Capability(Upsert.NONE, None, unique_reference=True, look_up=False, late_bound=1.0)
    found = declarations(
        {"a": HttpOperation("/x", CAPABILITY), "b": HttpOperation("/x", bare), "c": HttpOperation("/y", bare)}
    )
    both, alone = found
    assert (both.record, both.operations) == ("/x", {"a": CAPABILITY, "b": bare})
    assert (both.look_up_by, both.idempotency_key, both.ambiguous) == (
        "reference",
        "Idempotency-Key",
        Ambiguity.TWO_HITS,
    )
    assert (alone.record, alone.look_up_by, alone.idempotency_key) == ("/y", None, None)
    assert alone.ambiguous is Ambiguity.NEVER

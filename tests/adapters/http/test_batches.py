"""Several commands in one request, and what an answer says of each of them, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.http.answers import Answer, Problem, read_answer
from adapters.http.batches import batch_body, outcomes_of
from adapters.http.classify import outcome_of
from adapters.ports.system import NOT_BEGUN
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown, command_id
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.adapters.http.conftest import BODY, TOKEN, Asking, Serving

Say = Callable[[list[dict[str, Any]]], web.StreamResponse]


@pytest.fixture
def commands(command: Command) -> list[Command]:
    """Three commands of three keys."""
    return [numbered(command, number) for number in range(3)]


def numbered(command: Command, number: int) -> Command:
    key = ActorKey("timesheet", f"S{number}")
    id = command_id("erp", command.operation, key, "L1", 1)
    return command._replace(id=id, key=key, reference=f"timesheet/S{number}/L1/1")


def bare(body: bytes = b"{}") -> Command:
    identity = ("erp", "o", ActorKey("a", "b"), "1", 1)
    return Command(command_id(*identity), *identity, body, "a/b/1/1")


async def answered(serving: Serving, asking: Asking, commands: Sequence[Command], say: Say) -> Sequence[Outcome]:
    """The outcomes of a batch that is answered so."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return say((await request.json())["lines"])

    found = await asking(await serving(answer)).send_many(commands)
    assert not isinstance(found, Rejected)
    return found


def well(line: dict[str, Any]) -> dict[str, Any]:
    return {"idempotency_key": line["idempotency_key"], "status": 201, "id": f"B-{line['reference']}"}


def said(lines: Sequence[object], status: int = 207) -> web.Response:
    return web.json_response({"lines": lines}, status=status)


async def test_a_batch_is_one_post_with_every_frozen_body(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def answer(request: web.Request) -> web.Response:
        raw = await request.read()
        seen.append((request.method, request.raw_path, dict(request.headers), raw))
        return said([well(line) for line in orjson.loads(raw)["lines"]])

    found = await asking(await serving(answer)).send_many(commands)
    assert found == [Confirmed(f"B-{each.reference}") for each in commands]
    [(method, path, headers, raw)] = seen
    assert (method, path, headers["Content-Type"]) == ("POST", "/billables/batch", "application/json")
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert raw.count(BODY) == 3, "each body is in it byte for byte"
    assert [(line["idempotency_key"], line["reference"]) for line in orjson.loads(raw)["lines"]] == [
        (str(each.id), each.reference) for each in commands
    ]


async def test_answers_are_told_apart_by_their_keys_whatever_their_order(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    found = await answered(serving, asking, commands, lambda lines: said([well(line) for line in lines[::-1]], 200))
    assert found == [Confirmed(f"B-{each.reference}") for each in commands]


async def test_each_line_means_what_it_would_mean_alone(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    errors: list[dict[str, object]] = [
        {"status": 422, "error": {"code": "closed_period", "detail": "the books are closed"}},
        {"status": 503, "error": {"code": "down"}, "retry_after": 7.5},
        {"status": 500, "error": {}},
    ]

    def say(lines: list[dict[str, Any]]) -> web.Response:
        return said(
            [{**error, "idempotency_key": line["idempotency_key"]} for error, line in zip(errors, lines, strict=True)]
        )

    found = await answered(serving, asking, commands, say)
    assert isinstance(found[0], Rejected)
    assert (found[0].failure.code, found[0].failure.reason) == ("closed_period", "the books are closed")
    assert isinstance(found[1], Deferred)
    assert found[1].retry_after == 7.5
    assert isinstance(found[2], Unknown)


async def test_a_line_that_is_left_out_is_unknown_and_no_other(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    found = await answered(serving, asking, commands, lambda lines: said([well(lines[0]), well(lines[2])]))
    assert [type(each) for each in found] == [Confirmed, Unknown, Confirmed]
    assert isinstance(found[1], Unknown)
    assert found[1].failure.code == "line_left_out"


@pytest.mark.parametrize(
    "line",
    [
        {"status": 201},
        {"id": "B-1"},
        {"status": "201", "id": "B-1"},
        {"status": True, "id": "B-1"},
        {"status": 10**50, "id": "B-1"},
        {"status": 201, "id": "B-1", "error": {}},
        {"status": 422},
        {"status": 422, "error": "refused"},
        {"status": 409, "error": {"code": "reference_exists"}},
    ],
)
async def test_a_line_that_proves_nothing_is_unknown(
    serving: Serving, asking: Asking, commands: list[Command], line: dict[str, object]
) -> None:
    def say(lines: list[dict[str, Any]]) -> web.Response:
        odd = {**line, "idempotency_key": lines[1]["idempotency_key"]}
        return web.Response(
            body=orjson.dumps({"lines": [well(lines[0]), well(lines[2])]}).replace(
                b'{"lines":[', b'{"lines":[' + _json(odd) + b","
            ),
            content_type="application/json",
        )

    found = await answered(serving, asking, commands, say)
    assert [type(each) for each in found] == [Confirmed, Unknown, Confirmed]


async def test_a_key_that_is_answered_twice_has_no_answer(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    found = await answered(serving, asking, commands, lambda lines: said([well(each) for each in [*lines, lines[1]]]))
    assert [type(each) for each in found] == [Confirmed, Unknown, Confirmed]


async def test_an_answer_that_is_cut_leaves_every_line_unknown(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        lines = (await request.json())["lines"]
        body = orjson.dumps({"lines": [well(line) for line in lines]})
        response = web.StreamResponse(status=207, headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response

    found = await asking(await serving(answer)).send_many(commands)
    assert isinstance(found, list)
    assert [each.failure.code for each in found] == ["connection_lost"] * 3


@pytest.mark.parametrize("body", [b'{"lines":[{"idemp', b"", b"[]", b"{}", b'{"id":"B-1"}', b'{"lines":{}}'])
async def test_an_answer_without_lines_proves_nothing(
    serving: Serving, asking: Asking, commands: list[Command], body: bytes
) -> None:
    found = await answered(
        serving, asking, commands, lambda _: web.Response(body=body, content_type="application/json")
    )
    assert [type(each) for each in found] == [Unknown] * 3


async def test_a_system_that_takes_no_connection_leaves_every_line_deferred(
    asking: Asking, commands: list[Command]
) -> None:
    found = await asking("http://127.0.0.1:1").send_many(commands)
    assert isinstance(found, list)
    assert {type(each) for each in found} == {Deferred}


@pytest.mark.parametrize(
    ("status", "headers", "kind", "failure_class"),
    [
        (401, {}, Deferred, FailureClass.AUTH),
        (429, {"Retry-After": "3"}, Deferred, FailureClass.RATE_LIMITED),
        (503, {"Retry-After": "3"}, Deferred, FailureClass.UNAVAILABLE),
        (500, {}, Unknown, FailureClass.UNAVAILABLE),
        (404, {}, Unknown, FailureClass.UNKNOWN_OUTCOME),
        (413, {}, Unknown, FailureClass.UNKNOWN_OUTCOME),
        (409, {}, Unknown, FailureClass.UNKNOWN_OUTCOME),
    ],
)
async def test_an_answer_to_the_whole_is_the_same_for_each_line(
    serving: Serving,
    asking: Asking,
    commands: list[Command],
    status: int,
    headers: dict[str, str],
    kind: type[Outcome],
    failure_class: FailureClass,
) -> None:
    problem = {"code": "reference_exists" if status == 409 else "whole", "id": "B-1", "detail": "of the whole"}

    def say(_: list[dict[str, Any]]) -> web.Response:
        body = orjson.dumps(problem)
        return web.Response(status=status, headers=headers, body=body, content_type="application/problem+json")

    found = await answered(serving, asking, commands, say)
    assert [type(each) for each in found] == [kind] * 3
    assert {each.failure.failure_class for each in found if not isinstance(each, Confirmed)} == {failure_class}


async def test_a_refusal_of_the_whole_is_said_to_be_one(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"code": "malformed"}, status=400, content_type="application/problem+json")

    found = await asking(await serving(answer)).send_many(commands)
    assert isinstance(found, Rejected)


async def test_a_failure_repeats_neither_the_token_nor_a_body(
    serving: Serving, asking: Asking, commands: list[Command]
) -> None:
    def say(lines: list[dict[str, Any]]) -> web.Response:
        texts = [TOKEN, BODY.decode(), "in other words"]
        return said(
            [
                {"idempotency_key": line["idempotency_key"], "status": 422, "error": {"code": "no", "detail": text}}
                for line, text in zip(lines, texts, strict=True)
            ]
        )

    found = await answered(serving, asking, commands, say)
    reasons = [each.failure.reason for each in found if isinstance(each, Rejected)]
    assert "withheld" in reasons[0]
    assert "withheld" in reasons[1]
    assert reasons[2] == "in other words"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
line_values = st.fixed_dictionaries(
    {},
    optional={
        "idempotency_key": st.sampled_from([str(n) for n in range(4)]) | json_values,
        "status": st.sampled_from([200, 201, 400, 409, 422, 429, 503]) | json_values,
        "id": st.just("B-1") | json_values,
        "error": st.just({"code": "no", "detail": "no"}) | json_values,
        "retry_after": json_values,
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(line_values | json_values, max_size=6), st.sampled_from([200, 207, 201, 500]))
def test_whatever_an_answer_holds_each_command_has_one_outcome(lines: list[object], status: int) -> None:
    command = bare()
    body = _json({"lines": lines})
    found = outcomes_of([command, command], Answer(status), body, retry_after_cap=300)
    each = list(found) if isinstance(found, Sequence) else [found]
    assert {type(outcome) for outcome in each} == {Unknown}, "no line names its key, so nothing is proved"


def test_a_confirmed_line_takes_the_word_of_its_own_line_alone() -> None:
    """An id beside the lines, or in an answer that is no batch, is nobody's."""
    command = bare()
    raw = b'{"id":"B-1"}'
    answer = read_answer(201, {}, raw, retry_after_cap=1.0)
    assert isinstance(outcome_of(answer), Confirmed)
    assert isinstance(outcomes_of([command], answer, raw, retry_after_cap=1.0), Unknown)
    exists = Answer(409, problem=Problem(code="reference_exists", id="B-1"))
    assert isinstance(outcomes_of([command], exists, None, retry_after_cap=1.0), Unknown)


def test_bodies_are_neither_parsed_nor_written_anew() -> None:
    odd = b'{ "b":1.10,\n "a":"\\u00e9" }'
    assert odd in batch_body([bare(odd)])


def _json(value: object) -> bytes:
    """JSON of integers of any size, too."""
    return json.dumps(value).encode()


def runs(command: Command) -> list[Command]:
    """Of two keys in turn: two lines of the first, one of the second, and a third of the first."""
    keys = [numbered(command, number) for number in (0, 1)]
    lines = [(keys[0], "L1"), (keys[0], "L2"), (keys[1], "L1"), (keys[0], "L3")]
    return [each._replace(id=command_id("erp", each.operation, each.key, line, 1), line=line) for each, line in lines]


def test_a_line_names_the_one_before_it_of_its_key(command: Command) -> None:
    commands = runs(command)
    first, second, *_ = commands
    lines = orjson.loads(batch_body(commands))["lines"]
    assert [line.get("follows") for line in lines] == [None, str(first.id), None, str(second.id)]


async def test_what_is_behind_an_undone_line_was_not_begun(serving: Serving, asking: Asking, command: Command) -> None:
    def say(lines: list[dict[str, Any]]) -> web.Response:
        statuses = [422, 424, 424, 424]
        return said(
            [
                {"idempotency_key": line["idempotency_key"], "status": status, "error": {"code": "c", "detail": "d"}}
                for line, status in zip(lines, statuses, strict=True)
            ]
        )

    found = await answered(serving, asking, runs(command), say)
    assert [type(each) for each in found] == [Rejected, Deferred, Unknown, Deferred]
    assert (found[1], found[3]) == (NOT_BEGUN, NOT_BEGUN), "the third follows nothing, so its 424 proves nothing"

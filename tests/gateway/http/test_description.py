"""The description of the API is complete and true."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import hdrs, web
from jsonschema_rs import Draft202012Validator

from gateway.http import problems
from gateway.http.description.declared import declared, document
from gateway.http.description.openapi import template
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problem_page, problems_page
from gateway.http.description.problem_texts import TEXTS
from gateway.http.description.served import PAGES
from gateway.http.description.shapes import SHAPES
from tests.gateway.http.fitting import misfit
from tests.gateway.http.stand import Stand

DOCS: Final = Path(__file__).parents[3] / "docs"
DOCUMENT: Final = document()
OPERATIONS: Final = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
NAMES: Final = {
    "entity": "timesheet", "key": "T-1", "ref": "8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f", "id": "1", "digest": "00",
    "name": "erp", "what": "ab" * 32, "type": "timesheet.approved.v1", "act": "retry",
}  # fmt: skip
"""Something for each name in a path."""


def test_every_route_has_a_shape_and_every_shape_a_route() -> None:
    assert {(route.method, template(route.path)) for route in declared()} == set(SHAPES)
    assert {(method, path) for method, path, _ in OPERATIONS} == set(SHAPES)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names) > 50
    assert all(operation["summary"] for _, _, operation in OPERATIONS)


def test_every_schema_is_one() -> None:
    def schemas(part: Any) -> list[Any]:  # JSON
        match part:
            case {"schema": schema, **rest}:
                return [schema, *schemas(list(rest.values()))]
            case dict():
                return [found for each in part.values() for found in schemas(each)]
            case list():
                return [found for each in part for found in schemas(each)]
            case _:
                return []

    found = schemas(DOCUMENT["paths"])
    assert len(found) > 500
    for schema in (*found, *DOCUMENT["components"]["schemas"].values()):
        Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_every_kind_of_problem_has_a_page() -> None:
    kinds = {value for value in vars(problems).values() if isinstance(value, problems.Kind)}
    assert kinds == set(TEXTS)
    assert problem_page("lane-changed") is not None
    assert problem_page("lane-change") is None


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{each[0]} {each[1]}" for each in OPERATIONS]
)
async def test_what_it_takes_is_what_is_described(
    stand: Stand, method: str, path: str, operation: dict[str, Any]
) -> None:
    """Every route names what it takes when it is given something else."""
    asked = re.sub(r"\{(\w+)\}", lambda part: NAMES[part[1]], path)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    described = {each["name"] for each in operation["parameters"] if each["in"] == "query"}
    if described or body is None:
        page = await (stand.get(f"{asked}?none=1") if method == "GET" else _sent(stand, method, f"{asked}?none=1"))
        assert named(page.detail) == described
    if body is not None and "$ref" in body["schema"]:
        page = await _sent(stand, method, asked, {"none": 1})
        schema = DOCUMENT["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        assert named(page.detail) == set(schema["properties"])


async def _sent(stand: Stand, method: str, path: str, body: object = None) -> Any:  # a page
    return await stand.asked_by("a-token-for-one-test", method, path, body, If_Match='"1"')


def named(detail: str) -> set[str]:
    """The fields that a refusal names."""
    found = re.search(r"none: there is no such field; there are ([^.;]*)", detail)
    assert found is not None, detail
    return set(found[1].split(", ")) - {"none"}


def test_only_the_pages_about_the_api_need_no_token() -> None:
    assert [route.path for route in PAGES] == [
        "/openapi.json",
        "/asyncapi.json",
        "/schemas/{type}",
        "/docs",
        "/problems",
        "/problems/{name}",
        "/runbook",
        "/runbook/{name}",
    ]
    assert all(route.permission is None and route.method == "GET" for route in PAGES)
    assert all(route.permission is not None for route in declared())


async def test_it_is_served_to_everybody(alone: Stand) -> None:
    page = await alone.api("GET", "/openapi.json")
    assert (page.status, page.json) == (200, DOCUMENT)
    for path in ("/docs", "/problems", "/problems/lane-changed"):
        page = await alone.api("GET", path)
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
        assert "<script" not in page.text
        style = page.text.partition("<style>")[2].partition("</style>")[0].encode()
        assert f"'sha256-{b64encode(sha256(style).digest()).decode()}'" in page.headers["Content-Security-Policy"]
    assert "lane-changed" in page.text
    listed = re.findall(r'href="([^"]+)"', (await alone.api("GET", "/runbook")).text)
    assert len(listed) > 15
    for path in listed:
        assert (await alone.api("GET", path)).status == 200, path
    assert (await alone.api("GET", "/runbook/none")).status == 404
    assert (await alone.api("GET", "/problems/none")).status == 404
    assert (await alone.api("POST", "/docs")).status == 401


async def test_each_type_that_is_described_leads_to_a_page(alone: Stand) -> None:
    types = set(re.findall(r"/problems/[\w-]+", (await alone.api("GET", "/openapi.json")).text))
    assert len(types) > 40
    for each in types:
        assert (await alone.api("GET", each)).status == 200, each


def test_the_pages_of_the_docs_are_these() -> None:
    assert (DOCS / "api.md").read_text(encoding="utf-8") == api_page(DOCUMENT), "run: tallystick docs api > docs/api.md"
    found = (DOCS / "problems.md").read_text(encoding="utf-8")
    assert found == problems_page(), "run: tallystick docs problems > docs/problems.md"


def test_an_answer_that_does_not_fit_is_found() -> None:
    json = {"Content-Type": "application/json"}
    head = b'{"head": "0:00", "sealed_until": null, "unsealed": 0%s}'
    assert misfit(hdrs.METH_GET, "http://h/v1/audit/head", 200, json, head % b"") is None
    for status, headers, content in (
        (200, json, head % b', "more": 1'),
        (200, json, b'{"head": "0:00", "unsealed": 0}'),
        (200, json, head.replace(b"null", b"1") % b""),
        (201, json, head % b""),
        (200, {"Content-Type": "text/plain"}, head % b""),
    ):
        assert misfit(hdrs.METH_GET, "http://h/v1/audit/head", status, headers, content) is not None
    problem = b'{"type":"/problems/%s","title":"t","status":404,"detail":"d","instance":"/i"}'
    for kind, fits in ((b"message-not-found", True), (b"lane-not-found", False)):
        told = misfit("GET", "http://h/v1/messages/x", 404, {"Content-Type": problems.MEDIA_TYPE}, problem % kind)
        assert (told is None) == fits


def test_no_path_of_its_own_is_taken_for_an_id_by_another_method() -> None:
    """`GET /v1/replays/plans/sent` must not look for a plan of the name `sent`."""
    paths = {route.path for route in declared()}
    shadowed = [
        f"{route.method} {path}"
        for path in paths
        if "{" not in path
        for route in declared()
        if "{" in route.path and _matches(route.path, path)
        if not any(each.path == path and each.method == route.method for each in declared())
    ]
    assert not shadowed, "let the pattern of the id leave out what has a path of its own"


def _matches(template: str, path: str) -> bool:
    app = web.Application()
    resource = app.router.add_resource(template)
    found = resource._match(path)  # what the router itself asks
    return found is not None

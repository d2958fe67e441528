"""The pages about the API that anybody may read: its description, and what each type of problem means."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import orjson
from aiohttp import hdrs, web
from markdown_it import MarkdownIt

from gateway.http.api import Route
from gateway.http.description.asyncapi import asyncapi as events_described
from gateway.http.description.declared import document
from gateway.http.description.page import api_page
from gateway.http.description.problem_page import problem_page, problems_page
from gateway.http.problems import NOT_FOUND, Problem
from gateway.http.requests import Nothing, query
from gateway.http.style import STYLE
from gateway.runbook import PLACE, index
from gateway.runbook import page as runbook_page
from schemas.catalogue import CATALOGUE

_FRAME: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tallystick</title>
<style>{style}</style>
{body}</html>
"""

_HEADING: Final = re.compile(r"<h3>([\w-]+)</h3>")
"""Of what is linked to: a shape or a type of problem."""


@dataclass(frozen=True, slots=True)
class _Texts:
    openapi: bytes
    asyncapi: bytes
    docs: str
    problems: str


@cache
def _texts() -> _Texts:
    """Made once, when somebody asks: it takes most of a second."""
    described = document()
    return _Texts(
        orjson.dumps(described),
        orjson.dumps(events_described()),
        _html(api_page(described, problems="/problems/")),
        _html(problems_page()),
    )


async def _made() -> _Texts:
    """In a thread, so that messages do not wait for it."""
    return await asyncio.to_thread(_texts)


async def openapi(request: web.Request) -> web.Response:
    """The description of the API."""
    query(request, Nothing)
    return web.Response(body=(await _made()).openapi, content_type="application/json")


async def asyncapi(request: web.Request) -> web.Response:
    """The description of events and notices."""
    query(request, Nothing)
    return web.Response(body=(await _made()).asyncapi, content_type="application/json")


async def schema(request: web.Request) -> web.Response:
    """The JSON Schema of a type of event, a notice, or an operation."""
    query(request, Nothing)
    found = CATALOGUE.get(request.match_info["type"])
    if found is None:
        raise Problem(NOT_FOUND, "There is no schema of this name: /asyncapi.json names those of events and notices.")
    return web.Response(body=orjson.dumps(found.schema), content_type="application/schema+json")


async def docs(request: web.Request) -> web.Response:
    """The same to be read."""
    query(request, Nothing)
    return _page((await _made()).docs)


async def problems(request: web.Request) -> web.Response:
    """All types of problems."""
    query(request, Nothing)
    return _page((await _made()).problems)


async def problem(request: web.Request) -> web.Response:
    """What a type of problem means, and what to do."""
    query(request, Nothing)
    found = problem_page(request.match_info["name"])
    if found is None:
        raise Problem(NOT_FOUND, "There is no problem of this name: /problems lists them.")
    return _page(_html(found))


async def runbook(request: web.Request) -> web.Response:
    """The list of what can stand wrong."""
    query(request, Nothing)
    return _page(_html(index()).replace('.md">', '">').replace('href="', f'href="{PLACE}/'))


async def runbook_of(request: web.Request) -> web.Response:
    """What a failure class or a check of readiness means, and what to do."""
    query(request, Nothing)
    found = runbook_page(request.match_info["name"])
    if found is None:
        raise Problem(NOT_FOUND, f"The runbook has no page of this name: {PLACE} lists them.")
    return _page(_html(found))


PAGES: Final = (
    Route(hdrs.METH_GET, "/openapi.json", None, openapi),
    Route(hdrs.METH_GET, "/asyncapi.json", None, asyncapi),
    Route(hdrs.METH_GET, "/schemas/{type}", None, schema),
    Route(hdrs.METH_GET, "/docs", None, docs),
    Route(hdrs.METH_GET, "/problems", None, problems),
    Route(hdrs.METH_GET, "/problems/{name}", None, problem),
    Route(hdrs.METH_GET, PLACE, None, runbook),
    Route(hdrs.METH_GET, f"{PLACE}/{{name}}", None, runbook_of),
)
"""They say what stands in the documentation, and nothing of the business."""


def _html(text: str) -> str:
    """A page of Markdown; HTML in it is text."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return _FRAME.format(style=STYLE, body=_HEADING.sub(_with_id, body))


def _with_id(heading: re.Match[str]) -> str:
    return f'<h3 id="{heading[1].lower()}">{heading[1]}</h3>'


def _page(html: str) -> web.Response:
    return web.Response(text=html, content_type="text/html")

"""The document itself: OpenAPI 3.1, made of the table of routes and the table of shapes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, assert_never

from gateway.http import problems as p
from gateway.http.api import Route
from gateway.http.description.json_schema import PLACE, JsonSchema, Mode, json_schemas
from gateway.http.description.shape import Json, Plain, Shape
from gateway.http.scopes import About
from schemas.acts import Act
from schemas.record import Record

VERSION: Final = "1"
"""Of the API, as its paths name it; not of the release."""
_ABOUT: Final = """\
What operators and their tools ask of the gateway. Every request needs a bearer token; each route names its permission.
Lists come in pages: `next`, and the header `Link`, lead to the page behind. HEAD is answered wherever GET is.
Refusals are problems (RFC 9457): what is wrong, and what to change; their `type` leads to a page that says more."""
_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "The one token of the gateway, or a caller's own.",
}
_PART: Final = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_TITLES: Final = ("title", "description")
_PARTS: Final[Mapping[str, JsonSchema]] = {
    "entity": _KEY,
    "key": _KEY,
    "name": {"type": "string", "minLength": 1},
    "type": {"type": "string", "minLength": 1},
    "id": _NUMBER,
    "ref": {"type": "string", "format": "uuid"},
    "digest": {"type": "string", "pattern": "^(?:[0-9a-f]{2}){1,64}$"},
    "act": {"enum": [*Act]},
    "what": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
"""What each name in a path stands for."""
_ALWAYS: Final = (
    p.REQUEST_INVALID, p.UNAUTHENTICATED, p.TOKEN_NOT_SET, p.FORBIDDEN, p.ISSUER_UNAVAILABLE, p.STORE_UNAVAILABLE,
    p.TIMED_OUT, p.INTERNAL, p.RATE_LIMITED,
)  # fmt: skip
_OF_BODIES: Final = (p.BODY_TOO_SLOW, p.BODY_TOO_LARGE)
_NO_HTTP: Final = "Of what is no HTTP, or has a line or header of more than 8190 bytes, which no route has seen."
_PROBLEM: Final[JsonSchema] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused: `detail` says what to change, `type` is the path of a page about it.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "instance"],
}


def openapi(routes: Iterable[Route], shapes: Mapping[tuple[str, str], Shape]) -> JsonSchema:
    """The document of these routes; those that anybody may ask are left out. Raises `KeyError` without a shape."""
    described = [(route, shapes[route.method, template(route.path)]) for route in routes if route.permission]
    found, shared = json_schemas(dict(_types(shape for _, shape in described)))
    forms = {shape.query.__name__ for _, shape in described}
    paths: dict[str, JsonSchema] = {}
    for route, shape in described:
        paths.setdefault(template(route.path), {})[route.method.lower()] = _operation(route, shape, found, shared)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tallystick", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": _PROBLEM, **{name: schema for name, schema in shared.items() if name not in forms},
            },
            "securitySchemes": {"token": _TOKEN},
        },
        "security": [{"token": []}],
    }  # fmt: skip


def template(path: str) -> str:
    """A path as OpenAPI writes it: its parts without their patterns."""
    return _PART.sub(r"{\1}", path)


def _types(shapes: Iterable[Shape]) -> Iterator[tuple[str, tuple[Mode, Any]]]:
    """What schemas are made of, by a name of each."""
    for shape in shapes:
        yield _form(shape.query), ("validation", shape.query)
        if isinstance(shape.body, type):
            yield _form(shape.body), ("validation", shape.body)
        if isinstance(shape.gives, Json):
            yield str(shape.gives.type), ("serialization", shape.gives.type)


def _form(form: type[Record]) -> str:
    return f"{form.__module__}.{form.__qualname__}"


def _operation(
    route: Route, shape: Shape, found: Mapping[str, JsonSchema], shared: Mapping[str, JsonSchema]
) -> JsonSchema:
    summary, _, more = (inspect.getdoc(route.answer) or "").partition("\n\n")
    path = template(route.path)
    operation: JsonSchema = {
        "operationId": "_".join([route.method.lower(), *re.findall(r"\w+", path)[1:]]),
        "tags": [path.split("/")[2].partition(".")[0]],
        "summary": summary,
        "description": "\n\n".join(filter(None, (more, _needed(route)))),
        "parameters": [
            *_path_parts(route.path),
            *_headers(shape),
            *_query(found[_form(shape.query)], shared),
        ],
    }
    if shape.body is not None:
        operation["requestBody"] = {"required": True, "content": _body(shape.body, found)}
    operation["responses"] = {**_answers(shape, found), **_refusals(route, shape)}
    return operation


def _needed(route: Route) -> str:
    named = [f"`{permission}`" for permission in sorted(route.permissions)]
    return f"Needs the permission{'s' if len(named) > 1 else ''} {' and '.join(named)}."


def _path_parts(path: str) -> Iterator[JsonSchema]:
    for name, _ in _PART.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": _PARTS[name]}


def _headers(shape: Shape) -> Iterator[JsonSchema]:
    for header in shape.headers:
        schema = {"type": "string", "pattern": header.pattern}
        yield {"name": header.name, "in": "header", "description": header.says, "schema": schema}


def _query(form: JsonSchema, shared: Mapping[str, JsonSchema]) -> Iterator[JsonSchema]:
    """The fields of a form as parameters."""
    fields = shared[form["$ref"].removeprefix(PLACE)] if "$ref" in form else form
    for name, schema in fields.get("properties", {}).items():
        written = {key: value for key, value in schema.items() if key not in _TITLES}
        parameter = {"name": name, "in": "query", "schema": _given(written)}
        if name in fields.get("required", ()):
            parameter["required"] = True
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _given(schema: JsonSchema) -> JsonSchema:
    """What a parameter may be where it is given: none is ever null."""
    rest = {name: value for name, value in schema.items() if name != "default" or value is not None}
    match rest:
        case {"anyOf": [one, {"type": "null"}], **others}:
            return {**others, **one}
        case _:
            return rest


def _body(body: type[Record] | str, found: Mapping[str, JsonSchema]) -> JsonSchema:
    if isinstance(body, str):
        return {media_type: {"schema": {"type": "object"}} for media_type in (body, "application/json")}
    return {"application/json": {"schema": found[_form(body)]}}


def _answers(shape: Shape, found: Mapping[str, JsonSchema]) -> JsonSchema:
    match shape.gives:
        case Json(type_):
            content: JsonSchema = {"application/json": {"schema": found[str(type_)]}}
        case Plain(media_type, says):
            content = {media_type: {"schema": {"description": says}}}
        case _:
            assert_never(shape.gives)
    headers: JsonSchema = {}
    if shape.is_page:
        says = 'The page behind this one, as `<…>; rel="next"`; left out where there is none.'
        headers["Link"] = {"description": says, "schema": {"type": "string"}}
    if shape.has_etag:
        says = "The version that is shown, for `If-Match`."
        headers["ETag"] = {"description": says, "required": True, "schema": {"type": "string"}}
    told = {"content": content, **({"headers": headers} if headers else {})}
    return {str(status): {"description": _STATUSES[status], **told} for status in shape.statuses}


_STATUSES: Final = {200: "Done.", 201: "Made.", 202: "It was taken, and goes on."}


def _refusals(route: Route, shape: Shape) -> JsonSchema:
    """The problems that it may answer with, by status; each names its types."""
    by_status: dict[int, list[p.Kind]] = {}
    bodies = () if shape.body is None else _OF_BODIES
    reach = () if route.about in (About.NO_ENTITY, About.LIST) else (p.OUT_OF_REACH,)
    parts = (p.NOT_FOUND,) if _PART.search(route.path) else ()
    for kind in (*_ALWAYS, *reach, *parts, *bodies, *shape.refuses):
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _refusal(HTTPStatus(status), kinds) for status, kinds in sorted(by_status.items())}


def _refusal(status: HTTPStatus, kinds: Iterable[p.Kind]) -> JsonSchema:
    types = {"properties": {"type": {"enum": [f"/problems/{kind.name}" for kind in kinds]}}}
    schema = {"allOf": [{"$ref": f"{PLACE}Problem"}, types]}
    told: JsonSchema = {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {p.MEDIA_TYPE: {"schema": schema}},
    }
    if status is HTTPStatus.BAD_REQUEST:
        told["content"]["text/plain"] = {"schema": {"type": "string", "description": _NO_HTTP}}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        told["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return told

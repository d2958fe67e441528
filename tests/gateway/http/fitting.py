"""Whether an answer is what the description of the API says: asked of every answer of every test of the listeners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from jsonschema_rs import Draft202012Validator

from gateway.http.description.declared import document
from gateway.http.description.json_schema import JsonSchema

DOCUMENT: Final = document()


def misfit(method: str, url: str, status: int, headers: Mapping[str, str], content: bytes) -> str | None:
    """What the description does not say of this answer; None if it says it, or nothing of such a path."""
    path = urlsplit(url).path
    operation = _operation("get" if method == "HEAD" else method.lower(), path)
    if operation is None or status == 405:
        return None
    told = operation["responses"].get(str(status))
    if told is None:
        return f"{status} is not described: {content!r}"
    media_type = headers["Content-Type"].partition(";")[0]
    if media_type not in told["content"]:
        return f"{status}: {media_type} is not described"
    missing = [
        name for name, header in told.get("headers", {}).items() if header.get("required") and name not in headers
    ]
    if missing:
        return f"{status}: {missing} are missing"
    if method == "HEAD" or not media_type.endswith("json"):
        return None
    wrong = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in _validator(operation["operationId"], status, media_type).iter_errors(orjson.loads(content))
    ]
    return "; ".join(wrong) or None


def _operation(method: str, path: str) -> JsonSchema | None:
    """The first that fits, as the router chooses."""
    for template, operations in DOCUMENT["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if method in operations and re.fullmatch(pattern, path):
            found: JsonSchema = operations[method]
            return found
    return None


@cache
def _validator(operation_id: str, status: int, media_type: str) -> Draft202012Validator:
    [operation] = [
        each
        for operations in DOCUMENT["paths"].values()
        for each in operations.values()
        if each["operationId"] == operation_id
    ]
    schema = operation["responses"][str(status)]["content"][media_type]["schema"]
    return Draft202012Validator({**_closed(schema), "components": _closed(DOCUMENT["components"])})


def _closed(schema: Any) -> Any:  # JSON
    """The same, refusing members that it does not name: the description leaves room for later ones, a test does not."""
    match schema:
        case {"properties": dict(), "type": "object"} if "additionalProperties" not in schema:
            return {name: _closed(part) for name, part in schema.items()} | {"additionalProperties": False}
        case dict():
            return {name: _closed(part) for name, part in schema.items()}
        case list():
            return [_closed(part) for part in schema]
        case _:
            return schema

"""The description of the API as a page to be read, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from gateway.http.description.json_schema import PLACE, JsonSchema
from gateway.http.problems import MEDIA_TYPE

_METHODS: Final = ("get", "post", "patch", "delete")
_REFUSED: Final = 400
"""Statuses from here on are refusals."""


def api_page(document: JsonSchema, problems: str = "problems.md#") -> str:
    """The page of an OpenAPI document; `problems` comes before the name of a type of problem in a link."""
    return "\n".join(_lines(document, problems))


def _lines(document: JsonSchema, problems: str) -> Iterator[str]:
    operations = [
        (path, method, of_path[method])
        for path, of_path in document["paths"].items()
        for method in _METHODS
        if method in of_path
    ]
    everywhere = set.intersection(*({*_problems(operation)} for _, _, operation in operations))
    yield f"# The API\n\n{document['info']['description']}\n"
    yield f"Any route may answer {_links(sorted(everywhere), problems)}; below stand those beside these.\n"
    for tag, group in groupby(operations, lambda each: each[2]["tags"][0]):
        yield f"## {tag.replace('-', ' ').capitalize()}\n"
        for path, method, operation in group:
            yield f"### `{method.upper()} {path}`\n"
            yield from _operation(operation)
            own = [name for name in _problems(operation) if name not in everywhere]
            yield f"- refuses with {_links(own, problems)}\n" if own else ""
    yield "## Shapes\n"
    for name, schema in document["components"]["schemas"].items():
        yield f"### {name}\n"
        yield from shape_lines(schema)


def _problems(operation: JsonSchema) -> Iterator[str]:
    """The names of the problems that it may answer with, in the order of their statuses."""
    for status, answer in operation["responses"].items():
        if int(status) >= _REFUSED:
            types = answer["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["type"]["enum"]
            yield from (type_.rpartition("/")[2] for type_ in types)


def _links(names: Sequence[str], problems: str) -> str:
    return ", ".join(f"[{name}]({problems}{name})" for name in names)


def _operation(operation: JsonSchema) -> Iterator[str]:
    """What it does, takes, and answers."""
    yield f"{_says(operation['summary'])} {_says(operation['description'])}\n"
    yield from map(_parameter, operation["parameters"])
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"- body, `{media_type}`: {_type(content['schema'])}"
    for status, answer in operation["responses"].items():
        if int(status) < _REFUSED:
            for media_type, content in answer["content"].items():
                yield f"- answers {status}, `{media_type}`: {_type(content['schema'])}"


def _parameter(parameter: JsonSchema) -> str:
    must = ", required" if parameter.get("required") and parameter["in"] != "path" else ""
    says = f": {parameter['description']}" if "description" in parameter else ""
    return f"- {parameter['in']} `{parameter['name']}`{must}, {_type(parameter['schema'])}{_says(says)}"


def shape_lines(schema: JsonSchema) -> Iterator[str]:
    """A schema with its members."""
    if "description" in schema:
        yield f"{_says(schema['description'])}\n"
    members: Mapping[str, JsonSchema] = schema.get("properties", {})
    if not members:
        yield f"{_type(schema)}\n"
        return
    yield "| member | | |\n|---|---|---|"
    must = schema.get("required", ())
    for name, member in members.items():
        left_out = "" if name in must else "may be left out. "
        yield f"| `{name}` | {_type(member)} | {left_out}{_says(member.get('description', ''))} |"
    yield ""


def _says(text: str) -> str:
    return " ".join(text.split())


def _type(schema: JsonSchema) -> str:
    """A schema in a few words."""
    match schema:
        case {"$ref": str(place)}:
            name = place.removeprefix(PLACE)
            return f"[{name}](#{name.lower().replace('.', '')})"
        case {"anyOf": list(some)}:
            return " or ".join(_type(each) for each in some)
        case {"enum": list(values)}:
            return ", ".join(f"`{value}`" for value in values)
        case {"const": value}:
            return f"`{value}`"
        case {"type": "array", "items": dict(item)}:
            return f"list of {_type(item)}"
        case {"type": "object", "additionalProperties": dict(value)}:
            return f"object of {_type(value)}"
        case {"type": "string", "format": str(form)}:
            return form
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"integer from {low} to {high}"
        case {"type": str(kind)}:
            return kind
        case _:
            return _anything(schema)


def _anything(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "anything"))

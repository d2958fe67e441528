"""Events and notices as an AsyncAPI 3 document, made of the tables of the code."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from gateway.http.description.json_schema import JsonSchema
from gateway.notifier import EXCHANGE as NOTICES_EXCHANGE
from gateway.reader import EXCHANGE as EVENTS_EXCHANGE
from schemas.attributes import SEQUENCE_MAX
from schemas.catalogue import CATALOGUE, Entry, Way, newer, notice_name
from schemas.codec import STRUCTURED
from schemas.notices import NOTICES
from schemas.values import ID_BYTES, MOMENT_PATTERN

PLACE: Final = "#/components/schemas/"
_ABOUT: Final = """\
What sources publish for the gateway, and what it tells. Events are CloudEvents 1.0 in structured or binary mode,
persistent and mandatory, with publisher confirms and the AMQP property `user_id`. Notices come at least once, each time
with the same message id."""
_WORDS: Final = {
    "message.dead_letter": (),
    "message.*": ("verdict",),
    "entity.*.*": ("entity", "fact"),
    "case.*": ("what",),
    "restore.*": ("what",),
    "schema.deprecated": (),
}
"""What each star of a binding pattern stands for: members of the notice."""
_ID: Final = {"type": "string", "minLength": 1, "maxLength": ID_BYTES}
_ENVELOPE: Final[JsonSchema] = {
    "type": "object",
    "description": "The context attributes of CloudEvents 1.0; others are ignored.",
    "properties": {
        "specversion": {"const": "1.0"},
        "type": {"type": "string"},
        "source": _ID | {"description": "One that the policy file lists."},
        "id": _ID | {"description": "Unique per source: the same again is the same event."},
        "subject": _ID | {"description": "The entity's id."},
        "time": {"type": "string", "pattern": f"^(?:{MOMENT_PATTERN})$"},
        "datacontenttype": {"const": "application/json"},
        "sequence": {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": SEQUENCE_MAX},
                {"type": "string", "pattern": "^[0-9]{1,30}$"},
            ],
            "description": "The number of the event within its subject, where its source promises numbers.",
        },
        "correlationid": _ID,
        "causationid": _ID,
        "traceparent": {"type": "string"},
    },
    "required": ["specversion", "type", "source", "id", "subject", "data"],
}


@cache
def asyncapi() -> JsonSchema:
    """The document of this release."""
    taken = [entry for entry in CATALOGUE.values() if entry.way is Way.TAKEN]
    told = {pattern: CATALOGUE[notice_name(pattern)] for pattern in NOTICES}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tallystick", "version": "1", "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {**dict(_event_channels(taken)), **dict(_notice_channels(told))},
        "operations": {**dict(_taking(taken)), **dict(_telling(told))},
        "components": {
            "messages": {
                **{entry.name: _event(entry) for entry in taken},
                **{entry.name: _notice(entry) for entry in told.values()},
            },
            "schemas": {"event": _ENVELOPE, **dict(_schemas([*taken, *told.values()]))},
        },
    }


def _key(entry: Entry) -> str:
    """The routing key of a type of event."""
    return entry.name.rpartition(".")[0]


def _event_channels(taken: list[Entry]) -> Iterator[tuple[str, JsonSchema]]:
    for key in dict.fromkeys(map(_key, taken)):
        messages = {entry.name: _ref("messages", entry.name) for entry in taken if _key(entry) == key}
        yield key, {"address": key, "messages": messages, "bindings": _binding(EVENTS_EXCHANGE)}


def _notice_channels(told: dict[str, Entry]) -> Iterator[tuple[str, JsonSchema]]:
    for pattern, entry in told.items():
        address = pattern.replace("*", "{{{}}}").format(*_WORDS[pattern])
        channel: JsonSchema = {
            "address": address,
            "messages": {entry.name: _ref("messages", entry.name)},
            "bindings": _binding(NOTICES_EXCHANGE),
        }
        if _WORDS[pattern]:
            channel["parameters"] = {word: _parameter(entry, word) for word in _WORDS[pattern]}
        yield entry.name, channel


def _parameter(entry: Entry, word: str) -> JsonSchema:
    told: JsonSchema = {"description": f"The member `{word}` of the notice."}
    schema = entry.schema
    member = schema["properties"][word]
    values = schema["$defs"][member["$ref"].rpartition("/")[2]] if "$ref" in member else member
    return told | {"enum": values["enum"]} if "enum" in values else told


def _binding(exchange: str) -> JsonSchema:
    amqp = {"is": "routingKey", "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False}}
    return {"amqp": {**amqp, "bindingVersion": "0.3.0"}}


def _taking(taken: list[Entry]) -> Iterator[tuple[str, JsonSchema]]:
    for key in dict.fromkeys(map(_key, taken)):
        messages = [{"$ref": f"#/channels/{key}/messages/{entry.name}"} for entry in taken if _key(entry) == key]
        yield f"take.{key}", {"action": "receive", "channel": {"$ref": f"#/channels/{key}"}, "messages": messages}


def _telling(told: dict[str, Entry]) -> Iterator[tuple[str, JsonSchema]]:
    for entry in told.values():
        yield f"tell.{entry.name}", {"action": "send", "channel": {"$ref": f"#/channels/{entry.name}"}}


def _event(entry: Entry) -> JsonSchema:
    message = _message(entry) | {
        "contentType": STRUCTURED,
        "payload": {
            "allOf": [
                {"$ref": f"{PLACE}event"},
                {"properties": {"type": {"const": entry.name}, "data": {"$ref": f"{PLACE}{entry.name}"}}},
            ]
        },
    }
    instead = newer(entry.name)
    if instead is not None:
        message["description"] = f"Deprecated: send {instead}."
        message["tags"] = [{"name": "deprecated"}]
    return message


def _notice(entry: Entry) -> JsonSchema:
    return _message(entry) | {"payload": {"$ref": f"{PLACE}{entry.name}"}}


def _message(entry: Entry) -> JsonSchema:
    summary = (entry.model.__doc__ or "").partition("\n")[0]
    return {"name": entry.name, "title": entry.title, "summary": summary}


def _ref(part: str, name: str) -> JsonSchema:
    return {"$ref": f"#/components/{part}/{name}"}


def _schemas(entries: list[Entry]) -> Iterator[tuple[str, JsonSchema]]:
    """Each schema and those that it names itself, which stand beside it under its name and theirs."""
    for entry in entries:
        schema = {name: part for name, part in entry.schema.items() if name != "$schema"}
        for name, part in schema.pop("$defs", {}).items():
            yield f"{entry.name}.{name}", _moved(part, entry.name)
        yield entry.name, _moved(schema, entry.name)


def _moved(schema: Any, name: str) -> Any:  # noqa: ANN401  # JSON
    match schema:
        case {"$ref": str(place), **others}:
            return {**others, "$ref": f"{PLACE}{name}.{place.removeprefix('#/$defs/')}"}
        case dict():
            return {key: _moved(part, name) for key, part in schema.items()}
        case list():
            return [_moved(part, name) for part in schema]
        case _:
            return schema

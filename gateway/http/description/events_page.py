"""Events and notices as a page to be read, in Markdown, made of the AsyncAPI document."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.http.description.json_schema import JsonSchema
from gateway.http.description.page import shape_lines


def events_page(document: JsonSchema) -> str:
    """The page of the document."""
    return "\n".join(_lines(document))


def _lines(document: JsonSchema) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    channels = document["channels"]
    told = {name for name in channels if name.startswith("notice.")}
    yield f"# Events and notices\n\n{document['info']['description']}\n"
    yield "## Events\n\nThe `data` of each, by the routing key under which it is published.\n"
    for name, channel in channels.items():
        if name not in told:
            yield from _channel(channel, document)
    yield "## Notices\n"
    for name in channels:
        if name in told:
            yield from _channel(channels[name], document)
    yield "## Shapes\n\n### event\n"
    yield from shape_lines(schemas["event"])
    messages = document["components"]["messages"]
    for name, schema in schemas.items():
        if name not in messages and name != "event":
            yield f"### {name}\n"
            yield from shape_lines(schema)


def _channel(channel: JsonSchema, document: JsonSchema) -> Iterator[str]:
    exchange = channel["bindings"]["amqp"]["exchange"]["name"]
    for name in channel["messages"]:
        message = document["components"]["messages"][name]
        yield f"### {name}\n\n{exchange}, routing key `{channel['address']}`. {message.get('description', '')}\n"
        yield from shape_lines(document["components"]["schemas"][name])

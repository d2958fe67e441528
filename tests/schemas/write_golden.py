"""Writes the golden files that are missing; one that exists is never changed, since an old version is never edited.

Run it as `python -m tests.schemas.write_golden` after adding a version, an operation, or a notice.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from schemas.codec import decode_stored
from schemas.json_schema import json_schema
from schemas.notices import NOTICES
from schemas.operations.table import OPERATIONS
from schemas.registry import EVENTS
from tests.schemas.bodies import BODIES
from tests.schemas.messages import example

GOLDEN = Path(__file__).parent / "golden"
PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def event_files(type: str) -> dict[str, bytes]:
    """The golden files of an event type: its JSON Schema, and an event with what it is read as."""
    event = example(type)
    seen = {
        "event": event,
        "data": orjson.loads(EVENTS.find(type).model.model_validate(event["data"]).to_json()),
        "body_hash": decode_stored(orjson.dumps(event)).body_hash.hex(),
    }
    return {
        f"{type}.json": orjson.dumps(seen, option=PRETTY),
        f"{type}.schema.json": orjson.dumps(EVENTS.json_schema(type), option=PRETTY),
    }


def published_files() -> dict[str, bytes]:
    """The golden files of operations (their frozen bytes too) and notices."""
    schemas = {
        f"operation.{name}.schema.json": orjson.dumps(json_schema(model, name), option=PRETTY)
        for name, model in OPERATIONS.items()
    }
    bodies = {f"operation.{name}.json": body.to_json() + b"\n" for name, body in BODIES.items()}
    notices = {
        f"notice.{model.__name__}.schema.json": orjson.dumps(json_schema(model, name, "serialization"), option=PRETTY)
        for name, model in NOTICES.items()
    }
    return schemas | bodies | notices


def main() -> None:
    """Write what is missing."""
    wanted = published_files()
    for type_ in EVENTS.types:
        wanted |= event_files(type_)
    for name, content in wanted.items():
        if not (GOLDEN / name).exists():
            (GOLDEN / name).write_bytes(content)


if __name__ == "__main__":
    main()

"""The legal entity that a command is for, read from its frozen body."""

from __future__ import annotations

import orjson


def legal_entity_of(body: bytes) -> str | None:
    """The code of the legal entity; None where the operation has none, or `body` is not the JSON of a command."""
    try:
        code = orjson.loads(body)["legal_entity"]
    except (ValueError, LookupError, TypeError):
        return None
    return code if isinstance(code, str) else None

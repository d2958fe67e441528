"""Another content for a message that stands still: what a person corrects, checked as if it had just come. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import uuid5

import orjson

from adapters.ports.replays import Change
from adapters.ports.turns import Message
from gateway.replay.changes import changes
from schemas.codec import STRUCTURED
from schemas.vocabulary import Vocabulary

_MARK: Final = re.compile(r"~[0-9a-f]{12}$")
"""What an edit adds to the id of its event."""
_ID_BYTES: Final = 187
"""Of the original's id that are kept, so that with the mark it is no longer than an id may be."""


class NothingChanged(ValueError):
    """The message has this content already."""


class SaidByUs(ValueError):
    """The gateway itself has said it, such as what a person decided: nobody may put other words into its mouth."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The message as it would be, and the fields of its data that differ.

    `legal_entities` are those that it names, before and after.
    """

    message: Message
    changes: Sequence[Change]
    legal_entities: frozenset[str] = frozenset()


def edited(original: Message, patch: Mapping[str, object], vocabulary: Vocabulary) -> Edited:
    """The message after a JSON merge patch (RFC 7396) of its data, under an id and a reference of its own.

    Both follow from the original and the content: the same edit is the same message, and an edit that goes back to an
    earlier content is another one. Raises `Undecodable` for what the schema does not take, `NothingChanged`, and
    `SaidByUs`.
    """
    if vocabulary.is_inner(original.type):
        raise SaidByUs(f"message {original.ref} is of the gateway itself")
    event = orjson.loads(original.body)
    encoded = event.pop("data_base64", None)
    before = event["data"] if encoded is None else orjson.loads(b64decode(encoded))
    after = _merged(before, patch)
    if after == before:
        raise NothingChanged(f"message {original.ref} has this content already")
    ref = uuid5(original.ref, orjson.dumps(after, option=orjson.OPT_SORT_KEYS).decode())
    id = f"{_MARK.sub('', original.id).encode()[:_ID_BYTES].decode(errors='ignore')}~{ref.hex[:12]}"
    body = orjson.dumps({**event, "id": id, "data": after})
    envelope = vocabulary.decode(body, STRUCTURED, {})
    message = original._replace(ref=ref, id=id, body_hash=envelope.body_hash, body=body)
    named = frozenset(code for code in map(_legal_entity, (before, after)) if code is not None)
    return Edited(message, changes(original.type.partition(".")[0], before, after), named)


def _legal_entity(data: object) -> str | None:
    code = data.get("legal_entity") if isinstance(data, Mapping) else None
    return code if isinstance(code, str) else None


def _merged(target: object, patch: object) -> object:
    """Objects are merged, null takes a field away, and anything else is put in its place."""
    if not isinstance(patch, Mapping):
        return patch
    fields = dict(cast("Mapping[str, object]", target)) if isinstance(target, Mapping) else {}
    for name, value in cast("Mapping[str, object]", patch).items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = _merged(fields.get(name), value)
    return fields

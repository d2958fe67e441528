"""A request for an effect, read from HTTP: what is asked, under which key, with which reference of the caller's."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pydantic import ValidationError

from adapters.sandbox.answers import Refusal
from adapters.sandbox.bodies import BODIES, Body

_STRUCTURED_STRING: Final = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,200})"')
"""RFC 8941 section 3.3.3, without escapes."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One request for one effect."""

    operation: str
    idempotency_key: str
    reference: str
    body: Body
    body_hash: str
    raw: bytes
    """The body as it came."""

    @property
    def key(self) -> str:
        """Whose effect it is, `entity/id`: the first two parts of the reference, each percent-decoded."""
        return key_of(self.reference)


def key_of(reference: str) -> str:
    """Whose effect a reference names, `entity/id`."""
    return "/".join(unquote(part) for part in reference.split("/")[:2])


def read_posting(operation: str, key_header: str | None, reference: str | None, raw: bytes) -> Posting | Refusal:
    """Read a request; the refusal says what to change."""
    if key_header is None:
        return Refusal(400, "idempotency_key_missing", "Send an Idempotency-Key header with each request.")
    key = _STRUCTURED_STRING.fullmatch(key_header.strip())
    if key is None:
        return Refusal(400, "idempotency_key_malformed", "Send the Idempotency-Key in double quotes, 1 to 200 long.")
    if not reference or len(reference) > 1000 or not reference.isprintable():
        return Refusal(400, "reference_missing", "Send a printable Tallystick-Reference header, 1 to 1000 long.")
    return posting_of(operation, key[1], reference, raw)


def posting_of(operation: str, key: str, reference: str, raw: bytes) -> Posting | Refusal:
    """What a body asks for; the refusal says what to change."""
    try:
        body = BODIES[operation].model_validate_json(raw)
    except ValidationError as error:
        return _unreadable(error)
    return Posting(operation, key, reference, body, hashlib.sha256(raw).hexdigest(), raw)


def _unreadable(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if not field:
        return Refusal(400, "malformed_json", f"Send the body as a JSON object: {first['msg']}.")
    return Refusal(422, "invalid_field", f"Change {field}: {first['msg']}.", field=field)

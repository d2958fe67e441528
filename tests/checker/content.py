"""Digests that the evidence is compared by, made without any code of the gateway."""

from __future__ import annotations

import hashlib
import json


def raw(body: bytes) -> str:
    """A digest of bytes as they were sent."""
    return hashlib.sha256(body).hexdigest()[:32]


def content(structured: bytes) -> str:
    """A digest of what an event in structured mode says: its type, subject, and data, whatever else it carries."""
    event = json.loads(structured)
    said = [event["type"], event["subject"], event["data"]]
    return raw(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())

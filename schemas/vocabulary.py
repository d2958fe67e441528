"""The event types that a process understands, for those who read events and need not know the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from schemas.codec import decode, decode_stored
from schemas.envelope import Envelope
from schemas.record import Record
from schemas.registry import EVENTS, Registry


class Vocabulary:
    """Reads events by one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def decode(self, body: bytes, content_type: str | None, headers: Mapping[str, object]) -> Envelope:
        """The event in a message that has arrived. Raises `Undecodable`."""
        return decode(body, content_type, headers, registry=self._registry)

    def decode_stored(self, body: bytes) -> Envelope:
        """The event in a message that was accepted. Raises `Undecodable`."""
        return decode_stored(body, self._registry)

    def is_inner(self, type: str) -> bool:
        """Whether only the gateway itself says events of this type. Raises `Undecodable` for one that is not known."""
        return self._registry.find(type).inner

    def inner_type(self, name: str) -> str | None:
        """The latest type of an inner `<entity>.<fact>`; None if there is no such inner type."""
        versions = self._registry.inner_versions(name)
        return versions[-1].type if versions else None

    def read_inner(self, name: str, body: bytes) -> tuple[str, Record]:
        """The type and data of an inner `<entity>.<fact>` from its JSON, by the oldest version that reads it.

        So a release that knows one version more says the same as the one before it. Raises `KeyError` if there is no
        such inner type, `ValidationError` (by the latest version) if no version reads it.
        """
        versions = self._registry.inner_versions(name)
        if not versions:
            raise KeyError(name)
        *older, latest = versions
        for version in older:
            try:
                return version.type, version.model.model_validate_json(body)
            except ValidationError:
                continue
        return latest.type, latest.model.model_validate_json(body)


VOCABULARY: Final = Vocabulary(EVENTS)

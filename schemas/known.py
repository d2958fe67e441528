"""What is known of event types, for those that must not know the table itself."""

from __future__ import annotations

from schemas.record import Record
from schemas.refusals import refused
from schemas.registry import EVENTS


def entities() -> frozenset[str]:
    """The entities that there are events of."""
    return frozenset(name.partition(".")[0] for name in EVENTS.names)


def model_offered(type: str) -> type[Record]:
    """The model of the data of `<entity>.<fact>.v<N>`, which a source may send. Raises `Undecodable`."""
    found = EVENTS.find(type)
    if found.inner:
        raise refused("type_inner", f"{type} is said inside of the gateway alone: `tallystick event types`", "type")
    return found.model

"""Events as sources publish them, each with what it means for the checker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes
from schemas.record import Record
from schemas.registry import EVENTS as REGISTRY
from tests.checker.content import content, raw
from tests.checker.evidence import Published
from tests.gateway.toy import NOW
from tests.runtime.firm import PSA
from tests.sim.policy import CLOCKS


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it is to be published, and what it means; `place` of `meaning` is given when it is sent."""

    outgoing: Outgoing
    meaning: Published


def said(source: str, id: str, subject: str, data: Record, number: int | None = None, **meaning: object) -> Said:
    """An event of a source, under its own name for the subject, and with its number if the source gives one."""
    name = next(name for name in REGISTRY.names if REGISTRY.latest(name).model is type(data))
    version = REGISTRY.latest(name).type
    entity = REGISTRY.find(version).actor
    key = (
        f"external/psa/{entity}/{subject}" if source in (PSA, CLOCKS) and entity == "project" else f"{entity}/{subject}"
    )
    body = encode(Attributes(source, id, version, subject, NOW, number), data)
    outgoing = Outgoing(EVENTS, name, body, STRUCTURED, {}, message_id=id)
    published = Published(source, id, key, version, content(body), raw(body), 0, sequence=number)
    return Said(outgoing, replace(published, **meaning))  # type: ignore[arg-type]  # fields of Published by name

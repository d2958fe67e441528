"""The notices on the exchange `tallystick.notices`: what became of a message, of an entity, of a case."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from schemas.record import Record
from schemas.verdicts import FailureClass, Verdict


class MessageNotice(Record):
    """A message got a verdict. Routing key `message.<verdict>`."""

    ref: str
    """Our own id of the message, by which the API shows it."""
    source: str | None
    id: str | None
    """The sender's id, unique per source. This and what follows are null where a dead letter could not be read."""
    type: str | None
    entity: str | None
    key: str | None
    """Id of the entity."""
    verdict: Verdict
    reason: str | None
    """Why, in a sentence for people; null where all went well."""
    at: AwareDatetime | None = None

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"message.{self.verdict}"


class EntityNotice(Record):
    """A fact about an entity was committed. Routing key `entity.<entity>.<fact>`."""

    entity: str
    key: str
    """Id of the entity."""
    entity_version: Annotated[int, Field(ge=1)]
    """Counts what was applied to the entity: 1..n without a gap."""
    fact: str
    attributes: Mapping[str, str]
    """What the fact says beside itself; the actor's page lists the names."""

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"entity.{self.entity}.{self.fact}"


class CaseNotice(Record):
    """A case was opened or closed. Routing key `case.<what>`."""

    model_config = ConfigDict(serialize_by_alias=True)

    case_id: str
    what: Literal["opened", "closed"]
    failure_class: Annotated[FailureClass, Field(serialization_alias="class")]
    code: str
    """Stable name of the cause."""
    entity: str | None
    key: str | None
    """Id of the entity; null for a message that could not be read."""
    reason: str
    """What is wrong and how to mend it, in a sentence for people."""

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"case.{self.what}"


NOTICES: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {"message.*": MessageNotice, "entity.*.*": EntityNotice, "case.*": CaseNotice}
)
"""Binding pattern of the topic exchange to the model of what arrives there."""

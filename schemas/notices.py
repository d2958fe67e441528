"""The notices on the exchange `tallystick.notices`: what became of a message, of an entity, of a case."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from schemas.record import Record
from schemas.verdicts import FailureClass, Verdict

_BY_CLASS: Final = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
"""For models with a field that is named `class` outside, a word that Python keeps for itself."""


class MessageNotice(Record):
    """A message got a verdict. Routing key `message.<verdict>`."""

    ref: str
    """Our own id of the message, by which the API shows it."""
    source: str
    id: str
    """The sender's id, unique per source; of a message in conflict with an earlier one it is that one's id too."""
    type: str
    entity: str
    key: str
    """Id of the entity."""
    verdict: Verdict
    reason: str | None
    """Why, in a sentence for people; null where all went well."""
    at: AwareDatetime
    """When it came in."""

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"message.{self.verdict}"


class DeadLetterNotice(Record):
    """Something came that could not become a message; told once. Routing key `message.dead_letter`."""

    model_config = _BY_CLASS

    digest: str
    """What identifies it, hexadecimal; the API shows it under this name."""
    queue: str
    """Where it came from."""
    routing_key: str
    """Under which its sender published it."""
    failure_class: Annotated[FailureClass, Field(alias="class")]
    code: str
    """Stable name of the cause."""
    reason: str
    """What is wrong and how to mend it, in a sentence for people."""


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
    """Something happened to a case. Routing key `case.<what>`.

    `reopened`: it was closed, and the same came again; or it stands open and asks anew, another role or for another
    approval. `reminded` and `overdue`: nobody has settled it in time.
    """

    model_config = _BY_CLASS

    case_id: str
    what: Literal["opened", "reopened", "closed", "reminded", "overdue"]
    failure_class: Annotated[FailureClass, Field(alias="class")]
    code: str
    """Stable name of the cause."""
    entity: str
    key: str
    """Id of the entity."""
    reason: str
    """What is wrong and how to mend it, in a sentence for people."""
    topic: str | None
    """What of its key it is about, such as an approval; null: a message or a command."""
    owner: str | None
    """The role that must act; null: whoever the class belongs to."""
    assignee: str | None
    """Who has taken it; null: nobody."""

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"case.{self.what}"


class RestoreNotice(Record):
    """The gateway's database was restored to an earlier point. Routing key `restore.<what>`.

    On `declared` each source publishes again what it has published since `since`: what is known is not applied twice.
    """

    restore_id: str
    what: Literal["declared", "released", "ended"]
    since: AwareDatetime
    """What the gateway applied later is lost to it."""
    found: Literal["server", "timeline", "watermark", "declared"]
    """How it was noticed."""
    reason: str

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return f"restore.{self.what}"


class SchemaNotice(Record):
    """A source sends a type whose place a later version has taken. Routing key `schema.deprecated`.

    It is told when it is seen, and once a week for as long as it is; the type is taken as before.
    """

    source: str
    type: str
    instead: str
    """The type to send in its place."""
    seen: Annotated[int, Field(ge=1)]
    """How many have come from this source, redeliveries among them."""
    first_at: AwareDatetime
    """When the first one came."""

    @property
    def routing_key(self) -> str:
        """Where it is published."""
        return "schema.deprecated"


NOTICES: Final[Mapping[str, type[Record]]] = MappingProxyType(
    {
        "message.dead_letter": DeadLetterNotice,
        "message.*": MessageNotice,
        "entity.*.*": EntityNotice,
        "case.*": CaseNotice,
        "restore.*": RestoreNotice,
        "schema.deprecated": SchemaNotice,
    }
)
"""Binding pattern of the topic exchange to the model of what arrives there; of two that match, the first."""

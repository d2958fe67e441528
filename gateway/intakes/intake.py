"""An intake as the policy file has it: which messages are meant, and what event each becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.fields import FieldInfo

from gateway.intakes.values import Found, Text, Value, required_paths
from gateway.policy_checks import Mistake, Mistakes
from schemas.envelope import Undecodable
from schemas.known import entities, model_offered

RoutingKey = Annotated[str, Field(max_length=255, pattern=r"^[^\s.*#]+(?:\.(?:[^\s.*#]+|\*))*(?:\.#)?$")]


Fields: TypeAlias = Mapping[str, FieldInfo]


class Intake(BaseModel):
    """Messages that are no CloudEvents."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    routing_keys: tuple[RoutingKey, ...] = Field(min_length=1, max_length=50)
    """Routing keys of `tallystick.events` by which they come; `*` stands for one word, `#` at the end for any.

    The first word is one of your own, not an entity's."""
    source: str = Field(min_length=1)
    """The CloudEvents source that they are events of, one of `sources`: its users alone may send them."""
    type: str | Found
    """The event type with its version (`timesheet.approved.v1`), or a path with a `map` to types of one entity."""
    id: Text
    """What is the same when a message comes again, and different in any other message of the source."""
    subject: Text
    """The id of the entity that the event is about."""
    time: Text | None = None
    """When it happened."""
    sequence: Text | None = None
    """The number of the event within its subject, for a source that declares one."""
    correlation: Text | None = None
    """What belongs together, as the upstream has it."""
    data: Mapping[str, Value] = Field(min_length=1)
    """The fields of the event type: see `tallystick event schema TYPE`."""

    @field_validator("routing_keys")
    @classmethod
    def _of_their_own(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            first = key.partition(".")[0]
            if first in entities():
                raise ValueError(f"{key}: what begins with {first} is for CloudEvents: begin with a word of your own")
        return keys

    @field_validator("id")
    @classmethod
    def _stable(cls, value: Text) -> Text:
        if not any(required_paths(value)):
            raise ValueError(
                "an id must name at least one path that no message may lack, or `digest_of`: else a message that comes"
                " again could not be told from another"
            )
        return value

    @model_validator(mode="after")
    def _types_are_known(self) -> Self:
        mistakes = list(self._mistakes())
        if mistakes:
            raise Mistakes(mistakes)
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        if isinstance(self.type, Found) and (self.type.map is None or self.type.optional):
            yield Mistake(("type",), "give `map`, from what stands there to event types, and no `optional`")
            return
        if len({name.partition(".")[0] for name in self.types}) > 1:
            yield Mistake(("type",), "these types are of several entities, each with a queue: write an intake for each")
        models: dict[str, Fields] = {}
        for name in self.types:
            try:
                models[name] = model_offered(name).model_fields
            except Undecodable as error:
                yield Mistake(("type",), error.failure.reason)
        yield from self._fields(models)

    def _fields(self, models: Mapping[str, Fields]) -> Iterator[Mistake]:
        """Whether the events have these fields; what stands in them is seen when a message comes."""
        known = {field for fields in models.values() for field in fields}
        for field in self.data if models else ():
            if field not in known:
                shown = f"`tallystick event schema {next(iter(models))}` shows those that there are"
                yield Mistake(("data", field), f"the event has no such field: {shown}")
        for name, fields in models.items():
            needed = [field for field, info in fields.items() if info.is_required()]
            missing = [field for field in needed if field not in self.data]
            if missing:
                yield Mistake(("data",), f"{name} needs {', '.join(missing)} too")

    @property
    def types(self) -> tuple[str, ...]:
        """The event types that its messages can become."""
        return tuple(dict.fromkeys(self._types()))

    @property
    def entity(self) -> str:
        """The entity of its types, whose queue its messages come by."""
        return self.types[0].partition(".")[0]

    def _types(self) -> Iterator[str]:
        if isinstance(self.type, str):
            yield self.type
            return
        yield from map(str, (self.type.map or {}).values())
        if self.type.default is not None:
            yield str(self.type.default)

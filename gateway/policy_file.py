"""The policy file: YAML, checked as a whole at start, with errors that say where and what to change.

Longer than a file should be, so that all that may stand in the file is read in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails

from actors.policy import LegalEntity, Policy, ServiceLines
from adapters.ports.retention import Old
from gateway.gate_policy import BreakerPolicy, GatePolicy
from gateway.http_policy import HttpSystemPolicy, Operation
from gateway.policy_mistakes import impossible_values, not_yaml, repeated_keys, told
from gateway.redmine_policy import RedmineChanges, RedminePolicy
from gateway.retry import Retries
from gateway.retry_policy import RetriesPolicy, RetryPolicy
from gateway.rules import LanePolicy, Numbering, Rules
from gateway.system_policy import PolicyInvalid
from gateway.tryton_policy import TrytonChanges, TrytonPolicy
from schemas.commands import OURS, SELF
from schemas.sequence import SequenceKind
from schemas.values import Id, System

_DAY: Final = 86_400.0


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Source(_Strict):
    """What one CloudEvents `source` may send, and how its ids are read."""

    users: tuple[str, ...] = Field(min_length=1)
    """AMQP users that may publish under this source; RabbitMQ proves the name."""
    types: tuple[str, ...] = Field(min_length=1)
    """Event types that it may send, without version; `*` stands for anything, as in `timesheet.*`."""
    system: System | None = None
    """The system whose ids `external` means."""
    external: tuple[str, ...] = ()
    """Entities whose subjects are ids of `system`, not ours; they are found by their binding."""
    sequence: SequenceKind = SequenceKind.NONE
    """What it promises of the CloudEvents attribute `sequence`, which numbers the events of one subject from 1.

    `contiguous`: an event waits for the one before it; `monotonic`: one that a newer has overtaken is stale.
    """
    gap_seconds: float = Field(default=3600, gt=0, le=31_536_000)
    """How long an event may wait for a missing number before a case is opened; it goes on waiting after that."""

    @model_validator(mode="after")
    def _named(self) -> Source:
        if self.external and self.system is None:
            raise ValueError("`external` needs `system`: name the system whose ids these are")
        return self

    def may_send(self, name: str) -> bool:
        """Whether events of type `name` (without version) are accepted from this source."""
        return _matches(name, self.types)


@lru_cache(maxsize=1000)
def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class RetentionPolicy(_Strict):
    """How long what is final is kept, in days."""

    replay_window_days: float = Field(default=90, gt=0, le=36_500)
    """The longest way by which a message can come back: kept in a queue, published again by its source, or after the
    restore of a backup as old as the oldest that you would restore."""
    inbox_days: float = Field(default=400, gt=0, le=36_500)
    """Messages; a duplicate of one that is removed is taken for a new message."""
    attempts_days: float = Field(default=400, gt=0, le=36_500)
    """The log of attempts at settled commands."""
    timeline_days: float = Field(default=800, gt=0, le=36_500)
    """What happened to each entity."""
    cases_days: float = Field(default=400, gt=0, le=36_500)
    """Closed cases."""
    dead_letters_days: float = Field(default=400, gt=0, le=36_500)
    """Dead letters that were admitted or discarded."""

    @model_validator(mode="after")
    def _remembers_long_enough(self) -> RetentionPolicy:
        if self.replay_window_days >= self.inbox_days:
            raise ValueError(
                f"inbox_days ({self.inbox_days:g}) must be above replay_window_days ({self.replay_window_days:g}): a"
                " message that comes back after its row was removed would be applied again"
            )
        return self

    @property
    def seconds(self) -> Mapping[Old, float]:
        """The age at which each kind goes."""
        return {
            Old.INBOX: self.inbox_days * _DAY,
            Old.ATTEMPTS: self.attempts_days * _DAY,
            Old.TIMELINE: self.timeline_days * _DAY,
            Old.CASES: self.cases_days * _DAY,
            Old.DEAD_LETTERS: self.dead_letters_days * _DAY,
            Old.ABANDONED: _DAY,
        }


def _kind_of(entry: object) -> str:
    """The kind of system that an entry of the file describes; plain HTTP and JSON where it does not say."""
    kind = entry.get("kind", "http") if isinstance(entry, Mapping) else getattr(entry, "kind", "http")
    return str(kind)


AnySystem = Annotated[
    Annotated[HttpSystemPolicy, Tag("http")]
    | Annotated[TrytonPolicy, Tag("tryton")]
    | Annotated[RedminePolicy, Tag("redmine")],
    Discriminator(
        _kind_of,
        custom_error_type="kind_unknown",
        custom_error_message="there is no such kind of system: write kind: http, tryton, or redmine",
    ),
]
"""A system of any kind that there is an adapter for."""


class PolicyFile(_Strict):
    """Everything in the file."""

    legal_entities: Mapping[Id, LegalEntity] = Field(min_length=1)
    service_lines: ServiceLines = {}
    sources: Mapping[str, Source] = Field(min_length=1)
    systems: Mapping[System, AnySystem] = Field(min_length=1)
    retry_seconds: float = Field(default=5, gt=0, le=3600)
    """Short for `retries.default.first_seconds`."""
    retries: RetriesPolicy = RetriesPolicy()
    """When something that failed for a passing reason is tried again, and when a person is asked."""
    lanes: Mapping[str, LanePolicy] = {}
    """Patterns of event types, without version, such as `timesheet.*`, and what becomes of a message of such a type
    that is refused; the first that fits counts. `park`, where none does, stops its key until a person acts."""
    wait_seconds: float = Field(default=86_400, gt=0, le=315_360_000)
    """How long a message may wait for something else before a case is opened; it goes on waiting after that."""
    retention: RetentionPolicy = RetentionPolicy()
    """How long what is final is kept."""

    @field_validator("sources")
    @classmethod
    def _not_ours(cls, sources: Mapping[str, Source]) -> Mapping[str, Source]:
        for name in sources:
            for ours in ("conflict:", OURS):
                if name.startswith(ours):
                    raise ValueError(f"{name}: sources that begin with {ours} are ours, name it otherwise")
        return sources

    @field_validator("systems")
    @classmethod
    def _not_built_in(cls, systems: Mapping[str, AnySystem]) -> Mapping[str, AnySystem]:
        for name in systems:
            if name == SELF or name.startswith(OURS):
                raise ValueError(f"{name}: {SELF}, and names that begin with {OURS}, are ours, name it otherwise")
        return systems

    @model_validator(mode="after")
    def _systems_exist(self) -> PolicyFile:
        for code, legal_entity in self.legal_entities.items():
            for role in ("erp", "psa", "crm"):
                name = getattr(legal_entity, role)
                if name not in self.systems:
                    raise ValueError(f"legal_entities.{code}.{role} names {name!r}, which is not under `systems`")
            for name in sorted(legal_entity.systems - self.systems.keys()):
                raise ValueError(f"legal_entities.{code} names {name!r}, which is not under `systems`")
        return self

    @model_validator(mode="after")
    def _numbers_are_kept(self) -> PolicyFile:
        for name, source in self.sources.items():
            for pattern in source.types if source.sequence is not SequenceKind.NONE else ():
                for skipped, policy in self.lanes.items():
                    if policy is LanePolicy.SKIP and (fnmatchcase(pattern, skipped) or fnmatchcase(skipped, pattern)):
                        raise ValueError(
                            f"lanes.{skipped} is skip, but {name} numbers its events of type {pattern}: a number that "
                            "is left out would be a gap, so write park or supersede"
                        )
        return self

    @model_validator(mode="after")
    def _retries_hold(self) -> PolicyFile:
        if "retry_seconds" in self.model_fields_set and self.retries.default.first_seconds is not None:
            raise ValueError("retry_seconds and retries.default.first_seconds are the same: leave one of them out")
        self.retries.retries(self.retry_seconds)
        return self

    @property
    def rules(self) -> Rules:
        """The part that lanes and sequences go by."""
        numberings = {name: Numbering(source.sequence, source.gap_seconds) for name, source in self.sources.items()}
        return Rules(numberings, self.lanes, self.wait_seconds)

    @property
    def retry_rules(self) -> Retries:
        """When what failed is tried again."""
        return self.retries.retries(self.retry_seconds)

    @property
    def policy(self) -> Policy:
        """The part that decisions read."""
        return Policy(legal_entities=self.legal_entities, service_lines=self.service_lines)


def json_schema() -> JsonSchemaValue:
    """JSON Schema (2020-12) of a policy file."""
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **PolicyFile.model_json_schema(),
        "title": "Tallystick policy",
    }


def read_policy(path: Path) -> PolicyFile:
    """The policy in a file. Raises `PolicyInvalid` with one line for each mistake, and the line where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyInvalid(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PolicyInvalid(f"{path}: it is not UTF-8 text") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        mistakes = [*impossible_values(node), *repeated_keys(node)]
        found = None if mistakes else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{path}:{not_yaml(error)}") from error
    except RecursionError as error:
        raise PolicyInvalid(f"{path}:1: it is nested too deeply, or an alias in it contains itself") from error
    if not mistakes:
        try:
            return PolicyFile.model_validate(found)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            mistakes = [told(_untagged(mistake), node, _NAMES) for mistake in wrong]
    raise PolicyInvalid("\n".join(f"{path}:{mistake}" for mistake in mistakes))


def _untagged(mistake: ErrorDetails) -> ErrorDetails:
    """A mistake at its place in the file: pydantic puts the kind of a system into its path."""
    place = mistake["loc"]
    return {**mistake, "loc": place[:2] + place[3:]} if place[:1] == ("systems",) and len(place) > 2 else mistake


_NAMES: Final = frozenset(
    name
    for model in (
        PolicyFile,
        LegalEntity,
        Source,
        HttpSystemPolicy,
        Operation,
        TrytonPolicy,
        TrytonChanges,
        RedminePolicy,
        RedmineChanges,
        RetriesPolicy,
        RetryPolicy,
        GatePolicy,
        BreakerPolicy,
        RetentionPolicy,
    )
    for name in model.model_fields
)

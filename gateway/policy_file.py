"""The policy file: YAML, checked as a whole at start, with errors that say where and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails

from actors.policy import (
    Approval,
    LegalEntity,
    Ownership,
    Policy,
    ServiceLine,
    ServiceLines,
    Successor,
    WorkPackage,
)
from gateway.gate_policy import BreakerPolicy, GatePolicy
from gateway.http_policy import HttpSystemPolicy, Operation
from gateway.intakes.checks import check_intakes
from gateway.intakes.intake import Intake
from gateway.intakes.values import FORMS
from gateway.kpis.objectives import Objectives, Share, Within
from gateway.policy_checks import (
    Mistakes,
    check_approvals,
    check_legal_entities,
    check_ownership,
    check_reconciliations,
    check_service_lines,
    check_sources,
    check_systems,
)
from gateway.policy_mistakes import impossible_values, not_yaml, repeated_keys, told
from gateway.recon.schedule import ReconciliationPolicy
from gateway.redmine_policy import RedmineChanges, RedminePolicy
from gateway.retention_policy import RetentionPolicy
from gateway.retry import Retries
from gateway.retry_policy import RetriesPolicy, RetryPolicy
from gateway.rules import LanePolicy, Numbering, Rules
from gateway.source_policy import Source
from gateway.system_policy import PolicyInvalid
from gateway.tryton_policy import TrytonChanges, TrytonPolicy
from schemas.values import Id, System

HASH_DIGITS: Final = 12


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


class PolicyFile(BaseModel):
    """Everything in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    legal_entities: Mapping[Id, LegalEntity] = Field(min_length=1)
    """The firm's legal entities by code."""
    service_lines: ServiceLines = {}
    """What can be sold, by code; a list of codes is short for entries with nothing in them."""
    approvals: Mapping[Id, Approval] = {}
    """Rules of approval by name; each that applies must be approved by a person."""
    ownership: tuple[Ownership, ...] = ()
    """Which system alone may change which fields; the first rule that fits counts."""
    sources: Mapping[str, Source] = Field(min_length=1)
    """CloudEvents source -> who may publish under it, and what."""
    intakes: Mapping[Id, Intake] = {}
    """Messages that are no CloudEvents, by a name of your own, and what event each becomes."""
    systems: Mapping[System, AnySystem] = Field(min_length=1)
    """The systems that commands go to."""
    retry_seconds: float = Field(default=5, gt=0, le=3600)
    """Short for `retries.default.first_seconds`."""
    retries: RetriesPolicy = RetriesPolicy()
    """When something that failed for a passing reason is tried again, and when a person is asked."""
    lanes: Mapping[str, LanePolicy] = {}
    """Patterns of event types, without version, such as `timesheet.*`, and what becomes of a message of such a type
    that is refused; the first that fits counts. `park`, where none does, stops its key until a person acts."""
    wait_seconds: float = Field(default=86_400, gt=0, le=315_360_000)
    """How long a message may wait for something else before a case is opened; it goes on waiting after that."""
    reconciliations: Mapping[Id, ReconciliationPolicy] = {}
    """What is reconciled by itself, by a name of your own."""
    objectives: Objectives = Objectives()
    """What service the firm expects; the KPIs say how far it is reached."""
    retention: RetentionPolicy = RetentionPolicy()
    """How long what is final is kept."""

    _text: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _parts_fit(self) -> PolicyFile:
        mistakes = [
            *check_systems(self.systems),
            *check_legal_entities(self.legal_entities, self.systems),
            *check_service_lines(self.service_lines),
            *check_approvals(self.approvals, self.legal_entities),
            *check_ownership(self.ownership, self.legal_entities, self.systems),
            *check_sources(self.sources, self.lanes),
            *check_intakes(self.intakes, self.sources),
            *check_reconciliations(self.reconciliations, self.legal_entities, self.systems),
        ]
        if mistakes:
            raise Mistakes(mistakes)
        return self

    @model_validator(mode="after")
    def _retries_hold(self) -> PolicyFile:
        if "retry_seconds" in self.model_fields_set and self.retries.default.first_seconds is not None:
            raise ValueError("retry_seconds and retries.default.first_seconds are the same: leave one of them out")
        self.retries.retries(self.retry_seconds)
        return self

    @property
    def text(self) -> str:
        """The file as it was written; of a policy that was not read from a file, its entries as JSON."""
        return self.model_dump_json(exclude_unset=True) if self._text is None else self._text

    @cached_property
    def hash(self) -> str:
        """12 hex digits of the SHA-256 of the text, by which each decision names the policy that it was made under."""
        return sha256(self.text.encode()).hexdigest()[:HASH_DIGITS]

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
        return Policy(
            legal_entities=self.legal_entities,
            service_lines=self.service_lines,
            approvals=self.approvals,
            ownership=self.ownership,
            systems_of={name: source.system for name, source in self.sources.items() if source.system is not None},
            unique_lines=frozenset(name for name, source in self.sources.items() if source.unique_lines),
        )


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
    return parse_policy(text, str(path))


def parse_policy(text: str, name: str) -> PolicyFile:
    """The policy that a text is; `name` stands before each mistake. Raises `PolicyInvalid` as `read_policy` does."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        mistakes = [*impossible_values(node), *repeated_keys(node)]
        found = None if mistakes else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{name}:{not_yaml(error)}") from error
    except RecursionError as error:
        raise PolicyInvalid(f"{name}:1: it is nested too deeply, or an alias in it contains itself") from error
    if not mistakes:
        try:
            policy = PolicyFile.model_validate(found)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            mistakes = [line for mistake in wrong for line in told(_untagged(mistake), node, _NAMES)]
        else:
            policy._text = text  # noqa: SLF001  # a model reads its fields from the entries, and this is none
            return policy
    raise PolicyInvalid("\n".join(f"{name}:{mistake}" for mistake in mistakes))


def _untagged(mistake: ErrorDetails) -> ErrorDetails:
    """A mistake at its place in the file: pydantic adds the kind of a system and the form of a value."""
    place = tuple(step for step in mistake["loc"] if not str(step).startswith("="))
    mistake = {**mistake, "loc": place}
    return {**mistake, "loc": place[:2] + place[3:]} if place[:1] == ("systems",) and len(place) > 2 else mistake


_NAMES: Final = frozenset(
    name
    for model in (
        PolicyFile,
        LegalEntity,
        Successor,
        ServiceLine,
        WorkPackage,
        Approval,
        Ownership,
        Source,
        Intake,
        *FORMS,
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
        ReconciliationPolicy,
        Objectives,
        Within,
        Share,
    )
    for name in model.model_fields
)

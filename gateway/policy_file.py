"""The policy file: YAML, checked as a whole at start, with errors that say where and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from actors.policy import LegalEntity, Policy
from adapters.ports.system import Upsert
from schemas.values import Id, System


class PolicyInvalid(ValueError):
    """The policy file cannot be used; whoever wrote it must act."""


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

    @model_validator(mode="after")
    def _named(self) -> Source:
        if self.external and self.system is None:
            raise ValueError("`external` needs `system`: name the system whose ids these are")
        return self

    def may_send(self, name: str) -> bool:
        """Whether events of type `name` (without version) are accepted from this source."""
        return any(fnmatchcase(name, pattern) for pattern in self.types)


class Operation(_Strict):
    """Where a system takes one operation, and what it promises for it (see `adapters.ports.system.Capability`)."""

    path: str = Field(pattern=r"^/[^\s?#]*$")
    upsert: Upsert = Upsert.NONE
    key_window_seconds: float | None = Field(default=None, gt=0)
    """How long the system remembers an `Idempotency-Key`; left out where it takes none."""
    unique_reference: bool = False
    """Whether it refuses a second effect with the same reference of ours."""
    look_up: bool = False
    """Whether it can be asked by our reference."""
    late_bound_seconds: float = Field(default=300, gt=0)
    """How long after its end an attempt can still land."""


class HttpSystemPolicy(_Strict):
    """One system that is spoken to by plain HTTP and JSON."""

    url: str = Field(pattern=r"^https?://[^\s]+$")
    token_file: Path | None = None
    """File that holds the bearer token."""
    token: str | None = Field(default=None, repr=False)
    """The bearer token itself; only for a sandbox, a real one belongs into a file."""
    timeout_seconds: float = Field(default=30, gt=0, le=300)
    concurrency: int = Field(default=16, ge=1, le=256)
    """Attempts in flight at most."""
    operations: Mapping[str, Operation]

    @model_validator(mode="after")
    def _one_token(self) -> HttpSystemPolicy:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("give either `token_file` or, for a sandbox, `token`")
        return self

    def secret(self) -> str:
        """The bearer token. Raises `PolicyInvalid` if its file cannot be read."""
        if self.token_file is None:
            return self.token or ""
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PolicyInvalid(f"token_file {self.token_file}: {error.strerror or error}") from error


class PolicyFile(_Strict):
    """Everything in the file."""

    legal_entities: Mapping[Id, LegalEntity] = Field(min_length=1)
    service_lines: tuple[Id, ...] = ()
    sources: Mapping[str, Source] = Field(min_length=1)
    systems: Mapping[System, HttpSystemPolicy] = Field(min_length=1)
    retry_seconds: float = Field(default=5, gt=0, le=3600)
    """Fixed delay before something that failed for a passing reason is tried again."""

    @model_validator(mode="after")
    def _systems_exist(self) -> PolicyFile:
        for code, legal_entity in self.legal_entities.items():
            for role in ("erp", "psa", "crm"):
                name = getattr(legal_entity, role)
                if name not in self.systems:
                    raise ValueError(f"legal_entities.{code}.{role} names {name!r}, which is not under `systems`")
        return self

    @property
    def policy(self) -> Policy:
        """The part that decisions read."""
        return Policy(legal_entities=self.legal_entities, service_lines=self.service_lines)


def read_policy(path: Path) -> PolicyFile:
    """The policy in a file. Raises `PolicyInvalid` with one line for each mistake, and the line where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyInvalid(f"{path}: {error.strerror or error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{path}: {error}") from error
    try:
        return PolicyFile.model_validate(found)
    except ValidationError as error:
        mistakes = [
            f"{path}:{_line(node, mistake['loc'])}: {'.'.join(map(str, mistake['loc'])) or 'file'}: {mistake['msg']}"
            for mistake in error.errors(include_url=False, include_input=False)
        ]
        raise PolicyInvalid("\n".join(mistakes)) from error


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line of the innermost node that `path` still finds."""
    line = 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair: Any = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line

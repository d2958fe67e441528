"""The policy file: YAML, checked as a whole at start, with errors that say where and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails

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

    @field_validator("url")
    @classmethod
    def _address_alone(cls, url: str) -> str:
        parts = urlsplit(url)
        if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("name a host, and leave out user, password, query, and fragment")
        return url

    @field_validator("token")
    @classmethod
    def _usable(cls, token: str | None) -> str | None:
        if token is not None and not _is_token(token):
            raise ValueError("write printable ASCII without spaces")
        return token

    @model_validator(mode="after")
    def _one_token(self) -> HttpSystemPolicy:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("give either `token_file` or, for a sandbox, `token`")
        return self

    def secret(self) -> str:
        """The bearer token. Raises `PolicyInvalid` if its file cannot be read, or holds none."""
        if self.token_file is None:
            return self.token or ""
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PolicyInvalid(f"token_file {self.token_file}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise PolicyInvalid(f"token_file {self.token_file}: it is not text") from error
        if not _is_token(token):
            raise PolicyInvalid(
                f"token_file {self.token_file}: write one line of printable ASCII without spaces into it"
            )
        return token


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
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        raise PolicyInvalid(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise PolicyInvalid(f"{path}: not YAML: {error}") from error
    repeated = [
        f"{path}:{line}: {key} stands here a second time: the first would be lost" for key, line in _repeated(node)
    ]
    if repeated:
        raise PolicyInvalid("\n".join(repeated))
    try:
        return PolicyFile.model_validate(found)
    except ValidationError as error:
        mistakes = [
            f"{path}:{_line(node, mistake['loc'])}: {'.'.join(map(str, mistake['loc'])) or 'file'}: {_sentence(mistake)}"
            for mistake in error.errors(include_url=False, include_input=False)
        ]
        raise PolicyInvalid("\n".join(mistakes)) from error


_NAMES: Final = frozenset(
    name for model in (PolicyFile, LegalEntity, Source, HttpSystemPolicy, Operation) for name in model.model_fields
)


def _is_token(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token and bool(token)


def _sentence(mistake: ErrorDetails) -> str:
    """What is wrong, and what to change."""
    match mistake["type"]:
        case "missing":
            return "it is missing: add it"
        case "extra_forbidden":
            near = get_close_matches(str(mistake["loc"][-1]), _NAMES, n=1)
            return "there is no such key: " + (f"did you mean {near[0]}?" if near else "remove it")
        case "value_error":
            return str(mistake.get("ctx", {}).get("error", mistake["msg"]))
        case "string_type":
            return "write it as text: put it in quotes if YAML reads it as something else, as it does with no and 1.0"
        case "model_type" | "mapping_type" | "dict_type" | "model_attributes_type":
            return "write `name: value` lines below it"
        case "tuple_type":
            return "write a list: [one, two]"
        case _:
            return mistake["msg"]


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Keys that a mapping has twice, with their lines: YAML itself would take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)


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

"""Who may ask the API, and what each may do: the one token of a file, and a file of callers with names and roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from adapters.ports.reach import EVERYWHERE, Reach
from gateway.policy_mistakes import impossible_values, not_yaml, repeated_keys, told
from gateway.settings import SettingsInvalid
from schemas.acts import MOST_ROLES
from schemas.rules import Rule
from schemas.values import Id

TOKEN_FILE: Final = "TALLYSTICK_API_TOKEN_FILE"  # noqa: S105  # the name of a variable
CALLERS_FILE: Final = "TALLYSTICK_CALLERS_FILE"
OPERATOR: Final = "operator"
"""The role of the one token."""


class Permission(StrEnum):
    """What a token may allow."""

    READ = "read"
    """See counts, messages without their bodies, lanes, cases, dead letters."""
    ENTITIES = "entities"
    """See the state of an entity and all that happened to it, with what it holds of the business."""
    REVEAL = "reveal"
    """See what is about people and the bytes of messages, each time with a reason, which the audit keeps."""
    SETTLE = "settle"
    """Take, note, retry, and settle cases; for all but the first three the role of the case is needed as well."""
    AUDIT = "audit"
    """See what others did and why, and check that nobody has tampered with that."""
    OPERATE = "operate"
    """Retry and discard; settle cases of any role, but not approve or reject them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` goes into the audit; it is never the token."""

    name: str
    permissions: frozenset[Permission]
    roles: frozenset[str] = frozenset()
    reach: Reach = EVERYWHERE


def _few(roles: tuple[str, ...]) -> tuple[str, ...]:
    if len(roles) > MOST_ROLES:
        raise PydanticCustomError("roles_too_many", f"write at most {MOST_ROLES} roles: each act carries them all")
    return roles


def _some(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


class CallerEntry(BaseModel):
    """One entry of the callers' file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Id
    """Goes into the audit and the timeline; for an employee, the id of the employee."""
    token_sha256: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{64}$"),
        Rule("digest_invalid", "write the SHA-256 of the token, 64 of 0-9 and a-f; `tallystick caller add` makes both"),
    ]
    permissions: tuple[Permission, ...] = (Permission.READ, Permission.SETTLE)
    roles: Annotated[tuple[Id, ...], AfterValidator(_few)] = ()
    """What the caller may settle: cases of these roles."""
    entities: tuple[Id, ...] | None = None
    """What the caller may see and act on, such as timesheet; left out: every kind."""
    legal_entities: tuple[Id, ...] | None = None
    """The same by legal entity. What belongs to none is outside."""

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the token."""
        return bytes.fromhex(self.token_sha256)

    @property
    def caller(self) -> Caller:
        """Who it is to the API."""
        reach = Reach(_some(self.entities), _some(self.legal_entities))
        return Caller(self.name, frozenset(self.permissions), frozenset(self.roles), reach)


_ENTRIES: Final = TypeAdapter(tuple[CallerEntry, ...])


def digest(token: bytes) -> bytes:
    """What is kept and compared in place of a token."""
    return sha256(token).digest()


def known_callers(token_file: Path | None, callers_file: Path | None) -> Mapping[bytes, Caller]:
    """Callers by the digest of their token; none without a file.

    Raises `SettingsInvalid` if a file cannot be read or used.
    """
    callers = (
        {}
        if token_file is None
        else {_token(token_file): Caller("api-token", frozenset(Permission), frozenset({OPERATOR}))}
    )
    for entry in () if callers_file is None else read_callers(callers_file):
        if entry.digest in callers:
            raise SettingsInvalid(f"{CALLERS_FILE}: {entry.name} has the token of {TOKEN_FILE}: make another")
        callers[entry.digest] = entry.caller
    return callers


def read_callers(path: Path) -> tuple[CallerEntry, ...]:
    """The entries of a callers' file. Raises `SettingsInvalid`, one line for each mistake, with where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(f"{CALLERS_FILE}: {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"{CALLERS_FILE}: {path}: it is not UTF-8 text") from error
    return parse_callers(text, f"{CALLERS_FILE}: {path}")


def parse_callers(text: str, place: str) -> tuple[CallerEntry, ...]:
    """The entries in a text; `place` stands before each mistake. Raises `SettingsInvalid`."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        mistakes = [*impossible_values(node), *repeated_keys(node)]
        found: object = None if mistakes else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"{place}:{not_yaml(error)}") from error
    except RecursionError as error:
        raise SettingsInvalid(f"{place}:1: it is nested too deeply, or an alias in it contains itself") from error
    if not mistakes:
        try:
            entries = _ENTRIES.validate_python([] if found is None else found)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)
            mistakes = [line for mistake in wrong for line in told(mistake, node, tuple(CallerEntry.model_fields))]
        else:
            mistakes = list(_repeated(entries))
            if not mistakes:
                return entries
    raise SettingsInvalid("\n".join(f"{place}:{mistake}" for mistake in mistakes))


def _repeated(entries: Sequence[CallerEntry]) -> Iterator[str]:
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            yield f" {name} stands here {count} times: give each caller a name of its own"
    owners: dict[str, str] = {}
    for entry in entries:
        other = owners.setdefault(entry.token_sha256, entry.name)
        if other != entry.name:
            yield f" {other} and {entry.name} have the same token: make another for one of them"


def _token(path: Path) -> bytes:
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise SettingsInvalid(f"{TOKEN_FILE}: {path}: {error.strerror or error}") from error
    if not token:
        raise SettingsInvalid(f"{TOKEN_FILE}: {path} is empty: write a long random token into it")
    return digest(token)

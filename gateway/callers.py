"""Who may ask the API, and what each may do: the one token of a file, and a file of callers with names and roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from adapters.ports.api_keys import KEY_PREFIX, ApiKey
from adapters.ports.reach import EVERYWHERE, Reach
from gateway.settings import SettingsInvalid
from gateway.yaml_settings import parsed, read_text
from schemas.acts import MOST_ROLES
from schemas.rules import Rule
from schemas.values import Id

TOKEN_FILE: Final = "TALLYSTICK_API_TOKEN_FILE"  # noqa: S105  # the name of a variable
CALLERS_FILE: Final = "TALLYSTICK_CALLERS_FILE"
OPERATOR: Final = "operator"
"""The role of the one token."""
OPERATORS_NAME: Final = "api-token"
"""Its name in the audit."""


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
    ADMINISTER = "administer"
    """Declare, release, and end restores; have sent again what a system has lost; make and revoke API keys."""


class Bundle(StrEnum):
    """Permissions that belong together, under the name of whoever usually has them."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    FINANCE = "finance"
    ADMIN = "admin"


BUNDLES: Final[Mapping[Bundle, frozenset[Permission]]] = MappingProxyType(
    {
        Bundle.VIEWER: frozenset({Permission.READ, Permission.ENTITIES}),
        Bundle.OPERATOR: frozenset({Permission.READ, Permission.ENTITIES, Permission.SETTLE, Permission.OPERATE}),
        Bundle.FINANCE: frozenset({Permission.READ, Permission.ENTITIES, Permission.SETTLE, Permission.AUDIT}),
        Bundle.ADMIN: frozenset(Permission),
    }
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` goes into the audit; it is never the token.

    `made_by` is set for the key of a program: who made it.
    """

    name: str
    permissions: frozenset[Permission]
    roles: frozenset[str] = frozenset()
    reach: Reach = EVERYWHERE
    made_by: str | None = None

    @property
    def person(self) -> str:
        """Who answers for what is asked. Whoever holds a key that they made is one person, and not two."""
        return self.made_by or self.name


def _few(roles: tuple[str, ...]) -> tuple[str, ...]:
    if len(roles) > MOST_ROLES:
        raise PydanticCustomError("roles_too_many", f"write at most {MOST_ROLES} roles: each act carries them all")
    return roles


def _no_key(name: str) -> str:
    if name.startswith(KEY_PREFIX):
        raise PydanticCustomError("name_of_keys", "take another name: those of API keys begin so")
    return name


def permissions_of(granted: Permission | Bundle) -> frozenset[Permission]:
    return BUNDLES[granted] if isinstance(granted, Bundle) else frozenset({granted})


def _some(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


Granted = Annotated[
    Annotated[Permission, Field(strict=False)] | Annotated[Bundle, Field(strict=False)],
    Rule("permission_unknown", f"write one of {', '.join((*Permission, *Bundle))}"),
]


class Grants(BaseModel):
    """What somebody may do, and how far they reach."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    permissions: tuple[Granted, ...] = (Permission.READ, Permission.SETTLE)
    """Single ones, or bundles of them."""
    roles: Annotated[tuple[Id, ...], AfterValidator(_few)] = ()
    """What the caller may settle: cases of these roles."""
    entities: tuple[Id, ...] | None = None
    """What the caller may see and act on, such as timesheet; left out: every kind."""
    legal_entities: tuple[Id, ...] | None = None
    """The same by legal entity. What belongs to none is outside."""

    def to(self, name: str) -> Caller:
        """Who somebody of this name is to the API."""
        reach = Reach(_some(self.entities), _some(self.legal_entities))
        permissions = frozenset(permission for each in self.permissions for permission in permissions_of(each))
        return Caller(name, permissions, frozenset(self.roles), reach)


class CallerEntry(Grants):
    """One entry of the callers' file."""

    name: Annotated[Id, AfterValidator(_no_key)]
    """Goes into the audit and the timeline; for an employee, the id of the employee."""
    token_sha256: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{64}$"),
        Rule("digest_invalid", "write the SHA-256 of the token, 64 of 0-9 and a-f; `tallystick caller add` makes both"),
    ]

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the token."""
        return bytes.fromhex(self.token_sha256)

    @property
    def caller(self) -> Caller:
        """Who it is to the API."""
        return self.to(self.name)


_ENTRIES: Final = TypeAdapter(tuple[CallerEntry, ...])


def key_caller(key: ApiKey) -> Caller:
    """Who an API key is to the API: without roles, which are those of people.

    A permission that this release does not know any more is none.
    """
    known = frozenset(permission for permission in Permission if permission in key.scope.permissions)
    reach = Reach(_some(key.scope.entities), _some(key.scope.legal_entities))
    return Caller(f"{KEY_PREFIX}{key.name}", known, reach=reach, made_by=key.by)


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
        else {_token(token_file): Caller(OPERATORS_NAME, frozenset(Permission), frozenset({OPERATOR}))}
    )
    for entry in () if callers_file is None else read_callers(callers_file):
        if entry.digest in callers:
            raise SettingsInvalid(f"{CALLERS_FILE}: {entry.name} has the token of {TOKEN_FILE}: make another")
        callers[entry.digest] = entry.caller
    return callers


def read_callers(path: Path) -> tuple[CallerEntry, ...]:
    """The entries of a callers' file. Raises `SettingsInvalid`, one line for each mistake, with where it stands."""
    place = f"{CALLERS_FILE}: {path}"
    return parse_callers(read_text(path, place), place)


def parse_callers(text: str, place: str) -> tuple[CallerEntry, ...]:
    """The entries in a text; `place` stands before each mistake. Raises `SettingsInvalid`."""
    entries = parsed(text, place, _ENTRIES, tuple(CallerEntry.model_fields))
    mistakes = list(_repeated(entries))
    if mistakes:
        raise SettingsInvalid("\n".join(f"{place}:{mistake}" for mistake in mistakes))
    return entries


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

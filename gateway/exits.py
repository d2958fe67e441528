"""Exit codes, and the table of which error ends a command with which code and which advice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final


class Exit(IntEnum):
    """How a command ends; scripts rely on the numbers."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    AUTH = 4
    CONFLICT = 5
    UNREACHABLE = 6
    UNHEALTHY = 7
    UNDER_WAY = 8
    """What was asked for is on its way, and nobody knows yet whether it will be done."""


class Failed(Exception):
    """A command found out that it cannot succeed; the message says why and what to change."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ending:
    """How a known error ends a command. `advice` says what to change, where the error's own words do not."""

    code: Exit
    advice: str = ""


_BROKER: Final = "start RabbitMQ, or correct TALLYSTICK_AMQP_URL"
_DATABASE: Final = "start PostgreSQL, or correct TALLYSTICK_DATABASE_URL"

ENDINGS: Final[Mapping[str, Ending]] = MappingProxyType(
    {
        "gateway.settings.SettingsInvalid": Ending(Exit.USAGE),
        "gateway.system_policy.PolicyInvalid": Ending(Exit.FAILED),
        "gateway.reader.Unroutable": Ending(Exit.FAILED, "run `tallystick topology apply`, or start the gateway"),
        "gateway.reading.ReadElsewhere": Ending(Exit.CONFLICT),
        "gateway.local.errors.ServerMissing": Ending(Exit.FAILED),
        "gateway.local.errors.ServerFailed": Ending(Exit.FAILED),
        "adapters.postgres.server.ServerUnsafe": Ending(Exit.UNHEALTHY),
        "adapters.ports.restores.RestoreConflict": Ending(Exit.CONFLICT),
        "adapters.postgres.migrations.upgrade.SchemaBehind": Ending(Exit.CONFLICT),
        "adapters.ports.broker.TopologyDiffers": Ending(Exit.CONFLICT),
        "adapters.ports.changes.FeedUnavailable": Ending(
            Exit.UNREACHABLE, "see what `tallystick system test` says of the system"
        ),
        "adapters.ports.broker.BrokerUnavailable": Ending(Exit.UNREACHABLE, _BROKER),
        "adapters.ports.turns.StoreUnavailable": Ending(Exit.UNREACHABLE, _DATABASE),
        "aiormq.exceptions.ProbableAuthenticationError": Ending(
            Exit.AUTH, "correct user, password, and virtual host in TALLYSTICK_AMQP_URL"
        ),
        "asyncpg.exceptions.InvalidAuthorizationSpecificationError": Ending(
            Exit.AUTH, "correct user and password in TALLYSTICK_DATABASE_URL"
        ),
        "asyncpg.exceptions.InsufficientPrivilegeError": Ending(
            Exit.AUTH, "let the database's owner run `tallystick db upgrade`, or grant its user what it lacks"
        ),
        "asyncpg.exceptions.InvalidCatalogNameError": Ending(
            Exit.NOT_FOUND, "create the database, or correct its name in TALLYSTICK_DATABASE_URL"
        ),
    }
)
"""By the class's full name: naming a class here must not cost every command the import of its library."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A known error in plain words."""

    code: Exit
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.advice}" if self.advice else self.reason


def explain(error: BaseException) -> Explained | None:
    """What to tell about an error; None if it is not known, so a bug of ours.

    The outermost known error has the words. What made something unreachable has the code, if it is known: it may be a
    refused password.
    """
    known = [(each, ending) for each in _chain(error) if (ending := _ending(each)) is not None]
    if not known:
        return None
    told, ending = known[0]
    if ending.code is Exit.UNREACHABLE:
        ending = known[-1][1]
    return Explained(ending.code, str(told), ending.advice)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what caused it, and so on; one that was raised from itself ends there."""
    following: BaseException | None = error
    seen: set[int] = set()
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__


def _ending(error: BaseException) -> Ending | None:
    for kind in type(error).__mro__:
        found = ENDINGS.get(f"{kind.__module__}.{kind.__qualname__}")
        if found is not None:
            return found
    return None

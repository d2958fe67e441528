"""What past messages came to under one policy, and how two such outcomes differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple

import orjson

from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

MODES: Final = ("off", "shadow")
"""How the reasons of messages begin that a mode has ended; see `gateway.modes`."""


class Ending(NamedTuple):
    """Where a message ended or stands. `code`: of its case, or the mode that ended it; empty for neither."""

    verdict: Verdict
    code: str


class Kind(NamedTuple):
    """Commands of one kind; `currency` is empty where they move no money."""

    system: str
    operation: str
    currency: str


@dataclass(slots=True)
class Total:
    """How many commands, and the sum of their money."""

    count: int = 0
    money: Decimal = Decimal(0)


@dataclass(slots=True)
class Played:
    """All messages by their ending, all commands by their kind, and of each key what became of it, in plain lines."""

    endings: Counter[Ending] = field(default_factory=Counter)
    commands: dict[Kind, Total] = field(default_factory=dict)
    keys: dict[ActorKey, list[str]] = field(default_factory=dict)

    def message(self, key: ActorKey, name: str, verdict: Verdict, reason: str | None, code: str | None) -> None:
        """Count a message; `name` tells it from others of its key."""
        ending = Ending(verdict, code or _mode(verdict, reason))
        self.endings[ending] += 1
        told = f"{verdict} ({ending.code})" if ending.code else str(verdict)
        self.keys.setdefault(key, []).append(f"{name}: {told}")

    def command(self, command: Command, *, is_open: bool = False) -> None:
        """Count a command; `is_open`: nobody has taken it."""
        body = orjson.loads(command.body)
        amount, currency = body.get("amount"), body.get("currency")
        moves = amount is not None and currency is not None
        total = self.commands.setdefault(Kind(command.system, command.operation, currency if moves else ""), Total())
        total.count += 1
        total.money += Decimal(amount) if moves else 0
        told = f"{command.system} {command.operation} {command.line}"
        money = f" {amount} {currency}" if moves else ""
        digest = sha256(command.body).hexdigest()[:8]
        self.keys.setdefault(command.key, []).append(f"{told}{money}{' (stands open)' if is_open else ''} [{digest}]")


@dataclass(frozen=True, slots=True)
class Difference:
    """What one key comes to now and would come to, without what is the same."""

    key: ActorKey
    now: tuple[str, ...]
    then: tuple[str, ...]


def differences(now: Played, then: Played) -> list[Difference]:
    """The keys that differ, in order."""
    keys = sorted(now.keys.keys() | then.keys.keys())
    return [
        Difference(key, *_without_common(now.keys.get(key, []), then.keys.get(key, [])))
        for key in keys
        if sorted(now.keys.get(key, [])) != sorted(then.keys.get(key, []))
    ]


def _without_common(now: Iterable[str], then: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    counted_now, counted_then = Counter(now), Counter(then)
    return tuple((counted_now - counted_then).elements()), tuple((counted_then - counted_now).elements())


def _mode(verdict: Verdict, reason: str | None) -> str:
    beginning = (reason or "").partition(":")[0]
    return beginning if verdict is Verdict.IGNORED and beginning in MODES else ""


def both(now: Mapping[Kind, Total], then: Mapping[Kind, Total]) -> list[tuple[Kind, Total, Total]]:
    """Totals side by side, in order."""
    return [(kind, now.get(kind, Total()), then.get(kind, Total())) for kind in sorted(now.keys() | then.keys())]

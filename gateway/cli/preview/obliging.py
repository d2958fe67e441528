"""Systems that do whatever they are asked, at once, and give the ids that the real ones gave."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import orjson

from adapters.ports.history import GivenId
from adapters.ports.system import Absent, Capability, UnknownOperation, Upsert
from schemas.commands import Command, Confirmed
from schemas.keys import ActorKey

PROMISE: Final = Capability(Upsert.NONE, 86_400.0, unique_reference=True, look_up=True, late_bound=1.0)


SEVERAL: Final = frozenset({"customer", "engagement"})
"""Entities of which one system may have several things, one for each legal entity; their lines begin with its code."""


class KnownIds:
    """The ids that systems gave. What they never gave is made, the same for each command about one thing in a system.

    An id of another line about the same thing counts, too, if the system gave no other one for this operation: a
    customer that is put again has the id that it had. Each legal entity's part of a deal is a thing of its own.
    """

    def __init__(self, given: Iterable[GivenId]) -> None:
        self._given: dict[tuple[str, str, ActorKey], dict[str, str]] = {}
        for each in given:
            self._given.setdefault((each.system, each.operation, each.key), {})[each.line] = each.external_id

    def of(self, command: Command) -> str:
        """The system's own id of what a command asks for."""
        lines = self._given.get((command.system, command.operation, command.key), {})
        known = lines.get(command.line)
        if known is not None:
            return known
        code = _legal_entity(command)
        others = {id_ for line, id_ in lines.items() if line.startswith(f"{code}." if code else "")}
        if len(others) == 1:
            return next(iter(others))
        made = f"made-{command.system}-{command.key.entity}-{command.key.id}"
        return f"{made}-{code}" if code else made


def _legal_entity(command: Command) -> str:
    """For which legal entity a command is, where its key has a thing of its own for each; else nothing."""
    if command.key.entity not in SEVERAL:
        return ""
    return str(orjson.loads(command.body).get("legal_entity") or "")


class Obliging:
    """Implements `adapters.ports.system.System`. `asked`: every command, in order."""

    def __init__(self, name: str, taken: Collection[str], ids: KnownIds) -> None:
        self.name = name
        self.asked: list[Command] = []
        self._taken = taken
        self._ids = ids

    def capability(self, operation: str) -> Capability:
        if operation not in self._taken:
            raise UnknownOperation(f"{self.name} does not take {operation}")
        return PROMISE

    async def send(self, command: Command) -> Confirmed:
        self.asked.append(command)
        return Confirmed(self._ids.of(command))

    async def look_up(self, command: Command) -> Confirmed | Absent:
        is_there = any(asked.id == command.id for asked in self.asked)
        return Confirmed(self._ids.of(command)) if is_there else Absent()

    async def close(self) -> None:
        """Nothing to close."""

"""Policies in memory, and what they may let go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.memory.rows import Act, CaseRow
from adapters.memory.tables import Clock, Tables
from adapters.ports.policies import Activation, How, PolicyNotFound, PolicyOvertaken, UnmappedCase
from schemas.verdicts import FailureClass


class MemoryPolicies:
    """Port `Policies`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def begin(self, policy: str, text: str, *, actor: str, reason: str) -> Activation:
        if policy not in self._tables.policies:
            return self._load(policy, text, How.START, actor, reason)
        return self._tables.activations[-1]

    async def active(self) -> Activation | None:
        return self._tables.activations[-1] if self._tables.activations else None

    async def text(self, policy: str) -> str:
        self._look_up(policy)
        return self._tables.policies[policy]

    async def load(
        self, policy: str, text: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        self._check_newest(after)
        return self._load(policy, text, How.RELOAD, actor, reason, retries=retries)

    async def roll_back(
        self, to: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        self._look_up(to)
        self._check_newest(after)
        return self._activate(to, How.ROLLBACK, actor, reason, retries=retries)

    async def history(self, *, before: int | None, limit: int) -> list[Activation]:
        newest_first = reversed(self._tables.activations)
        return [each for each in newest_first if before is None or each.id < before][:limit]

    async def close(self) -> None:
        """Nothing to close."""

    def _check_newest(self, after: int | None) -> None:
        newest = self._tables.activations[-1].id if self._tables.activations else None
        if after not in (None, newest):
            raise PolicyOvertaken(f"activation {newest} is in force")

    def _look_up(self, policy: str) -> None:
        if policy not in self._tables.policies:
            raise PolicyNotFound(f"no policy {policy} was ever loaded")

    def _load(self, policy: str, text: str, how: How, actor: str, reason: str, *, retries: bool = True) -> Activation:
        self._tables.policies.setdefault(policy, text)
        return self._activate(policy, how, actor, reason, retries=retries)

    def _activate(self, policy: str, how: How, actor: str, reason: str, *, retries: bool) -> Activation:
        tables = self._tables
        at = datetime.fromtimestamp(self._clock(), UTC)
        activation = Activation(len(tables.activations) + 1, policy, how, actor, reason, at, retries)
        tables.activations.append(activation)
        tables.record(Act(actor, f"policy.{how}", None, None, f"{policy}: {reason}"))
        return activation


class MemoryUnmapped:
    """Port `Unmapped`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def newest(self) -> int:
        return max((row.id for row in self._open()), default=0)

    async def cases(self, *, after: int, through: int, limit: int) -> Sequence[UnmappedCase]:
        found = [row for row in self._open() if after < row.id <= through]
        return [UnmappedCase(row.id, row.version, row.key, row.opened.case.topic) for row in found[:limit]]

    async def is_tried(self, activation: int) -> bool:
        return activation in self._tables.policies_tried

    async def tried(self, activation: int) -> None:
        self._tables.policies_tried.add(activation)

    async def untried(self, activation: int) -> None:
        self._tables.policies_tried.discard(activation)

    async def close(self) -> None:
        """Nothing to close."""

    def _open(self) -> list[CaseRow]:
        rows = (row for row in self._tables.cases if row.is_open)
        return [row for row in rows if row.opened.case.failure.failure_class is FailureClass.MAPPING]

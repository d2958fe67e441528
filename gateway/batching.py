"""Batches: attempts at one operation of one legal entity that travel to their system in one request.

Each command keeps its own identity, key, order, lease, attempt, and outcome; a batch exists only on the way. So nothing
of it is stored, and what a lost answer leaves open is settled command by command, by key or by look-up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from adapters.ports.gate import Heard
from adapters.ports.system import Batching, System
from gateway.hearing import Ear, speaker
from schemas.commands import Command, Outcome, Rejected
from schemas.operations.legal_entity import legal_entity_of


@dataclass(frozen=True, slots=True)
class BatchRule:
    """At most `size` commands in one request; the first one waits for the others for at most `wait` seconds."""

    size: int
    wait: float


BatchRules = Mapping[str, BatchRule]
"""By operation; commands of an operation without a rule go one by one."""
SINGLY: Final[BatchRules] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sent:
    """What an attempt came to, and what its request has shown of the system; None where another attempt says so."""

    outcome: Outcome
    heard: Heard | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Commands that wait for each other. `closed`: nothing more comes, and it may leave."""

    commands: list[Command] = field(default_factory=list)
    answers: list[asyncio.Future[Sent]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, command: Command) -> asyncio.Future[Sent]:
        answer: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        self.commands.append(command)
        self.answers.append(answer)
        return answer


class Batches:
    """Sends commands to one system, together where its rules say so. Every group waits for itself alone."""

    def __init__(self, system: System, ear: Ear, rules: BatchRules) -> None:
        self._system = system
        self._together = system if isinstance(system, Batching) else None
        self._ear = ear
        self._rules = rules
        self._open: dict[tuple[str, str | None], _Batch] = {}
        self._waits = True

    async def send(self, command: Command, *, alone: bool = False) -> Sent:
        """One attempt; with `alone` in a request of its own. Raises what the system raises, which it should not."""
        rule = self._rules.get(command.operation)
        if rule is None or alone or self._together is None:
            outcome = await self._system.send(command)
            return Sent(outcome, self._ear.heard(outcome))
        group = (command.operation, legal_entity_of(command.body))
        batch = self._open.get(group)
        is_first = batch is None
        if batch is None:
            batch = self._open[group] = _Batch()
        answer = batch.add(command)
        if len(batch.commands) >= rule.size:
            self._close(group, batch)
        if is_first:
            await self._lead(group, batch, rule, self._together)
        return await answer

    def flush(self) -> None:
        """Let what waits leave at once, and let nothing wait from now on: the process drains."""
        self._waits = False
        for batch in self._open.values():
            batch.closed.set()

    async def _lead(self, group: tuple[str, str | None], batch: _Batch, rule: BatchRule, system: Batching) -> None:
        """Wait for the others, send them all, and tell each what came of it. The first attempt of a batch does this."""
        try:
            if self._waits:
                with suppress(TimeoutError):
                    async with asyncio.timeout(rule.wait):
                        await batch.closed.wait()
            self._close(group, batch)
            outcomes = await self._exchanged(batch.commands, system)
            for answer, sent in zip(batch.answers, self._spoken(outcomes), strict=True):
                if not answer.done():
                    answer.set_result(sent)
        except Exception as error:
            for answer in batch.answers[1:]:
                if not answer.done():
                    answer.set_exception(error)
            raise
        finally:
            self._close(group, batch)
            for answer in batch.answers:
                answer.cancel()  # of no effect on one that has its result

    async def _exchanged(self, commands: Sequence[Command], system: Batching) -> Sequence[Outcome]:
        """An outcome for each. A request that is refused as a whole is halved until what is refused stands alone."""
        if len(commands) == 1:
            return [await self._system.send(commands[0])]
        outcomes = await system.send_many(commands)
        if not isinstance(outcomes, Rejected):
            if len(outcomes) != len(commands):
                raise ValueError(f"{len(outcomes)} outcomes for {len(commands)} commands")
            return outcomes
        half = len(commands) // 2
        return [*await self._exchanged(commands[:half], system), *await self._exchanged(commands[half:], system)]

    def _spoken(self, outcomes: Sequence[Outcome]) -> Sequence[Sent]:
        heards = [self._ear.heard(outcome) for outcome in outcomes]
        speaks = speaker(heards)
        return [
            Sent(outcome, heard if place == speaks else None)
            for place, (outcome, heard) in enumerate(zip(outcomes, heards, strict=True))
        ]

    def _close(self, group: tuple[str, str | None], batch: _Batch) -> None:
        """Take nothing more into `batch`."""
        if self._open.get(group) is batch:
            del self._open[group]
        batch.closed.set()

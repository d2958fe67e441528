"""Batches: attempts at one operation of one legal entity that travel to their system in one request.

Each command keeps its own identity, key, order, attempt, and outcome; a batch exists only on the way. So nothing of it
is stored, and what a lost answer leaves open is settled command by command, by key or by look-up. Commands of one key
come as a run, see `adapters.ports.outbox.Claimed`, and stay in one request, which a system does in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Final

from adapters.ports.gate import Heard
from adapters.ports.system import NOT_BEGUN, Batching, System
from gateway.hearing import Ear, speaker
from schemas.commands import Command, Confirmed, Outcome, Rejected
from schemas.operations.legal_entity import legal_entity_of


@dataclass(frozen=True, slots=True)
class BatchRule:
    """At most `size` commands in one request; the first one waits for the others for at most `wait` seconds.

    `in_order`: the system does commands of one key in their order, so that one request may hold a run of them.
    """

    size: int
    wait: float
    in_order: bool = False


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
    """Runs that wait for each other, with their answers. `closed`: nothing more comes, and it may leave."""

    commands: list[Command] = field(default_factory=list)
    runs: list[tuple[int, asyncio.Future[Sequence[Sent]]]] = field(default_factory=list)
    """How many commands each has, and who waits for its answers."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, run: Sequence[Command]) -> asyncio.Future[Sequence[Sent]]:
        answer: asyncio.Future[Sequence[Sent]] = asyncio.get_running_loop().create_future()
        self.commands.extend(run)
        self.runs.append((len(run), answer))
        return answer

    def tell(self, sents: Sequence[Sent]) -> None:
        """Give each run the answers to its commands."""
        left = iter(sents)
        for count, answer in self.runs:
            own = list(islice(left, count))
            if not answer.done():
                answer.set_result(own)

    def fail(self, error: Exception) -> None:
        """Tell all but the first, which raises it, that it went wrong."""
        for _, answer in self.runs[1:]:
            if not answer.done():
                answer.set_exception(error)

    def end(self) -> None:
        """Let nobody wait any more."""
        for _, answer in self.runs:
            answer.cancel()  # of no effect on one that has its result


class Batches:
    """Sends commands to one system, together where its rules say so. Every group waits for itself alone."""

    def __init__(self, system: System, ear: Ear, rules: BatchRules) -> None:
        self._system = system
        self._together = system if isinstance(system, Batching) else None
        self._ear = ear
        self._rules = rules
        self._open: dict[tuple[str, str | None], _Batch] = {}
        self._waits = True

    async def send(self, run: Sequence[Command], *, alone: bool = False) -> Sequence[Sent]:
        """One attempt at each command of a run, all in one request; with `alone`, one command in a request of its own.

        Raises what the system raises, which it should not, and `ValueError` for several that must go one by one.
        """
        rule = self._rules.get(run[0].operation)
        if rule is None or alone or self._together is None:
            [command] = run
            outcome = await self._system.send(command)
            return [Sent(outcome, self._ear.heard(outcome))]
        group = (run[0].operation, legal_entity_of(run[0].body))
        batch = self._open.get(group)
        if batch is not None and len(batch.commands) + len(run) > rule.size:
            self._close(group, batch)
            batch = None
        is_first = batch is None
        if batch is None:
            batch = self._open[group] = _Batch()
        answer = batch.add(run)
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
            batch.tell(self._spoken(await self._exchanged(batch.commands, system)))
        except Exception as error:
            batch.fail(error)
            raise
        finally:
            self._close(group, batch)
            batch.end()

    async def _exchanged(self, commands: Sequence[Command], system: Batching) -> Sequence[Outcome]:
        """An outcome for each. A request that is refused as a whole is halved until what is refused stands alone.

        Of a run that is cut thereby the second half is sent only when all of the first is done.
        """
        if len(commands) == 1:
            return [await self._system.send(commands[0])]
        outcomes = await system.send_many(commands)
        if not isinstance(outcomes, Rejected):
            if len(outcomes) != len(commands):
                raise ValueError(f"{len(outcomes)} outcomes for {len(commands)} commands")
            return outcomes
        first, second = commands[: len(commands) // 2], commands[len(commands) // 2 :]
        done = await self._exchanged(first, system)
        stopped = {each.key for each, outcome in zip(first, done, strict=True) if not isinstance(outcome, Confirmed)}
        going = [each for each in second if each.key not in stopped]
        further = iter(await self._exchanged(going, system) if going else ())
        return [*done, *(NOT_BEGUN if each.key in stopped else next(further) for each in second)]

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

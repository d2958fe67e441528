"""Wrong parts of the runtime: committers that fold in another way, and steps of commands that guess."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from uuid import UUID, uuid5

from adapters.ports.outbox import Leased
from adapters.ports.system import Absent, Batching, Capability, System
from gateway.attempt import Attempts, Stepped
from gateway.batching import SINGLY, Batches, BatchRules, Sent
from gateway.fold import _Fold
from gateway.hearing import Ear
from gateway.inner import Inner, InnerEvent
from gateway.retry import Retries
from gateway.settlement import GiveUp, LookUp, Send, Settle
from schemas.commands import Command, Confirmed, Outcome, Rejected, Unknown
from tests.runtime.wrong import _Folds


class _Through(_Fold):
    def take_in_mailbox(self) -> None:
        self._is_blocked = False
        super().take_in_mailbox()


class LetsFollowersThrough(_Folds):
    """What comes behind a head that is stopped is decided all the same."""

    how = _Through


class ChangesTheKey(Attempts):
    """Every attempt has a key of its own."""

    async def _take(self, leased: Leased, capability: Capability, step: Send | LookUp | Settle | GiveUp) -> Stepped:
        if isinstance(step, Send) and leased.attempt > 1:
            other = leased.command._replace(id=uuid5(leased.command.id, str(leased.attempt)))
            [sent] = await self._batches.send([other], alone=True)
            return self._sent(leased, sent)
        return await super()._take(leased, capability, step)


class CutsRuns(Attempts):
    """Commands of a run are sent at the same time, and travel with whoever is about to leave."""

    async def step(self, run: Sequence[Leased]) -> Sequence[Stepped]:
        one_by_one = super().step
        return list(chain.from_iterable(await asyncio.gather(*(one_by_one([leased]) for leased in run))))


class TakesUnknownForFailed(Attempts):
    """No answer means that nothing was done."""

    def _sent(self, leased: Leased, sent: Sent) -> Stepped:
        outcome = sent.outcome
        return super()._sent(
            leased, replace(sent, outcome=Rejected(outcome.failure)) if isinstance(outcome, Unknown) else sent
        )


class SendsWhatIsAbsent(Attempts):
    """What is not there now may be sent again, though the former attempt may still land."""

    async def _looked_up(self, leased: Leased, capability: Capability, step: LookUp) -> Stepped:
        if isinstance(await self._system.look_up(leased.command), Absent):
            [sent] = await self._batches.send([leased.command], alone=True)
            return self._sent(leased, sent)
        return await super()._looked_up(leased, capability, step)


class _AllOrNothing(Batches):
    async def _exchanged(self, commands: Sequence[Command], system: Batching) -> Sequence[Outcome]:
        outcomes = await super()._exchanged(commands, system)
        done = next((each for each in outcomes if isinstance(each, Confirmed)), None)
        return [done if done is not None and isinstance(each, Unknown) else each for each in outcomes]


class TakesHalfABatchForAll(Attempts):
    """What the answer to a batch leaves out was done with the rest of it."""

    def __init__(
        self, system: System, retries: Retries, ear: Ear, chance: Callable[[], float], batches: BatchRules = SINGLY
    ) -> None:
        super().__init__(system, retries, ear, chance, batches)
        self._batches = _AllOrNothing(system, ear, batches)


class SaysItUnderAnotherId(Inner):
    """What one actor asks of another has another id each time that it is said."""

    async def deliver(self, event: InnerEvent) -> UUID:
        return await super().deliver(replace(event, id=str(self._refs())))


class DoesNotWait(Inner):
    """What one actor asks of another counts as there as soon as it is in the mailbox."""

    async def deliver(self, event: InnerEvent) -> UUID:
        delivery = asyncio.ensure_future(super().deliver(event))
        await asyncio.wait({delivery}, timeout=0)
        return UUID(int=0)

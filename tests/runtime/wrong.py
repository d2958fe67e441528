"""Designs that look right and are not, kept to prove that the tests of the right one would notice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adapters.memory.commits import MemoryCommits
from adapters.ports.turns import Answer, Batch
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.committer import Committer
from gateway.draft import Draft, Drafting
from gateway.fold import _Fold
from gateway.holding import hold
from gateway.loading import Loaded
from gateway.surroundings import Surroundings
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import Job


class _Folds(Committer):
    """A committer that folds in another way."""

    how: type[_Fold] = _Fold

    def _decide(self, activations: Sequence[Activation], loaded: Loaded) -> tuple[list[Draft], list[Activation]]:
        world = self._world
        around = Surroundings(
            world.now(), world.policy(), world.rules(), world.pauses(), loaded.snapshots, world.read,
            self._watcher.decision_failed, world.retry_after, world.bounds.fold, world.bounds.mailbox,
        )  # fmt: skip
        drafts = []
        for activation in activations:
            assert activation.memory is not None
            if activation.key.is_external:
                drafts.append(hold(activation, activation.memory, around.rules))
                continue
            turn = self.how(world.actors[activation.key.entity], activation, activation.memory, around)
            if turn.settle_answers():
                turn.drain_lane()
                turn.take_in_mailbox()
            drafts.append(turn.drafting.draft())
        return drafts, []


class _NewestFirst(_Fold):
    def take_in_mailbox(self) -> None:
        mailbox, cap = self._activation.mailbox, self._around.mailbox
        if len(mailbox) > cap and not self._is_blocked:
            for entry in list(mailbox)[cap:]:
                self.drafting.queue(entry, Verdict.QUEUED)
            self.drafting.stopped_short = True
            return
        super().take_in_mailbox()


class SpillsTheNewest(_Folds):
    """An overflowing mailbox lays only the newest messages into the lane, which overtake the older ones there."""

    how = _NewestFirst


class QueuesResults(Committer):
    """Results stand behind a lane that waits, as messages do, although its head may wait for nothing else."""

    behind: tuple[Answered, ...] = ()

    def answer(self, key: ActorKey, answered: Answered) -> None:
        memory = self.activations.of(key).memory
        self.activations.schedule(self.activations.of(key))
        if memory is None or memory.row.lane.state is LaneState.OPEN:
            super().answer(key, answered)
            return
        self.behind = (*self.behind, answered)

    def _committed(self, draft: Draft) -> None:
        super()._committed(draft)
        if draft.turn.lane.state is LaneState.OPEN:
            draft.activation.answers.extend(self.behind)
            self.behind = ()


class SpillsBeside(Committer):
    """Spills what is not started while a turn runs: what the turn loses comes behind what was spilled."""

    running: Mapping[ActorKey, Sequence[Entry]] = MappingProxyType({})

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        super().deliver(key, entry)
        activation = self.activations.of(key)
        running = self.running.get(key, [])
        waiting = [each for each in activation.mailbox if each not in running]
        if running and len(waiting) > self._world.bounds.mailbox:
            self.spilling = asyncio.create_task(self._spill(activation, waiting))

    async def _commit_writing(self, drafts: Sequence[Draft], policy: str | None) -> list[Answer]:
        self.running = {draft.turn.key: draft.consumed for draft in drafts}
        try:
            return await super()._commit_writing(drafts, policy)
        finally:
            self.running = {}

    async def _spill(self, activation: Activation, entries: Sequence[Entry]) -> None:
        inner: MemoryCommits = self._commits.inner  # type: ignore[attr-defined]  # on a connection of its own
        row = (await inner.load([activation.key]))[activation.key]
        drafting = Drafting(activation, Memory(row, Job()), 1, self._world.rules())
        for entry in entries:
            drafting.queue(entry, Verdict.QUEUED)
        await inner.commit(Batch(self._world.ids(), [drafting.draft().turn]))
        activation.mailbox = [each for each in activation.mailbox if each not in entries]
        for entry in entries:
            entry.receipt.ack()


class AcksFirst(Committer):
    """Acks what it has decided, before the commit says that it is there."""

    async def _commit_writing(self, drafts: Sequence[Draft], policy: str | None) -> list[Answer]:
        for draft in drafts:
            for entry in draft.consumed:
                entry.receipt.ack()
        return await super()._commit_writing(drafts, policy)


class BelievesVersions(MemoryCommits):
    """Resolves an unknown commit by versions alone: the row has moved, so it was ours."""

    async def resolve(self, batch: Batch) -> list[bool]:
        rows = await self.load([turn.key for turn in batch.turns])
        return [rows[turn.key].row_version > turn.row.row_version for turn in batch.turns]

"""Wrong stores: each leaves out, or does too early, one thing that the commit does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from uuid import UUID

from adapters.memory.checks import fresh, identity
from adapters.memory.commits import MemoryCommits
from adapters.memory.lane_acts import MemoryLaneActs
from adapters.memory.lanes import MemoryLanes
from adapters.memory.outbox import MemoryOutbox
from adapters.memory.pauses import MemoryPauses
from adapters.memory.rows import Logged, Standing
from adapters.ports.gate import Limits
from adapters.ports.outbox import NO_LIMITS, Attempt, Claimed, Leased, LostTime, SendLane
from adapters.ports.turns import Answer, Batch, Lane, Message, Turn
from schemas.keys import ActorKey
from schemas.verdicts import LaneState


class NoDedupe(MemoryCommits):
    """Takes a message again that is in the inbox."""

    async def commit(self, batch: Batch) -> list[Answer]:
        for turn in batch.turns:
            for judged in fresh(turn):
                self._tables.identities.pop(identity(judged), None)
        return await super().commit(batch)


class AppliesRedeliveries(MemoryCommits):
    """State and inbox in one statement: the compare-and-set passes, the inbox does nothing, the state is applied."""

    async def commit(self, batch: Batch) -> list[Answer]:
        known = self._tables.identities
        turns = [
            replace(turn, judged=[each for each in turn.judged if each.was is not None or identity(each) not in known])
            for turn in batch.turns
        ]
        return await super().commit(Batch(batch.commit_id, turns))


class VersionUnchecked(MemoryCommits):
    """The last writer wins."""

    async def commit(self, batch: Batch) -> list[Answer]:
        turns = [
            replace(turn, row=replace(turn.row, row_version=self._tables.row(turn.key).row_version))
            for turn in batch.turns
        ]
        return await super().commit(Batch(batch.commit_id, turns))


class ReferenceUnchecked(MemoryCommits):
    """A decision may stand on a fact that has moved."""

    async def commit(self, batch: Batch) -> list[Answer]:
        return await super().commit(Batch(batch.commit_id, [replace(turn, relied={}) for turn in batch.turns]))


class VersionsBelieved(MemoryCommits):
    """After an unknown commit: the row has moved, so it was ours."""

    async def resolve(self, batch: Batch) -> list[bool]:
        return [self._tables.row(turn.key).row_version > turn.row.row_version for turn in batch.turns]


class WaitUnchecked(MemoryCommits):
    """A wait commits although its target has moved since the decision saw it."""

    async def commit(self, batch: Batch) -> list[Answer]:
        return await super().commit(Batch(batch.commit_id, [_as_if_it_waited_before(turn) for turn in batch.turns]))


class NoWake(MemoryCommits):
    """What changes leaves no wake to those that wait for it."""

    async def commit(self, batch: Batch) -> list[Answer]:
        before = dict(self._tables.wakes)
        answers = await super().commit(batch)
        self._tables.wakes.clear()
        self._tables.wakes.update(before)
        return answers


class WaitsReadFirst(MemoryCommits):
    """Who waits is read while locking, before this commit writes its own waits."""

    async def commit(self, batch: Batch) -> list[Answer]:
        before = {target: set(waiting) for target, waiting in self._tables.waits.items()}
        answers = await super().commit(batch)
        for target in [target for target in self._tables.wakes if not before.get(target)]:
            del self._tables.wakes[target]
        return answers


class NoSweep(MemoryLanes):
    """Without the sweep that would find what a lost wake-up left; beside the wakes that are wrong."""

    async def sweep(self) -> int:
        return 0


class MovedByRepeats(MemoryCommits):
    """A message that comes again moves the cursor of its series to its number, also while it waits in its lane."""

    async def commit(self, batch: Batch) -> list[Answer]:
        answers = await super().commit(batch)
        for turn in batch.turns:
            for judged in fresh(turn):
                if self._tables.identities.get(identity(judged)) != judged.message.ref:
                    self._move(turn.key, judged.message)
        return answers

    def _move(self, key: ActorKey, message: Message) -> None:
        row, number = self._tables.row(key), message.sequence or 0
        cursor = row.cursors.get(message.series or "")
        if cursor is None or cursor.through is None or cursor.through >= number:
            return
        moved = {**row.cursors, message.series or "": replace(cursor, through=number)}
        lane = row.lane
        if lane.state is LaneState.WAITING and lane.target is None and not key.is_external:
            lane = Lane(LaneState.OPEN, lane.depth, lane.tail)
        self._tables.write(replace(row, row_version=row.row_version + 1, cursors=moved, lane=lane))


class NoDeadline(MemoryLanes):
    """Nobody is asked about a wait, however long it takes."""

    async def open_overdue(self, *, page: int) -> int:
        return 0


class ReleasesNothing(MemoryPauses):
    """The end of a pause leaves the lanes that stand still for it as they are."""

    async def release(self, *, page: int) -> Sequence[ActorKey]:
        return ()


class AlwaysRaisesTheGeneration(MemoryLaneActs):
    """What is retried gets a new identity, also if what was sent under the old one may have taken effect."""

    def _is_to_be_renamed(self, id: UUID) -> bool:
        return True


class QuotaOfEachProcess(MemoryOutbox):
    """Each process counts for itself what it has used of a day's quota."""

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        gates = self._tables.gates
        for system, gate in gates.items():
            gate.used = self._used.get((holder, system), 0)
        claimed = await super().claim(lanes, holder=holder, token=token, limits=limits)
        for system, gate in gates.items():
            self._used[holder, system] = gate.used
        return claimed

    @cached_property
    def _used(self) -> dict[tuple[UUID, str], int]:
        return {}


class AsksNobody(MemoryOutbox):
    """After a restore commands are sent as if the log were whole."""

    def _lost(self, key: ActorKey) -> LostTime | None:
        return None


class SecondHead(MemoryOutbox):
    """Leases commands, not their lane: while the head is being sent, the next one is free."""

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        claimed = await super().claim(lanes, holder=holder, token=token, limits=limits)
        leased = list(claimed.leased)
        heads = {head.command.key for head in leased}
        for lane in lanes:
            second = self._second(lane)
            if second is not None and lane.key not in heads:
                log = self._tables.attempts.setdefault(second.command.id, [])
                log.append(Logged(token, Attempt(len(log) + 1, None, 0.0, None), self._clock()))
                leased.append(Leased(second.command, token, len(log), ()))
        return replace(claimed, leased=leased)

    async def free(self, system: str, *, after: ActorKey | None, limit: int) -> list[SendLane]:
        more = [lane for lane in self._tables.leases if lane.system == system and self._second(lane) is not None]
        return [*await super().free(system, after=after, limit=limit), *more]

    def _second(self, lane: SendLane) -> Standing | None:
        standing = self._tables.send_lanes.get(lane, {})
        if lane not in self._tables.leases or len(standing) < 2:
            return None
        second = standing[sorted(standing)[1]]
        return None if second.is_parked or self._tables.attempts.get(second.command.id) else second


def _as_if_it_waited_before(turn: Turn) -> Turn:
    target, seen = turn.lane.target, turn.lane.seen
    if target is None:
        return turn
    row = replace(turn.row, lane=replace(turn.row.lane, target=target, seen=seen))
    return replace(turn, row=row, relied={key: version for key, version in turn.relied.items() if key != target})

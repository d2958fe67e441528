"""The work on replays in memory: plans are made, lanes let go on, and what came of it is recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final
from uuid import UUID

from adapters.memory.lanes import run_again
from adapters.memory.notices import case_notice
from adapters.memory.replays import Kept, PlannedLane, ReplayTables, expiry
from adapters.memory.resending import is_resending, landed_of, resend, sent_of, why_not_resent
from adapters.memory.rows import Accepted, Act
from adapters.memory.tables import Clock, Tables
from adapters.ports.cases import Closed
from adapters.ports.replays import (
    PAUSED,
    ROOM,
    STOPPED,
    Fate,
    Item,
    Landed,
    Look,
    Mode,
    Outlook,
    Phase,
    Planned,
    Prediction,
    Progress,
    Released,
    Relied,
    Replay,
    Sent,
)
from adapters.ports.turns import LaneMessage
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict

GATEWAY: Final = "gateway"
"""Who stops and ends replays, in the audit."""
_RESTS: Final = frozenset({LaneState.WAITING, LaneState.BACKOFF})


class MemoryReplayWork:
    """Ports `PlanWork` and `JobWork`."""

    def __init__(self, tables: Tables, shared: ReplayTables, clock: Clock) -> None:
        self._tables = tables
        self._shared = shared
        self._clock = clock

    async def hold(self) -> bool:
        if self._shared.worker is None:
            self._shared.worker = self
        return self._shared.worker is self

    async def deciding(self) -> Replay | None:
        replays = (kept.replay for kept in self._shared.replays.values())
        return next((each for each in replays if each.phase is Phase.DECIDING), None)

    async def planned(
        self, id: int, *, after: int, keys: Collection[ActorKey] | None, limit: int, room: int = ROOM
    ) -> list[Planned]:
        found: list[Planned] = []
        taken = 0
        for item in self._shared.replays[id].items[after:]:
            if len(found) == limit or taken >= room:
                break
            row = self._tables.inbox.get(item.ref)
            if (keys is None or item.key in keys) and row and row.position is not None:
                message = LaneMessage(row.message, row.position, Verdict.QUEUED, row.attempts)
                found.append(Planned(item.number, item.key, message, self._kills(item.ref)))
                taken += len(row.message.body)
        return found

    async def sent(self, id: int, *, after: int, limit: int) -> list[Sent]:
        kept = self._shared.replays[id]
        lanes = [lane for lane in kept.lanes if lane.first > after][:limit]
        ends = [lane.last for lane in lanes]
        through = max([end for end in ends if end <= after + limit] + ends[:1], default=after)
        return [sent_of(self._tables, item) for item in kept.items[after:through]]

    async def predicted(
        self, replay: Replay, predictions: Mapping[int, Prediction], relied: Sequence[Relied], *, decided: int
    ) -> Replay | None:
        kept = self._as_read(replay)
        if kept is None:
            return None
        for number, prediction in predictions.items():
            kept.items[number - 1] = replace(kept.items[number - 1], prediction=prediction)
        lanes = {lane.key: lane for lane in kept.lanes}
        for each in relied:
            lanes[each.key].relied = dict(each.versions)
        return self._put(kept, decided=decided)

    async def ready(
        self, replay: Replay, outlook: Outlook, *, policy: str | None, token: str, seconds: float
    ) -> Replay | None:
        kept = self._as_read(replay)
        if kept is None:
            return None
        expires_at = expiry(self._clock(), seconds)
        return self._put(
            kept, phase=Phase.READY, outlook=outlook, policy=policy, token=token, expires_at=expires_at
        )  # fmt: skip

    async def give_up(self, replay: Replay, why: str) -> None:
        kept = self._as_read(replay)
        if kept is not None:
            ended_at = datetime.fromtimestamp(self._clock(), UTC)
            self._put(kept, phase=Phase.CANCELLED, reason=why, ended_at=ended_at)
            self._audit("cancel", replay, why)

    async def started(self) -> list[Replay]:
        replays = (kept.replay for kept in self._shared.replays.values())
        return [each for each in replays if not (each.is_plan or each.phase.is_over)]

    async def release(self, replay: Replay, *, allow: int, most: int, moving: bool) -> Released | None:
        kept = self._as_read(replay)
        if kept is None or kept.replay.phase is not Phase.RUNNING:
            return None
        lanes = _next(kept.lanes, moving=moving)
        if not lanes:
            return None
        messages, keys, again = 0, list[ActorKey](), list[UUID]()
        for lane in lanes[:most]:
            if messages >= allow:
                break
            messages += lane.last - lane.first + 1
            row = self._tables.row(lane.key)
            is_sent = replay.chosen.mode is Mode.SENT
            lane.why = why_not_resent(self._tables, kept, lane) if is_sent else self._why_not(lane)
            lane.released_version = row.entity_version
            lane.state = "released" if lane.why is None else "changed"
            if lane.why is not None:
                continue
            keys.append(lane.key)
            if is_sent:
                resend(self._tables, kept, lane)
            else:
                again += run_again(self._tables, lane.key, Verdict.WAITING, Verdict.BACKOFF, Verdict.PARKED)
        for ref in again:
            self._tables.lane_suspects.pop(ref, None)
        closed = self._tables.close_cases(set(again), Closed.RETRIED, replay.started_by)
        self._tables.tell([], map(case_notice, closed))
        progress = replace(replay.progress, released=replay.progress.released + messages)
        return Released(self._put(kept, progress=progress), keys)

    async def look(self, replay: Replay, *, limit: int, final: bool) -> Look:
        kept = self._shared.replays[replay.id]
        landed, lanes, moving, resting = list[Landed](), 0, 0, 0
        for lane in kept.lanes:
            if lane.state not in ("released", "changed"):
                continue
            size = lane.last - lane.first + 1
            if replay.chosen.mode is Mode.SENT:
                if is_resending(self._tables, kept, lane):
                    moving += size
                elif lanes < limit:
                    lanes += 1
                    landed += landed_of(self._tables, kept, lane)
            elif self._moves(lane, kept):
                moving += size
            elif not final and self._rests(lane):
                resting += size
            elif lanes < limit:
                lanes += 1
                landed += self._landed(lane, kept)
        return Look(landed, moving, resting)

    async def record(self, replay: Replay, fates: Sequence[Fate], progress: Progress) -> Replay | None:
        kept = self._as_read(replay)
        if kept is None:
            return None
        numbers = {each.number for each in fates}
        for each in fates:
            kept.items[each.number - 1] = replace(kept.items[each.number - 1], fate=each)
        for lane in kept.lanes:
            if lane.first in numbers:
                lane.state = "settled"
        return self._put(kept, progress=progress)

    async def stop(self, replay: Replay, why: str) -> None:
        kept = self._as_read(replay)
        if kept is not None and kept.replay.phase is Phase.RUNNING:
            self._put(kept, phase=Phase.PAUSED, reason=why)
            self._audit("pause", replay, why)

    async def end(self, replay: Replay) -> None:
        kept = self._as_read(replay)
        if kept is None:
            return
        phase = Phase.CANCELLED if replay.phase is Phase.CANCELLING else Phase.DONE
        self._put(kept, phase=phase, ended_at=datetime.fromtimestamp(self._clock(), UTC))
        self._audit("end", replay, str(phase))

    async def close(self) -> None:
        """Hold nothing any more."""
        if self._shared.worker is self:
            self._shared.worker = None

    def _as_read(self, replay: Replay) -> Kept | None:
        """The replay, if nobody has changed it since it was read."""
        kept = self._shared.replays[replay.id]
        return kept if kept.replay.version == replay.version else None

    def _put(self, kept: Kept, **changed: Any) -> Replay:  # noqa: ANN401  # any field of a replay
        kept.replay = replace(kept.replay, version=kept.replay.version + 1, **changed)
        return kept.replay

    def _kills(self, ref: UUID) -> bool:
        return any(
            case.is_open and case.opened.ref == ref and case.opened.case.failure.code == "kills_process"
            for case in self._tables.cases
        )

    def _why_not(self, lane: PlannedLane) -> str | None:
        """Why a lane is left alone."""
        standing, state = self._tables.lane(lane.key), self._tables.row(lane.key).lane.state
        if not standing or standing[0].message.ref != lane.head:
            return "the head of its lane is another message now"
        if state not in STOPPED:
            return f"its lane is {state} already"
        if self._kills(lane.head):
            return "the head of its lane has ended the process, and runs by force alone"
        return None

    def _moves(self, lane: PlannedLane, kept: Kept) -> bool:
        """Whether messages of the plan run now, or will once a wake that is due has come."""
        if lane.state == "changed":
            return False
        now = self._tables.row(lane.key).lane
        if now.state is LaneState.WAITING and now.target is not None:
            return self._tables.row(now.target).entity_version > (now.seen or 0)
        return now.state is LaneState.OPEN and any(
            row.position is not None for row in self._rows(lane, kept) if row is not None
        )

    def _rests(self, lane: PlannedLane) -> bool:
        return lane.state == "released" and self._tables.row(lane.key).lane.state in _RESTS

    def _rows(self, lane: PlannedLane, kept: Kept) -> Iterator[Accepted | None]:
        for item in kept.items[lane.first - 1 : lane.last]:
            yield self._tables.inbox.get(item.ref)

    def _landed(self, lane: PlannedLane, kept: Kept) -> Iterator[Landed]:
        moved = [key for key, version in lane.relied.items() if self._version(lane, key) != version]
        for item, row in zip(kept.items[lane.first - 1 : lane.last], self._rows(lane, kept), strict=True):
            prediction = item.prediction
            codes = (
                case.opened.case.failure.code
                for case in self._tables.cases
                if case.is_open and case.opened.ref == item.ref and case.opened.case.topic is None
            )
            yield Landed(
                item.number, None if prediction is None else prediction.verdict,
                None if prediction is None else prediction.code, None if row is None else row.verdict,
                next(codes, None), None if row is None else row.reason, self._why(lane, item, row),
                tuple(map(str, sorted(moved))),
            )  # fmt: skip

    def _why(self, lane: PlannedLane, item: Item, row: Accepted | None) -> str | None:
        """Why a message was not let go on, or did not run."""
        is_paused = self._tables.row(lane.key).lane.state is LaneState.PAUSED
        is_foreseen = item.prediction is None or item.prediction.verdict is Verdict.QUEUED
        stands = row is not None and row.position is not None
        return PAUSED if is_paused and stands and not is_foreseen else lane.why

    def _version(self, lane: PlannedLane, key: ActorKey) -> int | None:
        """The version that a prediction stood on, as it was: of its own key when the lane was let go on."""
        return lane.released_version if key == lane.key else self._tables.row(key).entity_version

    def _audit(self, action: str, replay: Replay, reason: str) -> None:
        act = Act(GATEWAY, f"replay.{action}", None, None, f"replay {replay.id}: {reason}", self._clock())
        self._tables.audit.append(act)


def _next(lanes: Sequence[PlannedLane], *, moving: bool) -> list[PlannedLane]:
    """Those of one entity that are let go on next; while earlier ones are moving, of theirs."""
    before = [lane for lane in lanes if lane.state != "planned"]
    planned = lanes[len(before) :]
    if not planned or (moving and before and before[-1].key.entity != planned[0].key.entity):
        return []
    return list(takewhile(lambda lane: lane.key.entity == planned[0].key.entity, planned))

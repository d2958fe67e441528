"""Replays in memory: what operators see of them, and do about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from adapters.memory.rows import Accepted, Act, CaseRow, Sent
from adapters.memory.tables import Clock, Tables
from adapters.ports.outbox import SendLane
from adapters.ports.replays import (
    STOPPED,
    Chosen,
    Item,
    Mode,
    NothingChosen,
    Outcome,
    Phase,
    PlanExpired,
    Replay,
    ReplayClickReused,
    ReplayElsewhere,
    ReplayNotFound,
    ReplayTooLarge,
    Steer,
    Terms,
)
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

STEERED: Final = {
    Steer.PAUSE: (Phase.PAUSED, frozenset({Phase.RUNNING})),
    Steer.RESUME: (Phase.RUNNING, frozenset({Phase.PAUSED})),
    Steer.CANCEL: (Phase.CANCELLING, frozenset({Phase.RUNNING, Phase.PAUSED})),
}
"""What each leads to, and from where."""


@dataclass(slots=True)
class PlannedLane:
    """A lane of a replay. `head` is its first message; `first`, `last` are the numbers of its messages.

    `relied` is what its predictions stand on. `state`: planned, released, changed (for the reason `why`), or settled;
    `released_version` is the entity version when it was let go on.
    """

    key: ActorKey
    head: UUID
    first: int
    last: int
    relied: dict[ActorKey, int] = field(default_factory=dict)
    state: str = "planned"
    why: str | None = None
    released_version: int | None = None


@dataclass(slots=True)
class Kept:
    """A replay with all that is kept of it; items by number, from 1."""

    replay: Replay
    click: str
    lanes: list[PlannedLane] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class ReplayTables:
    """What all processes share."""

    replays: dict[int, Kept] = field(default_factory=dict)
    last: int = 0
    worker: object = None
    """The client that works; the others wait for it to close."""


class MemoryReplays:
    """Ports `Replays` and `ReplayActs`."""

    def __init__(self, tables: Tables, shared: ReplayTables, clock: Clock) -> None:
        self._tables = tables
        self._shared = shared
        self._clock = clock

    async def replay(self, id: int) -> Replay | None:
        kept = self._shared.replays.get(id)
        return None if kept is None else kept.replay

    async def of_token(self, token: str) -> Replay | None:
        found = next((each.replay for each in self._shared.replays.values() if each.replay.token == token), None)
        if found is not None and found.phase is Phase.READY:
            self._check_expiry(found)
        return found

    async def page(self, *, plans: bool, before: int | None, limit: int) -> list[Replay]:
        newest_first = (self._shared.replays[id].replay for id in sorted(self._shared.replays, reverse=True))
        return [each for each in newest_first if each.is_plan is plans and (before is None or each.id < before)][:limit]

    async def items(
        self, id: int, *, outcome: Outcome | None, predicted: Verdict | None, after: int, limit: int
    ) -> list[Item]:
        kept = self._shared.replays.get(id)
        return [
            item
            for item in ([] if kept is None else kept.items[after:])
            if (outcome is None or (item.fate is not None and item.fate.outcome is outcome))
            and (predicted is None or (item.prediction is not None and item.prediction.verdict is predicted))
        ][:limit]

    async def plan(
        self, chosen: Chosen, *, order: Sequence[str], most: int, by: str, reason: str, click: str
    ) -> Replay:
        known = next(
            (each for each in self._shared.replays.values() if (each.replay.by, each.click) == (by, click)), None
        )
        if known is not None and known.replay.chosen != chosen:
            raise ReplayClickReused(f"plan {known.replay.id} was asked for with the same key, and it is another one")
        if known is not None:
            return known.replay
        if chosen.mode is Mode.SENT:
            return self._plan_sent(chosen, order, most, by, reason, click)
        matched = {row.message.ref for row in self._standing() if self._is_chosen(row, chosen)}
        if not matched:
            raise NothingChosen("no message in a lane that stands still is so")
        keys = {self._tables.inbox[ref].key for ref in matched}
        messages = sum(len(self._tables.lane(key)) for key in keys)
        if messages > most:
            raise ReplayTooLarge(messages, most)
        self._shared.last += 1
        replay = Replay(
            self._shared.last, chosen, by, reason, self._now(), Phase.DECIDING, len(keys), messages, len(matched)
        )
        kept = self._shared.replays[replay.id] = Kept(replay, click)
        places = {entity: place for place, entity in enumerate(order)}
        for key in sorted(keys, key=lambda key: (places.get(key.entity, len(places)), key)):
            self._freeze(kept, key, matched)
        self._audit(by, "plan", replay, f"{messages} messages: {reason}")
        return replay

    def _plan_sent(self, chosen: Chosen, order: Sequence[str], most: int, by: str, reason: str, click: str) -> Replay:
        places = {entity: place for place, entity in enumerate(order)}
        found = sorted(
            (each for lane, kept in self._tables.sent.items() for each in kept.values()
             if is_sent(each, lane, chosen)),
            key=lambda each: (places.get(each.command.key.entity, len(places)), each.command.key, each.place),
        )  # fmt: skip
        if not found:
            raise NothingChosen("nothing is so")
        if len(found) > most:
            raise ReplayTooLarge(len(found), most)
        self._shared.last += 1
        keys = list(dict.fromkeys(each.command.key for each in found))
        replay = Replay(
            self._shared.last, chosen, by, reason, self._now(), Phase.DECIDING, len(keys), len(found), len(found)
        )
        kept = self._shared.replays[replay.id] = Kept(replay, click)
        for number, each in enumerate(found, 1):
            command = each.command
            named = (command.system, command.reference, command.operation)
            kept.items.append(Item(number, command.id, command.key, *named, Verdict.APPLIED, is_chosen=True))
        for key in keys:
            of_key = [item for item in kept.items if item.key == key]
            kept.lanes.append(PlannedLane(key, of_key[0].ref, of_key[0].number, of_key[-1].number))
        self._audit(by, "plan", replay, f"{len(found)} commands of {chosen.system}: {reason}")
        return replay

    async def start(self, token: str, terms: Terms, *, by: str, reason: str) -> Replay:
        kept = next((each for each in self._shared.replays.values() if each.replay.token == token), None)
        if kept is None:
            raise ReplayNotFound("no plan has this token")
        replay = kept.replay
        if (replay.terms, replay.started_by) == (terms, by):
            return replay
        if replay.phase is not Phase.READY:
            raise ReplayElsewhere(replay)
        self._check_expiry(replay)
        kept.replay = replace(
            replay, phase=Phase.RUNNING, terms=terms, started_by=by, started_at=self._now(), reason=reason,
            version=replay.version + 1,
        )  # fmt: skip
        self._audit(by, "start", replay, f"{terms.name}: {reason}")
        return kept.replay

    async def steer(
        self, id: int, steer: Steer, *, by: str, reason: str, policy: str | None = None, seen: Phase | None = None
    ) -> Replay:
        kept = self._shared.replays.get(id)
        if kept is None or (kept.replay.is_plan and steer is not Steer.CANCEL):
            raise ReplayNotFound(f"there is no replay {id}")
        to, sources = STEERED[steer]
        replay, progress, ended_at = kept.replay, kept.replay.progress, kept.replay.ended_at
        if replay.is_plan:
            to, sources, ended_at = Phase.CANCELLED, frozenset({Phase.DECIDING, Phase.READY}), ended_at or self._now()
        if replay.phase is to:
            return replay
        if replay.phase not in sources or seen not in (None, replay.phase):
            raise ReplayElsewhere(replay)
        if steer is Steer.RESUME:
            progress = replace(
                progress, released_before=progress.released, settled_before=progress.settled,
                failed_before=progress.failed,
            )  # fmt: skip
        kept.replay = replace(
            replay, phase=to, reason=reason, progress=progress, ended_at=ended_at, version=replay.version + 1,
            resumed_under=policy or replay.resumed_under,
        )  # fmt: skip
        self._audit(by, steer, replay, reason if policy is None else f"under policy {policy}: {reason}")
        return kept.replay

    async def close(self) -> None:
        """Nothing to close."""

    def _check_expiry(self, plan: Replay) -> None:
        if plan.expires_at is None or plan.expires_at <= self._now():
            raise PlanExpired(f"plan {plan.id} has expired")

    def _standing(self) -> Iterator[Accepted]:
        """The messages of lanes that can be replayed."""
        for key in self._tables.lanes:
            if not key.is_external and self._tables.row(key).lane.state in STOPPED:
                yield from self._tables.lane(key)

    def _is_chosen(self, row: Accepted, chosen: Chosen) -> bool:
        at, message = datetime.fromtimestamp(row.at, UTC), row.message
        return (
            chosen.entity in (None, row.key.entity)
            and chosen.key in (None, row.key.id)
            and chosen.type in (None, message.type)
            and chosen.verdict in (None, row.verdict)
            and chosen.source in (None, message.source)
            and (chosen.since is None or at >= chosen.since)
            and (chosen.until is None or at < chosen.until)
            and (chosen.correlation is None or orjson.loads(message.body).get("correlationid") == chosen.correlation)
            and (
                (chosen.failure_class, chosen.code, chosen.case) == (None, None, None)
                or any(_is_about(case, row, chosen) for case in self._open_cases())
            )
            and (
                chosen.system is None
                or any((case.key, case.opened.system) == (row.key, chosen.system) for case in self._open_cases())
            )
        )

    def _open_cases(self) -> Collection[CaseRow]:
        return [case for case in self._tables.cases if case.is_open]

    def _freeze(self, kept: Kept, key: ActorKey, matched: Collection[UUID]) -> None:
        standing = self._tables.lane(key)
        first = len(kept.items) + 1
        for row in standing:
            message = row.message
            kept.items.append(
                Item(
                    len(kept.items) + 1, message.ref, key, message.source, message.id, message.type, row.verdict,
                    message.ref in matched,
                )
            )  # fmt: skip
        kept.lanes.append(PlannedLane(key, standing[0].message.ref, first, len(kept.items)))

    def _audit(self, by: str, action: str, replay: Replay, reason: str) -> None:
        act = Act(by, f"replay.{action}", None, None, f"replay {replay.id}: {reason}", self._clock())
        self._tables.audit.append(act)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def is_sent(sent: Sent, lane: SendLane, chosen: Chosen) -> bool:
    """Whether a command is among those that are chosen."""
    return (
        lane.system == chosen.system
        and (chosen.since is None or datetime.fromtimestamp(sent.at, UTC) >= chosen.since)
        and chosen.entity in (None, lane.key.entity)
        and chosen.key in (None, lane.key.id)
    )


def expiry(now: float, seconds: float) -> datetime:
    """So many seconds from now."""
    return datetime.fromtimestamp(now, UTC) + timedelta(seconds=seconds)


def _is_about(case: CaseRow, row: Accepted, chosen: Chosen) -> bool:
    failure = case.opened.case.failure
    return (
        case.opened.ref == row.message.ref
        and chosen.failure_class in (None, failure.failure_class)
        and chosen.code in (None, failure.code)
        and chosen.case in (None, case.id)
    )

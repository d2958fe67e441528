"""The outbox and the sent log in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, islice
from uuid import UUID

from adapters.memory.checks import bound_to
from adapters.memory.gate_rules import Gate, admit, hear, refreshed, take
from adapters.memory.gates import in_flight
from adapters.memory.notices import case_notice
from adapters.memory.pauses import is_paused
from adapters.memory.requests import Requests
from adapters.memory.rows import Lease, Logged, Standing
from adapters.memory.tables import Clock, Tables
from adapters.ports.gate import CASE_ENTITY, Limits
from adapters.ports.outbox import (
    NO_LIMITS,
    Attempt,
    Claimed,
    Ended,
    Ending,
    Leased,
    LostTime,
    SendLane,
    one_system,
    with_results,
)
from adapters.ports.restores import Remembered
from adapters.ports.turns import Opened
from schemas.commands import Command
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.legal_entity import legal_entity_of
from schemas.verdicts import Failure, FailureClass


class MemoryOutbox:
    """Port `Outbox`. A store that is behind `remembered` went back, and gives nothing to send."""

    def __init__(self, tables: Tables, clock: Clock, remembered: Remembered | None = None) -> None:
        self._tables = tables
        self._clock = clock
        self._remembered = remembered or Remembered()

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        tables, now, remembered = self._tables, self._clock(), self._remembered
        if token in tables.abandoned or not tables.past.may_send(remembered.counter, remembered.epoch):
            return Claimed()
        if not lanes:
            return Claimed()
        system = one_system(lanes)
        gate = refreshed(tables.gates.get(system, Gate()), limits, now)
        trial_runs = any(lease.token == gate.trial for lease in tables.leases.values())
        likely = admit(gate, len(lanes), 0, replace(limits, concurrency=None), now, trial_runs=trial_runs)
        admission = admit(gate, len(lanes), in_flight(tables, system), limits, now, trial_runs=trial_runs)
        # A trial is one command: what tries whether the system is back shall spend no more.
        asked = self._that_fill(lanes[: likely.count * (1 if gate.opened else limits.largest)], limits, gate)
        requests = Requests(limits.together, admission.count)
        claimed: list[Leased] = []
        refused: list[SendLane] = []
        used = seen = 0
        for lane in lanes[:asked]:
            head = self._head(lane)
            if lane in tables.leases or head is None or is_paused(tables, head.command):
                continue
            run = [head, *(() if gate.opened else self._behind(lane, head, limits))]
            alone = any(logged.is_doubtful for logged in tables.attempts.get(head.command.id, ()))
            place = requests.place([standing.command for standing in run], alone=alone)
            room = len(run) if limits.most is None else limits.most - seen
            seen += len(run)
            if place is None or room <= 0:
                refused.append(lane)
                continue
            request, fitting = place
            used = max(used, request)
            going = run[: min(fitting, room)]
            tables.leases[lane] = Lease(holder, token, tuple(standing.command.id for standing in going))
            claimed.extend(self._logged(standing, token, request, now) for standing in going)
        if claimed:
            take(gate, used, token, limits)
            tables.gates[system] = gate
        left = lanes if admission.count == 0 else [*refused, *lanes[asked:]]
        return Claimed(claimed, left, admission.hold)

    async def free(self, system: str, *, after: ActorKey | None, limit: int) -> list[SendLane]:
        if not self._tables.past.may_send(0, None):
            return []
        lanes = [
            lane
            for lane in self._tables.send_lanes
            if lane.system == system and (after is None or lane.key > after) and lane not in self._tables.leases
        ]
        heads = ((lane, self._head(lane)) for lane in sorted(lanes, key=lambda lane: lane.key))
        due = (lane for lane, head in heads if head is not None and not is_paused(self._tables, head.command))
        return list(islice(due, limit))

    async def record(self, ended: Sequence[Ended]) -> None:
        tables, now = self._tables, self._clock()
        told = with_results(ended)
        for end in ended:
            ending = Attempt(
                end.attempt, end.ending, 0.0, None, end.external_id, end.failure_class, end.code, end.reason,
                end.found_generation,
            )  # fmt: skip
            for logged in tables.attempts.get(end.command.id, ()):
                if (logged.attempt.number, logged.token) == (end.attempt, end.token) and logged.end(ending, now):
                    self._hear(end, now)
            lane = SendLane(end.command.system, end.command.key)
            lease, standing = tables.leases.get(lane), tables.outbox.get(end.command.id)
            if end.hold is not None and lease is not None and lease.token == end.token and standing is not None:
                standing.due_at = now + end.hold
        for end in ended:
            if (end.token, end.command.key) not in told:
                tables.release(SendLane(end.command.system, end.command.key), end.token)

    async def abandon(self, token: UUID) -> None:
        tables, now = self._tables, self._clock()
        tables.abandoned[token] = now
        for log in tables.attempts.values():
            for logged in log:
                if logged.token == token:
                    logged.end(replace(logged.attempt, ending=Ending.UNSENT), now)
        self._free(lambda lease: lease.token == token)

    async def beat(self, holder: UUID) -> dict[UUID, int]:
        tables = self._tables
        tables.beats[holder] = tables.beats.get(holder, 0) + 1
        unseen = {lease.holder: 0 for lease in tables.leases.values()}
        return unseen | tables.beats

    async def take_over(self, silent: Sequence[UUID]) -> int:
        for holder in silent:
            self._tables.beats.pop(holder, None)
        return self._free(lambda lease: lease.holder in silent)

    async def close(self) -> None:
        """Nothing to close."""

    def _that_fill(self, lanes: Sequence[SendLane], limits: Limits, gate: Gate) -> int:
        """How many of these lanes, from the first on, have the commands that a claim takes."""
        longest = 1 if gate.opened else limits.longest
        commands = accumulate(min(len(self._tables.send_lanes.get(lane, ())), longest) for lane in lanes)
        filled = (place for place, count in enumerate(commands, 1) if limits.most is not None and count >= limits.most)
        return next(filled, len(lanes))

    def _head(self, lane: SendLane) -> Standing | None:
        """The head of a lane, if it may be sent now."""
        standing = self._tables.send_lanes.get(lane)
        if not standing:
            return None
        head = standing[min(standing)]
        return head if self._is_due(head) else None

    def _is_due(self, standing: Standing) -> bool:
        return not standing.is_parked and (standing.due_at is None or standing.due_at <= self._clock())

    def _behind(self, lane: SendLane, head: Standing, limits: Limits) -> Iterator[Standing]:
        """The commands right behind a head that are alike, if of none anything was tried."""
        tables, first = self._tables, head.command
        if first.operation not in limits.in_order or self._is_tried(first) or self._doubted(head) is not None:
            return
        standing = tables.send_lanes[lane]
        party = legal_entity_of(first.body)
        for place in sorted(standing)[1 : limits.together.get(first.operation, 1)]:
            each = standing[place]
            is_alike = (each.command.operation, legal_entity_of(each.command.body)) == (first.operation, party)
            is_ready = self._is_due(each) and not is_paused(tables, each.command)
            if not is_alike or not is_ready or self._is_tried(each.command) or each.resend is not None:
                return
            yield each

    def _is_tried(self, command: Command) -> bool:
        return any(logged.decides for logged in self._tables.attempts.get(command.id, ()))

    def _logged(self, head: Standing, token: UUID, request: int, now: float) -> Leased:
        """The attempt at a command that is leased now, in the log."""
        tables = self._tables
        log = tables.attempts.get(head.command.id, [])
        number = log[-1].attempt.number + 1 if log else 1
        decisive = [logged for logged in log if logged.decides]
        earlier = tuple(logged.read(now) for logged in decisive if logged.attempt.number > head.past)
        fresh = Logged(token, Attempt(number, None, 0.0, None), now, None, head.command, head.place, request)
        tables.attempts[head.command.id] = [*decisive, fresh]
        return Leased(head.command, token, number, earlier, self._doubted(head), head.resend is not None)

    def _hear(self, end: Ended, now: float) -> None:
        if end.heard is None:
            return
        system = end.command.system
        gate = self._tables.gates.setdefault(system, Gate())
        key, why = end.command.key, end.reason or "the system refuses our credentials"
        reason = f"{why} (heard for {key.entity}/{key.id}, reference {end.command.reference})"
        if hear(gate, end.token, end.heard, (end.code, reason), now):
            failure = Failure(FailureClass.AUTH, end.code or "refused", gate.pause_reason or "")
            change = self._tables.open_case(ActorKey(CASE_ENTITY, system), Opened(Case(failure), system=system))
            self._tables.tell([], [] if change is None else [case_notice(change)])

    def _doubted(self, head: Standing) -> LostTime | None:
        """The lost time of a command: of its key, and since it may have been lost itself."""
        lost = self._lost(head.command.key)
        if head.doubted_at is None:
            return lost
        since = self._clock() - head.doubted_at
        return (
            LostTime(since, since)
            if lost is None
            else LostTime(max(lost.started_for, since), min(lost.ended_for, since))
        )

    def _lost(self, key: ActorKey) -> LostTime | None:
        """What of a key's commands is not in the log; messages of its external keys count as its own."""
        past, now = self._tables.past, self._clock()
        theirs = past.of(
            {key, *(other for other in past.keys if other.is_external and bound_to(self._tables, other) == key)}
        )
        if not theirs:
            return None
        since, declared = min(each.since for each in theirs), max(each.declared_at for each in theirs)
        return LostTime(now - since.timestamp(), now - declared.timestamp())

    def _free(self, is_meant: Callable[[Lease], bool]) -> int:
        leases = self._tables.leases
        gone = [lane for lane, lease in leases.items() if is_meant(lease)]
        for lane in gone:
            del leases[lane]
        return len(gone)

"""The tables of the store in memory, shared by the clients of all processes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

from adapters.memory.gate_rules import Gate
from adapters.memory.past import Past
from adapters.memory.rows import (
    Accepted,
    Act,
    Buried,
    CaseChange,
    CaseRow,
    Entity,
    Happened,
    Lease,
    Logged,
    Standing,
    Told,
)
from adapters.memory.sums import Sums
from adapters.ports.cases import Closed
from adapters.ports.changes import ReaderRow, Version
from adapters.ports.kpis import CaseChange as Changed
from adapters.ports.kpis import CaseLine
from adapters.ports.outbox import SendLane
from adapters.ports.pauses import Pause
from adapters.ports.policies import Activation
from adapters.ports.turns import Lane, Opened, Row
from schemas.acts import Act as PersonsAct
from schemas.facts import Case, Claim
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

Clock = Callable[[], float]
"""Seconds, never going back."""


@dataclass(slots=True)
class Tables:
    """All rows. Lanes, waits, and send lanes are indexes over the others, kept by the methods below."""

    clock: Clock = monotonic
    entities: dict[ActorKey, Entity] = field(default_factory=dict)
    inbox: dict[UUID, Accepted] = field(default_factory=dict)
    identities: dict[tuple[str, str], UUID] = field(default_factory=dict)
    lanes: dict[ActorKey, set[UUID]] = field(default_factory=dict)
    waits: dict[ActorKey, dict[ActorKey, int]] = field(default_factory=dict)
    wakes: dict[ActorKey, int] = field(default_factory=dict)
    claims: dict[Claim, ActorKey] = field(default_factory=dict)
    outbox: dict[UUID, Standing] = field(default_factory=dict)
    send_lanes: dict[SendLane, dict[tuple[int, int], Standing]] = field(default_factory=dict)
    leases: dict[SendLane, Lease] = field(default_factory=dict)
    beats: dict[UUID, int] = field(default_factory=dict)
    abandoned: dict[UUID, float] = field(default_factory=dict)
    """Tokens, and when they were abandoned."""
    attempts: dict[UUID, list[Logged]] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    cases: list[CaseRow] = field(default_factory=list)
    last_case: int = 0
    last_click: int = 0
    timeline: list[Happened] = field(default_factory=list)
    timeline_removed: int = 0
    """Lines that went for their age, all from the beginning."""
    case_log: list[CaseLine] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    audit: list[Act] = field(default_factory=list)
    notices: list[Told] = field(default_factory=list)
    last_notice: int = 0
    teller: object = None
    """The client that publishes notices; the others wait for it to close."""
    pauses: dict[int, Pause] = field(default_factory=dict)
    last_pause: int = 0
    policies: dict[str, str] = field(default_factory=dict)
    """Texts by hash."""
    activations: list[Activation] = field(default_factory=list)
    policies_tried: set[int] = field(default_factory=set)
    dead_letters: dict[bytes, Buried] = field(default_factory=dict)
    suspects: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    """Attempts begun, and when the last one was."""
    lives: dict[UUID, None] = field(default_factory=dict)
    """Those in doubt, oldest first."""
    lane_suspects: dict[UUID, int] = field(default_factory=dict)
    looker: object = None
    """The client that looks at lanes; the others wait for it to close."""
    past: Past = field(default_factory=Past)
    readers: dict[tuple[str, str], ReaderRow] = field(default_factory=dict)
    seen: dict[tuple[str, str], dict[Version, datetime]] = field(default_factory=dict)
    """Published versions by system and record, and the end of the window in which each was seen."""
    reading: dict[str, object] = field(default_factory=dict)
    """Systems, and the client that reads each."""

    def row(self, key: ActorKey) -> Row:
        """The row of `key`; version 0 if it was never written."""
        entity = self.entities.get(key)
        return entity.row if entity else Row(key)

    def write(self, row: Row, retry_at: float | None = None) -> Entity:
        """Put the row of an entity, and its wait into the index."""
        entity = self.entities.setdefault(row.key, Entity(row))
        if (before := entity.row.lane.target) is not None:
            self.waits.get(before, {}).pop(row.key, None)
        if row.lane.target is not None:
            self.waits.setdefault(row.lane.target, {})[row.key] = row.lane.seen or 0
        entity.row = row
        entity.retry_at = retry_at
        return entity

    def reopen(self, key: ActorKey, lane: Lane, retry_at: float | None = None) -> None:
        """Change the lane of an entity outside of its turns: its row version says so."""
        row = self.row(key)
        self.write(replace(row, row_version=row.row_version + 1, lane=lane), retry_at)

    def lane(self, key: ActorKey) -> list[Accepted]:
        """The messages of a lane, in order."""
        return sorted((self.inbox[ref] for ref in self.lanes.get(key, ())), key=lambda row: row.position or 0)

    def place(self, accepted: Accepted, key: ActorKey, position: int | None, verdict: Verdict) -> None:
        """Give a message its place and verdict, under `key`."""
        ref = accepted.message.ref
        self.lanes.get(accepted.key, set()).discard(ref)
        accepted.key, accepted.position, accepted.verdict = key, position, verdict
        if position is not None:
            self.lanes.setdefault(key, set()).add(ref)

    def sleeping(self, target: ActorKey, version: int) -> list[ActorKey]:
        """The keys that wait for a version of `target` below this one, who waits on the oldest first."""
        waits = ((seen, key) for key, seen in self.waits.get(target, {}).items() if seen < version)
        return [key for _, key in sorted(waits)]

    def queue(self, standing: Standing) -> None:
        """Add a command at its place."""
        self.outbox[standing.command.id] = standing
        self.send_lanes.setdefault(standing.lane, {})[standing.place] = standing

    def unqueue(self, command_id: UUID) -> None:
        """Take a command out."""
        standing = self.outbox.pop(command_id)
        del self.send_lanes[standing.lane][standing.place]

    def release(self, lane: SendLane, token: UUID) -> None:
        """End a lease, if it is still the one with this token."""
        lease = self.leases.get(lane)
        if lease is not None and lease.token == token:
            del self.leases[lane]

    def open_case(self, key: ActorKey, opened: Opened, *, again: bool = True) -> CaseChange | None:
        """Open a case, numbered on, or the one that is there for the same thing; None: nothing is to be told.

        One that stands open is brought up to date, unless `again` is False; one that asks anew is told again.
        """
        now, case = self.clock(), opened.case
        remind_at = None if case.remind_after is None else now + case.remind_after
        due_at = None if case.due_after is None else now + case.due_after
        row = next((row for row in self.cases if _is_same(row, key, opened)), None)
        if row is None:
            self.last_case += 1
            row = CaseRow(self.last_case, key, opened, now, now, remind_at, due_at)
            self.cases.append(row)
            self._log_case(Changed.OPENED, row)
            return CaseChange("opened", row)
        if row.is_open and not again:
            return None
        was, is_handed_on = row.opened.case, _is_handed_on(row.opened.case, case)
        row.opened, row.version, row.count = opened, row.version + 1, row.count + 1
        row.assignee = None if is_handed_on else row.assignee
        if row.is_open and not is_handed_on and not _is_other_approval(was, case):
            row.remind_at = remind_at if row.remind_at is None else row.remind_at
            row.due_at = due_at if row.due_at is None else row.due_at
            return None
        row.reopened += not row.is_open
        row.opened_at, row.remind_at, row.due_at = now, remind_at, due_at
        row.closed_at, row.closed, row.is_reminded, row.is_warned = None, None, False, False
        self._log_case(Changed.REOPENED, row)
        return CaseChange("reopened", row)

    def close_cases(self, causes: Container[UUID], how: Closed, by: str | None = None) -> list[CaseChange]:
        """Close the open cases of some messages and commands."""
        return self.close(
            (
                row
                for row in self.cases
                if row.is_open
                and row.opened.case.topic is None
                and (row.opened.ref in causes or row.opened.command_id in causes)
            ),
            how,
            by,
        )

    def close_topics(self, key: ActorKey, topics: Mapping[str, str | None]) -> list[CaseChange]:
        """Close the open cases of some topics of a key, each with who has settled it."""
        closed: list[CaseChange] = []
        for row in self.cases:
            topic = row.opened.case.topic
            if row.is_open and row.key == key and topic is not None and topic in topics:
                closed += self.close([row], Closed.SETTLED, topics[topic])
        return closed

    def close_key(self, key: ActorKey, by: str) -> list[CaseChange]:
        """Close all open cases of a system or a restore, which a person has settled elsewhere."""
        return self.close((row for row in self.cases if row.is_open and row.key == key), Closed.RESOLVED, by)

    def close(self, rows: Iterable[CaseRow], how: Closed, by: str | None = None) -> list[CaseChange]:
        """Close these."""
        closed = list(rows)
        for row in closed:
            row.close(how, by, self.clock())
            self._log_case(Changed.CLOSED, row)
        return [CaseChange("closed", row) for row in closed]

    def _log_case(self, what: Changed, row: CaseRow) -> None:
        now, opened_at = (datetime.fromtimestamp(at, UTC) for at in (self.clock(), row.opened_at))
        failure_class = row.opened.case.failure.failure_class
        self.case_log.append(CaseLine(len(self.case_log) + 1, now, what, failure_class, opened_at))

    def tell(self, verdicts: Iterable[tuple[UUID, Verdict]], facts: Iterable[tuple[str, bytes]]) -> None:
        """Add what one commit makes known, if it is anything."""
        told = Told(self.last_notice + 1, tuple(verdicts), tuple(facts))
        if told.verdicts or told.facts:
            self.last_notice = told.id
            self.notices.append(told)


def _is_handed_on(was: Case, case: Case) -> bool:
    """Whether a case belongs to others now: those whom it names or, where it names nobody, those of its class."""
    if case.owner != was.owner:
        return True
    return case.owner is None and case.failure.failure_class is not was.failure.failure_class


def _is_other_approval(was: Case, case: Case) -> bool:
    asked, asks = (was.acts, was.money, was.asks), (case.acts, case.money, case.asks)
    return PersonsAct.APPROVE in case.acts and asked != asks


def _is_same(row: CaseRow, key: ActorKey, opened: Opened) -> bool:
    """Whether a case is about the same: the topic of its key, or the same failure of one message or command."""
    was = row.opened
    if opened.case.topic is not None or was.case.topic is not None:
        return (row.key, was.case.topic) == (key, opened.case.topic)
    about = opened.ref or opened.command_id
    is_same_cause = was.case.failure.code == opened.case.failure.code
    return about is not None and about == (was.ref or was.command_id) and is_same_cause

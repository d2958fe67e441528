"""A turn in the making: how each decision becomes rows, and what in memory depends on its commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from actors.decision import Accept, Snapshot, State
from adapters.ports.turns import (
    Judged,
    Lane,
    LaneMessage,
    Message,
    Opened,
    Queued,
    Settled,
    Settlement,
    Turn,
)
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.rules import LanePolicy, Rules
from schemas.bindings import is_binding
from schemas.commands import Command, command_id, command_reference
from schemas.facts import Case, Claim
from schemas.keys import ActorKey
from schemas.operations.money import money_of
from schemas.sequence import Cursor
from schemas.verdicts import Failure, FailureClass, Verdict

NO_CURSOR: Final = Cursor()
"""What an event without a number is measured by: nothing is missing, and nothing overtakes it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A message is final. `accept` is what it leaves if it was applied; with a failure a case is opened.

    `by`: whose act it tells of, if it does.
    """

    verdict: Verdict
    reason: str | None = None
    accept: Accept | None = None
    failure: Failure | None = None
    by: str | None = None


def remarked(accept: Accept) -> str | None:
    """What the timeline says of an event that was applied: what of it was not, and why."""
    return "; ".join(accept.remarks) or None


@dataclass(frozen=True, slots=True)
class Stopped:
    """A message stops its key: `lane` is what the lane becomes. With a failure a case is opened.

    `is_news`: whether it was decided, and not only come across as it stands.
    """

    verdict: Verdict
    lane: Lane
    failure: Failure | None = None
    is_news: bool = True

    @property
    def reason(self) -> str | None:
        """Why it stands, which is also why the lane does, unless it stands behind another."""
        return self.lane.reason if self.failure is None else self.failure.reason


@dataclass(slots=True)
class Draft:
    """A turn as decided.

    `state` is the state after it. `consumed` are the mailbox entries that its commit makes durable, `answers` the
    results that it settles. `stopped_short`: work is left that wants another turn at once.
    """

    activation: Activation
    turn: Turn
    state: State
    consumed: list[Entry]
    answers: list[Answered]
    stopped_short: bool

    @property
    def size(self) -> int:
        """How many messages and results it writes; 0: there is nothing to commit."""
        return len(self.turn.judged) + len(self.turn.settled)

    @property
    def first(self) -> UUID:
        """The message, or else the command, that a draft of size 1 is about."""
        return self.turn.judged[0].message.ref if self.turn.judged else self.turn.settled[0].command.id


class Drafting:
    """Collects the rows of one turn. `state` and `lane` are as they stand after what was decided so far."""

    def __init__(self, activation: Activation, memory: Memory, schema: int, rules: Rules) -> None:
        self.state = memory.state
        self.lane = memory.row.lane
        self.stopped_short = False
        self._rules = rules
        self._activation = activation
        self._version = memory.row.entity_version
        self._turn = Turn(memory.row, memory.row.lane, self._version, schema=schema)
        self._cursors: dict[str, Cursor] = {}
        self._relied: dict[ActorKey, int] = {}
        self._consumed: list[Entry] = []
        self._answers: list[Answered] = []
        self._settled: set[UUID] = set()
        self._bodies: set[tuple[str, str, bytes]] = set()
        self._standing: dict[tuple[str, str], bytes] = {}
        self._commands = 0

    @property
    def size(self) -> int:
        """How many messages and results were decided or queued so far."""
        return len(self._turn.judged) + len(self._turn.settled)

    @property
    def is_full(self) -> bool:
        """Whether it is as long as it may be, after a longer turn could not be written."""
        limit = self._activation.limit
        return limit is not None and self.size >= limit

    def rely(self, snapshots: Iterable[Snapshot]) -> None:
        """The commit shall check that these have not moved. A bound external key never does, its own row it fences."""
        for snapshot in snapshots:
            if not is_binding(snapshot.state) and snapshot.key != self._turn.key:
                self._relied[snapshot.key] = snapshot.version

    def accept(
        self, accept: Accept, *, ref: UUID | None = None, result_of: Command | None = None, by: str | None = None
    ) -> None:
        """Take over what an applied event left: state, commands, claims, bindings, notices, cases.

        The event is the message `ref`, or the result of a command; `by` whose act the message tells of.
        """
        self._version += 1
        self.state = accept.state
        turn, key = self._turn, self._turn.key
        for request in accept.requests:
            identity = (request.system, request.operation, key, request.line, 1)
            body = request.body.__pydantic_serializer__.to_json(request.body)
            command = Command(command_id(*identity), *identity, body, command_reference(key, request.line, 1))
            turn.queued.append(Queued(command, self._version, self._commands))
            self._commands += 1
        self._hold(accept.claims, accept.releases)
        turn.binds.extend(accept.binds)
        turn.notices.extend(accept.notices)
        for topic in accept.settles:
            self._settle_topic(topic, by)
        for case in accept.cases:
            self._open(Opened(case, ref, result_of and result_of.id, result_of and result_of.system))

    def _settle_topic(self, topic: str, by: str | None) -> None:
        """Of what one turn opens and settles the last word counts."""
        self._turn.opened = [opened for opened in self._turn.opened if opened.case.topic != topic]
        self._turn.settles[topic] = by

    def _open(self, opened: Opened) -> None:
        topic = opened.case.topic
        if topic is not None:
            self._turn.opened = [other for other in self._turn.opened if other.case.topic != topic]
            self._turn.settles.pop(topic, None)
        self._turn.opened.append(opened)

    def _hold(self, claims: Iterable[Claim], releases: Iterable[Claim]) -> None:
        """Of what one turn claims and releases the last word counts."""
        for kept, dropped, values in (
            (self._turn.releases, self._turn.claims, releases),
            (self._turn.claims, self._turn.releases, claims),
        ):
            for claim in values:
                if claim in dropped:
                    dropped.remove(claim)
                kept.append(claim)

    def has_settled(self, answered: Answered) -> bool:
        """Whether another result of the same command is in this turn already.

        A process that stood still past its lease may hold one, take the lease anew, and get the next. The store says
        in another turn that it comes too late.
        """
        return answered.leased.command.id in self._settled

    def settle(
        self,
        answered: Answered,
        settlement: Settlement,
        failure: Failure | None = None,
        remarks: str | None = None,
    ) -> None:
        """A result is decided on; with a failure its command is parked and a case opened."""
        self._answers.append(answered)
        command = answered.leased.command
        reason = remarks if failure is None else failure.reason
        self._settled.add(command.id)
        token = answered.leased.token if answered.ends_lease else None
        self._turn.settled.append(Settled(command, settlement, token, reason))
        if failure is not None:
            case = Case(failure, money=money_of(command.body))
            self._turn.opened.append(Opened(case, command_id=command.id, system=command.system))

    def is_repeated(self, entry: Entry) -> bool:
        """Whether the same message is in this turn already."""
        message = entry.message
        body = (message.source, message.id, message.body_hash)
        if body in self._bodies:
            self._consumed.append(entry)
            return True
        self._bodies.add(body)
        return False

    def is_conflict(self, entry: Entry) -> bool:
        """Whether its id stands for another body, in the inbox or, as far as is known, in this turn."""
        message = entry.message
        identity = (message.source, message.id)
        return entry.conflict or self._standing.setdefault(identity, message.body_hash) != message.body_hash

    def cursor(self, message: Message) -> Cursor:
        """How far the series of a message has come, by what was decided so far."""
        if message.series is None:
            return NO_CURSOR
        known = self._cursors.get(message.series) or self._turn.row.cursors.get(message.series, NO_CURSOR)
        return known.of_kind(self._rules.numbering(message.source).kind)

    def take_in(self, entry: Entry, end: Ended) -> None:
        """A mailbox message is final."""
        self._consumed.append(entry)
        self._turn.judged.append(Judged(entry.message, end.verdict, self._end(entry.message, end), reason=end.reason))

    def queue(self, entry: Entry, verdict: Verdict, stopped: Stopped | None = None) -> None:
        """A mailbox message goes to the end of the lane, whose state changes if it stops its key."""
        self._consumed.append(entry)
        message, place = entry.message, self.lane.tail
        self.lane = replace(stopped.lane if stopped else self.lane, depth=self.lane.depth + 1, tail=place + 1)
        if message.series is not None:
            # Whoever ends it in the lane, an operator too, must find the cursor that it moves.
            self._cursors.setdefault(message.series, self.cursor(message))
        reason = None if stopped is None else stopped.reason
        attempts = 0 if verdict in (Verdict.QUEUED, Verdict.WAITING) else 1
        supersedes = self._rules.lane(message.type) is LanePolicy.SUPERSEDE
        self._turn.judged.append(
            Judged(message, verdict, self._version, None, place, attempts, reason, supersedes=supersedes)
        )
        if stopped is not None and stopped.failure is not None:
            self._turn.opened.append(Opened(Case(stopped.failure), ref=message.ref))

    def conflict(self, entry: Entry) -> None:
        """A message whose id stands for another body: a row of its own under a key of its own, and a case."""
        self._consumed.append(entry)
        message = entry.message
        row = message._replace(
            source=f"conflict:{message.source}", id=f"{message.id}#{message.body_hash.hex()}",
            series=None, sequence=None,
        )  # fmt: skip
        failure = Failure(
            FailureClass.CONFLICT,
            "id_reused",
            f"{message.source} sent id {message.id} again with another content: send the change under a new id",
            "id",
        )
        self._turn.judged.append(Judged(row, Verdict.CONFLICT, self._version, reason=failure.reason))
        self._turn.opened.append(Opened(Case(failure), ref=message.ref))

    def leave_lane(self, standing: LaneMessage, end: Ended) -> None:
        """The lane's head is final."""
        self.lane = Lane(self.lane.state, self.lane.depth - 1, self.lane.tail)
        version = self._end(standing.message, end)
        self._turn.judged.append(
            Judged(standing.message, end.verdict, version, standing.verdict, None, standing.attempts, end.reason)
        )

    def stand_still(self, standing: LaneMessage, stopped: Stopped) -> None:
        """The lane's head stays where it is, with a verdict that says why."""
        self.lane = stopped.lane
        attempts = standing.attempts + (stopped.is_news and stopped.verdict is not Verdict.WAITING)
        self._turn.judged.append(
            Judged(
                standing.message,
                stopped.verdict,
                self._version,
                was=standing.verdict,
                position=standing.position,
                attempts=attempts,
                reason=stopped.lane.reason,
            )
        )
        if stopped.failure is not None:
            self._turn.opened.append(Opened(Case(stopped.failure), ref=standing.message.ref))

    def draft(self) -> Draft:
        """The finished turn."""
        turn = self._turn
        if self._version != turn.entity_version:
            turn.state = self.state.__pydantic_serializer__.to_json(self.state)
        turn.entity_version = self._version
        turn.lane = self.lane
        if any(turn.row.cursors.get(series) != cursor for series, cursor in self._cursors.items()):
            turn.cursors = {**turn.row.cursors, **self._cursors}
        turn.relied = self._relied
        return Draft(self._activation, turn, self.state, self._consumed, self._answers, self.stopped_short)

    def _end(self, message: Message, end: Ended) -> int:
        """Take over what a final message leaves; the entity version that it made, or that stands."""
        if end.accept is not None:
            self.accept(end.accept, ref=message.ref, by=end.by)
        if end.failure is not None:
            self._turn.opened.append(Opened(Case(end.failure), ref=message.ref))
        if message.series is not None and message.sequence is not None:
            cursor, number = self.cursor(message), message.sequence
            moved = cursor.having_applied(number) if end.accept is not None else cursor.closed(number)
            self._cursors[message.series] = moved
        return self._version

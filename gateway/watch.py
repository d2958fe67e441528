"""The watch: told of what the runtime does, it counts, logs, and hints to those who have work now."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Final

from adapters.ports.broker import Delivery, Published
from adapters.ports.outbox import Leased
from adapters.ports.retention import Old
from adapters.ports.turns import Again, Refused
from gateway import telemetry
from gateway.activation import Answered, Entry
from gateway.burial import Burial
from gateway.draft import Draft
from gateway.lanes import LaneWorker
from gateway.metrics import Counts
from gateway.notifier import Notifier
from gateway.relay import Relays
from gateway.suspicion import Treatment
from schemas.commands import Confirmed, Outcome, Rejected
from schemas.keys import ActorKey
from schemas.verdicts import Failure, Verdict

QUIET_SECONDS: Final = 1.0
"""Shortest time between two log lines about one system: a flaky one must not fill the log."""


class Watch:
    """Implements `gateway.world.Watcher`; also what consumer, relays, and notifier report to."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._relays: Relays | None = None
        self._lanes: LaneWorker | None = None
        self._notifier: Notifier | None = None
        self._burial: Burial | None = None
        self._systems: dict[str, tuple[str, float]] = {}

    def connect(self, relays: Relays | None, lanes: LaneWorker, notifier: Notifier | None, burial: Burial) -> None:
        """Set whom to hint to, and who keeps dead letters; some report here too, so they are made after this."""
        self._burial = burial
        self._relays = relays
        self._lanes = lanes
        self._notifier = notifier

    def committed(self, draft: Draft) -> None:
        turn, entity = draft.turn, draft.turn.key.entity
        for judged in turn.judged:
            self._counts.messages[entity, judged.verdict] += 1
        now = datetime.now(UTC)
        for entry in draft.consumed:
            published = entry.envelope.time
            if published is not None and turn.judged:
                seconds = (now - published).total_seconds()
                self._counts.message_seconds.observe(max(seconds, 0.0), entity)
        if self._relays is not None:
            for system in dict.fromkeys(queued.command.system for queued in turn.queued):
                self._relays.hint(system, turn.key)
            for system in dict.fromkeys(settled.command.system for settled in turn.settled):
                self._relays.hint(system, turn.key)
        if self._lanes is not None and (turn.entity_version != turn.row.entity_version or turn.binds):
            self._lanes.hint()
        if self._notifier is not None and turn.judged:
            self._notifier.hint()

    def refused(self, draft: Draft, refused: Refused) -> None:
        self._counts.refused[(refused.why,)] += 1
        if refused.why is Again.STALE_WRITER:
            self._counts.stale_writers += 1
            telemetry.stale_writer(draft.turn.key)

    def batch(self, turns: int, messages: int, seconds: float) -> None:
        self._counts.batches += 1
        self._counts.turns += turns
        self._counts.commit_seconds.observe(seconds)

    def store_lost(self, error: Exception, *, unknown: bool) -> None:
        self._counts.store_lost["unknown" if unknown else "not_committed",] += 1
        telemetry.store_lost(error, unknown=unknown)

    def duplicate(self, key: ActorKey) -> None:
        self._counts.duplicates[(key.entity,)] += 1

    def decision_failed(self, key: ActorKey, error: Exception) -> None:
        telemetry.decision_failed(key, error)

    def unwritable(self, entry: Entry, failure: Failure) -> None:
        entity = entry.envelope.entity
        self._counts.dead_letters[entity, failure.failure_class] += 1
        self._counts.messages[entity, Verdict.DEAD_LETTER] += 1
        telemetry.dead_letter(entity, failure)
        if self._burial is not None:
            self._burial.bury_message(entry, failure)

    def answer_dropped(self, answered: Answered) -> None:
        if self._relays is not None:
            self._relays.drop(answered)

    def delivered(self, delivery: Delivery, failure: Failure | None) -> None:
        """A delivery was admitted, or turned away with a failure."""
        entity = delivery.queue.rpartition(".")[2]
        if failure is None:
            self._counts.received[(entity,)] += 1
            return
        self._counts.dead_letters[entity, failure.failure_class] += 1
        self._counts.messages[entity, Verdict.DEAD_LETTER] += 1
        telemetry.dead_letter(delivery.queue, failure)

    def suspected(self, where: str, attempts: int, treatment: Treatment) -> None:
        """A suspect is run alone, or is not run any more."""
        self._counts.suspects[(treatment,)] += 1
        if attempts > 1:
            telemetry.suspect_again(where, attempts, treatment)

    def attempted(self, leased: Leased, outcome: Outcome, seconds: float) -> None:
        """A step of a command has ended."""
        command, what = leased.command, type(outcome).__name__.lower()
        failure = None if isinstance(outcome, Confirmed) else outcome.failure
        seen = "confirmed" if failure is None else f"{what}: {failure.code}"
        before, since = self._systems.get(command.system, ("", 0.0))
        if before != seen and not isinstance(outcome, Rejected) and monotonic() - since > QUIET_SECONDS:
            self._systems[command.system] = (seen, monotonic())
            telemetry.system_answers(command.system, seen, None if failure is None else failure.reason)
        self._counts.commands[command.system, command.operation, what] += 1
        self._counts.command_seconds.observe(seconds, command.system, command.operation)
        telemetry.attempt_ended(command.system, command.operation, command.reference, what, seconds)

    def removed(self, old: Old, count: int) -> None:
        """Rows were removed for their age."""
        self._counts.removed[(old,)] += count

    def published(self, what: Published, count: int) -> None:
        """Notices were published."""
        if count:
            self._counts.notices[(what,)] += count

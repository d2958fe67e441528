"""The fold: the queued events of one key are decided one after the other, to be committed together.

Order of a turn: results of the key's own commands, then its lane from the head, then its mailbox. It stops at the
first message that does not end; that message stays or becomes the lane's head, and everything of the mailbox goes
behind it in the same commit. Nothing here awaits.

Longer than a file should be, so that all that can become of a message in its turn is read in one place.
"""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Wait
from actors.policy import Mode
from adapters.ports.pauses import Pause
from adapters.ports.turns import Lane, LaneMessage, Message, Settlement
from gateway.activation import Activation, Answered, Entry, Memory
from gateway.draft import Draft, Drafting, Ended, Stopped, remarked
from gateway.failures import KILLS, internal, taken
from gateway.modes import limited, mode_of, off
from gateway.pauses import legal_entity_of
from gateway.rules import LanePolicy
from gateway.sequencing import Gap, Stale, out_of_sequence
from gateway.surroundings import Surroundings
from gateway.unreadable import reference_unreadable
from schemas.acts import Acted
from schemas.bindings import leads_to
from schemas.commands import Confirmed, Rejected, Result, Unknown
from schemas.envelope import Envelope, Undecodable
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict

RETRIED = frozenset({FailureClass.UNAVAILABLE, FailureClass.RATE_LIMITED, FailureClass.TIMEOUT})
"""Failure classes whose message is tried again by itself, until the policy's deadline."""


def fold(actor: Actor, activation: Activation, memory: Memory, around: Surroundings) -> Draft:
    """Decide a turn of `activation`."""
    turn = _Fold(actor, activation, memory, around)
    if turn.settle_answers():
        turn.drain_lane()
        turn.take_in_mailbox()
    return turn.drafting.draft()


def _told(outcome: Confirmed | Rejected) -> str:
    """What a command has come to that was sent again."""
    match outcome:
        case Confirmed(external_id):
            return "asked for again: the system has it" + ("" if external_id is None else f" as {external_id}")
        case Rejected(failure):
            return f"asked for again, and refused: {failure.reason}"
        case _:
            assert_never(outcome)


class _Fold:
    """One turn in the making. `is_blocked`: what comes now goes to the lane, undecided."""

    def __init__(self, actor: Actor, activation: Activation, memory: Memory, around: Surroundings) -> None:
        self.drafting = Drafting(activation, memory, actor.schema, around.rules)
        self._actor = actor
        self._activation = activation
        self._around = around
        self._context = Context(activation.key, around.now, around.policy, around.references, activation.taken)
        self._is_blocked = False
        self._room = around.fold

    def settle_answers(self) -> bool:
        """Results go first, whatever the lane's state: they are facts, and successors wait for them.

        False if one is left for another turn, and with it all that comes behind results.
        """
        for answered in self._activation.answers:
            waits = self.drafting.is_full or self.drafting.has_settled(answered)
            if not waits and answered.leased.is_resent and not isinstance(answered.outcome, Unknown):
                self.drafting.settle(answered, Settlement.RESENT, remarks=_told(answered.outcome))
                continue
            decision = None if waits else self._judged_result(answered)
            if decision is None:
                self.drafting.stopped_short = True
                return False
            match decision:
                case Accept():
                    self.drafting.accept(decision, result_of=answered.leased.command)
                    self.drafting.settle(answered, Settlement.DONE, remarks=remarked(decision))
                case Ignore():
                    self.drafting.settle(answered, Settlement.DONE)
                case Reject(failure):
                    self.drafting.settle(answered, Settlement.PARKED, failure)
                case Wait():
                    failure = internal("result_waits", "a decision made a result wait, which it never may")
                    self.drafting.settle(answered, Settlement.PARKED, failure)
                case _:
                    assert_never(decision)
        return True

    def drain_lane(self) -> None:
        """Decide the lane's messages from the head while its state allows it."""
        lane = self.drafting.lane
        if lane.depth == 0:
            return
        if lane.state is not LaneState.OPEN:
            self._is_blocked = True
            return
        for standing in self._activation.lane:
            if self._room == 0 or self.drafting.is_full:
                break
            self._room -= 1
            end = self._judged_again(standing)
            match end:
                case None:
                    break
                case Ended():
                    self.drafting.leave_lane(standing, end)
                case Stopped():
                    self.drafting.stand_still(standing, end)
                    self._is_blocked = True
                    return
                case _:
                    assert_never(end)
        if self.drafting.lane.depth > 0:
            self._is_blocked = True
            self.drafting.stopped_short = True

    def take_in_mailbox(self) -> None:
        """Decide the mailbox's messages; once blocked, or when it is too long, the rest goes into the lane."""
        overflows = len(self._activation.mailbox) > self._around.mailbox
        for entry in self._activation.mailbox:
            if self.drafting.is_full:
                self.drafting.stopped_short = True
                return
            if self.drafting.is_repeated(entry):
                continue
            if self.drafting.is_conflict(entry):
                self.drafting.conflict(entry)
                continue
            end = None
            if not self._is_blocked and self._room > 0:
                self._room -= 1
                end = self._judged_first(entry)
            match end:
                case None if self._is_blocked or overflows:
                    self._is_blocked = True
                    self._line_up(entry)
                case None:
                    self.drafting.stopped_short = True
                    return
                case Ended():
                    self.drafting.take_in(entry, end)
                case Stopped():
                    self.drafting.queue(entry, end.verdict, end)
                    self._is_blocked = True
                case _:
                    assert_never(end)

    def _line_up(self, entry: Entry) -> None:
        """A message goes behind what stands in the lane, undecided; one that is held parks there, and stays so."""
        held = None if entry.held is None else Stopped(Verdict.PARKED, self.drafting.lane, entry.held)
        self.drafting.queue(entry, Verdict.QUEUED if held is None else Verdict.PARKED, held)
        self.drafting.stopped_short |= self.drafting.lane.state is LaneState.OPEN

    def _judged_first(self, entry: Entry) -> Ended | Stopped | None:
        """What becomes of a message of the mailbox; one that is held parks, whatever the policy."""
        if entry.held is not None:
            return self._stopped(Reject(entry.held), 1)
        return self._judged(entry.message, entry.envelope)

    def _judged_again(self, standing: LaneMessage) -> Ended | Stopped | None:
        """What becomes of a message of the lane. One that is parked was passed by another, and parks again."""
        if standing.verdict is Verdict.PARKED:
            return Stopped(Verdict.PARKED, self._lane(LaneState.PARKED, standing.reason), is_news=False)
        if standing.message.ref == self._activation.killer:
            return self._stopped(Reject(KILLS), 1)
        try:
            envelope = self._around.read(standing.message)
        except Undecodable as error:
            return self._stopped(Reject(error.failure), 1)
        return self._judged(standing.message, envelope, standing.attempts + 1)

    def _judged(self, message: Message, envelope: Envelope, tries: int = 1) -> Ended | Stopped | None:
        """What becomes of a message; None when it must be decided in another turn."""
        pause = self._pause(envelope)
        if pause is not None:
            reason = f"{pause.scope} is paused by {pause.actor}: {pause.reason}"
            return Stopped(Verdict.QUEUED, self._lane(LaneState.PAUSED, reason, paused_by=pause.id), is_news=False)
        numbering = self._around.rules.numbering(message.source)
        out = out_of_sequence(message, self.drafting.cursor(message), numbering)
        match out:
            case Stale(reason, failure):
                return Ended(Verdict.STALE, reason, failure=failure)
            case Gap(reason, patience):
                return Stopped(Verdict.WAITING, self._lane(LaneState.WAITING, reason, patience=patience))
            case None:
                decision = self._decision_in_its_mode(envelope, message.ref)
            case _:
                assert_never(out)
        match decision:
            case None:
                return None
            case Accept():
                by = envelope.data.by if isinstance(envelope.data, Acted) else None
                return Ended(Verdict.APPLIED, remarked(decision), accept=decision, by=by)
            case Ignore(reason):
                return Ended(Verdict.IGNORED, reason)
            case Reject(failure) if self._is_skipped(message, failure):
                return Ended(Verdict.REJECTED, failure.reason, failure=failure)
            case Wait() | Reject():
                return self._stopped(decision, tries)
            case _:
                assert_never(decision)

    def _pause(self, envelope: Envelope) -> Pause | None:
        if not self._around.pauses:
            return None
        key, legal_entity = self._activation.key, legal_entity_of(envelope.data, self.drafting.state)
        return next((pause for pause in self._around.pauses if pause.scope.covers(key, legal_entity)), None)

    def _is_skipped(self, message: Message, failure: Failure) -> bool:
        """Whether a refused message ends. A bug of ours parks it in any case, and a passing reason is tried again."""
        return (
            failure.failure_class is not FailureClass.INTERNAL
            and failure.failure_class not in RETRIED
            and self._around.rules.lane(message.type) is LanePolicy.SKIP
        )

    def _judged_result(self, answered: Answered) -> Decision | None:
        command = answered.leased.command
        match answered.outcome:
            case Unknown(failure):
                why = self._activation.refused.get(command.id)
                return Reject(failure if why is None else internal("data_refused", why))
            case Confirmed() | Rejected():
                return self._decision(Result(command, answered.outcome), command.id)
            case _:
                assert_never(answered.outcome)

    def _decision_in_its_mode(self, envelope: Envelope, ref: UUID) -> Decision | None:
        """What is decided on a message, as far as the mode of its flow lets it be done."""
        name, policy = f"{envelope.entity}.{envelope.fact}", self._around.policy
        mode = mode_of(name, envelope.data, self.drafting.state, policy)
        if mode is Mode.OFF:
            return Ignore(off(name))
        decision = self._decision(envelope, ref)
        return None if decision is None else limited(decision, name, envelope.data, mode, policy)

    def _decision(self, event: Event, ref: UUID) -> Decision | None:
        """What the actor decides; None when it needs a reference that is not loaded, in another turn."""
        why = self._activation.refused.get(ref)
        if why is not None:
            return Reject(internal("data_refused", why))
        references = self._around.references
        try:
            wanted = set(self._actor.references(self.drafting.state, event, references))
            named = list(wanted)
            for key in named:
                snapshot = references.get(key)
                meant = None if snapshot is None else leads_to(key, snapshot.state)
                if meant is not None and meant not in wanted:
                    wanted.add(meant)
                    named.append(meant)
            for key in wanted & self._around.unreadable.keys():
                return Reject(reference_unreadable(self._around.unreadable[key]))
            if not wanted <= references.keys():
                return self._unloaded()
            decision = self._actor.decide(self.drafting.state, event, self._context)
        except Exception as error:  # noqa: BLE001  # our bug parks its message, and must not stop other keys
            self._around.failed(self._activation.key, error)
            return Reject(internal("decision_failed", f"the decision raised {type(error).__name__}: report it"))
        self.drafting.rely(references[key] for key in wanted)
        return self._allowed(decision, wanted)

    def _unloaded(self) -> Reject | None:
        """A reference is not there because the message, or what it follows, came after the loading: in the next turn.

        What comes first in a turn a second time was there all the while: its references lead to ever more.
        """
        if self.drafting.size:
            return None
        if self._activation.is_short:
            return Reject(internal("references_unsettled", f"{self._activation.key}: too many references"))
        self._activation.is_short = True
        return None

    def _allowed(self, decision: Decision, wanted: set[ActorKey]) -> Decision:
        """The decision, unless it could never be committed: then it would be made again for ever."""
        match decision:
            case Wait(target) if target not in wanted or target == self._activation.key:
                return Reject(internal("wait_unnamed", f"the decision waits for {target}, which it did not name"))
            case Accept():
                for claim in (*decision.claims, *(Claim(EXTERNAL, key.id) for key in decision.binds)):
                    holder = self._activation.taken.get(claim)
                    if holder is not None:
                        return Reject(taken(claim, holder))
                return decision
            case _:
                return decision

    def _stopped(self, decision: Wait | Reject, tries: int) -> Stopped:
        """The verdict of a message that stops its key after so many tries, and what its lane becomes."""
        match decision:
            case Wait(target, reason):
                seen = self._around.references[target].version
                patience = self._around.rules.patience
                lane = self._lane(LaneState.WAITING, reason, target=target, seen=seen, patience=patience)
                return Stopped(Verdict.WAITING, lane)
            case Reject(failure):
                after = self._around.retry_after(failure.failure_class, tries)
                if failure.failure_class in RETRIED and after is not None:
                    return Stopped(Verdict.BACKOFF, self._lane(LaneState.BACKOFF, failure.reason, retry_after=after))
                return Stopped(Verdict.PARKED, self._lane(LaneState.PARKED, failure.reason), failure)
            case _:
                assert_never(decision)

    def _lane(
        self,
        state: LaneState,
        reason: str | None,
        *,
        retry_after: float | None = None,
        target: ActorKey | None = None,
        seen: int | None = None,
        patience: float | None = None,
        paused_by: int | None = None,
    ) -> Lane:
        """The lane as it stands, in another state."""
        lane = self.drafting.lane
        return Lane(state, lane.depth, lane.tail, reason, retry_after, target, seen, patience, paused_by)

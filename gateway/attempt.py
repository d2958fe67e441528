"""One step of a leased command: send it, look it up, or see that it is settled; and how the step is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import assert_never

from adapters.ports.gate import Heard
from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.system import Absent, Capability, System, UnknownOperation
from gateway.batching import SINGLY, Batches, BatchRules, Sent
from gateway.hearing import SHORTEST_WAIT, Ear, holds_the_system
from gateway.retry import Retries
from gateway.settlement import (
    GiveUp,
    Later,
    LookUp,
    Send,
    Settle,
    after_absent,
    beside,
    done_later,
    last_found,
    later_generations,
    next_step,
    unanswered,
)
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

Stepped = tuple[Outcome, Ended]
"""What a step came to, and its record; without a hold the outcome is final and goes to the actor."""


class Attempts:
    """Steps at one system. `retries` say when the next one follows, `chance` (0 to 1) picks the jitter of delays.

    `batches` say which attempts travel together.
    """

    def __init__(
        self, system: System, retries: Retries, ear: Ear, chance: Callable[[], float], batches: BatchRules = SINGLY
    ) -> None:
        self.system = system.name
        self._system = system
        self._batches = Batches(system, ear, batches)
        self._rules = retries
        self._ear = ear
        self._chance = chance

    def flush(self) -> None:
        """Let no attempt wait any more for others to travel with."""
        self._batches.flush()

    async def step(self, run: Sequence[Leased]) -> Sequence[Stepped]:
        """Take the next step of each of a run, which for several is to send them; never raises."""
        try:
            if len(run) == 1:
                return [await self._next(run[0])]
            sents = await self._batches.send([leased.command for leased in run])
            return told_in_order([self._sent(leased, sent) for leased, sent in zip(run, sents, strict=True)])
        except UnknownOperation as error:
            failure = Failure(FailureClass.MAPPING, "operation_unknown", f"{error}: add it to the policy file")
            return told_in_order([(Unknown(failure), ended(leased, Ending.UNSENT, failure)) for leased in run])
        except Exception as error:  # noqa: BLE001  # an adapter broke its promise: nobody knows what it has sent
            failure = Failure(FailureClass.INTERNAL, "adapter_raised", f"{self.system}: {type(error).__name__}")
            return [
                (Unknown(failure), ended(leased, Ending.UNKNOWN, failure, hold=self._after(leased, failure)))
                for leased in run
            ]

    async def _next(self, leased: Leased) -> Stepped:
        capability = self._system.capability(leased.command.operation)
        step = next_step(capability, leased.earlier, self._rules, leased.lost)
        return await self._take(leased, capability, step)

    async def _take(self, leased: Leased, capability: Capability, step: Send | LookUp | Settle | GiveUp) -> Stepped:
        match step:
            case Send():
                [sent] = await self._batches.send([leased.command], alone=_is_doubtful(leased))
                return self._sent(leased, sent)
            case LookUp():
                return await self._looked_up(leased, capability, step)
            case Settle(outcome):
                return outcome, ended(leased, Ending.UNSENT)
            case GiveUp(failure):
                later = last_found(leased.command, leased.earlier)
                return person_asked(leased, failure if later is None else beside(failure, later), later)
            case _:
                assert_never(step)

    async def _looked_up(self, leased: Leased, capability: Capability, step: LookUp) -> Stepped:
        found = await self._system.look_up(leased.command)
        if isinstance(found, Absent) and step.proves_absence and leased.lost is not None:
            there, found = await self._ask_for_later(leased.command)
            if there:
                failure = done_later(there, is_all=isinstance(found, Absent))
                return person_asked(leased, failure, there[-1], self._ear.heard(found))
        return await self._found(leased, capability, step, found)

    async def _ask_for_later(self, command: Command) -> tuple[list[Later], Absent | Deferred | Unknown]:
        """The later generations that the system has, in their order, and its last word: absent, if it told of all."""
        there: list[Later] = []
        for later in later_generations(command):
            found = await self._system.look_up(later)
            match found:
                case Confirmed(external_id):
                    there.append(Later(later, external_id))
                case Absent():
                    pass
                case Deferred() | Unknown():
                    return there, found
                case _:
                    assert_never(found)
        return there, Absent()

    async def _found(
        self, leased: Leased, capability: Capability, step: LookUp, found: Confirmed | Absent | Deferred | Unknown
    ) -> Stepped:
        heard = self._ear.heard(found)
        match found:
            case Confirmed(external_id):
                return found, ended(leased, Ending.CONFIRMED, external_id=external_id, heard=heard)
            case Deferred():
                return found, self._deferred(leased, Ending.UNSENT, found, heard)
            case Unknown(failure):
                hold = self._after(leased, failure)
                return found, ended(leased, Ending.UNANSWERED, failure, hold=hold, heard=heard)
            case Absent():
                settled = after_absent(leased.earlier, step)
                if isinstance(settled, Settle):
                    return settled.outcome, ended(leased, Ending.ABSENT, heard=heard)
                if settled is not None:
                    outcome, record = await self._take(leased, capability, settled)
                    return outcome, replace(record, heard=record.heard or heard)
                failure = Failure(FailureClass.UNKNOWN_OUTCOME, "absent_so_far", "asked again when it can count")
                hold = self._rules.default.delay(1, self._chance()) or 0.0
                return Unknown(failure), ended(leased, Ending.UNSENT, failure, hold=hold, heard=heard)
            case _:
                assert_never(found)

    def _sent(self, leased: Leased, sent: Sent) -> Stepped:
        """The record of an attempt that was made.

        A rejection is final only if no other attempt can still land, also none of a process that has taken our lease
        meanwhile: so it is only recorded here, and settles when it is read back under a lease.
        """
        outcome, heard = sent.outcome, sent.heard
        match outcome:
            case Confirmed(external_id):
                return outcome, ended(leased, Ending.CONFIRMED, external_id=external_id, heard=heard)
            case Rejected(failure):
                return outcome, ended(leased, Ending.REJECTED, failure, hold=0.0, heard=heard)
            case Deferred():
                return outcome, self._deferred(leased, Ending.DEFERRED, outcome, heard)
            case Unknown(failure):
                hold = self._after(leased, failure)
                return outcome, ended(leased, Ending.UNKNOWN, failure, hold=hold, heard=heard)
            case _:
                assert_never(outcome)

    def _deferred(self, leased: Leased, ending: Ending, outcome: Deferred, heard: Heard | None) -> Ended:
        """Nothing was done, and no try is spent. What holds the whole system back needs no delay of the command."""
        if holds_the_system(self._ear.heard(outcome)):
            hold = 0.0
        elif outcome.retry_after is not None:
            hold = max(outcome.retry_after, SHORTEST_WAIT)
        else:
            hold = self._rules.of(outcome.failure.failure_class).delay(1, self._chance()) or 0.0
        return ended(leased, ending, outcome.failure, hold=hold, heard=heard)

    def _after(self, leased: Leased, failure: Failure) -> float:
        """The delay after one more try without an answer; at the deadline none, for a person is asked next."""
        tries = len(unanswered(leased.earlier)) + 1
        return self._rules.of(failure.failure_class).delay(tries, self._chance()) or 0.0


def told_in_order(run: Sequence[Stepped]) -> Sequence[Stepped]:
    """Results of a run are told up to the first that is not confirmed.

    What was done behind that one all the same is in the log, and is read back when its command is the head.
    """
    told: list[Stepped] = []
    stopped = False
    for outcome, record in run:
        told.append((outcome, replace(record, hold=0.0) if stopped and record.hold is None else record))
        stopped |= not isinstance(outcome, Confirmed)
    return told


def person_asked(leased: Leased, failure: Failure, later: Later | None, heard: Heard | None = None) -> Stepped:
    """A person must look. `later` is the latest generation that the system has: what they say is taken of that one.

    It stays in the log among the unknown, and retries are counted anew behind it.
    """
    record = ended(leased, Ending.UNKNOWN, failure, heard=heard)
    if later is not None:
        record = replace(record, external_id=later.external_id, found_generation=later.command.generation)
    return Unknown(failure), record


def _is_doubtful(leased: Leased) -> bool:
    """Whether an attempt at it had no clear end: perhaps because of what it asks, which others must not suffer from."""
    return any(attempt.ending in (None, Ending.UNKNOWN) for attempt in leased.earlier)


def ended(
    leased: Leased,
    ending: Ending,
    failure: Failure | None = None,
    *,
    external_id: str | None = None,
    hold: float | None = None,
    heard: Heard | None = None,
) -> Ended:
    """The record of an attempt's end."""
    return Ended(
        leased.command,
        leased.token,
        leased.attempt,
        ending,
        external_id,
        None if failure is None else failure.failure_class,
        None if failure is None else failure.code,
        None if failure is None else failure.reason,
        hold,
        heard,
    )

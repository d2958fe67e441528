"""What to do next about a command, from what its system promises and what is known of earlier attempts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from adapters.ports.outbox import Attempt, Ending, LostTime
from adapters.ports.system import Capability
from gateway.retry import Retries
from schemas.commands import Command, Confirmed, Rejected, command_id, command_reference
from schemas.verdicts import Failure, FailureClass

UNSETTLED: Final = "outcome_unknown"
"""Code of the failure that a person is asked with, when the system may answer another time."""
UNPROVABLE: Final = "outcome_unprovable"
"""The same, when no answer of the system could tell: only what a person finds out settles the command."""
LATER_GENERATIONS: Final = 5
"""So many generations after a command's own are asked for after a restore: a person's retry may have raised it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Make an attempt."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the system whether the effect is there. `proves_absence`: no attempt can still land, so "absent" counts."""

    proves_absence: bool


@dataclass(frozen=True, slots=True)
class Settle:
    """The outcome is known already."""

    outcome: Confirmed | Rejected


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The outcome cannot be found out: a person must look."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Later:
    """A later generation of a command, whose effect the system has."""

    command: Command
    external_id: str | None


Step = Send | LookUp | Settle | GiveUp


def next_step(
    capability: Capability, earlier: Sequence[Attempt], retries: Retries, lost: LostTime | None = None
) -> Step:
    """The next step for a command whose earlier attempts are `earlier`.

    One confirmed attempt confirms the command. A rejection settles only when no other attempt can still land. An
    attempt that never got an end is unknown, not "not sent". Past the deadline of `retries` a person is asked. With
    `lost` attempts may be missing from the log, so the lost time counts as one without an answer, and a system that
    can be asked is asked before anything is sent.
    """
    logged = earlier
    if lost is not None:
        earlier = with_lost(earlier, lost)
    for attempt in earlier:
        if attempt.ending is Ending.CONFIRMED:
            return Settle(Confirmed(attempt.external_id))
    rejected = next((attempt for attempt in reversed(earlier) if attempt.ending is Ending.REJECTED), None)
    loose = loose_of(earlier)
    if not loose:
        return Send() if rejected is None else Settle(_rejection(rejected))
    tries = unanswered(logged)
    if tries and retries.of(tries[-1].failure_class).delay(len(tries), 0) is None:
        return GiveUp(_unsettled(UNSETTLED, f"{len(tries)} tries had no answer"))
    must_ask = lost is not None and capability.look_up
    if capability.resend_is_safe and rejected is None and not must_ask and _is_remembered(capability, loose):
        return Send()
    if not capability.look_up:
        return GiveUp(_unsettled(UNPROVABLE, "the system offers no way to ask whether it has the effect"))
    return LookUp(proves_absence=all(_can_no_longer_land(attempt, capability) for attempt in loose))


def after_absent(earlier: Sequence[Attempt], step: LookUp) -> Step | None:
    """The step after the system answered that the effect is absent; None: ask again later."""
    rejected = next((attempt for attempt in reversed(earlier) if attempt.ending is Ending.REJECTED), None)
    if step.proves_absence:
        return Send() if rejected is None else Settle(_rejection(rejected))
    if any(attempt.ending is None for attempt in loose_of(earlier)):
        return GiveUp(_unsettled(UNPROVABLE, "a process fell silent while sending, and what it sent may still arrive"))
    return None


def is_safe_again(capability: Capability, earlier: Sequence[Attempt]) -> bool:
    """Whether the system knows the same command again, however late an earlier attempt lands that has no clear end."""
    is_refused = any(attempt.ending is Ending.REJECTED for attempt in earlier)
    return capability.resend_is_safe and not is_refused and _is_remembered(capability, loose_of(earlier))


def later_generations(command: Command) -> list[Command]:
    """The command as retries in the lost time may have sent it."""
    numbers = range(command.generation + 1, command.generation + 1 + LATER_GENERATIONS)
    return [_of_generation(command, number) for number in numbers]


def done_later(found: Sequence[Later], *, is_all: bool) -> Failure:
    """Effects of later generations stand in the system: perhaps with another body, so a person must look.

    `found` in the order of their generations, not empty; the last is what the command is settled as. Without `is_all`
    the system stopped answering before it was asked for every one, so that asking again may tell more.
    """
    *others, last = (each.command.reference for each in found)
    told = ", and ".join(f"{each.command.reference}{_its_id(each)}" for each in found)
    so_far = "" if is_all else "; it did not say whether it has others: retry once it answers, or look for them too"
    first = f"undo {' and '.join(others)} there first, whatever you say of {last}; then " if others else ""
    undo = "undo all of them" if others else "undo it there"
    return Failure(
        FailureClass.UNKNOWN_OUTCOME,
        UNPROVABLE if is_all else UNSETTLED,
        f"the system has {told}, sent after the restored point{so_far}: {first}look whether {last} is what this "
        f"command asks for, and settle it as done, under that reference; or {undo}, and settle it as not done, which "
        "sends it under a later one",
    )


def last_found(command: Command, earlier: Sequence[Attempt]) -> Later | None:
    """The latest generation that the system was found to have, unless everything was proved absent since.

    What was logged behind it says nothing of it: an attempt, or a look-up that a process died of.
    """
    for attempt in reversed(loose_of(earlier)):
        if attempt.found_generation is not None:
            return Later(_of_generation(command, attempt.found_generation), attempt.external_id)
    return None


def beside(failure: Failure, later: Later) -> Failure:
    """`failure`, for a person who must look for `later`, and what is before it, too."""
    reference = later.command.reference
    return replace(
        failure,
        reason=f"{failure.reason}. When it was asked after the restored point, it had {reference}{_its_id(later)}: "
        "look for each generation up to that one as well, and undo all but one there; done settles the command under "
        f"{reference}, with that id unless you name another; say not done only when none of them is there",
    )


def with_lost(earlier: Sequence[Attempt], lost: LostTime) -> list[Attempt]:
    """The log with one more attempt: it may have begun at the restored point, and has ended by the declaration.

    It is the newest, so that an absence that was proved before the restore proves nothing about it.
    """
    number = max((attempt.number for attempt in earlier), default=0) + 1
    return [*earlier, Attempt(number, Ending.UNKNOWN, lost.started_for, lost.ended_for)]


def unanswered(earlier: Sequence[Attempt]) -> list[Attempt]:
    """The attempts and look-ups without an answer, since a person was last asked: their retry begins anew."""
    asked = (each.number for each in earlier if each.code in (UNSETTLED, UNPROVABLE) or each.ending is Ending.ABSENT)
    since = max(asked, default=0)
    open_ends = (None, Ending.UNKNOWN, Ending.UNANSWERED)
    return [attempt for attempt in earlier if attempt.number > since and attempt.ending in open_ends]


def loose_of(earlier: Sequence[Attempt]) -> list[Attempt]:
    """The attempts of which nobody knows what came; a proved absence ends all before it."""
    over = max((attempt.number for attempt in earlier if attempt.ending is Ending.ABSENT), default=0)
    return [attempt for attempt in earlier if attempt.number > over and attempt.ending in (None, Ending.UNKNOWN)]


def _is_remembered(capability: Capability, loose: Sequence[Attempt]) -> bool:
    """Whether the system still knows each of these attempts when another arrives, however late they land.

    Their age counts from their start: an attempt without an end may have begun any time ago.
    """
    if capability.unique_reference or capability.key_window is None:
        return capability.unique_reference
    return all(attempt.started_for + capability.late_bound < capability.key_window for attempt in loose)


def _can_no_longer_land(attempt: Attempt, capability: Capability) -> bool:
    """The bound counts from the end that the sender recorded; a sender that fell silent recorded none."""
    return attempt.ended_for is not None and attempt.ended_for > capability.late_bound


def _of_generation(command: Command, number: int) -> Command:
    return command._replace(
        id=command_id(command.system, command.operation, command.key, command.line, number),
        generation=number,
        reference=command_reference(command.key, command.line, number),
    )


def _its_id(later: Later) -> str:
    return "" if later.external_id is None else f", its id {later.external_id}"


def _rejection(attempt: Attempt) -> Rejected:
    return Rejected(
        Failure(
            attempt.failure_class or FailureClass.BUSINESS_RULE,
            attempt.code or "rejected",
            attempt.reason or "the system refused the command",
        )
    )


def _unsettled(code: str, why: str) -> Failure:
    return Failure(
        FailureClass.UNKNOWN_OUTCOME,
        code,
        f"{why}: look in the system by the command's reference, and settle it as done or not done",
    )

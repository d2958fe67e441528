"""What to do next about a command: each way in which the obvious answer has made a second effect, or lied about one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

import pytest

from adapters.ports.outbox import Attempt, Ending
from adapters.ports.system import Capability, Upsert
from gateway import settlement
from gateway.retry import Retries, Rule
from gateway.settlement import UNPROVABLE, UNSETTLED, GiveUp, LookUp, Send, Settle, Step, after_absent
from schemas.commands import Confirmed, Rejected
from schemas.verdicts import FailureClass

KEY = Capability(Upsert.NONE, key_window=86_400, unique_reference=False, look_up=True, late_bound=300)
REFERENCE = Capability(Upsert.NONE, key_window=None, unique_reference=True, look_up=True, late_bound=300)
LOOK_UP = Capability(Upsert.NONE, key_window=None, unique_reference=False, look_up=True, late_bound=300)
NOTHING = replace(LOOK_UP, look_up=False)
EVERY = (KEY, REFERENCE, LOOK_UP, NOTHING)

Next = Callable[[Capability, Sequence[Attempt]], Step]
Absent = Callable[[Sequence[Attempt], LookUp], Step | None]


FIVE_TRIES = Retries(Rule(first=5, factor=1, deadline=20))


def next_step(capability: Capability, earlier: Sequence[Attempt]) -> Step:
    """The next step where a person is asked after five tries."""
    return settlement.next_step(capability, earlier, FIVE_TRIES)


def log(*endings: Ending | None, ended_for: float = 1.0, started_for: float | None = None) -> list[Attempt]:
    """A sent log, the oldest attempt first; each attempt took a second, unless `started_for` says otherwise."""
    return [
        Attempt(
            number,
            ending,
            ended_for + 1 if started_for is None else started_for,
            None if ending is None else ended_for,
            "77" if ending is Ending.CONFIRMED else None,
        )
        for number, ending in enumerate(endings, 1)
    ]


def refused(code: str = "period_closed") -> Attempt:
    """A rejected attempt."""
    return Attempt(2, Ending.REJECTED, 2.0, 1.0, None, FailureClass.BUSINESS_RULE, code, "March is closed")


# ------------------------------------------------------------------------------------------------------- plain cases


@pytest.mark.parametrize("capability", EVERY)
@pytest.mark.parametrize("endings", [(), (Ending.UNSENT,), (Ending.DEFERRED, Ending.DEFERRED)])
def test_what_was_never_sent_is_sent(capability: Capability, endings: tuple[Ending, ...]) -> None:
    assert next_step(capability, log(*endings)) == Send()


@pytest.mark.parametrize("capability", EVERY)
@pytest.mark.parametrize("others", list(product((None, *Ending), repeat=2)))
def test_one_confirmed_attempt_confirms_the_command(
    capability: Capability, others: tuple[Ending | None, Ending | None]
) -> None:
    assert next_step(capability, log(others[0], Ending.CONFIRMED, others[1])) == Settle(Confirmed("77"))


@pytest.mark.parametrize("capability", EVERY)
def test_a_rejection_alone_settles_in_the_systems_own_words(capability: Capability) -> None:
    step = next_step(capability, [*log(Ending.DEFERRED), refused()])
    assert isinstance(step, Settle)
    assert isinstance(step.outcome, Rejected)
    assert step.outcome.failure.code == "period_closed"


@pytest.mark.parametrize("capability", [KEY, REFERENCE])
@pytest.mark.parametrize("ending", [None, Ending.UNKNOWN])
def test_with_a_key_the_same_is_sent_again(capability: Capability, ending: Ending | None) -> None:
    assert next_step(capability, log(ending, ending)) == Send()


@pytest.mark.parametrize("ending", [None, Ending.UNKNOWN])
def test_a_key_is_trusted_within_its_window_only_and_its_age_counts_from_the_start(ending: Ending | None) -> None:
    # Given an attempt of Friday whose process died, or whose end was recorded only after the weekend
    friday = log(ending, started_for=3 * 86_400.0)
    assert next_step(KEY, friday) == LookUp(proves_absence=False)
    assert isinstance(next_step(replace(KEY, look_up=False), friday), GiveUp)
    assert next_step(REFERENCE, friday) == Send()


def test_a_proved_absence_ends_all_before_it() -> None:
    assert next_step(LOOK_UP, log(Ending.UNKNOWN, None, Ending.ABSENT)) == Send()
    settled = next_step(LOOK_UP, log(Ending.UNKNOWN, Ending.REJECTED, Ending.ABSENT))
    assert isinstance(settled, Settle)
    assert next_step(LOOK_UP, log(Ending.ABSENT, Ending.UNKNOWN)) == LookUp(proves_absence=False)


def test_without_any_means_a_person_is_asked() -> None:
    step = next_step(NOTHING, log(Ending.UNKNOWN))
    assert isinstance(step, GiveUp)
    assert (step.failure.failure_class, step.failure.code) == (FailureClass.UNKNOWN_OUTCOME, UNPROVABLE)


@pytest.mark.parametrize("silent", [[None, Ending.REJECTED], [Ending.REJECTED, None]], ids=["sending", "reading back"])
def test_a_refusal_beside_an_attempt_that_fell_silent_is_for_a_person_however_often_it_is_asked(
    silent: list[Ending | None],
) -> None:
    attempts = log(*silent)
    step = next_step(LOOK_UP, attempts)
    assert isinstance(step, LookUp)
    given_up = after_absent(attempts, step)
    assert isinstance(given_up, GiveUp)
    assert given_up.failure.code == UNPROVABLE
    # Given that this was recorded, and somebody retries, then it comes to the same
    asked = [*attempts, Attempt(len(attempts) + 1, Ending.UNKNOWN, 1.0, 1.0, code=UNPROVABLE)]
    again = next_step(LOOK_UP, asked)
    assert isinstance(again, LookUp)
    assert after_absent(asked, again) == given_up


@pytest.mark.parametrize(("ended_for", "then"), [(1.0, None), (300.0, None), (300.1, Send())])
def test_absent_counts_only_after_the_bound_on_late_application(ended_for: float, then: Step | None) -> None:
    attempts = log(Ending.UNKNOWN, ended_for=ended_for)
    step = next_step(LOOK_UP, attempts)
    assert step == LookUp(proves_absence=then is not None)
    assert after_absent(attempts, step) == then


def test_absence_that_counts_proves_a_rejection() -> None:
    attempts = [*log(Ending.UNKNOWN, ended_for=1000), refused()]
    step = next_step(LOOK_UP, attempts)
    assert step == LookUp(proves_absence=True)
    settled = after_absent(attempts, step)
    assert isinstance(settled, Settle)
    assert isinstance(settled.outcome, Rejected)


def test_every_retry_has_an_end_and_a_persons_retry_begins_anew() -> None:
    attempts = log(*[Ending.UNKNOWN, Ending.UNANSWERED, Ending.UNKNOWN, None, Ending.UNANSWERED])
    step = next_step(KEY, attempts)
    assert isinstance(step, GiveUp)
    # Given that this was recorded, and a person lets the command run again after the outage
    given_up = Attempt(len(attempts) + 1, Ending.UNKNOWN, 1.0, 1.0, code=step.failure.code)
    assert step.failure.code == UNSETTLED
    # Then it is sent, and asks again only after as many more attempts
    assert next_step(KEY, attempts[:-1]) == Send()
    assert next_step(KEY, [*attempts, given_up]) == Send()
    more = [replace(attempt, number=attempt.number + len(attempts) + 1) for attempt in attempts]
    assert next_step(KEY, [*attempts, given_up, *more[:-1]]) == Send()
    assert isinstance(next_step(KEY, [*attempts, given_up, *more]), GiveUp)


# ---------------------------------------------------------------------- what fails, and the reading that falls for it


def by_last_answer(capability: Capability, earlier: Sequence[Attempt]) -> Step:
    """Wrong: a rejection settles, whatever became of the attempts before."""
    if earlier and earlier[-1].ending is Ending.REJECTED:
        return next_step(capability, earlier[-1:])
    return next_step(capability, earlier)


def lapsed_is_unsent(capability: Capability, earlier: Sequence[Attempt]) -> Step:
    """Wrong: a lease that lapsed says that nothing was sent."""
    return next_step(capability, [attempt for attempt in earlier if attempt.ending is not None])


def counted_from_the_claim(capability: Capability, earlier: Sequence[Attempt]) -> Step:
    """Wrong: the bound counts from the claim, so an attempt without an end is over some day too."""
    aged = [a if a.ending is not None else replace(a, ending=Ending.UNKNOWN, ended_for=1e6) for a in earlier]
    return next_step(capability, aged)


def key_for_ever(capability: Capability, earlier: Sequence[Attempt]) -> Step:
    """Wrong: a key, once given, protects for ever."""
    return next_step(replace(capability, key_window=capability.key_window and 1e12), earlier)


def absent_now(earlier: Sequence[Attempt], step: LookUp) -> Step | None:
    """Wrong: the system says absent, so it may be sent."""
    return after_absent(earlier, LookUp(proves_absence=True))


def judged_afterwards(earlier: Sequence[Attempt], _step: LookUp) -> Step | None:
    """Wrong: the bound has passed by now, although not yet when the system was asked."""
    return after_absent(earlier, LookUp(all((attempt.ended_for or 0) > 300 for attempt in earlier)))


def check_rejection(step_of: Next) -> None:
    """Attempt 1 may still land, attempt 2 was rejected: recorded as rejected, the system would have it."""
    for first, capability in product((None, Ending.UNKNOWN), EVERY):
        step = step_of(capability, [*log(first), refused()])
        assert not isinstance(step, Settle | Send), (first, capability, step)


def check_lapsed(step_of: Next) -> None:
    """A sender is stalled with its request in hand: another may not send beside it where nothing protects."""
    for capability in (LOOK_UP, NOTHING):
        assert step_of(capability, log(None)) != Send()


def check_silent(step_of: Next, absent: Absent = after_absent) -> None:
    """A sender that fell silent may send at any time: its attempt is never over, so a person is asked."""
    step = step_of(LOOK_UP, log(None))
    assert isinstance(step, LookUp)
    assert isinstance(absent(log(None), step), GiveUp)


def check_window(step_of: Next) -> None:
    """The system has forgotten the key, or forgets it while a late attempt is on its way: look, never send."""
    for window, ended_for in ((86_400, 86_399), (86_400, 86_101), (200, 1)):
        step = step_of(replace(KEY, key_window=window), log(Ending.UNKNOWN, ended_for=ended_for))
        assert isinstance(step, LookUp), (window, ended_for, step)


def check_absent_now(absent: Absent) -> None:
    """A time-out a second ago, and the system does not have it yet: sent again, both would land."""
    assert absent(log(Ending.UNKNOWN, ended_for=1.0), LookUp(proves_absence=False)) is None


def check_asked_before(absent: Absent) -> None:
    """Asked before the bound, answered after it: what landed in between was not seen."""
    assert absent(log(Ending.UNKNOWN, ended_for=301.0), LookUp(proves_absence=False)) is None


def test_the_right_reading_holds() -> None:
    check_rejection(next_step)
    check_lapsed(next_step)
    check_silent(next_step)
    check_window(next_step)
    check_absent_now(after_absent)
    check_asked_before(after_absent)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (check_rejection, by_last_answer),
        (check_lapsed, lapsed_is_unsent),
        (check_silent, counted_from_the_claim),
        (check_window, key_for_ever),
        (check_absent_now, absent_now),
        (check_asked_before, judged_afterwards),
    ],
)
def test_the_check_finds_the_wrong_reading(check: Callable[[object], None], wrong: object) -> None:
    with pytest.raises(AssertionError):
        check(wrong)


def test_a_unique_reference_outlives_every_window() -> None:
    both = replace(KEY, unique_reference=True)
    assert next_step(both, log(Ending.UNKNOWN, ended_for=1e9)) == Send()

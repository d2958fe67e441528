"""What to do next about a command after a restore: the log lacks what was done in the lost time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ports.outbox import Attempt, Ending, LostTime
from adapters.ports.system import Capability, Upsert
from gateway.retry import Retries, Rule
from gateway.settlement import GiveUp, LookUp, Send, Settle, next_step
from schemas.commands import Confirmed, Rejected

KEY = Capability(Upsert.NONE, key_window=86_400, unique_reference=False, look_up=False, late_bound=300)
REFERENCE = replace(KEY, key_window=None, unique_reference=True)
NOTHING = replace(KEY, key_window=None)
RETRIES = Retries(Rule(first=5, factor=1, deadline=1000))
JUST_DECLARED = LostTime(started_for=3600, ended_for=10)
LONG_DECLARED = LostTime(started_for=3600, ended_for=301)


def looking(capability: Capability) -> Capability:
    return replace(capability, look_up=True)


@pytest.mark.parametrize("capability", [looking(KEY), looking(REFERENCE), looking(NOTHING)])
def test_a_system_that_can_be_asked_is_asked_before_anything_is_sent(capability: Capability) -> None:
    assert next_step(capability, [], RETRIES) == Send()
    assert next_step(capability, [], RETRIES, JUST_DECLARED) == LookUp(proves_absence=False)
    assert next_step(capability, [], RETRIES, LONG_DECLARED) == LookUp(proves_absence=True)


def test_a_unique_reference_may_be_sent_again() -> None:
    assert next_step(REFERENCE, [], RETRIES, LONG_DECLARED) == Send()


def test_a_key_may_be_sent_again_while_the_system_knows_it_since_the_restored_point() -> None:
    assert next_step(KEY, [], RETRIES, LostTime(86_400 - 301, 10)) == Send()
    assert isinstance(next_step(KEY, [], RETRIES, LostTime(86_400 - 300, 10)), GiveUp)


def test_a_system_that_promises_nothing_needs_a_person() -> None:
    assert isinstance(next_step(NOTHING, [], RETRIES, LONG_DECLARED), GiveUp)


def test_what_the_log_knows_as_confirmed_is() -> None:
    assert next_step(KEY, [Attempt(1, Ending.CONFIRMED, 9000, 9000, "77")], RETRIES, LONG_DECLARED) == Settle(
        Confirmed("77")
    )


@pytest.mark.parametrize("ending", [Ending.REJECTED, Ending.ABSENT])
def test_what_was_known_before_the_restored_point_proves_nothing_about_the_lost_time(ending: Ending) -> None:
    earlier = [Attempt(1, Ending.UNKNOWN, 9000, 9000), Attempt(2, ending, 8000, 8000)]
    assert next_step(looking(KEY), earlier, RETRIES, JUST_DECLARED) == LookUp(proves_absence=False)


def test_a_rejection_settles_once_the_lost_time_is_proved_empty() -> None:
    earlier = [Attempt(1, Ending.REJECTED, 5, 5)]
    assert next_step(looking(KEY), earlier, RETRIES, LONG_DECLARED) == LookUp(proves_absence=True)
    assert isinstance(next_step(KEY, earlier, RETRIES, LONG_DECLARED), GiveUp)
    assert isinstance(next_step(KEY, earlier, RETRIES), Settle)
    outcome = next_step(KEY, earlier, RETRIES)
    assert isinstance(outcome, Settle)
    assert isinstance(outcome.outcome, Rejected)


def test_an_attempt_that_never_ended_may_still_land_after_the_declaration() -> None:
    assert next_step(looking(NOTHING), [Attempt(1, None, 9000, None)], RETRIES, LONG_DECLARED) == LookUp(
        proves_absence=False
    )

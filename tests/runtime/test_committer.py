"""Outages, refused values, and bugs of ours: what befalls one key or all of them, and what is left when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from actors.decision import Accept, Context, Decision, Event, Snapshot
from adapters.ports.turns import Message
from gateway.retry import Retries, Rule
from schemas.envelope import Envelope
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import ACTOR, A, B, C, Step, decide, theirs
from tests.runtime.town import SMALL, Town, until
from tests.runtime.troubles import Trouble
from tests.runtime.vendor import Mood
from tests.runtime.virtual import run

ROOMY = replace(SMALL, batch_keys=100, batch_messages=1000, fold=50, mailbox=100)


def test_a_round_trip_takes_all_keys_along() -> None:
    async def story() -> None:
        town = Town(ROOMY)
        process = town.process(sends=False)
        keys = [ActorKey("job", f"{n}") for n in range(50)]
        for key in keys:
            process.deliver(key, f"{key.id}-1", f"{key.id}-2")
        await until(lambda: all(len(town.events(key)) == 2 for key in keys))
        assert [len(connection.batches) for connection in process.connections] == [1, 1]
        await town.close()

    run(story())


def test_nobody_is_quiet_while_messages_move_on_from_one_committer_to_another() -> None:
    async def story() -> None:
        # Given a bound id whose messages another committer has than those of its job
        town = Town(seconds=lambda _chance: lambda: 0.1)
        process = town.process(scans=False, sends=False)
        theirs_of = {key: theirs(key.id) for key in (ActorKey("job", f"{n}") for n in range(9))}
        key = next(
            key for key, other in theirs_of.items() if process.bus._committer(key) != process.bus._committer(other)
        )
        await town.bind(theirs_of[key], key)
        # When they come, and somebody waits until all is done
        process.deliver(theirs_of[key], "n1")
        await process.bus.quiet()
        # Then it is
        assert town.events(key) == ("bound", "n1")
        await town.close()

    run(story())


def test_a_value_that_was_given_back_may_be_claimed_by_another() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", claims="x"), Step(name="a2", releases="x"))
        await until(lambda: len(town.events(A)) == 2)
        process.deliver(B, Step(name="b1", claims="x"))
        await until(lambda: len(town.events(B)) == 1)
        assert town.cases() == []
        await town.close()

    run(story())


# -------------------------------------------------------------------------------------------------------------- outages


def test_when_the_database_comes_back_everything_goes_on_and_nothing_is_parked() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, Step(name="a1", asks=("1", "2")))
        await asyncio.sleep(0.004)
        town.outage.is_away = True
        slips = (
            process.deliver(A, "a2") + process.deliver(B, Step(name="b1", needs="c"), "b2") + process.deliver(C, "c1")
        )
        await asyncio.sleep(300)
        assert not any(slip.acks for slip in slips)
        town.outage.is_away = False
        await until(lambda: len(town.steps(A)) == 4 and town.events(B) == ("b1", "b2"))
        assert {row.verdict for row in town.store.tables.inbox.values()} == {Verdict.APPLIED}
        assert max(row.attempts for row in town.store.tables.inbox.values()) == 0
        assert town.cases() == []
        assert town.vendor.effects == ["job/a/1/1", "job/a/2/1"]
        await town.close()

    run(story())


def test_a_database_that_takes_nothing_for_a_while_delays_and_does_not_reorder() -> None:
    async def story() -> None:
        town = Town(replace(SMALL, fold=1, mailbox=1))
        process = town.process(sends=False)
        for connection in process.connections:
            connection.troubles.extend([Trouble.NONE, Trouble.AWAY, Trouble.AWAY] * 5)
        slips = process.deliver(A, *(f"a{n}" for n in range(6)))
        await until(lambda: all(slip.acks == 1 for slip in slips) and len(town.events(A)) == 6)
        assert town.events(A) == tuple(f"a{n}" for n in range(6))
        await town.close()

    run(story())


# ------------------------------------------------------------------------------------------------------- refused values


@pytest.mark.parametrize("place", range(7))
def test_a_value_that_the_database_refuses_parks_its_message_and_stops_nobody_else(place: int) -> None:
    async def story() -> None:
        # Given a batch of many keys, and among the messages of one of them one that cannot be written
        town = Town(ROOMY)
        process = town.process(sends=False)
        names = [f"a{n}" for n in range(7)]
        for connection in process.connections:
            connection.refused.add(names[place])
        others = [ActorKey("job", f"{n}") for n in range(9)]
        for key in others[:5]:
            process.deliver(key, key.id)
        slips = process.deliver(A, *names)
        for key in others[5:]:
            process.deliver(key, key.id)
        # Then all others commit, and those of its own key up to it; those behind it stand in order
        await until(lambda: all(slip.acks == 1 for slip in slips) and all(town.events(key) for key in others))
        assert town.events(A) == tuple(names[:place])
        assert town.lane(A)[0] == (names[place], Verdict.PARKED)
        assert [id for id, _ in town.lane(A)] == names[place:]
        assert town.cases() == ["data_refused"]
        await town.close()

    run(story())


def test_a_refused_value_in_the_lane_is_found_too() -> None:
    async def story() -> None:
        town = Town(ROOMY)
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", needs="b"), "a2", "a3", "a4")
        await until(lambda: town.state_of(A) is LaneState.WAITING)
        for connection in process.connections:
            connection.refused.add("a3")
        process.deliver(B, "b1")
        await until(lambda: town.events(A) == ("a1", "a2") and town.state_of(A) is LaneState.PARKED)
        assert town.lane(A) == [("a3", Verdict.PARKED), ("a4", Verdict.QUEUED)]
        await town.close()

    run(story())


def test_a_refused_value_of_a_result_parks_its_command_and_no_other() -> None:
    async def story() -> None:
        town = Town(ROOMY)
        process = town.process()
        for connection in process.connections:
            connection.refused.add("2")
        process.deliver(A, Step(name="a1", asks=("1", "2")), "a2")
        await until(lambda: town.cases() == ["data_refused"])
        assert set(town.steps(A)) == {"a1", "+1", "a2"}
        await town.close()

    run(story())


def test_a_result_that_comes_while_a_refused_value_is_looked_for_is_not_taken_for_it() -> None:
    async def story() -> None:
        # Given a command under way
        town = Town(ROOMY, seconds=lambda _chance: lambda: 0.05)
        process = town.process()
        process.deliver(A, Step(name="a1", asks=("1",)))
        await until(lambda: bool(town.events(A)), step=0.001)
        # When a message is refused while its result comes
        for connection in process.connections:
            connection.refused.add("bad")
        process.deliver(A, "a2", "bad", "a3")
        await until(lambda: town.cases() != [])
        # Then the message is parked, and the result heard
        await until(lambda: "+1" in town.steps(A))
        assert town.cases() == ["data_refused"]
        assert town.lane(A)[0] == ("bad", Verdict.PARKED)
        await town.close()

    run(story())


# ------------------------------------------------------------------------------------------------------------- our bugs


def test_a_decision_that_raises_parks_its_message_and_stops_no_other_key() -> None:
    async def story() -> None:
        town = Town(ROOMY)
        process = town.process(sends=False)
        process.deliver(A, "a1", Step(name="a2", does="raise"), "a3")
        process.deliver(B, "b1")
        await until(lambda: bool(town.events(B)) and town.events(A) == ("a1",))
        assert town.lane(A) == [("a2", Verdict.PARKED), ("a3", Verdict.QUEUED)]
        assert town.cases() == ["decision_failed"]
        assert [type(error) for error in process.witness.errors] == [ArithmeticError]
        await town.close()

    run(story())


class Unwritable(BaseModel):
    """A state that is no model of the actor's, and cannot be written as JSON."""

    steps: tuple[str, ...] = ()
    what: object = None


def decide_badly(state: Any, event: Event, context: Context) -> Decision:
    """As the toy does, but from one step on its state cannot be stored."""
    decision = decide(state, event, context)
    is_bad = isinstance(state, Unwritable) or (isinstance(event, Envelope) and event.data == Step(name="bad"))
    return Accept(Unwritable(what=object())) if is_bad and isinstance(decision, Accept) else decision


@pytest.mark.parametrize("names", [("bad",), ("bad", "a2"), ("a1", "bad", "a2"), ("a1", "a2", "a3", "a4", "a5", "bad")])
def test_a_state_that_cannot_be_written_parks_its_message_alone(names: tuple[str, ...]) -> None:
    async def story() -> None:
        town = Town(ROOMY, actor=replace(ACTOR, decide=decide_badly))
        process = town.process(sends=False)
        slips = process.deliver(A, *names)
        process.deliver(B, "b1")
        await until(lambda: bool(town.events(B)) and all(slip.acks == 1 for slip in slips))
        before = names[: names.index("bad")]
        await until(lambda: town.events(A) == before and town.state_of(A) is LaneState.PARKED)
        assert town.lane(A)[0] == ("bad", Verdict.PARKED)
        assert process.witness.errors
        await town.close()

    run(story())


def references_for_ever(_state: Any, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> list[ActorKey]:
    """References that lead to ever more of them."""
    if not isinstance(event, Envelope) or not isinstance(event.data, Step) or not event.data.leads_on:
        return []
    return [ActorKey("job", f"further {n}") for n in range(len(loaded) + 1)]


def test_references_without_end_park_their_message() -> None:
    async def story() -> None:
        town = Town(ROOMY, actor=replace(ACTOR, references=references_for_ever))
        process = town.process(sends=False)
        process.deliver(A, "a1", Step(name="a2", leads_on=True))
        process.deliver(B, "b1")
        await until(lambda: town.cases() == ["references_unsettled"] and bool(town.events(B)))
        assert town.events(A) == ("a1",)
        await town.close()

    run(story())


# ----------------------------------------------------------------------------------------------------- passing failures


def test_what_fails_for_a_passing_reason_is_tried_again_after_the_delay() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", does="retry"), "a2")
        await asyncio.sleep(60)
        (row,) = [row for row in town.store.tables.inbox.values() if row.message.id == "a1"]
        assert row.attempts == 4, "after 5, 10, and 20 seconds, and a little more"
        assert town.lane(A) == [("a1", Verdict.BACKOFF), ("a2", Verdict.QUEUED)]
        await town.close()

    run(story())


def test_what_fails_past_the_deadline_is_parked_with_a_case_and_a_persons_retry_begins_anew() -> None:
    async def story() -> None:
        town = Town(retries=Retries(Rule(deadline=30, jitter=0)))
        process = town.process(sends=False)
        process.deliver(A, Step(name="a1", does="retry"), "a2")
        await until(lambda: town.cases() == ["closed"])
        assert town.lane(A) == [("a1", Verdict.PARKED), ("a2", Verdict.QUEUED)]
        (row,) = [row for row in town.store.tables.inbox.values() if row.message.id == "a1"]
        assert row.attempts == 4
        await town.store.clients().acts.retry(A, actor="ann", reason="try again")
        await until(lambda: row.attempts == 2)
        assert town.cases() == []
        await until(lambda: town.cases() == ["closed"])
        assert row.attempts == 4
        await town.close()

    run(story())


def test_a_persons_retry_lets_a_parked_lane_run_again_in_order() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        town.vendor.moods.append(Mood.REJECTS)
        process.deliver(A, Step(name="a1", asks=("1",)), Step(name="a2", does="raise"), "a3")
        await until(lambda: sorted(town.cases()) == ["decision_failed", "wrong"])
        town.store.tables.inbox = {
            ref: replace(row, message=healed(row.message)) for ref, row in town.store.tables.inbox.items()
        }
        await town.store.clients().acts.retry(A, actor="ann", reason="mended")
        await until(lambda: town.events(A) == ("a1", "a2", "a3") and "+1" in town.steps(A))
        assert town.vendor.effects == ["job/a/1/2"], "the next generation: the first was proved to have done nothing"
        assert town.cases() == []
        await town.close()

    run(story())


def healed(message: Message) -> Message:
    """The same message, if its decision did not raise."""
    return message._replace(body=message.body.replace(b'"raise"', b'"accept"'))

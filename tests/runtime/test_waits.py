"""What waits and what passes it: results behind a waiting head, parents and children, ids that are bound meanwhile.

Longer than a file should be: it is one list of rules, each a few lines, read from top to bottom.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import A, B, C, Step, entry, theirs
from tests.runtime.town import SMALL, Process, Town, until
from tests.runtime.troubles import Trouble, some_seconds
from tests.runtime.vendor import Vendor
from tests.runtime.virtual import run
from tests.runtime.wrong import QueuesResults

# ------------------------------------------------------------------------------------------ results pass a waiting head

OPENS = Step(name="e1", asks=("1=7",))
"""Its command's result brings the ERP's id 7 for this very job."""
NEEDS = Step(name="e2", needs="erp:7")


async def wait_for_own_result(town: Town, seconds: float) -> None:
    """A job whose second step waits for what the result of its first brings."""
    process = town.process()
    process.deliver(A, OPENS, NEEDS, "e3")
    for _ in range(int(seconds * 20)):
        await asyncio.sleep(0.05)
        if len(town.events(A)) == 3:
            break
    await town.close()


def test_a_result_passes_the_head_that_waits_for_it() -> None:
    async def story() -> None:
        town = Town()
        await wait_for_own_result(town, 60)
        assert town.steps(A) == ("e1", "+1", "e2", "e3")
        town.check_history()

    run(story())


def test_a_result_that_queues_behind_the_head_would_never_be_heard() -> None:
    async def story() -> None:
        town = Town(committer=QueuesResults)
        await wait_for_own_result(town, 600)
        assert town.steps(A) == ("e1",)
        assert town.state_of(A) is LaneState.WAITING

    run(story())


@pytest.mark.parametrize("head", [Step(name="p", does="park"), Step(name="p", does="retry"), Step(name="p", needs="b")])
def test_results_pass_any_head(head: Step) -> None:
    async def story() -> None:
        town = Town()
        town.process().deliver(A, Step(name="e1", asks=("1", "2", "3")), head, "e3")
        await until(lambda: town.steps(A) == ("e1", "+1", "+2", "+3"))
        assert [id for id, _ in town.lane(A)] == ["p", "e3"]
        await town.close()

    run(story())


# -------------------------------------------------------------------------------------------------- parent and children


def test_children_wait_and_go_on_in_order_when_their_parent_lands() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        keys = [ActorKey("job", f"child {n}") for n in range(20)]
        for key in keys:
            process.deliver(key, Step(name=f"{key.id} 1", needs="b"), f"{key.id} 2")
        await until(lambda: all(town.state_of(key) is LaneState.WAITING for key in keys))
        assert {row.attempts for row in town.store.tables.inbox.values()} == {0}
        process.deliver(B, "parent")
        await until(lambda: all(town.events(key) == (f"{key.id} 1", f"{key.id} 2") for key in keys))
        assert {row.attempts for row in town.store.tables.inbox.values()} == {0}
        await town.close()

    run(story())


def test_parent_and_children_in_one_batch_miss_nobody() -> None:
    async def story() -> None:
        town = Town(replace(SMALL, batch_keys=100, batch_messages=100))
        process = town.process(sends=False)
        keys = [ActorKey("job", f"child {n}") for n in range(20)]
        for key in keys[:10]:
            process.deliver(key, Step(name=key.id, needs="b"))
        process.deliver(B, "parent")
        for key in keys[10:]:
            process.deliver(key, Step(name=key.id, needs="b"))
        await until(lambda: all(town.events(key) for key in keys))
        assert max(len(batch) for connection in process.connections for batch in connection.batches) > 5
        await town.close()

    run(story())


@pytest.mark.parametrize("seed", range(8))
def test_a_parent_that_lands_while_children_are_on_their_way_misses_nobody(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        town = Town(seconds=lambda chance: some_seconds(chance, 0.1))
        first, second = town.process(sends=False), town.process(sends=False)
        keys = [ActorKey("job", f"child {n}") for n in range(12)]
        for key in keys:
            chance.choice((first, second)).deliver(key, Step(name=key.id, needs="b"))
            await asyncio.sleep(chance.uniform(0, 0.02))
            if key is keys[6]:
                second.deliver(B, "parent")
        await until(lambda: all(town.events(key) for key in keys), 40)
        await town.close()

    run(story())


def test_two_that_rely_on_each_other_both_go_on() -> None:
    async def story() -> None:
        town = Town(replace(SMALL, batch_keys=100))
        process = town.process(sends=False)
        process.deliver(A, "a1")
        process.deliver(B, "b1")
        await until(lambda: bool(town.events(A) and town.events(B)))
        process.deliver(A, Step(name="a2", needs="b"), Step(name="a3", needs="b"))
        process.deliver(B, Step(name="b2", needs="a"), Step(name="b3", needs="a"))
        await until(lambda: len(town.events(A)) == len(town.events(B)) == 3)
        await town.close()

    run(story())


# ------------------------------------------------------------------------------------ an id that is bound meanwhile

X = theirs("7")


def slow(_chance: Random) -> Callable[[], float]:
    """Each way to the database takes a while."""
    return lambda: 0.01


def bind(process: Process) -> None:
    """Let job A bind the ERP's id 7."""
    process.deliver(A, Step(name="bind", asks=("1=7",)))


def test_messages_of_an_unbound_id_wait_under_it_and_then_belong_to_its_job() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        slips = process.deliver(X, "n1", "n2")
        await until(lambda: all(slip.acks for slip in slips))
        assert town.lane(X) == [("n1", Verdict.WAITING), ("n2", Verdict.QUEUED)]
        bind(process)
        process.deliver(X, "n3")
        await until(lambda: len(town.events(A)) == 4)
        process.deliver(X, "n4")
        await until(lambda: len(town.events(A)) == 5)
        assert town.events(A) == ("bind", "n1", "n2", "n3", "n4")
        assert town.lane(X) == []
        await town.close()

    run(story())


async def bind_while_the_first_is_on_its_way(town: Town, *, by_itself: bool = False) -> Process:
    """X is bound while its first message is on its way into its lane; then the second comes.

    `by_itself`: the door looks the second up by itself, and finds the binding.
    """
    process = town.process(sends=False)
    process.deliver(X, "n1")
    await until(lambda: any([X] in connection.batches for connection in process.connections), step=0.001)
    await town.bind(X, A)
    process.deliver(A if by_itself else X, "n2")
    await until(lambda: "n2" in town.events(A) or "n2" in [id for id, _ in town.lane(X)])
    return process


def test_later_messages_follow_earlier_ones_that_are_not_decided_yet() -> None:
    async def story() -> None:
        town = Town(seconds=slow)
        await bind_while_the_first_is_on_its_way(town)
        assert town.events(A) == ("bound", "n1", "n2")
        await town.close()

    run(story())


def test_a_message_that_is_resolved_by_itself_would_overtake() -> None:
    async def story() -> None:
        town = Town(seconds=slow)
        await bind_while_the_first_is_on_its_way(town, by_itself=True)
        await until(lambda: len(town.events(A)) == 3)
        assert town.events(A) == ("bound", "n2", "n1")
        await town.close()

    run(story())


def test_what_was_held_before_the_binding_goes_before_what_comes_after_a_crash() -> None:
    async def story() -> None:
        town = Town(seconds=slow)
        first = town.process(sends=False)
        slips = first.deliver(X, "n1", "n2")
        await until(lambda: all(slip.acks for slip in slips))
        first.deliver(X, "n3")
        await town.bind(X, A)
        await first.kill()
        # n3 was not acked, so it comes again, and n4 behind it
        town.process(sends=False).deliver(X, "n3", "n4")
        await until(lambda: len(town.events(A)) == 5)
        assert town.events(A) == ("bound", "n1", "n2", "n3", "n4")
        await town.close()

    run(story())


@pytest.mark.parametrize("seed", range(10))
def test_two_processes_hold_and_hand_on_in_order(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        town = Town(seconds=lambda chance: some_seconds(chance, 0.05))
        zombie, successor = town.process(), town.process()
        names = [f"n{n}" for n in range(8)]
        zombie.deliver(X, *names[:4])
        await asyncio.sleep(chance.uniform(0, 0.1))
        chance.choice((zombie, successor)).deliver(A, Step(name="bind", asks=("1=7",)))
        await asyncio.sleep(chance.uniform(0, 0.1))
        slips = successor.deliver(X, *names[:6])
        await asyncio.sleep(chance.uniform(0, 0.1))
        slips += successor.deliver(X, *names[6:])
        await until(lambda: len(town.events(A)) == 9 and all(slip.acks == 1 for slip in slips))
        assert town.events(A) == ("bind", *names)
        town.check_history()
        await town.close()

    run(story())


def test_a_binding_that_does_not_bump_the_row_would_leave_messages_behind() -> None:
    async def story() -> None:
        town = Town(seconds=slow)
        process = town.process(sends=False)
        process.deliver(X, "n1")
        await until(lambda: any([X] in connection.batches for connection in process.connections), step=0.001)
        await town.bind(X, A)
        bound = town.store.tables.row(X)
        town.store.tables.write(replace(bound, row_version=bound.row_version - 1))
        await asyncio.sleep(600)
        assert town.events(A) == ("bound",)
        await town.close()

    run(story())


def test_a_refused_turn_of_an_id_is_not_taken_for_the_commit_that_bound_it() -> None:
    async def story() -> None:
        # Given a message under X, and the command under way whose result will bind X
        town = Town(vendor=Vendor(seconds=lambda: 2.0), seconds=lambda _chance: lambda: 0.5)
        process = town.process(scans=False)
        committer = process.bus._committer(X)
        assert committer is process.bus._committer(A)
        connection = process.connections[process.committers.index(committer)]
        process.deliver(X, "n1")
        process.deliver(A, Step(name="bind", asks=("1=7",)))
        await until(lambda: town.verdict("n1") is not None and bool(town.vendor.requests))
        # When the result comes, and the message again with later ones, while another commit is running
        other = next(key for n in range(99) if process.bus._committer(key := ActorKey("job", f"{n}")) is committer)
        await asyncio.sleep(1.5)
        process.deliver(other, "busy")
        await until(lambda: [other] in connection.batches)
        await until(lambda: bool(committer.activations.of(A).answers))
        process.deliver(X, "n1", "n2", "n3")
        # And the answer of the commit for both of them is lost
        connection.troubles.append(Trouble.ANSWER_LOST)
        await until(lambda: process.witness.told["unknown"] == 1)
        # Then what was refused in it is not taken for durable
        await until(lambda: town.events(A) == ("bind", "n1", "n2", "n3"))
        await town.close()

    run(story())


def test_a_conflict_under_an_unbound_id_stops_nobody() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        slips = process.put(X, entry("n1"), entry("other", id="n1", slip=town.slip("n1")), entry("n2"))
        await until(lambda: all(slip.acks for slip in slips))
        slips = process.put(X, entry("third", id="n2", slip=town.slip("n2")), entry("n1"))
        await until(lambda: all(slip.acks for slip in slips))
        assert [id for id, _ in town.lane(X)] == ["n1", "n2"]
        assert town.cases() == ["id_reused", "id_reused"]
        await town.close()

    run(story())


def test_two_jobs_that_are_given_the_same_id_end_in_a_case() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        for key in (A, B):
            process.deliver(key, Step(name=f"{key.id}1", asks=("1=7",)), f"{key.id}2")
        await until(lambda: town.cases() == ["taken"])
        assert sorted(len(town.steps(key)) for key in (A, B)) == [2, 3], "the one has the result, the other a case"
        assert process.witness.told["taken"] <= 2
        await town.close()

    run(story())


def test_two_jobs_that_claim_the_same_value_end_in_a_case() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        for key in (A, B):
            process.deliver(key, Step(name=f"{key.id}1", claims="x"), f"{key.id}2")
        await until(lambda: town.cases() == ["taken"])
        assert {town.state_of(A), town.state_of(B)} == {LaneState.OPEN, LaneState.PARKED}
        await town.close()

    run(story())


def test_messages_that_move_on_while_the_database_goes_away_move_on_once() -> None:
    async def story() -> None:
        # Given a bound id, and another key whose references are being loaded in the same batch
        town = Town(seconds=slow)
        process = town.process(sends=False)
        await town.bind(X, A)
        keys = [ActorKey("job", f"{n}") for n in range(6)]
        process.deliver(X, "n1")
        for key in keys:
            process.deliver(key, Step(name=key.id, needs="c"))
        # When the database goes away right after the messages have moved on, and more come
        await until(lambda: any(committer.activations.of(A).mailbox for committer in process.committers), step=0.001)
        town.outage.is_away = True
        process.deliver(X, "n2")
        await asyncio.sleep(5)
        town.outage.is_away = False
        # Then nothing is taken twice, and nobody has died of it
        process.deliver(C, "c")
        await until(lambda: town.events(A) == ("bound", "n1", "n2") and all(town.events(key) for key in keys))
        await town.close()

    run(story())


def test_a_lane_that_another_emptied_while_it_was_read_is_let_go() -> None:
    async def story() -> None:
        # Given a lane with one message, whose time has come
        town = Town()
        process = town.process(scans=False, sends=False)
        slips = process.deliver(A, Step(name="a1", does="retry"))
        await until(lambda: all(slip.acks for slip in slips))
        await asyncio.sleep(10)
        # When the one has read the row, and the other has drained the lane before the one reads it
        drained = town.store.tables.row(A)
        for connection in process.connections:
            connection.before_lanes = lambda: empty(town)
        process.bus.poke(A)
        await asyncio.sleep(10)
        # Then the one does not look at an empty lane for ever
        assert town.store.tables.row(A).row_version > drained.row_version
        await asyncio.wait_for(process.bus.quiet(), 5)
        await town.close()

    run(story())


def empty(town: Town) -> None:
    """What another process does to the lane: its one message is ignored."""
    tables = town.store.tables
    row = tables.row(A)
    if row.lane.depth:
        (standing,) = tables.lane(A)
        tables.place(standing, A, None, Verdict.IGNORED)
        tables.reopen(A, replace(row.lane, state=LaneState.OPEN, depth=0))

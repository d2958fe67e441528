"""Mailboxes, lanes, two processes: each message once, in order, whoever dies and whoever does not know it is dead."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from gateway.committer import Committer
from schemas.verdicts import Verdict
from tests.gateway.toy import A, B, Step, entry
from tests.runtime.town import SMALL, Town, until
from tests.runtime.troubles import Trouble, some_seconds
from tests.runtime.virtual import run
from tests.runtime.wrong import AcksFirst, SpillsBeside, SpillsTheNewest

TINY = replace(SMALL, fold=1, mailbox=1)
THREE = ("a1", "a2", "a3")


async def overflow(town: Town) -> None:
    """More messages at once than a mailbox may hold."""
    process = town.process(sends=False)
    process.deliver(A, *THREE)
    await until(lambda: len(town.events(A)) == 3)
    await town.close()


def test_an_overflowing_mailbox_is_spilled_as_a_whole_and_keeps_its_order() -> None:
    async def story() -> None:
        town = Town(TINY)
        await overflow(town)
        assert town.events(A) == THREE
        town.check_history()

    run(story())


def test_a_lane_of_messages_that_do_not_fit_together_goes_on_one_by_one() -> None:
    async def story() -> None:
        town = Town(replace(TINY, fold=4, lane_bytes=0))
        await overflow(town)
        assert town.events(A) == THREE
        town.check_history()

    run(story())


def test_spilling_only_the_newest_would_let_them_overtake() -> None:
    async def story() -> None:
        town = Town(TINY, committer=SpillsTheNewest)
        await overflow(town)
        assert town.events(A) != THREE

    run(story())


async def lose_a_turn_while_others_arrive(town: Town) -> None:
    """A turn is being committed, and loses against another process; meanwhile its mailbox overflows."""
    process = town.process(sends=False)
    process.deliver(A, "a1")
    await until(lambda: any(connection.batches for connection in process.connections), step=0.001)
    process.deliver(A, "a2", "a3")
    town.store.tables.reopen(A, town.store.tables.row(A).lane)  # somebody else bumps the row
    await until(lambda: len(town.events(A)) == 3)
    await town.close()


def test_a_spill_is_a_turn_and_waits_for_the_one_that_runs() -> None:
    async def story() -> None:
        town = Town(TINY, seconds=lambda _chance: lambda: 0.01)
        await lose_a_turn_while_others_arrive(town)
        assert town.events(A) == THREE

    run(story())


def test_spilling_beside_a_turn_would_overtake_it() -> None:
    async def story() -> None:
        town = Town(TINY, seconds=lambda _chance: lambda: 0.01, committer=SpillsBeside)
        await lose_a_turn_while_others_arrive(town)
        assert town.events(A) != THREE

    run(story())


async def spill_and_die(town: Town) -> None:
    """A process acks its messages, spilled into the lane of a key, and is killed."""
    process = town.process(scans=False, sends=False)
    slips = process.deliver(A, Step(name="a1", does="retry"), "a2", "a3")
    await until(lambda: all(slip.acks for slip in slips))
    await process.kill()
    assert town.lane(A)[0] == ("a1", Verdict.BACKOFF)


def test_a_lane_that_a_killed_process_left_is_found_by_any_other() -> None:
    async def story() -> None:
        town = Town()
        await spill_and_die(town)
        town.process(sends=False)
        await until(lambda: town.store.tables.inbox[next(iter(town.store.tables.inbox))].attempts > 3)
        await town.close()

    run(story())


def test_without_looking_for_lanes_it_would_be_stuck_for_ever() -> None:
    async def story() -> None:
        town = Town()
        await spill_and_die(town)
        town.process(scans=False, sends=False)
        await asyncio.sleep(600)
        assert town.store.tables.inbox[next(iter(town.store.tables.inbox))].attempts == 1
        await town.close()

    run(story())


def test_messages_of_a_killed_process_are_redelivered_and_applied_once() -> None:
    async def story() -> None:
        town = Town(TINY)
        first = town.process(sends=False)
        first.deliver(A, *THREE)
        await until(lambda: town.verdict("a1") is not None)
        await first.kill()
        slips = town.process(sends=False).deliver(A, *THREE)
        await until(lambda: len(town.events(A)) == 3 and all(slip.acks == 1 for slip in slips))
        assert town.events(A) == THREE
        town.check_history()
        await town.close()

    run(story())


@pytest.mark.parametrize("seed", range(12))
def test_a_zombie_and_its_successor_apply_each_message_once_in_order(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        town = Town(replace(TINY, fold=2, mailbox=2), seconds=lambda chance: some_seconds(chance, 0.05))
        zombie, successor = town.process(sends=False), town.process(sends=False)
        names = [f"a{n}" for n in range(8)]
        slips = zombie.deliver(A, *names[:6])
        await asyncio.sleep(chance.uniform(0, 0.1))
        slips += successor.deliver(A, *names)
        await until(lambda: len(town.events(A)) == 8 and all(slip.acks == 1 for slip in slips))
        assert town.events(A) == tuple(names)
        town.check_history()
        await town.close()

    run(story())


def test_a_message_that_was_published_twice_is_one_message() -> None:
    async def story() -> None:
        town = Town(TINY)
        process = town.process(sends=False)
        slips = process.deliver(A, "a1", "a2", "a1", "a3", "a2")
        await until(lambda: all(slip.acks == 1 for slip in slips))
        slips = process.deliver(A, "a2", "a1")
        await until(lambda: all(slip.acks == 1 for slip in slips) and len(town.events(A)) == 3)
        assert town.events(A) == THREE
        assert process.witness.told["repeated"] >= 2
        await town.close()

    run(story())


def test_an_id_that_comes_again_with_another_body_is_a_case_and_stops_nobody() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, "a1")
        await until(lambda: town.verdict("a1") is Verdict.APPLIED)
        slips = process.put(A, *(entry("other", id="a1", slip=town.slip("a1")) for _ in range(2)), entry("a2"))
        await until(lambda: all(slip.acks for slip in slips))
        # and it comes again after all of that
        slips = process.put(A, entry("other", id="a1"), entry("a1"))
        await until(lambda: all(slip.acks == 1 for slip in slips))
        assert town.events(A) == ("a1", "a2")
        assert town.cases() == ["id_reused"]
        await town.close()

    run(story())


def test_two_other_bodies_at_once_end_as_two_cases() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        bodies = ("a1", "b1", "b1", "c1", "a1")
        slips = process.put(A, *(entry(name, id="m", slip=town.slip("m")) for name in bodies))
        await until(lambda: all(slip.acks == 1 for slip in slips))
        assert town.events(A) == ("a1",)
        assert town.cases() == ["id_reused", "id_reused"]
        await town.close()

    run(story())


async def die_at_the_commit(committer: type[Committer]) -> list[str]:
    """A process is killed while its commit is on its way, and that is lost; what was acked while nobody had it."""
    town = Town(committer=committer)
    process = town.process(sends=False)
    process.connections[0].troubles.append(Trouble.LOST)
    process.connections[1].troubles.append(Trouble.LOST)
    process.deliver(A, *THREE)
    await asyncio.sleep(0.01)
    await process.kill()
    return town.lost


def test_nothing_is_acked_before_it_is_in_the_inbox() -> None:
    assert run(die_at_the_commit(Committer)) == []


def test_an_ack_before_the_commit_would_lose_messages() -> None:
    assert run(die_at_the_commit(AcksFirst)) != []


def test_keys_do_not_hold_each_other_up() -> None:
    async def story() -> None:
        town = Town()
        process = town.process(sends=False)
        process.deliver(A, Step(name="stuck", does="park"), *THREE)
        process.deliver(B, "b1", "b2")
        await until(lambda: len(town.events(B)) == 2)
        assert town.lane(A) == [
            ("stuck", Verdict.PARKED), ("a1", Verdict.QUEUED), ("a2", Verdict.QUEUED), ("a3", Verdict.QUEUED),
        ]  # fmt: skip
        await town.close()

    run(story())

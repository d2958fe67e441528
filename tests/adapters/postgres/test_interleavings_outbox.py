"""Senders beside senders: no command goes out twice, none before the decision on its predecessor."""

from __future__ import annotations

import pytest

from adapters.ports.outbox import Ended, Ending
from adapters.ports.turns import Committed, Row, StoreUnavailable
from adapters.postgres.outbox import _CLAIM, PostgresOutbox
from tests.adapters.postgres.stage import Connection, Held, Stage, commit
from tests.contracts.turns import SHEET, applied, asking, command, message, send_lane, settled, uuid

ANN, BOB, CAY = uuid("process ann"), uuid("process bob"), uuid("process cay")
FIRST, SECOND = command(line="1"), command(line="2")
LANE = "erp", [SHEET.entity], [SHEET.id]
NO_LIMIT: tuple[object, ...] = (None, None, 1, None, [])


async def ask(stage: Stage) -> None:
    """Put two commands of one lane into the outbox."""
    turn = asking(applied(Row(SHEET), message("e1")), FIRST, SECOND)
    assert await commit(stage.observer, turn) == [Committed()]


async def first_is_being_settled(stage: Stage) -> Held:
    """Ann has sent the first command, and the decision on its result is written and not committed."""
    await ask(stage)
    [leased] = (await stage.outbox().claim([send_lane()], holder=ANN, token=uuid("t1"))).leased
    row = (await stage.commits().load([SHEET]))[SHEET]

    async def decide(connection: Connection) -> None:
        assert await commit(connection, settled(row, (leased.command, leased.token))) == [Committed()]

    return await stage.hold(decide)


class TestHeadAndLease:
    """A second sender comes while the decision on the head commits."""

    async def test_ours_reads_the_head_under_the_lease(self, stage: Stage) -> None:
        deciding = await first_is_being_settled(stage)
        coming = stage.start(stage.outbox().claim([send_lane()], holder=BOB, token=uuid("t2")))
        await stage.until_waiting(coming)
        await deciding.commit()
        assert [leased.command for leased in (await coming).leased] == [SECOND]

    async def test_a_head_that_is_read_before_the_lease_is_sent_again(self, stage: Stage) -> None:
        await stage.install("claim_head_first")
        deciding = await first_is_being_settled(stage)
        claim = (await stage.connection()).fetchval(
            "SELECT wrong.claim('erp', $1, $2, $3, $4)", *SHEET, BOB, uuid("t2")
        )
        coming = stage.start(claim)
        await stage.until_waiting(coming)
        await deciding.commit()
        assert await coming == FIRST.id


class TestToken:
    """Ann falls silent, Bob takes over and sends; then Ann wakes and gives her lease back."""

    async def zombie_and_successor(self, stage: Stage) -> PostgresOutbox:
        await ask(stage)
        await stage.outbox().claim([send_lane()], holder=ANN, token=uuid("t1"))
        successor = stage.outbox()
        await successor.take_over([ANN])
        assert (await successor.claim([send_lane()], holder=BOB, token=uuid("t2"))).leased
        return stage.outbox()

    async def test_ours_keeps_the_successors_lease(self, stage: Stage) -> None:
        zombie = await self.zombie_and_successor(stage)
        await zombie.record([Ended(FIRST, uuid("t1"), 1, Ending.UNKNOWN, hold=0.0)])
        assert not (await stage.outbox().claim([send_lane()], holder=CAY, token=uuid("t3"))).leased

    async def test_a_lease_that_is_released_by_its_key_lets_a_third_send_too(self, stage: Stage) -> None:
        await stage.install("release_by_key")
        await self.zombie_and_successor(stage)
        await stage.observer.execute("SELECT wrong.release('erp', $1, $2)", *SHEET)
        [third] = (await stage.outbox().claim([send_lane()], holder=CAY, token=uuid("t3"))).leased
        assert third.command == FIRST
        assert [attempt.ending for attempt in third.earlier] == [None, None]  # two senders are still at it


class TestOneLeaseForEachLane:
    """Two senders ask at once for what is next."""

    async def test_ours_gives_the_second_nothing(self, stage: Stage) -> None:
        await ask(stage)
        first = await stage.hold(
            lambda connection: connection.fetch(_CLAIM, *LANE, ANN, uuid("t1"), *NO_LIMIT, 0, None, [], [], [], None)
        )
        coming = stage.start(stage.outbox().claim([send_lane()], holder=BOB, token=uuid("t2")))
        await stage.until_waiting(coming)
        await first.commit()
        assert not (await coming).leased

    async def test_skip_locked_gives_it_the_second_command(self, stage: Stage) -> None:
        await stage.install("next_command")
        await ask(stage)
        await stage.hold(lambda connection: connection.fetchval("SELECT wrong.next_command('erp')"))
        assert await (await stage.connection()).fetchval("SELECT wrong.next_command('erp')") == SECOND.id


class TestLostClaim:
    """The answer to a claim is lost while the claim is still under way; its sender abandons it."""

    async def claim_in_flight(self, stage: Stage) -> tuple[PostgresOutbox, Held]:
        deciding = await first_is_being_settled(stage)
        outbox = stage.outbox()
        await outbox.free("erp", after=None, limit=1)
        connection = outbox._link._connection
        assert connection is not None
        flying = stage.start(outbox.claim([send_lane()], holder=BOB, token=uuid("t2")))
        await stage.until_waiting(flying)
        connection.terminate()
        with pytest.raises(StoreUnavailable):
            await flying
        return outbox, deciding

    async def test_ours_waits_for_the_claim_and_frees_what_it_took(self, stage: Stage) -> None:
        outbox, deciding = await self.claim_in_flight(stage)
        abandoning = stage.start(outbox.abandon(uuid("t2")))
        await stage.until_waiting(abandoning, others=1)
        await deciding.commit()
        await abandoning
        assert await outbox.free("erp", after=None, limit=10) == [send_lane()]

    async def test_a_claim_that_is_abandoned_at_once_leaves_a_lease_that_nobody_knows(self, stage: Stage) -> None:
        await stage.install("abandon_at_once")
        outbox, deciding = await self.claim_in_flight(stage)
        await stage.observer.execute("SELECT wrong.abandon($1)", uuid("t2"))
        await deciding.commit()
        await stage.until_true("SELECT EXISTS (SELECT FROM tallystick.lease WHERE token = $1)", uuid("t2"))
        assert await outbox.free("erp", after=None, limit=10) == []


async def test_a_claim_that_is_held_up_does_not_delay_the_heartbeat(stage: Stage) -> None:
    deciding = await first_is_being_settled(stage)
    outbox = stage.outbox()
    claiming = stage.start(outbox.claim([send_lane()], holder=BOB, token=uuid("t2")))
    await stage.until_waiting(claiming)
    assert (await outbox.beat(BOB))[BOB] == 1
    assert await outbox.take_over([CAY]) == 0
    assert not claiming.done()
    await deciding.commit()
    assert len((await claiming).leased) == 1


async def test_a_process_that_was_taken_over_while_it_claimed_is_seen_all_the_same(stage: Stage) -> None:
    # given: Ann is known, and her claim commits after Bob has taken over what she had
    await ask(stage)
    observer = stage.outbox()
    await observer.beat(ANN)
    claiming = await stage.hold(
        lambda connection: connection.fetch(_CLAIM, *LANE, ANN, uuid("t1"), *NO_LIMIT, 0, None, [], [], [], None)
    )
    assert await observer.take_over([ANN]) == 0
    await claiming.commit()
    # then: should she never beat again, Bob sees a counter that stands still
    assert await observer.beat(BOB) == {ANN: 0, BOB: 1}
    assert await observer.take_over([ANN]) == 1


class TestPause:
    """An operator pauses a key while a claim of it is under way."""

    async def test_it_is_answered_when_the_claim_has_ended(self, stage: Stage) -> None:
        await ask(stage)
        claiming = await stage.hold(
            lambda connection: connection.fetch(_CLAIM, *LANE, ANN, uuid("t1"), *NO_LIMIT, 0, None, [], [], [], None)
        )
        observer = await stage.connection()
        pausing = stage.start(
            observer.fetch("SELECT * FROM tallystick.begin_pause($1, $2, NULL, 'ann', 'look')", *SHEET)
        )
        await stage.until_waiting(pausing)
        await claiming.rollback()
        assert len(await pausing) == 1
        assert not (await stage.outbox().claim([send_lane()], holder=BOB, token=uuid("t2"))).leased

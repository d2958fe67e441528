"""The contract of restores: a store that went back is noticed, sends nothing, and asks first until it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from adapters.ports.outbox import Ended, Ending, Leased, LostTime
from adapters.ports.restores import Found, Phase, Restore, RestoreConflict, Tick
from adapters.ports.turns import Settlement
from schemas.commands import Command
from schemas.keys import ActorKey
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    command,
    message,
    queued,
    send_lane,
    settled,
    uuid,
)

ANN = uuid("process ann")
HOUR = 3600.0


async def ask(process: Process, *commands: Command, key: ActorKey = SHEET) -> None:
    """Commit a turn that adds commands to the outbox."""
    row = await process.row(key)
    await process.commit(asking(applied(row, message(f"{key.id}/{row.entity_version}")), *commands))


async def claim(process: Process, name: str = "t1", key: ActorKey = SHEET) -> list[Leased]:
    return list((await process.outbox.claim([send_lane(key)], holder=ANN, token=uuid(name))).leased)


async def declare(process: Process, *, since: datetime | None = None) -> Restore:
    return await process.restores.declare(since=since, found=Found.DECLARED, actor="ann", reason="base of noon")


async def release(process: Process) -> Restore:
    return await process.restores.release(actor="bob", reason="old processes are gone")


async def end(process: Process) -> Restore:
    return await process.restores.end(actor="bob", reason="all was published again")


async def lost(process: Process, name: str, key: ActorKey = SHEET) -> LostTime | None:
    """What is lost of the key's head, which must be there to be claimed."""
    [leased] = await claim(process, name, key)
    record = Ended(leased.command, leased.token, leased.attempt, Ending.UNSENT, hold=0.0)
    await process.outbox.record([record])
    return leased.lost


class TestWatermark:
    async def test_every_tick_of_every_process_raises_it(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        assert await process.restores.tick(0) == Tick(1, None)
        assert await other.restores.tick(0) == Tick(2, None)
        assert await process.restores.tick(1) == Tick(3, None)

    async def test_looking_does_not_raise_it(self, process: Process) -> None:
        await process.restores.tick(0)
        assert (await process.restores.look()).counter == 1
        assert (await process.restores.look()).counter == 1

    async def test_a_store_below_what_is_remembered_went_back_and_is_not_raised(self, process: Process) -> None:
        await process.restores.tick(0)
        assert await process.restores.tick(7) == Tick(1, Found.WATERMARK)
        assert await process.restores.tick(1) == Tick(2, None)

    async def test_another_server_is_seen(self, store: StoreStand, process: Process) -> None:
        await process.restores.tick(0)
        await store.change_server()
        assert await process.restores.tick(0) == Tick(1, Found.SERVER)

    async def test_a_declared_restore_is_not_found_again(self, store: StoreStand, process: Process) -> None:
        await store.change_server()
        await process.restores.declare(since=None, found=Found.SERVER, actor="a", reason="b", remembered=7)
        assert await process.restores.tick(7) == Tick(9, None)

    async def test_a_declaration_is_news_to_every_process_of_before(self, store: StoreStand) -> None:
        noticed, other = store.process(), store.process()
        await ask(noticed, command())
        tick = await other.restores.tick(0)
        other.remembered.counter, other.remembered.epoch = tick.counter, tick.epoch
        await store.change_server()
        await noticed.restores.declare(since=None, found=Found.SERVER, actor="a", reason="b")
        await release(noticed)
        assert (await other.restores.tick(tick.counter, tick.epoch)).found is Found.EPOCH
        assert await claim(other) == []
        anew = await other.restores.tick(tick.counter)
        assert anew.found is None
        other.remembered.epoch = anew.epoch
        assert len(await claim(other, "t2")) == 1

    async def test_nothing_is_claimed_from_a_store_that_went_back(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        process.remembered.counter = 5
        await store.go_back(4)
        assert await claim(process) == []
        await store.go_back(5)
        assert len(await claim(process)) == 1

    async def test_nothing_is_claimed_on_another_server(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await store.change_server()
        assert await claim(process) == []


class TestHeld:
    async def test_no_command_is_found_or_claimed(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        await ask(process, command())
        assert (await declare(other)).phase is Phase.HELD
        assert await claim(process) == []
        assert await process.outbox.free("erp", after=None, limit=10) == []
        claimed = await process.outbox.claim([send_lane()], holder=ANN, token=uuid("t2"))
        assert (list(claimed.left), claimed.hold) == ([], None)

    async def test_messages_are_accepted_and_their_commands_wait(self, process: Process) -> None:
        await declare(process)
        await ask(process, command())
        assert await claim(process) == []
        await release(process)
        assert len(await claim(process)) == 1

    async def test_without_a_point_it_goes_back_to_the_last_watermark(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.restores.tick(0)
        await store.pass_time(HOUR)
        declared = await declare(process)
        assert (declared.declared_at - declared.since).total_seconds() == pytest.approx(HOUR, abs=5)

    async def test_a_point_in_the_future_is_refused(self, process: Process) -> None:
        with pytest.raises(RestoreConflict, match="future"):
            await declare(process, since=datetime.now(UTC) + timedelta(days=2))
        assert (await process.restores.look()).newest is None

    async def test_declared_again_it_is_held_again_from_the_earlier_point(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.restores.tick(0)
        await store.pass_time(HOUR)
        first = await declare(process)
        await release(process)
        again = await declare(process, since=first.since - timedelta(seconds=60))
        assert (again.id, again.phase) == (first.id, Phase.HELD)
        later = await declare(process, since=first.since + timedelta(seconds=60))
        assert later.since == again.since
        assert (await process.restores.look()).newest == later

    async def test_it_is_told_and_audited(self, store: StoreStand, process: Process) -> None:
        declared = await declare(process)
        [told, _case] = await process.notices.pending(limit=10)
        assert told.routing_key == "restore.declared"
        body = orjson.loads(told.body)
        assert datetime.fromisoformat(body.pop("since")) == declared.since
        assert body == {
            "restore_id": str(declared.id),
            "what": "declared",
            "found": "declared",
            "reason": "base of noon",
        }
        await release(process)
        await end(process)
        assert [action for _, action, _ in await store.acts()] == [
            "restore.declared",
            "restore.released",
            "restore.ended",
        ]

    async def test_there_is_one_case_until_it_is_released(self, store: StoreStand, process: Process) -> None:
        declared = await declare(process)
        await declare(process)
        assert await store.open_cases() == 1
        await release(process)
        assert await store.open_cases() == 0
        told = [
            (row.routing_key, orjson.loads(row.body)["entity"], orjson.loads(row.body)["key"])
            for row in await process.notices.pending(limit=10)
            if row.routing_key.startswith("case.")
        ]
        assert told == [("case.opened", "restore", str(declared.id)), ("case.closed", "restore", str(declared.id))]
        await declare(process)
        assert await store.open_cases() == 1


class TestReleased:
    async def test_every_command_asks_first(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        assert await lost(process, "before") is None
        await process.restores.tick(0)
        await store.pass_time(HOUR)
        await declare(process)
        await store.pass_time(60)
        await release(process)
        await ask(process, command(OTHER_SHEET), key=OTHER_SHEET)
        for key in (SHEET, OTHER_SHEET):
            time = await lost(process, f"after {key.id}", key)
            assert time is not None
            assert time.started_for == pytest.approx(HOUR + 60, abs=5)
            assert time.ended_for == pytest.approx(60, abs=5)

    async def test_what_is_not_held_is_not_released(self, process: Process) -> None:
        with pytest.raises(RestoreConflict, match="declare one first"):
            await release(process)
        await declare(process)
        await release(process)
        with pytest.raises(RestoreConflict, match="declare one first"):
            await release(process)


class TestEnded:
    async def test_what_is_not_released_is_not_ended(self, process: Process) -> None:
        await declare(process)
        with pytest.raises(RestoreConflict, match="release it first"):
            await end(process)

    async def test_what_is_made_later_does_not_ask(self, process: Process) -> None:
        await declare(process)
        await release(process)
        await end(process)
        await ask(process, command())
        assert await lost(process, "t1") is None

    async def test_commands_that_stood_open_and_their_successors_ask(self, process: Process) -> None:
        first, second = command(line="1"), command(line="2")
        await ask(process, first)
        await declare(process)
        await release(process)
        await end(process)
        assert await lost(process, "t1") is not None
        [leased] = await claim(process, "t2")
        turn = settled(await process.row(SHEET), (first, leased.token), settlement=Settlement.DONE)
        await process.commit(asking(turn, second))
        assert await lost(process, "t3") is not None

    async def test_commands_of_messages_that_stood_in_a_lane_ask(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("1")))
        await declare(process)
        await release(process)
        await end(process)
        await ask(process, command())
        assert await lost(process, "t1") is not None

    async def test_commands_of_messages_that_waited_for_a_binding_ask(self, process: Process) -> None:
        await process.commit(queued(await process.row(EXTERNAL_PROJECT), message("1")))
        await declare(process)
        await release(process)
        await end(process)
        turn = applied(await process.row(PROJECT), message("made"))
        turn.binds.append(EXTERNAL_PROJECT)
        await process.commit(turn)
        await ask(process, command(PROJECT), key=PROJECT)
        assert await lost(process, "t1", PROJECT) is not None
        await ask(process, command())
        assert await lost(process, "t2") is None

    async def test_another_restore_can_follow(self, process: Process) -> None:
        for _ in range(2):
            await declare(process)
            await release(process)
            await end(process)
        newest = (await process.restores.look()).newest
        assert newest is not None
        assert newest.phase is Phase.ENDED

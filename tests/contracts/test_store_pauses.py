"""Pauses: what they cover, what they hold, and what their end lets go on, on both stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ports.pauses import PauseNotFound, Scope
from adapters.ports.turns import Committed
from schemas.commands import Command, command_id, command_reference
from schemas.keys import ActorKey
from schemas.verdicts import LaneState
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, asking, command, message, queued, send_lane, uuid

ANN = {"actor": "ann", "reason": "the month is being closed"}


async def stands_still(process: Process, key: ActorKey, pause: int, *ids: str) -> None:
    """Let messages stand in a lane for a pause."""
    turn = queued(await process.row(key), *(message(id) for id in ids), state=LaneState.PAUSED)
    turn.lane = replace(turn.lane, paused_by=pause, reason="paused")
    assert await process.commit(turn) == [Committed()]


async def ask(process: Process, key: ActorKey, asked: Command, state: bytes = b"{}") -> None:
    """Let a command stand in the outbox."""
    turn = asking(applied(await process.row(key), message(f"e{asked.id}"), state=state), asked)
    assert await process.commit(turn) == [Committed()]


async def sent(process: Process, *keys: ActorKey) -> list[ActorKey]:
    """The keys whose command may be sent now, as both the search and the claim say."""
    lanes = [send_lane(key) for key in keys]
    found = {lane.key for lane in await process.outbox.free("erp", after=None, limit=9)}
    claimed = await process.outbox.claim(lanes, holder=uuid("me"), token=uuid("one"))
    assert {each.command.key for each in claimed.leased} == found
    return sorted(found)


def billing(key: ActorKey, body: bytes) -> Command:
    identity = ("erp", "billable.post", key, "1", 1)
    return Command(command_id(*identity), *identity, body, command_reference(key, "1", 1))


class TestScopes:
    @pytest.mark.parametrize(
        ("scope", "held", "told"),
        [
            (Scope(), 1, "everything"),
            (Scope("timesheet"), 1, "entity timesheet"),
            (Scope("timesheet", "T-1"), 1, "timesheet/T-1"),
            (Scope(legal_entity="DE01"), 1, "legal entity DE01"),
            (Scope("project"), 0, "entity project"),
            (Scope("timesheet", "T-2"), 0, "timesheet/T-2"),
            (Scope(legal_entity="US01"), 0, "legal entity US01"),
        ],
        ids=str,
    )
    async def test_what_it_covers_is_not_sent(self, process: Process, scope: Scope, held: int, told: str) -> None:
        await ask(process, SHEET, billing(SHEET, b'{"legal_entity": "DE01"}'))
        pause = await process.pauses.begin(scope, **ANN)
        assert (str(scope), scope.covers(SHEET, "DE01")) == (told, bool(held))
        assert await sent(process, SHEET) == ([] if held else [SHEET])
        if held:
            await process.pauses.end(pause.id, **ANN)
            assert await sent(process, SHEET) == [SHEET]

    async def test_a_body_without_a_legal_entity_has_that_of_its_key(self, process: Process) -> None:
        await ask(process, SHEET, command(SHEET), state=b'{"legal_entity": "DE01"}')
        await ask(process, OTHER_SHEET, command(OTHER_SHEET), state=b'{"legal_entity": "US01"}')
        await process.pauses.begin(Scope(legal_entity="DE01"), **ANN)
        assert await sent(process, SHEET, OTHER_SHEET) == [OTHER_SHEET]


class TestBeginAndEnd:
    async def test_the_same_pause_twice_is_one(self, store: StoreStand) -> None:
        one = await store.process().pauses.begin(Scope("timesheet"), **ANN)
        other = await store.process().pauses.begin(Scope("timesheet"), actor="bob", reason="me too")
        assert (one.id, one.actor, one.reason) == (other.id, "ann", ANN["reason"])
        assert [pause.id for pause in await store.process().pauses.active()] == [one.id]

    async def test_what_is_not_in_force_cannot_end(self, process: Process) -> None:
        pause = await process.pauses.begin(Scope(), **ANN)
        await process.pauses.end(pause.id, **ANN)
        with pytest.raises(PauseNotFound):
            await process.pauses.end(pause.id, **ANN)
        assert await process.pauses.active() == []

    async def test_a_number_is_never_used_again(self, process: Process) -> None:
        first = await process.pauses.begin(Scope(), **ANN)
        await process.pauses.end(first.id, **ANN)
        assert (await process.pauses.begin(Scope(), **ANN)).id > first.id


class TestRelease:
    async def test_lanes_of_an_ended_pause_open_in_pages(self, process: Process) -> None:
        pause = await process.pauses.begin(Scope("timesheet"), **ANN)
        await stands_still(process, SHEET, pause.id, "e1", "e2")
        await stands_still(process, OTHER_SHEET, pause.id, "e3")
        assert await process.pauses.release(page=9) == []
        await process.pauses.end(pause.id, **ANN)
        released = [await process.pauses.release(page=1) for _ in range(3)]
        assert [sorted(page) for page in released] == [[SHEET], [OTHER_SHEET], []]
        lane = (await process.row(SHEET)).lane
        assert (lane.state, lane.depth, lane.reason, lane.paused_by) == (LaneState.OPEN, 2, None, None)

    async def test_a_turn_that_commits_after_the_end_is_released_too(self, process: Process) -> None:
        pause = await process.pauses.begin(Scope("timesheet"), **ANN)
        await process.pauses.end(pause.id, **ANN)
        assert await process.pauses.release(page=9) == []
        await stands_still(process, SHEET, pause.id, "e1")
        assert await process.pauses.release(page=9) == [SHEET]

    async def test_one_pause_ends_and_another_goes_on(self, process: Process) -> None:
        first = await process.pauses.begin(Scope("timesheet", "T-1"), **ANN)
        second = await process.pauses.begin(Scope("timesheet", "T-2"), **ANN)
        await stands_still(process, SHEET, first.id, "e1")
        await stands_still(process, OTHER_SHEET, second.id, "e2")
        await process.pauses.end(second.id, **ANN)
        assert await process.pauses.release(page=9) == [OTHER_SHEET]
        assert (await process.row(SHEET)).lane.state is LaneState.PAUSED

"""Pauses in virtual time: nothing of what is paused is decided or sent, in no process, and all of it goes on after."""

from __future__ import annotations

import asyncio

from adapters.ports.pauses import Scope
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import A, B, Step
from tests.runtime.town import Town, until
from tests.runtime.virtual import run

ANN = {"actor": "ann", "reason": "look into it"}


def test_a_paused_key_waits_in_order_and_the_others_go_on() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        pauses = town.store.clients().pauses
        pause = await pauses.begin(Scope("job", "a"), **ANN)
        await asyncio.sleep(1.5)
        slips = process.deliver(A, "1", "2") + process.deliver(B, "b")
        await until(lambda: all(slip.acks for slip in slips))
        assert (town.events(A), town.events(B)) == ((), ("b",))
        assert (town.state_of(A), town.lane(A)) == (LaneState.PAUSED, [("1", Verdict.QUEUED), ("2", Verdict.QUEUED)])
        await pauses.end(pause.id, **ANN)
        process.deliver(A, "3")
        await until(lambda: town.events(A) == ("1", "2", "3"))
        await town.close()

    run(story())


def test_commands_of_what_is_paused_are_not_sent() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        pauses = town.store.clients().pauses
        process.deliver(B, "b")
        await until(lambda: town.events(B) == ("b",))
        pause = await pauses.begin(Scope(), **ANN)
        # This is decided before the process has heard of the pause.
        process.deliver(A, Step(name="1", asks=("x",)))
        await until(lambda: bool(town.store.tables.outbox))
        await asyncio.sleep(30)
        assert (town.vendor.requests, town.store.tables.attempts) == ([], {})
        await pauses.end(pause.id, **ANN)
        await until(lambda: town.steps(A) == ("1", "+x"))
        await town.close()

    run(story())


def test_a_process_that_starts_amid_a_pause_decides_nothing_of_it() -> None:
    async def story() -> None:
        town = Town()
        pauses = town.store.clients().pauses
        pause = await pauses.begin(Scope("job"), **ANN)
        process = town.process()
        process.deliver(A, "1")
        await until(lambda: bool(town.lane(A)))
        assert town.events(A) == ()
        await pauses.end(pause.id, **ANN)
        await until(lambda: town.events(A) == ("1",))
        await town.close()

    run(story())

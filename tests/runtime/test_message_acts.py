"""Acts on one message in a process that runs: what comes back is decided, in order, and once."""

from __future__ import annotations

import asyncio

from gateway.activation import Entry
from gateway.rules import Numbering, Rules
from schemas.sequence import SequenceKind
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import A, Step, message_of, read
from tests.runtime.town import Process, Town, until
from tests.runtime.virtual import run

ANN = {"actor": "ann", "reason": "a slip"}


def town(kind: SequenceKind) -> Town:
    """A town whose source `s` numbers its events."""
    return Town(rules=Rules({"s": Numbering(kind, 60.0)}))


async def arrive(process: Process, number: int, does: str = "accept") -> None:
    """Let a number of the source come, and all that can be done with it happen."""
    name = f"s{number}"
    message = message_of(name, Step.model_validate({"name": name, "does": does}), "s")
    message = message._replace(series="s", sequence=number)
    process.bus.deliver(A, Entry(message, read(message), process.town.slip(name, "s")))
    await asyncio.sleep(10)


def test_a_stale_message_is_applied_once_when_it_is_forced_and_order_goes_on() -> None:
    async def story() -> None:
        place = town(SequenceKind.MONOTONIC)
        process = place.process()
        for number in (2, 1):
            await arrive(process, number)
        assert (place.events(A), place.verdict("s1", "s")) == (("s2",), Verdict.STALE)
        ref = place.store.tables.identities["s", "s1"]
        process.bus.poke(await place.store.clients().message_acts.force(ref, **ANN))
        await until(lambda: place.verdict("s1", "s") is Verdict.APPLIED)
        # What comes then is measured by the same numbers as before, and a redelivery does nothing
        for number in (1, 3):
            await arrive(process, number)
        assert place.events(A) == ("s2", "s1", "s3")
        place.check_history()
        await place.close()

    run(story())


def test_a_discard_that_is_taken_back_is_as_if_it_had_not_been() -> None:
    async def story() -> None:
        place = town(SequenceKind.CONTIGUOUS)
        process, clients = place.process(), place.store.clients()
        await arrive(process, 1, "park")
        for number in (2, 3):
            await arrive(process, number, "park")
        ref = place.store.tables.identities["s", "s1"]
        await clients.acts.discard(A, head=ref, **ANN)
        await asyncio.sleep(10)
        assert place.lane(A) == [("s2", Verdict.PARKED), ("s3", Verdict.QUEUED)]
        await clients.message_acts.undiscard(ref, **ANN)
        await asyncio.sleep(10)
        assert place.lane(A) == [("s1", Verdict.PARKED), ("s2", Verdict.PARKED), ("s3", Verdict.QUEUED)]
        assert (place.state_of(A), place.cases()) == (LaneState.PARKED, ["wrong", "wrong"])
        await place.close()

    run(story())


def test_an_edit_is_applied_in_the_place_of_the_original() -> None:
    async def story() -> None:
        place = town(SequenceKind.CONTIGUOUS)
        process, clients = place.process(), place.store.clients()
        await arrive(process, 1, "park")
        await arrive(process, 2)
        ref = place.store.tables.identities["s", "s1"]
        edited = message_of("s1~mark", Step(name="s1 corrected"), "s")
        process.bus.poke(await clients.message_acts.edit(ref, edited, **ANN))
        await until(lambda: not place.lane(A))
        # The original comes once more, as it was sent
        await arrive(process, 1, "park")
        assert place.events(A) == ("s1 corrected", "s2")
        assert (place.verdict("s1", "s"), place.cases()) == (Verdict.SUPERSEDED, [])
        await place.close()

    run(story())

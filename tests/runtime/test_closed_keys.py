"""A key that cannot go on closes itself alone, and says why: a state that cannot be read, a value that is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ports.outbox import Ending
from adapters.ports.turns import Batch, Queued, Turn
from schemas.commands import Command, command_id
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import ERP, A, B, C, Job, Step, command, theirs
from tests.runtime.town import Process, Town, until
from tests.runtime.virtual import run

GOOD = Job(steps=("before",)).model_dump_json().encode()
CORRUPT = b'{"stepz": ["before"]}'
STRANGER = ActorKey("invoice", "1")


def store(town: Town, key: ActorKey, state: bytes, schema: int = 1) -> None:
    """Let this state stand in the row, whoever wrote it."""
    row = town.store.tables.row(key)
    version = max(row.entity_version, 1)
    town.store.tables.write(
        replace(row, row_version=row.row_version + 1, entity_version=version, state=state, schema=schema)
    )


async def retry(town: Town, process: Process, key: ActorKey) -> None:
    """As the API does for an operator."""
    await town.store.clients().acts.retry(key, actor="ann", reason="a release that reads it runs")
    process.bus.poke(key)
    process.relay.queue.add(key)


@pytest.mark.parametrize(
    ("state", "schema", "why"),
    [(CORRUPT, 1, "stepz: Extra inputs are not permitted"), (GOOD, 2, "this release knows schema 1")],
    ids=["corrupt", "newer"],
)
def test_a_state_that_cannot_be_read_parks_its_own_messages_until_it_can(state: bytes, schema: int, why: str) -> None:
    async def story() -> None:
        town = Town()
        store(town, A, state, schema)
        process = town.process()
        slips = process.deliver(A, "a1", "a2")
        process.deliver(B, "b1")
        await until(lambda: len(town.lane(A)) == 2 and town.events(B) == ("b1",))
        process.deliver(A, "a3")
        await until(lambda: len(town.lane(A)) == 3)
        assert town.lane(A) == [("a1", Verdict.PARKED), ("a2", Verdict.QUEUED), ("a3", Verdict.QUEUED)]
        assert [slip.acks for slip in slips] == [1, 1], "it holds no prefetch credit"
        assert town.cases() == ["state_unreadable"]
        row = town.store.tables.row(A)
        assert (row.state, row.schema, row.entity_version, row.lane.state) == (state, schema, 1, LaneState.PARKED)
        assert why in (row.lane.reason or "")

        await retry(town, process, A)  # too early: it is asked again, and says so again
        await until(lambda: town.state_of(A) is LaneState.PARKED and town.cases() == ["state_unreadable"])
        store(town, A, GOOD)
        await retry(town, process, A)
        await until(lambda: town.steps(A) == ("before", "a1", "a2", "a3"))
        assert town.cases() == []
        await town.close()

    run(story())


def test_an_answer_for_a_state_that_cannot_be_read_is_neither_lost_nor_decided() -> None:
    async def story() -> None:
        town = Town()
        town.process(sends=False).deliver(A, Step(name="a1", asks=("1", "2")))
        await until(lambda: town.events(A) == ("a1",))
        good = town.store.tables.row(A).state
        assert good is not None
        store(town, A, CORRUPT)
        process = town.process()
        process.deliver(B, Step(name="b1", asks=("1",)))
        await until(lambda: town.cases() == ["state_unreadable"] and town.steps(B) == ("b1", "+1"))
        assert sorted(town.vendor.effects) == ["job/a/1/1", "job/b/1/1"], "what follows it is held"
        [first, _] = [standing for standing in town.store.tables.outbox.values() if standing.command.key == A]
        assert (first.command.line, first.is_parked) == ("1", True)
        assert [end.ending for end in process.outbox.log(first.command.id)] == [Ending.CONFIRMED]

        store(town, A, good)
        await retry(town, process, A)
        await until(lambda: town.steps(A) == ("a1", "+1", "+2"))
        assert town.vendor.effects.count("job/a/1/1") == 1, "the answer was read back, and nothing sent again"
        assert town.cases() == []
        await town.close()

    run(story())


def test_what_needs_a_state_that_cannot_be_read_is_tried_again_by_itself() -> None:
    async def story() -> None:
        town = Town()
        store(town, B, CORRUPT)
        process = town.process()
        process.deliver(A, Step(name="a1", needs="b"), Step(name="a2"))
        process.deliver(C, Step(name="c1"))
        await until(lambda: town.state_of(A) is LaneState.BACKOFF and town.events(C) == ("c1",))
        assert "the stored state of job/b (schema 1) cannot be read" in (town.store.tables.row(A).lane.reason or "")
        store(town, B, GOOD)
        await until(lambda: town.events(A) == ("a1", "a2"))
        await town.close()

    run(story())


def test_under_a_binding_that_cannot_be_read_messages_wait_and_say_why() -> None:
    async def story() -> None:
        town = Town()
        store(town, theirs("7"), b'{"entity": 5}')
        process = town.process()
        process.deliver(theirs("7"), "x1")
        process.deliver(A, Step(name="a1", needs="erp:7"))
        process.deliver(B, "b1")
        await until(lambda: len(town.lane(theirs("7"))) == 1 and town.state_of(A) is LaneState.BACKOFF)
        assert "cannot be read" in (town.store.tables.row(theirs("7")).lane.reason or "")
        await until(lambda: town.events(B) == ("b1",))
        await town.close()

    run(story())


def test_an_answer_for_an_entity_of_a_newer_release_stops_nobody() -> None:
    async def story() -> None:
        town = Town()
        store(town, STRANGER, b"{}")
        asked = Command(command_id(ERP, "job.do", STRANGER, "1", 1), ERP, "job.do", STRANGER, "1", 1,
                        command(A, "1").body, "invoice/1/1/1")  # fmt: skip
        tables = town.store.tables
        row = tables.row(STRANGER)
        turn = Turn(row, row.lane, row.entity_version, queued=[Queued(asked, row.entity_version, 0)])
        await town.store.clients().commits.commit(Batch(town.ids(), [turn]))
        process = town.process()
        process.deliver(A, "a1")
        await until(lambda: town.cases() == ["state_unreadable"] and town.events(A) == ("a1",))
        assert tables.outbox[asked.id].is_parked
        await town.close()

    run(story())


@pytest.mark.parametrize("key", [A, theirs("7")], ids=["ours", "external"])
def test_a_message_that_the_database_refuses_in_any_form_is_given_up_and_its_key_goes_on(key: ActorKey) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        for connection in process.connections:
            connection.unwritable.add("2")
        process.deliver(key, "1", "2", "3")
        process.deliver(B, "b1")
        await until(lambda: len(process.witness.buried) == 1 and town.events(B) == ("b1",))
        kept = Verdict.WAITING if key.is_external else Verdict.APPLIED
        await until(lambda: town.verdict("1") is kept and town.verdict("3") is not None)
        assert process.witness.buried == [("2", "data_refused")]
        assert town.verdict("2") is None
        await until(lambda: all(each.activations.is_quiet for each in process.committers))
        await town.close()

    run(story())

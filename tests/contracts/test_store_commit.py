"""The contract of the commit: a turn commits as a whole or leaves nothing, fenced by the versions that it saw."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from adapters.ports.turns import Again, Answer, Committed, DataRefused, Opened, Refused, Settled, Settlement
from schemas.facts import Case, Claim, Notice
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.contracts.store_stands import Counts, Process, StoreStand
from tests.contracts.turns import (
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    batch,
    command,
    drained,
    message,
    queued,
    uuid,
    waiting,
)

CUSTOMER = ActorKey("customer", "C-1")
FAILURE = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile")


def why(answers: list[Answer]) -> list[Again | None]:
    """The reasons of refusals, None for commits."""
    return [answer.why if isinstance(answer, Refused) else None for answer in answers]


async def test_a_key_that_was_never_written_has_version_zero(process: Process) -> None:
    row = await process.row(SHEET)
    assert (row.row_version, row.entity_version, row.state, row.lane.depth) == (0, 0, None, 0)
    assert await process.lane(SHEET) == []


async def test_a_commit_raises_the_row_version_by_one_and_the_entity_version_by_what_it_applied(
    process: Process,
) -> None:
    turn = applied(await process.row(SHEET), message("e1"), message("e2"), state=b'{"n": 2}')
    assert await process.commit(turn) == [Committed()]
    row = await process.row(SHEET)
    assert (row.row_version, row.entity_version, row.schema) == (1, 2, 1)
    assert orjson.loads(row.state or b"") == {"n": 2}


async def test_a_state_that_did_not_change_stays(process: Process) -> None:
    await process.commit(applied(await process.row(SHEET), message("e1"), state=b'{"n": 1}'))
    await process.commit(queued(await process.row(SHEET), message("e2")))
    row = await process.row(SHEET)
    assert (row.row_version, row.entity_version, row.schema) == (2, 1, 1)
    assert orjson.loads(row.state or b"") == {"n": 1}


async def test_a_turn_writes_all_its_tables(store: StoreStand, process: Process) -> None:
    turn = asking(applied(await process.row(SHEET), message("e1"), message("e2")), command())
    turn.claims.append(Claim("line", "L-1"))
    turn.opened.append(Opened(Case(FAILURE)))
    turn.notices.append(Notice("approved", {}))
    assert await process.commit(turn) == [Committed()]
    assert await store.counts() == Counts(inbox=2, claims=1, commands=1, timeline=2, cases=1, notices=1)


@pytest.mark.parametrize("reason", list(Again))
async def test_a_refused_turn_leaves_nothing_and_the_others_of_its_batch_commit(
    store: StoreStand, process: Process, reason: Again
) -> None:
    # given: another sheet holds a message and a claim; the sheet and its project stand at version 1
    holding = applied(await process.row(OTHER_SHEET), message("taken"))
    holding.claims.append(Claim("line", "taken"))
    project = applied(await process.row(PROJECT), message("p1"))
    await process.commit(holding, project, applied(await process.row(SHEET), message("e0")))
    row = await process.row(SHEET)
    if reason is Again.STALE_WRITER:
        await process.commit(queued(row))
    before = await store.counts()
    # when: the sheet's turn would write into every table, and one thing stands in its way
    turn = asking(applied(row, message("e1"), message("taken" if reason is Again.DUPLICATE else "e2")), command())
    turn.claims.extend([Claim("line", "free"), Claim("line", "taken" if reason is Again.TAKEN else "free too")])
    turn.opened.append(Opened(Case(FAILURE)))
    turn.notices.append(Notice("approved", {}))
    turn.relied = {PROJECT: 0 if reason is Again.REFERENCE else 1}
    if reason is Again.SETTLED:
        turn.settled.append(Settled(command(line="gone"), Settlement.DONE, uuid("token")))
    answers = await process.commit(turn, applied(await process.row(CUSTOMER), message("c1")))
    # then
    assert why(answers) == [reason, None]
    assert await store.counts() == before._replace(
        inbox=before.inbox + 1, timeline=before.timeline + 1, notices=before.notices + 1
    )
    assert (await process.row(SHEET)).entity_version == 1
    assert (await process.row(CUSTOMER)).entity_version == 1


async def test_a_turn_of_an_older_row_version_is_a_stale_writer(store: StoreStand) -> None:
    zombie, process = store.process(), store.process()
    seen = await zombie.row(SHEET)
    await process.commit(applied(await process.row(SHEET), message("e1")))
    assert why(await zombie.commit(applied(seen, message("e2")))) == [Again.STALE_WRITER]
    assert (await process.row(SHEET)).entity_version == 1


async def test_a_spill_fences_too(process: Process) -> None:
    row = await process.row(SHEET)
    await process.commit(queued(row, message("e1")))
    assert why(await process.commit(applied(row, message("e2")))) == [Again.STALE_WRITER]


async def test_a_lane_head_under_another_verdict_than_was_read_is_not_decided_on(process: Process) -> None:
    await process.commit(queued(await process.row(SHEET), message("e1")))
    [head] = await process.lane(SHEET)
    turn = drained(await process.row(SHEET), replace(head, verdict=Verdict.WAITING))
    assert why(await process.commit(turn)) == [Again.STALE_WRITER]
    assert [standing.verdict for standing in await process.lane(SHEET)] == [Verdict.QUEUED]


class TestReferences:
    async def test_an_unmoved_reference_lets_the_turn_commit(self, process: Process) -> None:
        await process.commit(applied(await process.row(PROJECT), message("p1")))
        turn = applied(await process.row(SHEET), message("e1"))
        turn.relied = {PROJECT: 1}
        assert await process.commit(turn) == [Committed()]

    async def test_a_moved_reference_refuses_the_turn(self, process: Process) -> None:
        turn = applied(await process.row(SHEET), message("e1"))
        turn.relied = {PROJECT: 0}
        await process.commit(applied(await process.row(PROJECT), message("p1")))
        assert why(await process.commit(turn)) == [Again.REFERENCE]

    async def test_an_absent_reference_stays_absent_for_who_relied_on_it(self, process: Process) -> None:
        turn = applied(await process.row(SHEET), message("e1"))
        turn.relied = {PROJECT: 0}
        assert await process.commit(turn) == [Committed()]
        assert (await process.row(PROJECT)).row_version == 0

    async def test_lane_changes_of_a_reference_do_not_count(self, process: Process) -> None:
        turn = applied(await process.row(SHEET), message("e1"))
        turn.relied = {PROJECT: 0}
        await process.commit(queued(await process.row(PROJECT), message("p1")))
        assert await process.commit(turn) == [Committed()]

    async def test_many_turns_rely_on_one_key_that_changes_in_the_same_batch(self, process: Process) -> None:
        sheets = [ActorKey("timesheet", f"T-{number}") for number in range(5)]
        turns = [applied(await process.row(sheet), message(sheet.id)) for sheet in sheets]
        for turn in turns:
            turn.relied = {PROJECT: 0}
        project = applied(await process.row(PROJECT), message("p1"))
        assert why(await process.commit(*turns[:2], project, *turns[2:])) == [None] * 6

    async def test_a_wait_counts_as_relying_on_its_target(self, process: Process) -> None:
        await process.commit(applied(await process.row(PROJECT), message("p1")))
        assert why(await process.commit(waiting(await process.row(SHEET), message("e1"), PROJECT, 0))) == [
            Again.REFERENCE
        ]


class TestData:
    async def test_a_command_that_is_in_the_outbox_already_refuses_the_batch(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), command()))
        before = await store.counts()
        again = asking(applied(await process.row(SHEET), message("e2")), command())
        with pytest.raises(DataRefused):
            await process.commit(applied(await process.row(OTHER_SHEET), message("e3")), again)
        assert await store.counts() == before

    async def test_a_batch_has_one_turn_for_each_key(self, store: StoreStand, process: Process) -> None:
        row = await process.row(SHEET)
        with pytest.raises(ValueError, match="one turn for each key"):
            await process.commit(applied(row, message("e1")), applied(row, message("e2")))
        assert (await store.counts()).inbox == 0

    async def test_an_empty_batch_is_nothing(self, process: Process) -> None:
        assert await process.commit() == []


class TestResolve:
    async def test_the_attempt_that_committed_is_ours(self, process: Process) -> None:
        ours = batch(applied(await process.row(SHEET), message("e1")))
        await process.commits.commit(ours)
        assert await process.commits.resolve(ours) == [True]

    async def test_an_attempt_that_never_arrived_is_not_ours(self, process: Process) -> None:
        ours = batch(applied(await process.row(SHEET), message("e1")))
        assert await process.commits.resolve(ours) == [False]

    async def test_another_commit_of_the_key_is_not_ours(self, store: StoreStand) -> None:
        process, other = store.process(), store.process()
        ours = batch(applied(await process.row(SHEET), message("e1")))
        await other.commit(applied(await other.row(SHEET), message("e2")))
        assert await process.commits.resolve(ours) == [False]

    async def test_each_turn_has_its_own_answer(self, process: Process) -> None:
        await process.commit(applied(await process.row(OTHER_SHEET), message("e1")))
        ours = batch(
            applied(await process.row(OTHER_SHEET), message("e1", delivery=2)),
            applied(await process.row(SHEET), message("e2")),
        )
        await process.commits.commit(ours)
        assert await process.commits.resolve(ours) == [False, True]

    async def test_a_lane_that_somebody_resumed_since_is_still_ours(self, process: Process) -> None:
        ours = batch(waiting(await process.row(SHEET), message("e1"), PROJECT, 0))
        await process.commits.commit(ours)
        await process.acts.retry(SHEET, actor="ann", reason="again")
        assert await process.commits.resolve(ours) == [True]

"""The contract of the commit: a turn commits as a whole or leaves nothing, fenced by versions, each message once."""

from __future__ import annotations

import orjson
import pytest

from adapters.ports.turns import Again, Committed, DataRefused, Opened, Refused
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
)

NOTHING = Counts(0, 0, 0, 0, 0, 0)
FAILURE = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile")


def why(answer: object) -> Again | None:
    """The reason of a refusal, None of a commit."""
    return answer.why if isinstance(answer, Refused) else None


async def test_a_key_that_was_never_written_has_version_zero(process: Process) -> None:
    row = await process.row(SHEET)
    assert (row.row_version, row.entity_version, row.state, row.lane.depth) == (0, 0, None, 0)
    assert await process.commits.lanes([SHEET], limit=10) == {SHEET: []}


async def test_a_commit_raises_the_row_version_by_one_and_the_entity_version_by_the_applied(process: Process) -> None:
    answers = await process.commit(applied(await process.row(SHEET), message("e1"), message("e2"), state=b'{"n": 2}'))
    row = await process.row(SHEET)
    assert answers == [Committed()]
    assert (row.row_version, row.entity_version, row.schema) == (1, 2, 1)
    assert orjson.loads(row.state or b"") == {"n": 2}


async def test_a_state_that_did_not_change_stays(process: Process) -> None:
    await process.commit(applied(await process.row(SHEET), message("e1"), state=b'{"n": 1}'))
    await process.commit(queued(await process.row(SHEET), message("e2")))
    row = await process.row(SHEET)
    assert (row.row_version, row.entity_version, row.schema) == (2, 1, 1)
    assert orjson.loads(row.state or b"") == {"n": 1}


async def test_a_turn_leaves_everything(store: StoreStand, process: Process) -> None:
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
    # given: somebody else holds the message and the claim; the project and the sheet stand at version 1
    first = applied(await process.row(OTHER_SHEET), message("taken"))
    first.claims.append(Claim("line", "taken"))
    await process.commit(first, applied(await process.row(SHEET), message("e0")))
    await process.commit(applied(await process.row(PROJECT), message("p1")))
    before = await store.counts()
    # when: the sheet's turn would write into every table, and one thing stands in its way
    row = await process.row(SHEET)
    turn = asking(applied(row, message("e1"), message("taken" if reason is Again.DUPLICATE else "e2")), command())
    turn.claims.extend([Claim("line", "free"), Claim("line", "taken" if reason is Again.TAKEN else "free too")])
    turn.opened.append(Opened(Case(FAILURE)))
    turn.notices.append(Notice("approved", {}))
    turn.relied = {PROJECT: 0 if reason is Again.REFERENCE else 1}
    if reason is Again.SETTLED:
        turn.settled.extend(settled_elsewhere())
    if reason is Again.STALE_WRITER:
        await process.commit(queued(row))
    other = ActorKey("customer", "C-1")
    answers = await process.commit(turn, applied(await process.row(other), message("c1")))
    # then
    assert [why(answer) for answer in answers] == [reason, None]
    after = await store.counts()
    assert after == before._replace(inbox=before.inbox + 1, timeline=before.timeline + 1, notices=before.notices + 1)
    assert (await process.row(SHEET)).entity_version == 1
    assert (await process.row(other)).entity_version == 1


def settled_elsewhere():  # noqa: ANN201  # replaced below
    raise NotImplementedError

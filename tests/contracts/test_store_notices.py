"""The contract of notices and dead letters: committed facts in order, and undecodable input kept and counted."""

from __future__ import annotations

import asyncio

import orjson

from adapters.memory.broker_routing import matches
from adapters.ports.letters import DeadLetter
from adapters.ports.outbox import NoticeRow
from adapters.ports.turns import Judged, Opened
from schemas.facts import Case, Notice
from schemas.notices import NOTICES
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, message, queued

FAILURE = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile")
LETTER = DeadLetter(
    b"\x01" * 32, "tallystick.timesheet", "timesheet.approved", FailureClass.SCHEMA, "not_json",
    "the body is not JSON: \x00\ud800", "application/json", {"x": "a\x00b"}, b"\xff{",
)  # fmt: skip


def facts(rows: list[NoticeRow]) -> list[dict[str, object]]:
    """The bodies."""
    return [orjson.loads(row.body) for row in rows]


async def test_a_verdict_is_told_with_what_identifies_its_message(process: Process) -> None:
    await process.commit(applied(await process.row(SHEET), message("e1")))
    [row] = await process.notices.pending(limit=10)
    [fact] = facts([row])
    assert row.routing_key == "message.applied"
    assert fact.pop("at")
    assert fact == {
        "ref": str(message("e1").ref), "source": "psa", "id": "e1", "type": "timesheet.approved.v1",
        "entity": "timesheet", "key": "T-1", "verdict": "applied", "reason": None,
    }  # fmt: skip


async def test_facts_and_cases_follow_the_verdicts_of_their_commit(process: Process) -> None:
    first, second = (
        applied(await process.row(SHEET), message("e1")),
        queued(await process.row(OTHER_SHEET), message("e2"), state=LaneState.PARKED),
    )
    first.notices.append(Notice("approved", {"lines": "2"}))
    first.opened.append(Opened(Case(FAILURE)))
    await process.commit(first, second)
    rows = await process.notices.pending(limit=10)
    assert [row.routing_key for row in rows] == [
        "message.applied", "message.queued", "entity.timesheet.approved", "case.opened",
    ]  # fmt: skip
    assert len({row.id for row in rows}) == 1
    assert len({(row.id, row.place) for row in rows}) == len(rows)
    assert rows == await process.notices.pending(limit=10)
    bodies = facts(rows)
    assert bodies[3].pop("case_id")
    assert bodies[2:] == [
        {"entity": "timesheet", "key": "T-1", "entity_version": 1, "fact": "approved", "attributes": {"lines": "2"}},
        {"what": "opened", "class": "mapping", "code": "tax_profile_unmapped", "entity": "timesheet", "key": "T-1",
         "reason": "map the tax profile", "topic": None, "owner": None, "assignee": None},
    ]  # fmt: skip


async def test_a_message_is_told_with_each_verdict_that_it_was_given(process: Process) -> None:
    await process.commit(queued(await process.row(SHEET), message("e1")))
    await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
    rows = await process.notices.pending(limit=10)
    assert [row.routing_key for row in rows] == ["message.queued", "message.discarded"]


async def test_a_conflict_is_told_under_the_senders_own_source_and_id(process: Process) -> None:
    conflict = message("e#1#00ff", source="conflict:psa")
    turn = applied(await process.row(SHEET), message("e#1"))
    turn.judged.append(Judged(conflict, Verdict.CONFLICT, 1))
    await process.commit(turn)
    told = facts(await process.notices.pending(limit=10))
    assert [(fact["source"], fact["id"]) for fact in told] == [("psa", "e#1"), ("psa", "e#1")]
    assert told[1]["verdict"] == "conflict"


async def test_each_notice_is_what_the_published_schema_says(process: Process) -> None:
    turn = queued(await process.row(SHEET), message("e1"), state=LaneState.PARKED)
    turn.notices.append(Notice("noted", {"lines": "2"}))
    turn.opened.append(Opened(Case(FAILURE), message("e1").ref))
    turn.entity_version += 1
    await process.commit(turn)
    await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
    await process.dead_letters.bury([LETTER])
    rows = await process.notices.pending(limit=10)
    assert [row.routing_key for row in rows] == [
        "message.queued", "entity.timesheet.noted", "case.opened", "message.discarded", "case.closed",
        "message.dead_letter",
    ]  # fmt: skip
    for row in rows:
        pattern = next(pattern for pattern in NOTICES if matches(pattern, row.routing_key))
        NOTICES[pattern].model_validate_json(row.body)
    opened, closed = facts(rows)[2], facts(rows)[4]
    assert closed == opened | {"what": "closed"}


async def test_one_process_at_a_time_tells(store: StoreStand) -> None:
    process, other = store.process(), store.process()
    await process.commit(applied(await process.row(SHEET), message("e1")))
    assert len(await process.notices.pending(limit=10)) == 1
    assert await other.notices.pending(limit=10) == []
    assert len(await process.notices.pending(limit=10)) == 1
    # when: the first is gone
    await process.notices.close()
    async with asyncio.timeout(10):
        while not await other.notices.pending(limit=10):
            pass  # a server may take a while to end a session


async def test_whole_commits_are_told_in_order_until_there_are_enough(process: Process) -> None:
    for number in range(4):
        await process.commit(applied(await process.row(SHEET), message(f"e{number}"), message(f"f{number}")))
    page = await process.notices.pending(limit=3)
    assert [fact["id"] for fact in facts(page)] == ["e0", "f0", "e1", "f1"]
    assert [row.id for row in page] == sorted(row.id for row in page)


async def test_what_was_published_is_forgotten_and_the_rest_stays(process: Process) -> None:
    for number in range(3):
        await process.commit(applied(await process.row(SHEET), message(f"e{number}")))
    first, second, _ = await process.notices.pending(limit=10)
    await process.notices.published([first.id, second.id])
    assert [fact["id"] for fact in facts(await process.notices.pending(limit=10))] == ["e2"]
    await process.notices.published([])
    assert len(await process.notices.pending(limit=10)) == 1


async def test_a_refused_turn_tells_nothing(process: Process) -> None:
    row = await process.row(SHEET)
    await process.commit(applied(row, message("e1")))
    turn = applied(row, message("e2"))
    turn.notices.append(Notice("approved", {}))
    await process.commit(turn)
    assert [fact["id"] for fact in facts(await process.notices.pending(limit=10))] == ["e1"]


async def test_a_dead_letter_is_kept_once_and_counted(store: StoreStand) -> None:
    process, other = store.process(), store.process()
    second = DeadLetter(b"\x02" * 32, "q", "", FailureClass.AUTH, "code", "why", None, {}, b"")
    await process.dead_letters.bury([LETTER, second])
    await other.dead_letters.bury([LETTER])
    assert await store.dead_letters() == [(LETTER.digest, 2), (second.digest, 1)]
    told = await process.notices.pending(limit=10)
    assert [row.routing_key for row in told] == ["message.dead_letter"] * 2
    assert [fact["digest"] for fact in facts(told)] == [LETTER.digest.hex(), second.digest.hex()]


async def test_a_dead_letter_twice_in_one_call_counts_twice(store: StoreStand, process: Process) -> None:
    await process.dead_letters.bury([LETTER, LETTER])
    await process.dead_letters.bury([])
    assert await store.dead_letters() == [(LETTER.digest, 2)]
    assert len(await process.notices.pending(limit=10)) == 1

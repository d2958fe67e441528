"""What is known of one entity: its state, what means it, its timeline, and what it asked for, on both stores."""

from __future__ import annotations

from dataclasses import replace

from adapters.ports.entities import AskedRow, CommandState, Judgement, TimelineRow
from adapters.ports.outbox import Ended, Ending
from adapters.ports.store import SeenAttempts
from adapters.ports.turns import Committed, Judged, Settlement
from schemas.commands import Command
from schemas.facts import Claim
from schemas.keys import EXTERNAL
from schemas.verdicts import FailureClass, Verdict
from tests.contracts.store_stands import Process
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    batch,
    command,
    message,
    queued,
    send_lane,
    settled,
    uuid,
)

WHY = "the books show it"


async def tell(process: Process, id: str, *asked: Command) -> None:
    """Apply a message to the sheet, which asks for these."""
    assert await process.commit(asking(applied(await process.row(SHEET), message(id)), *asked)) == [Committed()]


async def send(process: Process, name: str, ending: Ending, *, hold: float | None = None) -> Command:
    """One attempt at the head, with an answer."""
    token = uuid(name)
    [leased] = (await process.outbox.claim([send_lane()], holder=uuid("me"), token=token)).leased
    external_id = "77" if ending is Ending.CONFIRMED else None
    ended = Ended(leased.command, token, leased.attempt, ending, external_id, FailureClass.TIMEOUT, "late", "no", hold)
    await process.outbox.record([ended])
    return leased.command


async def lines(process: Process, *, before: int | None = None, limit: int = 100) -> list[TimelineRow]:
    return await process.entities.timeline(SHEET, before=before, limit=limit)


async def asked(process: Process, *, after: int = 0, through: int = 100, limit: int = 100) -> list[AskedRow]:
    return await process.entities.asked(SHEET, after=after, through=through, limit=limit)


async def test_a_key_that_nobody_named_is_not_there(process: Process) -> None:
    assert await process.entities.entity(SHEET) is None
    assert (await lines(process), await asked(process)) == ([], [])


async def test_an_entity_is_shown_with_its_state(process: Process) -> None:
    await tell(process, "e1")
    found = await process.entities.entity(SHEET)
    assert found is not None
    assert (found.key, found.version, found.state, found.schema) == (SHEET, 1, b'{"is": "new"}', 1)
    assert (found.bound_to, found.externals) == (None, ())


async def test_what_is_bound_is_shown_from_both_sides(process: Process) -> None:
    turn = applied(await process.row(PROJECT), message("e1"))
    turn.binds.append(EXTERNAL_PROJECT)
    await process.commit(turn, applied(await process.row(OTHER_SHEET), message("e2")))
    ours, theirs = await process.entities.entity(PROJECT), await process.entities.entity(EXTERNAL_PROJECT)
    assert ours is not None
    assert theirs is not None
    assert (ours.externals, ours.bound_to) == ((EXTERNAL_PROJECT,), None)
    assert (theirs.externals, theirs.bound_to) == ((), PROJECT)


async def test_the_timeline_has_each_verdict_with_its_message_newest_first(process: Process) -> None:
    await tell(process, "e1")
    turn = applied(await process.row(SHEET))
    told = message("e2")
    turn.judged.append(Judged(told, Verdict.IGNORED, 1, reason="not the owner"))
    await process.commit(turn)
    newest, first = await lines(process)
    assert (newest.what, newest.version, newest.reason, newest.command) == ("ignored", 1, "not the owner", None)
    assert newest.message is not None
    assert (newest.message.ref, newest.message.source, newest.message.id) == (told.ref, "psa", "e2")
    assert newest.message.type == "timesheet.approved.v1"
    assert (first.what, first.version, first.reason) == ("applied", 1, None)
    assert first.seq < newest.seq
    assert first.at <= newest.at


async def test_a_line_names_the_policy_that_it_was_decided_under(process: Process) -> None:
    turn = asking(applied(await process.row(SHEET), message("e1")), command())
    await process.commits.commit(replace(batch(turn), policy="0123456789ab"))
    await send(process, "t", Ending.CONFIRMED)
    await process.commit(settled(await process.row(SHEET), (command(), uuid("t"))))
    assert [(line.what, line.policy) for line in await lines(process)] == [
        ("command_done", None), ("applied", "0123456789ab"),
    ]  # fmt: skip


async def test_the_timeline_is_read_in_pages(process: Process) -> None:
    for n in range(5):
        await tell(process, f"e{n}")
    first = await lines(process, limit=2)
    second = await lines(process, before=first[-1].seq, limit=2)
    assert [line.version for line in (*first, *second)] == [5, 4, 3, 2]
    assert await lines(process, before=(await lines(process))[-1].seq) == []


async def test_the_end_of_a_command_is_a_line(process: Process) -> None:
    one = command()
    await tell(process, "e1", one)
    await send(process, "t", Ending.CONFIRMED)
    await process.commit(settled(await process.row(SHEET), (one, uuid("t"))))
    newest = (await lines(process))[0]
    assert (newest.what, newest.version, newest.command, newest.message) == ("command_done", 2, one.id, None)


async def test_what_was_asked_for_is_found_while_it_is_open_and_after(process: Process) -> None:
    first, second, later = command(line="1"), command(line="2", system="crm"), command(line="3")
    await tell(process, "e1", first, second)
    await tell(process, "e2", later)
    await send(process, "t1", Ending.UNKNOWN, hold=0.0)
    await send(process, "t2", Ending.CONFIRMED)
    await process.commit(settled(await process.row(SHEET), (first, uuid("t2"))))
    rows = await asked(process)
    assert [(row.id, row.version, row.index, row.state) for row in rows] == [
        (first.id, 1, 0, CommandState.ENDED), (second.id, 1, 1, CommandState.OPEN), (later.id, 2, 0, CommandState.OPEN),
    ]  # fmt: skip
    assert (rows[0].system, rows[0].operation, rows[0].reference) == ("erp", first.operation, first.reference)
    assert [(each.number, each.ending, each.external_id) for each in rows[0].attempts] == [
        (1, Ending.UNKNOWN, None), (2, Ending.CONFIRMED, "77"),
    ]  # fmt: skip
    unheard = rows[0].attempts[0]
    assert (unheard.failure_class, unheard.code, unheard.reason) == (FailureClass.TIMEOUT, "late", "no")
    assert unheard.ended_at is not None
    assert unheard.started_at <= unheard.ended_at
    assert rows[1].attempts == ()


async def test_what_was_asked_for_is_bounded_by_versions_and_count(process: Process) -> None:
    for n in range(1, 5):
        await tell(process, f"e{n}", command(line=f"{n}a"), command(line=f"{n}b"))
    assert [row.version for row in await asked(process, after=1, through=3)] == [2, 2, 3, 3]
    assert [(row.version, row.index) for row in await asked(process, limit=3)] == [(1, 0), (1, 1), (2, 0)]
    assert await process.entities.asked(OTHER_SHEET, after=0, through=9, limit=9) == []


async def test_a_new_generation_stands_beside_the_one_before_it(process: Process) -> None:
    one = command()
    await tell(process, "e1", one)
    await send(process, "t", Ending.REJECTED)
    await process.commit(settled(await process.row(SHEET), (one, uuid("t")), settlement=Settlement.PARKED))
    assert [row.state for row in await asked(process)] == [CommandState.PARKED]
    await process.acts.retry(SHEET, actor="ann", reason=WHY)
    assert [(row.reference, row.state) for row in await asked(process)] == [
        ("timesheet/T-1/1/1", CommandState.ENDED), ("timesheet/T-1/1/2", CommandState.OPEN),
    ]  # fmt: skip


async def test_what_a_person_settled_is_an_answer(process: Process) -> None:
    one = command()
    await tell(process, "e1", one)
    await send(process, "t", Ending.UNKNOWN)
    await process.commit(settled(await process.row(SHEET), (one, uuid("t")), settlement=Settlement.PARKED))
    seen = SeenAttempts(1)
    await process.acts.settle(
        SHEET, command=one.id, seen=seen, is_there=True, external_id="88", actor="ann", reason=WHY
    )
    [row] = await asked(process)
    assert [(each.ending, each.external_id) for each in row.attempts][-1] == (Ending.CONFIRMED, "88")


async def test_a_message_is_judged_by_its_reference_or_else_by_what_came_before_it(process: Process) -> None:
    entities = process.entities
    first, again = message("e1"), message("e1", delivery=2)
    assert await entities.judged(first.ref, source="psa", id="e1") is None
    turn = applied(await process.row(SHEET), first)
    turn.judged[0] = turn.judged[0]._replace(reason="the currency was not taken over")
    await process.commit(turn)
    judged = Judgement(first.ref, Verdict.APPLIED, "the currency was not taken over", first.body_hash)
    assert await entities.judged(first.ref, source="psa", id="e1") == judged
    assert await entities.judged(again.ref, source="psa", id="e1") == judged
    assert await entities.judged(again.ref, source="crm", id="e1") is None


async def test_a_message_in_a_lane_is_judged_as_it_stands_there(process: Process) -> None:
    told = message("e1")
    turn = queued(await process.row(SHEET), told)
    await process.commit(replace(turn))
    judged = await process.entities.judged(told.ref, source="psa", id="e1")
    assert judged == Judgement(told.ref, Verdict.QUEUED, None, told.body_hash)


async def test_who_holds_a_value_is_told_of_those_that_are_held(process: Process) -> None:
    # Given a sheet that holds a line, and a project that an external id means
    line, free = Claim("billed_line", "psa/1"), Claim("billed_line", "psa/2")
    turn = applied(await process.row(SHEET), message("e1"))
    turn.claims.append(line)
    binding = applied(await process.row(PROJECT), message("e2"))
    binding.binds.append(EXTERNAL_PROJECT)
    assert await process.commit(turn, binding) == [Committed(), Committed()]
    # Then both are told, and of what is free nothing is said
    outside = Claim(EXTERNAL, EXTERNAL_PROJECT.id)
    asked = (line, free, outside, Claim(EXTERNAL, "psa/project/nobody"))
    assert await process.entities.holders(asked) == {line: SHEET, outside: PROJECT}
    assert await process.entities.holders(()) == {}

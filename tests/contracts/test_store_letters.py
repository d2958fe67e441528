"""The contract of dead letters that a person acts on: taken out, tried again, admitted, discarded, open again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from adapters.ports.letters import (
    Admission,
    DeadLetter,
    Exhumed,
    HeaderValue,
    LetterFilter,
    LetterNotFound,
    LetterPlace,
    LetterSettled,
    LetterState,
    Purpose,
)
from schemas.verdicts import Failure, FailureClass
from tests.contracts.store_stands import Process, StoreStand

HEADERS: Mapping[str, HeaderValue] = {"ce-id": "e1", "sequence": 7, "flag": True, "nothing": None}
LETTER = DeadLetter(
    b"\x01" * 32, "tallystick.timesheet", "timesheet.approved", FailureClass.AUTH, "user_differs", "not allowed",
    "application/json", HEADERS, b"\xff{", "guest", is_cut=True,
)  # fmt: skip
OTHER = replace(
    LETTER, digest=b"\x02" * 32, failure_class=FailureClass.SCHEMA, code="not_json", queue="tallystick.unrouted"
)
NOW_WRONG = Failure(FailureClass.SCHEMA, "type_unknown", "there is no such type")
NOBODY = b"\x09" * 32


async def taken(process: Process, digest: bytes = LETTER.digest) -> Exhumed:
    return await process.dead_letters.exhume(digest, Purpose.RETRY, actor="ann", reason="mended")


async def chosen(
    process: Process, chosen: LetterFilter, after: LetterPlace | None = None, until: datetime | None = None
) -> list[str]:
    places = await process.dead_letters.choose(chosen, after=after, until=until, limit=10)
    return [place.digest for place in places]


async def test_a_letter_is_taken_out_as_it_was_put_in(process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    assert await taken(process) == Exhumed(LETTER, LetterState.BURIED)


async def test_what_is_not_there_cannot_be_taken_out_or_discarded(process: Process) -> None:
    with pytest.raises(LetterNotFound):
        await taken(process, NOBODY)
    with pytest.raises(LetterNotFound):
        await process.dead_letters.discard(NOBODY, actor="ann", reason="junk")
    await process.dead_letters.refused(NOBODY, NOW_WRONG)
    await process.dead_letters.admitted([Admission(NOBODY, "ann", "mended")])


async def test_a_refusal_replaces_the_reason(process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    await process.dead_letters.refused(LETTER.digest, NOW_WRONG)
    letter = (await taken(process)).letter
    assert (letter.failure_class, letter.code, letter.reason) == (
        NOW_WRONG.failure_class, NOW_WRONG.code, NOW_WRONG.reason,
    )  # fmt: skip


async def test_what_was_admitted_is_settled_and_stays(process: Process) -> None:
    await process.dead_letters.bury([LETTER, OTHER])
    admission = Admission(LETTER.digest, "ann", "mended")
    await process.dead_letters.admitted([admission, admission])
    await process.dead_letters.admitted([])
    assert (await taken(process)).state is LetterState.ADMITTED
    assert (await taken(process, OTHER.digest)).state is LetterState.BURIED
    # then: it is nobody's to settle any more
    await process.dead_letters.refused(LETTER.digest, NOW_WRONG)
    assert (await taken(process)).letter.code == LETTER.code
    with pytest.raises(LetterSettled):
        await process.dead_letters.discard(LETTER.digest, actor="ben", reason="junk")


async def test_what_was_discarded_cannot_be_admitted_or_discarded_again(process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    await process.dead_letters.discard(LETTER.digest, actor="ann", reason="junk")
    await process.dead_letters.admitted([Admission(LETTER.digest, "ben", "mended")])
    assert (await taken(process)).state is LetterState.DISCARDED
    with pytest.raises(LetterSettled):
        await process.dead_letters.discard(LETTER.digest, actor="ben", reason="junk")


@pytest.mark.parametrize("settled_by", ["admitted", "discarded"])
async def test_what_comes_again_after_it_was_settled_is_open_and_told_again(
    store: StoreStand, process: Process, settled_by: str
) -> None:
    await process.dead_letters.bury([LETTER, LETTER])
    if settled_by == "admitted":
        await process.dead_letters.admitted([Admission(LETTER.digest, "ann", "mended")])
    else:
        await process.dead_letters.discard(LETTER.digest, actor="ann", reason="junk")
    await process.dead_letters.bury([replace(LETTER, code="source_unknown")])
    exhumed = await taken(process)
    assert (exhumed.state, exhumed.letter.code) == (LetterState.BURIED, "source_unknown")
    assert await store.dead_letters() == [(LETTER.digest, 1)]
    assert len(await process.notices.pending(limit=10)) == 2


async def test_a_redelivery_has_the_present_reason_and_is_not_told(process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    await process.dead_letters.bury([replace(LETTER, code="source_unknown")])
    assert (await taken(process)).letter.code == "source_unknown"
    assert len(await process.notices.pending(limit=10)) == 1


async def test_letters_are_chosen_by_class_code_and_queue_while_they_stand_open(process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    await process.dead_letters.bury([OTHER])
    one, other = LETTER.digest.hex(), OTHER.digest.hex()
    assert await chosen(process, LetterFilter()) == [one, other]
    assert await chosen(process, LetterFilter(failure_class=FailureClass.AUTH)) == [one]
    assert await chosen(process, LetterFilter(code="not_json")) == [other]
    assert await chosen(process, LetterFilter(queue="tallystick.timesheet")) == [one]
    assert await chosen(process, LetterFilter(FailureClass.AUTH, "not_json")) == []
    [first] = await process.dead_letters.choose(LetterFilter(), after=None, until=None, limit=1)
    assert await chosen(process, LetterFilter(), after=first) == [other]
    await process.dead_letters.discard(LETTER.digest, actor="ann", reason="junk")
    assert await chosen(process, LetterFilter()) == [other]


async def test_what_was_buried_by_a_moment_is_chosen_until_it_is_settled(store: StoreStand, process: Process) -> None:
    await process.dead_letters.bury([LETTER])
    await store.pass_time(1)
    then = await store.now()
    await store.pass_time(1)
    await process.dead_letters.bury([OTHER, LETTER])
    assert await chosen(process, LetterFilter(), until=then) == [LETTER.digest.hex()]
    await process.dead_letters.discard(LETTER.digest, actor="ann", reason="junk")
    await process.dead_letters.bury([LETTER])
    assert await chosen(process, LetterFilter(), until=then) == [], "it has come again since"
    assert len(await chosen(process, LetterFilter())) == 2

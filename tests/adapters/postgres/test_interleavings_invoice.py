"""An invoice beside the sheets that it bills: it bills what is booked when it is committed, whoever is at work then."""

from __future__ import annotations

from typing import Final

import pytest

from actors.decision import Accept
from actors.registry import ACTORS
from adapters.ports.turns import Again, Committed, Refused, Row, Turn
from schemas.billed import NOTHING
from schemas.invoice.told import Invoiced
from schemas.keys import ActorKey
from schemas.record import Record
from tests.actors.firm import approved, corrected, line
from tests.actors.invoicing import INVOICE, OTHERS, bill, billed, issued, posted
from tests.actors.stage import Given, accepted, event_of
from tests.adapters.postgres.stage import Stage, commit
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, message

BOOKED: Final = approved(line("1"))
SIX: Final = corrected(line("1", "6"))
CAME: Final = posted(issued(billed("1", "100.00", bill(SHEET.id), bill(OTHER_SHEET.id))))
"""An invoice that bills line 1 of both sheets."""
TURNED: Final = posted(issued(billed("1", "100.00", bill(OTHER_SHEET.id), bill(SHEET.id))))
"""The same, with the sheets the other way round."""


class Process:
    """A process that decides on what is committed by now; it commits later, or not at all."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.told: dict[ActorKey, Invoiced] = {}
        """What the invoice that was decided on last tells its sheets."""

    async def decide(self, key: ActorKey, happened: Record) -> Turn:
        """The turn of a key that was told something."""
        rows = await self._stage.commits().load([key, SHEET, OTHER_SHEET])
        given = self._given(key, rows)
        accept = accepted(given.when(happened))
        self._hear(accept)
        name = f"{happened.__class__.__name__} of {key} at {rows[key].row_version}"
        turn = applied(rows[key], message(name), state=accept.state.model_dump_json().encode())
        wanted = given.actor.references(given.state, event_of(key, happened), {})
        turn.relied = {other: rows[other].entity_version for other in wanted if other in rows and other != key}
        return turn

    async def commit(self, key: ActorKey, happened: Record) -> None:
        """Decide and commit at once."""
        assert await commit(self._stage.observer, await self.decide(key, happened)) == [Committed()]

    async def asks_for(self, sheet: ActorKey) -> list[str | None]:
        """The cases that a sheet opens once it hears of the invoice."""
        given = self._given(sheet, await self._stage.commits().load([sheet]))
        return [case.topic for case in accepted(given.when(self.told[sheet])).cases]

    def _given(self, key: ActorKey, rows: dict[ActorKey, Row]) -> Given:
        states = {
            row.key: ACTORS[row.key.entity].state.model_validate_json(row.state)
            for row in rows.values()
            if row.state is not None
        }
        actor = ACTORS[key.entity]
        return Given(actor, key, states.get(key) or actor.state(), others={**OTHERS, **states})

    def _hear(self, accept: Accept) -> None:
        told = [request.body for request in accept.requests if isinstance(request.body, Invoiced)]
        self.told.update({ActorKey("timesheet", each.to): each for each in told})


@pytest.fixture
async def process(stage: Stage) -> Process:
    """One for which both sheets are booked."""
    process = Process(stage)
    for sheet in (SHEET, OTHER_SHEET):
        await process.commit(sheet, BOOKED)
    return process


async def held_up(stage: Stage, first: Turn, second: Turn) -> Committed | Refused:
    """The first has written everything, and commits after the second has begun, which waits; what it is answered."""
    held = await stage.hold(lambda connection: commit(connection, first))
    coming = stage.start(commit(await stage.connection(), second))
    await stage.until_waiting(coming)
    await held.commit()
    [answer] = await coming
    assert isinstance(answer, Committed | Refused)
    return answer


async def test_an_invoice_that_comes_while_its_sheet_is_corrected_bills_the_correction(
    stage: Stage, process: Process
) -> None:
    invoice, correction = await process.decide(INVOICE, CAME), await process.decide(SHEET, SIX)
    assert await held_up(stage, correction, invoice) == Refused(Again.REFERENCE)
    # Decided again, nothing has to be credited
    await process.commit(INVOICE, CAME)
    assert await process.asks_for(SHEET) == []
    assert await process.asks_for(OTHER_SHEET) == []


async def test_a_sheet_that_is_corrected_while_its_invoice_comes_asks_for_a_credit_memo(
    stage: Stage, process: Process
) -> None:
    invoice, correction = await process.decide(INVOICE, CAME), await process.decide(SHEET, SIX)
    assert await held_up(stage, invoice, correction) == Committed()
    assert await process.asks_for(SHEET) == ["credit_memo:1"]
    assert await process.asks_for(OTHER_SHEET) == []


async def test_an_invoice_and_a_correction_of_its_sheet_in_one_batch(stage: Stage, process: Process) -> None:
    # Who relies commits before what it relies on: the invoice bills what was corrected then
    correction, invoice = await process.decide(SHEET, SIX), await process.decide(INVOICE, CAME)
    assert await commit(await stage.connection(), correction, invoice) == [Committed()] * 2
    assert await process.asks_for(SHEET) == ["credit_memo:1"]


async def test_an_invoice_that_relies_on_nothing_asks_for_a_credit_memo_that_nobody_owes(
    stage: Stage, process: Process
) -> None:
    # Given a process that remembers a sheet as it was before it was corrected
    invoice = await process.decide(INVOICE, CAME)
    await process.commit(SHEET, SIX)
    # Then ours decides again, and one that does not ask whether that is so bills what is not booked any more
    assert await commit(await stage.connection(), invoice) == [Refused(Again.REFERENCE)]
    invoice.relied = {}
    assert await commit(await stage.connection(), invoice) == [Committed()]
    assert await process.asks_for(SHEET) == ["credit_memo:1"]


@pytest.mark.parametrize("is_first", [True, False], ids=["invoice first", "sheet first"])
async def test_an_invoice_beside_the_first_approval_of_its_sheet(stage: Stage, is_first: bool) -> None:  # noqa: FBT001  # a case
    # Given sheets that nobody has heard of yet: the invoice makes a place for them, and so does the approval
    process = Process(stage)
    invoice, approval = await process.decide(INVOICE, CAME), await process.decide(SHEET, BOOKED)
    if is_first:
        assert await held_up(stage, invoice, approval) == Committed()
        assert process.told[SHEET].lines[0].booked == NOTHING
    else:
        assert await held_up(stage, approval, invoice) == Refused(Again.REFERENCE)
        await process.commit(INVOICE, CAME)
        assert process.told[SHEET].lines[0].booked == "r1"
    # Then it bills what was approved, whichever came first, and not what that is corrected to
    await process.commit(SHEET, SIX)
    assert await process.asks_for(SHEET) == ["credit_memo:1"]


async def test_invoices_of_the_same_sheets_do_not_wait_for_each_other(stage: Stage, process: Process) -> None:
    first = await process.decide(INVOICE, CAME)
    of_first = process.told[SHEET]
    second = await process.decide(ActorKey("invoice", "INV-2"), TURNED)
    held = await stage.hold(lambda connection: commit(connection, first))
    assert await commit(await stage.connection(), second) == [Committed()]
    await held.commit()
    # And each sheet sees that it is billed twice
    await process.commit(SHEET, of_first)
    assert await process.asks_for(SHEET) == ["invoiced_twice:1"]


async def test_an_invoice_that_comes_while_its_sheet_hears_of_another_decides_again(
    stage: Stage, process: Process
) -> None:
    await process.commit(INVOICE, CAME)
    hears, second = await process.decide(SHEET, process.told[SHEET]), ActorKey("invoice", "INV-2")
    assert await held_up(stage, hears, await process.decide(second, CAME)) == Refused(Again.REFERENCE)
    await process.commit(second, CAME)
    assert await process.asks_for(SHEET) == ["invoiced_twice:1"]

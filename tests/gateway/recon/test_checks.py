"""The last look at an approved plan: what is not as it was planned, or is on its way already, is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from adapters.ports.postings import PostingsUnreadable
from adapters.ports.recon import Difference, Kind, Numbered
from gateway.recon.checks import Checks
from gateway.recon.planning import planned
from schemas.keys import ActorKey
from schemas.repair.v1 import Planned
from schemas.standing import Sort, Standing
from tests.contracts.turns import applied, asking, batch, command, message
from tests.gateway.recon.books import DAY, MARCH, Firm, ours, theirs
from tests.schemas.bodies import BODIES

BODY = BODIES["billable.post"].to_json()


@pytest.fixture
def firm() -> Firm:
    return Firm()


def stands(number: int, **said: object) -> Standing:
    """An entry that can be taken back."""
    return theirs(number, body=BODY, account="REV-ADV", **said)


def plan(*differences: Difference) -> Planned:
    draft = planned([Numbered(number, each) for number, each in enumerate(differences, 1)], {}, lambda _: True)
    assert not draft.left
    return Planned(run=17, system="erp", first=MARCH.first, last=MARCH.last, requested_by="ann", items=draft.items)


def missing(number: int) -> Difference:
    return Difference(Kind.MISSING, ours(number).name, ours(number), None)


def twice(number: int, **said: object) -> Difference:
    return Difference(Kind.TWICE, ours(number).name, ours(number), stands(number, **said))


def extra(number: int) -> Difference:
    return Difference(Kind.EXTRA, ours(number).name, None, stands(number))


async def changed(firm: Firm, *differences: Difference) -> list[int]:
    checks = Checks({"erp": firm.books}, firm.clients.holdings, lambda: datetime.fromtimestamp(firm.now, UTC))
    return await checks.changed(plan(*differences))


async def asked_for(firm: Firm, number: int, line: str) -> None:
    """A command of the sheet is on its way."""
    asked = command(ActorKey("timesheet", f"T-{number}"), line)
    [row] = (await firm.clients.commits.load([asked.key])).values()
    await firm.clients.commits.commit(batch(asking(applied(row, message("asks"), state=b"{}"), asked)))


async def test_what_is_as_it_was_planned_may_be_done(firm: Firm) -> None:
    firm.books.entries = [stands(1), stands(2), stands(2, external_id="B-2b")]
    assert await changed(firm, extra(1), twice(2, external_id="B-2b"), missing(3)) == []


async def test_what_went_or_came_meanwhile_is_changed(firm: Firm) -> None:
    firm.books.entries = [stands(3)]
    firm.books.found = {ours(4).reference or ""}
    assert await changed(firm, extra(1), missing(3), missing(4), missing(5)) == [1, 2, 3]


async def test_what_says_something_else_by_now_is_changed(firm: Firm) -> None:
    firm.books.entries = [stands(1, day=DAY.replace(day=9))]
    assert await changed(firm, extra(1)) == [1]


async def test_what_is_on_its_way_is_changed(firm: Firm) -> None:
    firm.books.entries = [stands(1), stands(2)]
    await asked_for(firm, 1, "1.r1")
    await asked_for(firm, 2, "9.r1")
    assert await changed(firm, extra(1), extra(2)) == [1]


async def test_of_what_was_there_twice_one_entry_stays(firm: Firm) -> None:
    # Given that somebody has deleted the entry that was to stay, and not the one that is too much
    firm.books.entries = [stands(1, external_id="B-1b")]
    assert await changed(firm, twice(1, external_id="B-1b")) == [1]


async def test_of_three_entries_of_which_one_was_deleted_one_goes(firm: Firm) -> None:
    firm.books.entries = [stands(1), stands(1, external_id="B-1c")]
    both = twice(1, external_id="B-1b"), twice(1, external_id="B-1c")
    assert await changed(firm, *both) == [1]
    firm.books.entries = [stands(1, external_id="B-1b"), stands(1, external_id="B-1c")]
    assert await changed(firm, *both) == [1, 2], "which of them is to stay, a new run says"


async def test_what_cannot_be_asked_for_counts_as_changed(firm: Firm) -> None:
    firm.books.silent = {"billable.post"}
    assert await changed(firm, missing(1)) == [1]
    firm.books.silent = {"expense.post"}
    assert await changed(firm, missing(1)) == []


async def test_an_invoice_or_a_milestone_is_asked_for_by_its_own_operation(firm: Firm) -> None:
    reference = "invoice/I-1/post.1.abc/1"
    invoice = ours(1, sort=Sort.INVOICE, reference=reference)
    gone = Difference(Kind.MISSING, invoice.name, invoice, None)
    firm.books.silent = {"billable.post", "milestone.bill"}
    assert await changed(firm, gone) == []
    milestone = ours(2, sort=Sort.MILESTONE, reference="project/P-1/milestone.5e88.M-1/1")
    assert await changed(firm, Difference(Kind.MISSING, milestone.name, milestone, None)) == [1]
    firm.books.found = {reference}
    assert await changed(firm, gone) == [1]


async def test_the_days_of_the_items_are_read_and_no_others(firm: Firm) -> None:
    days = [date(2025, 1, 3), date(2025, 1, 20), date(2026, 3, 5)]
    lost = [replace(missing(number), ours=ours(number, day=day)) for number, day in enumerate(days, 1)]
    moved = stands(4, day=date(2026, 3, 25))
    differs = Difference(Kind.DIFFERENT, moved.name, ours(4), moved, ("day",))
    firm.books.entries = [moved]
    assert await changed(firm, *lost, differs) == []
    assert [(first, last) for first, last, _ in firm.books.asked] == [
        (date(2024, 12, 27), date(2025, 1, 10)), (date(2025, 1, 13), date(2025, 1, 27)),
        (date(2026, 2, 26), date(2026, 3, 12)), (date(2026, 3, 18), date(2026, 4, 1)),
    ]  # fmt: skip


async def test_days_that_touch_are_read_at_once(firm: Firm) -> None:
    days = [date(2026, 3, 5), date(2026, 3, 20), date(2026, 3, 9)]
    await changed(firm, *(replace(missing(number), ours=ours(number, day=day)) for number, day in enumerate(days, 1)))
    assert firm.books.asked == [(date(2026, 2, 26), date(2026, 3, 27), None)]


async def test_what_was_planned_without_days_is_looked_for_in_the_whole_period(firm: Firm) -> None:
    item = plan(missing(1)).items[0].model_copy(update={"day": None})
    checks = Checks({"erp": firm.books}, firm.clients.holdings, lambda: datetime.fromtimestamp(firm.now, UTC))
    assert await checks.changed(plan(missing(1)).model_copy(update={"items": (item,)})) == []
    assert firm.books.asked == [(date(2026, 2, 22), date(2026, 4, 7), None)]


async def test_an_entry_that_moves_while_the_days_are_read_is_one(firm: Firm) -> None:
    # Given that the entry that was to stay is gone, and the other one moves to a day that is read later
    copy, later = stands(1, external_id="B-1b"), DAY.replace(month=5)
    firm.books.entries = [copy]

    def moves() -> None:
        if len(firm.books.asked) > 1:
            firm.books.entries = [replace(copy, day=later)]

    firm.books.reads = moves
    lost = replace(missing(2), ours=ours(2, day=later))
    assert await changed(firm, twice(1, external_id="B-1b"), lost) == [1]


async def test_pages_that_lead_in_a_circle_are_not_gone_by(firm: Firm) -> None:
    firm.books.entries = list(map(stands, range(8)))
    firm.books.back = {"4": "2"}
    with pytest.raises(PostingsUnreadable, match="mend its paging"):
        await changed(firm, missing(9))

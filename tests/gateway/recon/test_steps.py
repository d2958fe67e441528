"""A run: both sides read page by page, what moves meanwhile left out, and its totals explained to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from adapters.memory.recon import MemoryRunWork
from adapters.ports.postings import PostingsUnavailable
from adapters.ports.recon import Kind, Phase, Place, RunAsked, Total
from adapters.ports.turns import DataRefused, Opened, StoreUnavailable
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.contracts.turns import applied, asking, batch, command, message
from tests.gateway.recon.books import MARCH, Firm, issued, ours, theirs

EUR = Place("DE01", "EUR")


@pytest.fixture
def firm() -> Firm:
    return Firm()


async def test_what_both_say_is_clean(firm: Firm) -> None:
    await firm.hold(*map(ours, range(5)))
    firm.books.entries = list(map(theirs, range(5)))
    run = await firm.over()
    assert (run.phase, run.tally.differences, run.tally.entries) == (Phase.DONE, 0, 5)
    assert run.tally.totals == (Total(EUR, Decimal("500.00"), Decimal("500.00"), Decimal(0)),)


async def test_each_kind_is_found_with_its_money(firm: Firm) -> None:
    await firm.hold(*map(ours, range(4)))
    firm.books.entries = [
        theirs(0), theirs(1, amount=Decimal("90.00")), theirs(2), theirs(2, external_id="B-2b"),
        theirs(7, reference=None), theirs(8),
    ]  # fmt: skip
    run = await firm.over()
    found = {(each.kind, each.name): each.effect[EUR] for each in await firm.differences(run)}
    assert found == {
        (Kind.DIFFERENT, "timesheet/T-1/1.r1"): Decimal("-10.00"),
        (Kind.TWICE, "timesheet/T-2/1.r1"): Decimal("100.00"),
        (Kind.MISSING, "timesheet/T-3/1.r1"): Decimal("-100.00"),
        (Kind.EXTRA, "timesheet/T-8/1.r1"): Decimal("100.00"),
        (Kind.EXTRA, "~/billable/B-7"): Decimal("100.00"),
    }
    [total] = run.tally.totals
    assert total.theirs - total.ours == sum(found.values()) == Decimal("190.00")
    assert run.tally.counts[("timesheet", Kind.EXTRA)] == 2


async def test_days_beside_the_period_are_read_and_do_not_count(firm: Firm) -> None:
    await firm.hold(ours(1, day=date(2026, 4, 2)), ours(2, day=date(2026, 3, 31)))
    firm.books.entries = [theirs(2, day=date(2026, 4, 1))]
    run = await firm.over()
    [difference] = await firm.differences(run)
    assert (difference.kind, difference.fields) == (Kind.DIFFERENT, ("day",))
    assert firm.books.asked[0][:2] == (date(2026, 2, 22), date(2026, 4, 7))


async def test_an_open_command_is_on_its_way(firm: Firm) -> None:
    await firm.hold(ours(1), ours(2))
    asked = command(ActorKey("timesheet", "T-1"), "1.r1")
    [row] = (await firm.clients.commits.load([asked.key])).values()
    turn = asking(applied(row, message("asks"), state=row.state or b"{}"), asked)
    await firm.clients.commits.commit(batch(turn))
    run = await firm.over()
    assert [each.name for each in await firm.differences(run)] == [ours(2).name]
    assert (run.tally.on_its_way, run.tally.counts) == (1, {("timesheet", Kind.MISSING): 1})
    [total] = run.tally.totals
    assert (total.ours, total.theirs, total.on_its_way) == (Decimal("200.00"), Decimal(0), Decimal("-100.00"))


async def test_what_was_told_to_a_key_after_the_books_were_read_is_on_its_way(firm: Firm) -> None:
    await firm.hold(ours(1), ours(2))
    firm.books.entries = [theirs(1), theirs(2, amount=Decimal("90.00"))]
    run = await firm.begin()
    await firm.steps.step(run)
    firm.now += 60
    await firm.hold(ours(1, amount=Decimal("70.00")))
    while (following := await firm.clients.run_work.next()) is not None:
        await firm.steps.step(following)
    assert [each.name for each in await firm.differences(run)] == [ours(2).name]
    assert (await firm.shown(run)).tally.on_its_way == 1


async def test_a_payment_of_an_invoice_that_the_erp_issued_is_on_its_way(firm: Firm) -> None:
    key = ActorKey("invoice", "erp-17")
    await firm.store_state(key, {"open": "100.00"})
    firm.books.entries = [issued("erp-17", "100.00")]
    run = await firm.begin()
    await firm.steps.step(run)
    # When the payment is told after the books were read, and before ours are
    firm.now += 60
    await firm.store_state(key, {"open": "0.00"})
    while (following := await firm.clients.run_work.next()) is not None:
        await firm.steps.step(following)
    assert await firm.differences(run) == []
    assert (await firm.shown(run)).tally.on_its_way == 1


async def test_an_invoice_that_the_erp_issued_names_its_open_case(firm: Firm) -> None:
    key = ActorKey("invoice", "erp-17")
    await firm.store_state(key, {"open": "0.00"})
    firm.books.entries = [issued("erp-17", "100.00")]
    asked, failure = command(key, "w"), Failure(FailureClass.BUSINESS_RULE, "refused", "it is refused")
    [row] = (await firm.clients.commits.load([key])).values()
    turn = asking(applied(row, message("asks"), state=row.state or b"{}"), asked)
    turn.opened.append(Opened(Case(failure), command_id=asked.id, system="erp"))
    await firm.clients.commits.commit(batch(turn))
    firm.now += 60
    run = await firm.over()
    [difference] = await firm.differences(run)
    assert (difference.kind, difference.fields, difference.key) == (Kind.DIFFERENT, ("open",), key)
    assert difference.case is not None


async def test_one_entity_and_one_legal_entity_are_reconciled_alone(firm: Firm) -> None:
    await firm.hold(ours(1))
    foreign = theirs(3, legal_entity="UK01")
    firm.books.entries = [foreign, theirs(4, reference="expense/X-1/1.r1/1")]
    uk = await firm.over(replace(MARCH, legal_entity="UK01"))
    assert [each.theirs for each in await firm.differences(uk)] == [foreign]
    expenses = await firm.over(replace(MARCH, entity="expense"))
    assert [each.name for each in await firm.differences(expenses)] == ["expense/X-1/1.r1"]


async def test_a_run_goes_on_where_a_process_ended(firm: Firm) -> None:
    await firm.hold(*map(ours, range(5)))
    firm.books.entries = list(map(theirs, range(4)))
    run = await firm.begin()
    while (following := await firm.clients.run_work.next()) is not None:
        firm.steps = firm.made()
        await firm.steps.step(following)
    assert [each.name for each in await firm.differences(await firm.shown(run))] == [ours(4).name]
    assert [start for _, _, start in firm.books.asked] == [None, "2"], "no page is read twice"


async def test_a_step_that_was_not_recorded_is_done_again(firm: Firm) -> None:
    await firm.hold(*map(ours, range(3)))
    firm.books.entries = list(map(theirs, range(3)))
    run = await firm.begin()
    await firm.steps.step(run)
    await firm.steps.step(run)  # as it was before the first step
    while (following := await firm.clients.run_work.next()) is not None:
        await firm.steps.step(following)
    assert (await firm.shown(run)).tally.differences == 0


async def test_a_page_that_could_not_be_kept_is_read_again(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    firm.books.entries = list(map(theirs, range(5)))
    run, keep, lost = await firm.begin(), MemoryRunWork.keep, [True, True, True]

    async def keeps_seldom(work: MemoryRunWork, *args: Any, **said: Any) -> None:
        if lost:
            lost.pop()
            raise StoreUnavailable("starting")
        await keep(work, *args, **said)

    monkeypatch.setattr(MemoryRunWork, "keep", keeps_seldom)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await firm.steps.step(run)
    while (following := await firm.clients.run_work.next()) is not None:
        await firm.steps.step(following)
    assert (await firm.shown(run)).phase is Phase.DONE


async def test_runs_that_take_turns_read_their_own_pages(firm: Firm) -> None:
    firm.books.entries = list(map(theirs, range(20)))
    runs = [await firm.begin(), await firm.begin(replace(MARCH, last=date(2026, 3, 30)))]
    last = 0
    while (following := await firm.clients.run_work.next(behind=last)) is not None:
        last = following.id
        await firm.steps.step(following)
    for run in runs:
        shown = await firm.shown(run)
        assert (shown.phase, shown.tally.entries) == (Phase.DONE, 20)


async def test_a_system_that_does_not_answer_is_asked_again(firm: Firm) -> None:
    firm.books.fails = 1
    run = await firm.begin()
    with pytest.raises(PostingsUnavailable):
        await firm.steps.step(run)
    assert await firm.shown(run) == run


@pytest.mark.parametrize("back", [{"2": "2"}, {"4": "2"}, {"6": "0"}])
async def test_pages_that_lead_in_a_circle_end_the_run(firm: Firm, back: dict[str, str]) -> None:
    firm.books.entries = list(map(theirs, range(20)))
    firm.books.back = back
    run = await firm.over()
    assert (run.phase, "mend its paging" in (run.reason or "")) == (Phase.FAILED, True)


@pytest.mark.parametrize("system", ["crm", "erp-2"])
async def test_a_system_without_books_ends_the_run(firm: Firm, system: str) -> None:
    run = await firm.over(replace(MARCH, system=system))
    assert run.phase is Phase.FAILED
    assert system in (run.reason or "")


async def test_a_state_that_cannot_be_read_ends_the_run(firm: Firm) -> None:
    await firm.store_state(ActorKey("timesheet", "T-1"), "unreadable")
    run = await firm.over()
    assert (run.phase, run.reason) == (Phase.FAILED, "the stored state of timesheet/T-1 cannot be read")


async def test_the_first_and_the_last_day_there_is_are_days(firm: Firm) -> None:
    run = await firm.over(RunAsked("erp", date.min, date.max))
    assert run.phase is Phase.DONE


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (DataRefused("the row is too\x00 large"), "the row is too large"),
        (InvalidOperation(), "InvalidOperation, which nobody expected here: the gateway's log says where"),
    ],
)
async def test_what_nobody_expects_ends_the_run_and_nothing_else(firm: Firm, breaks: Exception, told: str) -> None:
    firm.books.breaks = breaks
    run = await firm.over()
    assert (run.phase, run.reason) == (Phase.FAILED, told)


async def test_a_run_that_the_store_cannot_keep_now_is_not_ended(firm: Firm) -> None:
    firm.books.breaks = StoreUnavailable("starting")
    run = await firm.begin()
    with pytest.raises(StoreUnavailable):
        await firm.steps.step(run)
    assert await firm.shown(run) == run

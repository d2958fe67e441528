"""Counting what was committed: each line once and in order, sums by period, and what waits, on both stores."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import orjson

from adapters.ports.kpis import Added, CaseChange, Counted, Kept, Page, Period, Place
from adapters.ports.outbox import Ended, Ending
from adapters.ports.turns import Committed, Judged, Opened
from schemas.commands import Command, command_id, command_reference
from schemas.facts import Case
from schemas.keys import ActorKey, external_key
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    message,
    queued,
    send_lane,
    settled,
    uuid,
    waiting,
)

LOOKS_LIKE = Failure(FailureClass.DUPLICATE, "twin", "looks like C-9")
TWIN = Case(LOOKS_LIKE, topic="duplicate", money={"EUR": Decimal("10.50")})
DEAL = ActorKey("engagement", "E-1")
MONEY = Place("billed", "DE01", "EUR", "", date(2026, 3, 2))


def posting(key: ActorKey = SHEET, line: str = "L1.r1") -> Command:
    """A command that books a line."""
    body = {
        "legal_entity": "DE01", "currency": "EUR", "amount": "941.25", "hours": "7.50", "work_date": "2026-03-02",
    }  # fmt: skip
    identity = ("erp", "billable.post", key, line, 1)
    return Command(command_id(*identity), *identity, orjson.dumps(body), command_reference(key, line, 1))


async def post(process: Process, key: ActorKey = SHEET) -> None:
    """Approve a sheet whose one line the ERP confirms."""
    asked = posting(key)
    sheet = message(f"{key}", body=b'{"data": {"legal_entity": "DE01"}}')
    await process.commit(asking(applied(await process.row(key), sheet), asked))
    token = uuid(f"{key} token")
    claimed = await process.outbox.claim([send_lane(key)], holder=uuid("holder"), token=token)
    [leased] = claimed.leased
    await process.outbox.record([Ended(leased.command, token, leased.attempt, Ending.CONFIRMED, external_id="X-1")])
    assert await process.commit(settled(await process.row(key), (asked, token))) == [Committed()]


def nothing(page: Page) -> Counted:
    """As if the lines came to nothing."""
    return Counted(page, {})


async def test_each_line_comes_once_with_its_message_or_its_command(process: Process) -> None:
    # Given an approved sheet whose line was posted
    await post(process)
    # When the next page is read
    page = await process.books.page(most=100)
    # Then both lines are there with all that is counted of them
    first, second = page.lines
    assert (first.what, first.key, first.version) == (Verdict.APPLIED, SHEET, 1)
    assert first.message is not None
    assert (first.message.source, first.message.type) == ("psa", "timesheet.approved.v1")
    assert (first.message.legal_entity, first.message.body, first.command) == ("DE01", None, None)
    assert first.message.received_at <= first.at <= second.at
    assert (second.what, second.message) == ("command_done", None)
    assert second.command is not None
    assert (second.command.operation, second.command.line, second.command.version) == ("billable.post", "L1.r1", 1)
    about = second.command.about
    assert (about.legal_entity, about.currency, about.amount, about.day, second.command.is_confirmed) == (
        "DE01", "EUR", Decimal("941.25"), date(2026, 3, 2), True,
    )  # fmt: skip
    assert page.is_last
    # And once it is added, not again
    assert await process.books.add(nothing(page))
    after = await process.books.page(most=100)
    assert (list(after.lines), after.is_last) == ([], True)


async def test_a_message_in_conflict_names_its_legal_entity(process: Process) -> None:
    row = await process.row(SHEET)
    again = message("1#9f86", source="conflict:psa", body=b'{"data": {"legal_entity": "DE01"}}')
    turn = applied(row)
    turn.judged.append(Judged(again, Verdict.CONFLICT, row.entity_version))
    assert await process.commit(turn) == [Committed()]
    [line] = (await process.books.page(most=100)).lines
    assert line.message is not None
    assert (line.what, line.message.legal_entity, line.message.body) == (Verdict.CONFLICT, "DE01", None)


async def test_pages_follow_each_other_without_a_gap(process: Process) -> None:
    for number in range(7):
        await process.commit(applied(await process.row(SHEET), message(f"e{number}")))
    versions: list[int] = []
    while True:
        page = await process.books.page(most=3)
        versions += [line.version for line in page.lines]
        assert await process.books.add(nothing(page))
        if page.is_last:
            break
    assert versions == [1, 2, 3, 4, 5, 6, 7]


async def test_a_page_is_added_once_whoever_counts_it(store: StoreStand) -> None:
    # Given two processes that have read the same page
    one, other = store.process(), store.process()
    await one.commit(applied(await one.row(SHEET), message("e1")))
    pages = [await each.books.page(most=9) for each in (one, other)]
    # When both add it
    counted = [Counted(page, {MONEY: Added(1, Decimal("5.25"))}, {SHEET: Kept(b'{"a":1}')}) for page in pages]
    assert [await one.books.add(counted[0]), await other.books.add(counted[1])] == [True, False]
    # Then it counts once
    [found] = await one.kpis.sums(Period(date(2026, 3, 1), date(2026, 4, 1)))
    assert (found.count, found.total, found.last) == (1, Decimal("5.25"), MONEY.day)
    assert {key: orjson.loads(body) for key, body in (await other.books.kept([SHEET, OTHER_SHEET])).items()} == {
        SHEET: {"a": 1}
    }


async def test_what_is_not_remembered_any_more_is_gone(process: Process) -> None:
    for number, kept in enumerate((Kept(b'{"a":1}'), Kept(b'{"a":2}'), None)):
        await process.commit(applied(await process.row(SHEET), message(f"e{number}")))
        await process.books.add(Counted(await process.books.page(most=9), {}, {SHEET: kept}))
        found = await process.books.kept([SHEET])
        assert [orjson.loads(body) for body in found.values()] == ([] if kept is None else [orjson.loads(kept.body)])


async def test_a_restart_reads_everything_again_and_leaves_earlier_days(process: Process) -> None:
    # Given sums of two days
    await process.commit(applied(await process.row(SHEET), message("e1")))
    sums = {MONEY: Added(1, Decimal(1)), MONEY._replace(day=date(2026, 3, 3)): Added(2, Decimal(2))}
    await process.books.add(Counted(await process.books.page(most=9), sums, {SHEET: Kept(b"{}")}))
    stale = await process.books.page(most=9)
    # When all from the second day on is counted anew
    await process.books.restart(since=date(2026, 3, 3))
    # Then only the first day is left, nothing is remembered, and the lines come again
    assert [each.last for each in await process.kpis.sums(Period(date(2026, 3, 1), date(2026, 4, 1)))] == [MONEY.day]
    assert await process.books.kept([SHEET]) == {}
    page = await process.books.page(most=5000)
    assert ([line.version for line in page.lines], page.since) == ([1], date(2026, 3, 3))
    # And whoever had read on before adds nothing
    assert not await process.books.add(nothing(stale))
    await process.books.restart(since=None)
    assert await process.kpis.sums(Period(date(2026, 3, 1), date(2026, 4, 1))) == []


async def test_sums_of_a_period(process: Process) -> None:
    # Given what stands, what belongs to a month, and what happens on days
    def place(measure: str, day: int, label: str = "", legal_entity: str = "DE01") -> Place:
        return Place(measure, legal_entity, "EUR", label, date(2026, 3, day))

    sums = {
        place("billed", 1): Added(1, Decimal(1)),
        place("billed", 2): Added(2, Decimal("2.50")),
        place("billed", 3, legal_entity="US01"): Added(1, Decimal(7)),
        place("wip", 1): Added(1, Decimal(100)),
        place("wip", 3): Added(1, Decimal(-40)),
        place("work_months", 2, "2026-01"): Added(1, Decimal(0)),
        place("work_months", 9, "2026-02"): Added(1, Decimal(0)),
        place("work_months", 3, "2026-02"): Added(1, Decimal(0)),
    }
    await process.commit(applied(await process.row(SHEET), message("e1")))
    await process.books.add(Counted(await process.books.page(most=9), sums))

    async def found(period: Period) -> dict[tuple[str, str, str], tuple[int, Decimal, int]]:
        rows = await process.kpis.sums(period, stocks=["wip"], months=["work_months"])
        return {(row.measure, row.legal_entity, row.label): (row.count, row.total, row.last.day) for row in rows}

    # Then days count from the first to before the end, stocks from the very first, months by their last day
    assert await found(Period(date(2026, 3, 2), date(2026, 3, 4))) == {
        ("billed", "DE01", ""): (2, Decimal("2.50"), 2),
        ("billed", "US01", ""): (1, Decimal(7), 3),
        ("wip", "DE01", ""): (2, Decimal(60), 3),
    }
    assert await found(Period(date(2026, 2, 1), date(2026, 3, 3), "DE01")) == {
        ("billed", "DE01", ""): (3, Decimal("3.50"), 2),
        ("wip", "DE01", ""): (1, Decimal(100), 1),
        ("work_months", "DE01", "2026-02"): (2, Decimal(0), 9),
    }


async def test_openings_and_closings_of_cases_are_told_in_their_order(store: StoreStand) -> None:
    process = store.process()
    # Given a case that is opened, brought up to date, closed, and opened again
    for step in ("open", "open", "close", "open"):
        turn = applied(await process.row(SHEET), message(f"{step} {await store.now()}"))
        if step == "open":
            turn.opened.append(Opened(TWIN))
        else:
            turn.settles["duplicate"] = None
        await process.commit(turn)
        await store.pass_time(60)
    # Then each change is a line, with when it was opened before
    page = await process.books.page(most=100)
    changes = [(line.what, line.failure_class) for line in page.cases]
    assert changes == [
        (CaseChange.OPENED, FailureClass.DUPLICATE),
        (CaseChange.CLOSED, FailureClass.DUPLICATE),
        (CaseChange.REOPENED, FailureClass.DUPLICATE),
    ]  # fmt: skip
    lasted = page.cases[1].at - page.cases[1].opened_at
    assert timedelta(seconds=119) < lasted < timedelta(seconds=125)
    assert await process.books.add(nothing(page))
    assert list((await process.books.page(most=100)).cases) == []


async def test_what_waits_now(store: StoreStand) -> None:
    process = store.process()
    since = await store.now()
    # Given a won deal without a project, and one whose project is there
    for id, status in (("E-1", "running"), ("E-2", "active")):
        key = ActorKey("engagement", id)
        await process.commit(applied(await process.row(key), message(id), state=b'{"status": "%s"}' % status.encode()))
        kept = Kept(b'{"worth": {"EUR": "250000.00"}}', since)
        await process.books.add(Counted(await process.books.page(most=100), {}, {key: kept}))
    # And a line that is not billed yet, and a sheet that waits
    await process.commit(asking(applied(await process.row(SHEET), message("s1")), posting()))
    await process.commit(waiting(await process.row(OTHER_SHEET), message("s2"), PROJECT, 0))
    # And an invoice with two cases, a customer that looks like another, and a foreign id that nobody knows
    invoice, customer = ActorKey("invoice", "I-1"), ActorKey("customer", "C-1")
    turn = applied(await process.row(invoice), message("i1"))
    failure = Failure(FailureClass.BUSINESS_RULE, "posting", "the month is closed")
    turn.opened += [Opened(Case(failure, topic=topic, money={"EUR": Decimal(5)})) for topic in ("posting", "amounts")]
    await process.commit(turn)
    turn = applied(await process.row(customer), message("c1"))
    turn.opened.append(Opened(TWIN))
    await process.commit(turn)
    foreign = external_key("crm", "customer", "0015g")
    await process.commit(queued(await process.row(foreign), message("c2")))
    # Then each flow says how many and how much
    found = {each.flow: (each.count, dict(each.money)) for each in await process.kpis.waiting()}
    assert found == {
        "won_deals": (1, {"EUR": Decimal("250000.00")}),
        "unbilled": (2, {"EUR": Decimal("941.25")}),
        "blocked_invoices": (1, {"EUR": Decimal(10)}),
        "unmatched_customers": (2, {"EUR": Decimal("10.50")}),
        "cases": (3, {"EUR": Decimal("20.50")}),
    }
    oldest = {each.flow: each.oldest for each in await process.kpis.waiting()}
    assert oldest["won_deals"] == since


async def test_how_far_counting_has_come(process: Process) -> None:
    before = await process.kpis.progress()
    assert (before.until, before.uncounted) == (None, None)
    await process.commit(applied(await process.row(SHEET), message("e1")))
    behind = await process.kpis.progress()
    assert behind.uncounted is not None
    assert behind.uncounted <= behind.at
    page = await process.books.page(most=9)
    await process.books.add(nothing(page))
    progress = await process.kpis.progress()
    assert (progress.until, progress.uncounted) == (page.lines[-1].at, None)
    assert behind.uncounted == page.lines[0].at
    assert progress.at >= page.lines[-1].at


async def test_a_number_that_no_database_can_bear_stops_nothing(process: Process) -> None:
    # As the sender of an event may have written it into an attribute that nobody reads
    body = b'{"x": 1e400000, "y": 1e-400000, "data": {"legal_entity": "DE01"}}'
    await process.commit(applied(await process.row(SHEET), message("e1", body=body)))
    [line] = (await process.books.page(most=9)).lines
    assert line.message is not None
    assert line.message.legal_entity == "DE01"

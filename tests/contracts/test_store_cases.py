"""The contract of cases: one row for one thing to settle, terms, what people do, lists and groups, on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pytest

from adapters.ports.api_keys import Scope
from adapters.ports.cases import (
    CaseChanged,
    CaseFilter,
    CaseGroup,
    CaseNotFound,
    CaseRow,
    CaseStands,
    Click,
    ClickReused,
    Closed,
    Edit,
    Outcome,
    Owned,
    Standing,
    act_event_id,
    act_id,
    fingerprint,
)
from adapters.ports.outbox import Ended, Ending
from adapters.ports.reach import Reach
from adapters.ports.store import CommandChanged, CommandNotFound, SeenCase
from adapters.ports.turns import Committed, Judged, Lane, Message, Opened, Settlement, Turn
from schemas.acts import Act
from schemas.commands import Command
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    OTHER_SHEET,
    SHEET,
    applied,
    asking,
    command,
    drained,
    message,
    queued,
    send_lane,
    settled,
    uuid,
)

HOUR = 3600.0
UNMAPPED = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile", "tax_profile")
LARGE = Failure(FailureClass.BUSINESS_RULE, "approval_needed", "a partner must approve 250000.00 EUR")
APPROVAL = Case(
    LARGE,
    topic="approval:large_deal",
    acts=(Act.APPROVE, Act.REJECT),
    owner="partner",
    money={"EUR": Decimal("250000.00"), "CHF": Decimal(10)},
    remind_after=HOUR,
    due_after=3 * HOUR,
)
TOLD_AGAIN = ("case.reopened",)
MONEY = b'{"amount": "12.50", "currency": "EUR"}'


async def leave(
    process: Process, *cases: Case, settles: tuple[str, ...] = (), by: str | None = None, key: ActorKey = SHEET
) -> Message:
    """A message is applied, perhaps an act of somebody, and its decision opens and settles cases."""
    row = await process.row(key)
    came = message(f"{key.id} {row.entity_version + 1}")
    turn = applied(row, came)
    turn.opened.extend(Opened(case, came.ref) for case in cases)
    turn.settles.update(dict.fromkeys(settles, by))
    assert await process.commit(turn) == [Committed()]
    return came


async def park(process: Process, id: str = "e1", failure: Failure = UNMAPPED, key: ActorKey = SHEET) -> Message:
    """A message is parked with a case."""
    came = message(id)
    turn = queued(await process.row(key), came, state=LaneState.PARKED)
    first = turn.judged[0]
    turn.judged[0] = first._replace(verdict=Verdict.PARKED, reason=failure.reason)
    turn.opened.append(Opened(Case(failure), came.ref))
    assert await process.commit(turn) == [Committed()]
    return came


async def park_again(process: Process, failure: Failure = UNMAPPED) -> None:
    """The head of the lane, which was retried, is parked once more."""
    [head] = await process.lane(SHEET)
    row = await process.row(SHEET)
    turn = Turn(row, Lane(LaneState.PARKED, row.lane.depth, row.lane.tail, failure.reason), row.entity_version)
    turn.judged.append(
        Judged(head.message, Verdict.PARKED, row.entity_version, head.verdict, head.position, 1, failure.reason)
    )
    turn.opened.append(Opened(Case(failure), head.message.ref))
    assert await process.commit(turn) == [Committed()]


async def reject(process: Process, line: str = "1") -> None:
    """The head of the commands is sent, refused, and parked with a case."""
    token = uuid(f"attempt {await process.outbox.beat(uuid('me'))}")
    [leased] = (await process.outbox.claim([send_lane()], holder=uuid("me"), token=token)).leased
    ended = Ended(leased.command, token, leased.attempt, Ending.REJECTED, None, FailureClass.MAPPING, "wrong", "no")
    await process.outbox.record([ended])
    turn = settled(await process.row(SHEET), (leased.command, token), settlement=Settlement.PARKED)
    turn.opened.append(Opened(Case(UNMAPPED), command_id=leased.command.id, system="erp"))
    assert await process.commit(turn) == [Committed()]


async def everything(process: Process, *, is_open: bool = True) -> list[CaseRow]:
    return await process.cases.find(CaseFilter(is_open), after=0, limit=99)


async def only(process: Process, *, is_open: bool = True) -> CaseRow:
    [row] = await everything(process, is_open=is_open)
    return row


async def told(process: Process) -> list[str]:
    """What was told of cases, oldest first."""
    rows = await process.notices.pending(limit=99)
    return [row.routing_key for row in rows if row.routing_key.startswith("case.")]


async def make_key(process: Process, name: str, by: str) -> str:
    """Somebody makes an API key; its name in the audit."""
    scope = Scope(("read", "operate"))
    await process.api_keys.make(name, name.encode().ljust(32), scope, days=2, actor=by, reason="the export")
    return f"key:{name}"


class TestEditors:
    async def test_they_are_who_has_edited_a_message_of_its_key_themselves_or_by_a_key_of_theirs(
        self, process: Process
    ) -> None:
        first = await park(process)
        key = await make_key(process, "export", "bob")
        again, more = message("e1~1", body=b'{"new": 1}'), message("e1~2", body=b'{"new": 2}')
        case = await only(process)
        assert (await process.cases.file(case.id)).editors == frozenset()
        await process.message_acts.edit(first.ref, again, actor="ann", reason="a slip")
        await process.message_acts.edit(again.ref, more, actor=key, reason="a slip")
        await leave(process, APPROVAL, key=OTHER_SHEET)
        other = await only(process)
        assert (await process.cases.file(case.id)).editors == {"ann", "bob"}
        assert (await process.cases.file(other.id)).editors == frozenset(), "of another key"

    async def test_what_a_key_edits_of_a_case_its_maker_edits_unless_it_was_not_taken(self, process: Process) -> None:
        await leave(process, APPROVAL)
        key, idle = await make_key(process, "export", "bob"), await make_key(process, "idle", "eve")
        case = await only(process)
        for actor, outcome in ((key, Outcome.DONE), (idle, Outcome.IGNORED), ("ann", Outcome.DONE)):
            begun = await process.cases.begin(case.id, Click(Act.EDIT_RETRY, actor, "typo", {"discount": 1}))
            await process.cases.end(begun, outcome, "said")
        assert (await process.cases.file(case.id)).editors == {"bob"}


class TestTopics:
    async def test_it_is_kept_as_it_was_opened(self, store: StoreStand, process: Process) -> None:
        came = await leave(process, APPROVAL)
        row = await only(process)
        assert (row.entity, row.key, row.topic, row.ref) == ("timesheet", "T-1", "approval:large_deal", came.ref)
        assert (row.failure_class, row.code, row.field, row.reason) == (
            FailureClass.BUSINESS_RULE, "approval_needed", None, LARGE.reason,
        )  # fmt: skip
        assert (row.owner, row.acts, row.assignee) == ("partner", (Act.APPROVE, Act.REJECT), None)
        assert row.money == {"CHF": Decimal(10), "EUR": Decimal("250000.00")}
        assert (row.count, row.reopened, row.closed_at, row.closed_how, row.closed_by) == (1, 0, None, None, None)
        assert abs(await store.now() - row.opened_at) < timedelta(minutes=1)
        assert row.remind_at is not None
        assert row.due_at is not None
        assert row.first_at == row.opened_at
        assert (row.remind_at - row.opened_at, row.due_at - row.opened_at) == (
            timedelta(hours=1), timedelta(hours=3),
        )  # fmt: skip

    async def test_opened_again_it_is_brought_up_to_date_and_keeps_its_terms(
        self, store: StoreStand, process: Process
    ) -> None:
        await leave(process, APPROVAL)
        first = await only(process)
        await store.pass_time(HOUR / 2)
        more = replace(LARGE, reason="said once more")
        came = await leave(process, replace(APPROVAL, failure=more, remind_after=9 * HOUR, due_after=9 * HOUR))
        row = await only(process)
        assert (row.id, row.count, row.reopened, row.ref, row.reason) == (first.id, 2, 0, came.ref, "said once more")
        assert row.version > first.version
        assert row.due_at is not None
        assert row.due_at - row.opened_at == timedelta(hours=3)
        assert await told(process) == ["case.opened"]

    @pytest.mark.parametrize(
        ("was", "asks", "news", "assignee"),
        [
            (APPROVAL, replace(APPROVAL, owner="board"), TOLD_AGAIN, None),
            (APPROVAL, replace(APPROVAL, money={"EUR": Decimal(300000)}), TOLD_AGAIN, "ann"),
            (APPROVAL, replace(APPROVAL, acts=(Act.APPROVE,)), TOLD_AGAIN, "ann"),
            (Case(UNMAPPED, "validate"), Case(LARGE, "validate"), TOLD_AGAIN, None),
            (Case(UNMAPPED, "validate"), Case(UNMAPPED, "validate", money={"EUR": Decimal(1)}), (), "ann"),
            (Case(UNMAPPED, "validate", owner="board"), Case(LARGE, "validate", owner="board"), (), "ann"),
        ],
        ids=["owner", "money", "acts", "class", "money of no approval", "class of an owner"],
    )  # fmt: skip
    async def test_one_that_asks_anew_is_told_again_with_terms_of_its_own(
        self,
        store: StoreStand,
        process: Process,
        was: Case,
        asks: Case,
        news: tuple[str, ...],
        assignee: str | None,
    ) -> None:
        # Given a case that somebody has taken, of which its owner was reminded, and which is overdue
        await leave(process, replace(was, remind_after=HOUR, due_after=2 * HOUR))
        first = await only(process)
        await process.cases.edit(first.id, Edit(assigns=True, assignee="ann"), version=first.version, actor="ann")
        await store.pass_time(3 * HOUR)
        assert await process.cases.remind(page=9) == 2
        # When it comes again
        await leave(process, replace(asks, remind_after=HOUR, due_after=2 * HOUR))
        # Then one that asks anew is told as when it was opened, and who took it keeps it if it is still theirs
        row = await only(process)
        assert (row.id, row.reopened, row.assignee) == (first.id, 0, assignee)
        assert (row.opened_at > first.opened_at, tuple((await told(process))[3:])) == (bool(news), news)
        assert row.due_at is not None
        assert row.due_at - row.opened_at == timedelta(hours=2)
        await store.pass_time(3 * HOUR)
        assert await process.cases.remind(page=9) == (2 if news else 0)

    async def test_a_decision_settles_it(self, process: Process) -> None:
        await leave(process, APPROVAL)
        await leave(process, settles=("approval:large_deal", "validate"))
        row = await only(process, is_open=False)
        assert (row.closed_how, row.closed_by) == (Closed.SETTLED, None)
        assert row.closed_at is not None
        assert await everything(process) == []
        assert await told(process) == ["case.opened", "case.closed"]

    async def test_whose_act_has_settled_it_is_told(self, process: Process) -> None:
        await leave(process, APPROVAL, Case(UNMAPPED, topic="validate"))
        await leave(process, settles=("approval:large_deal",), by="ann")
        assert [(row.topic, row.closed_by) for row in await everything(process, is_open=False)] == [
            ("approval:large_deal", "ann")
        ]
        await leave(process, APPROVAL)
        assert {row.closed_by for row in await everything(process)} == {None}

    async def test_only_the_topic_of_this_key_is_settled(self, process: Process) -> None:
        await leave(process, APPROVAL, Case(UNMAPPED, topic="validate"))
        await leave(process, APPROVAL, key=OTHER_SHEET)
        await leave(process, settles=("approval:large_deal",))
        assert [(row.key, row.topic) for row in await everything(process)] == [
            ("T-1", "validate"), ("T-2", "approval:large_deal"),
        ]  # fmt: skip

    async def test_opened_after_it_was_closed_the_same_row_is_reopened(
        self, store: StoreStand, process: Process
    ) -> None:
        await leave(process, APPROVAL)
        first = await only(process)
        await leave(process, settles=("approval:large_deal",))
        await store.pass_time(2 * HOUR)
        await leave(process, APPROVAL)
        row = await only(process)
        assert (row.id, row.count, row.reopened, row.closed_how) == (first.id, 2, 1, None)
        assert row.opened_at - row.first_at > timedelta(hours=1)
        assert row.due_at is not None
        assert row.due_at - row.opened_at == timedelta(hours=3)
        assert await told(process) == ["case.opened", "case.closed", "case.reopened"]

    async def test_a_refused_turn_leaves_none_behind(self, process: Process) -> None:
        stale = applied(await process.row(SHEET), message("late"))
        stale.opened.append(Opened(APPROVAL))
        stale.settles["validate"] = None
        await leave(process, Case(UNMAPPED, topic="validate"))
        await process.commit(stale)
        assert [row.topic for row in await everything(process)] == ["validate"]

    async def test_what_ends_the_message_that_opened_it_does_not_end_it(self, process: Process) -> None:
        came = await park(process)
        row = await process.row(SHEET)
        turn = Turn(row, row.lane, row.entity_version)
        turn.opened.append(Opened(APPROVAL, came.ref))
        await process.commit(turn)
        await process.acts.discard(SHEET, head=came.ref, actor="ann", reason="sent in error")
        assert [case.topic for case in await everything(process)] == ["approval:large_deal"]

    async def test_topics_and_keys_that_look_alike_are_told_apart(self, process: Process) -> None:
        for key, topic in (("a b", "c"), ("a", "b c")):
            await leave(process, Case(LARGE, topic=topic), key=ActorKey("timesheet", key))
        assert len(await everything(process)) == 2


class TestMessages:
    async def test_the_same_failure_after_a_retry_reopens_the_case(self, process: Process) -> None:
        await park(process)
        first = await only(process)
        await process.acts.retry(SHEET, actor="ann", reason="mapped")
        closed = await only(process, is_open=False)
        assert (closed.closed_how, closed.closed_by) == (Closed.RETRIED, "ann")
        await park_again(process)
        row = await only(process)
        assert (row.id, row.count, row.reopened) == (first.id, 2, 1)
        assert await told(process) == ["case.opened", "case.closed", "case.reopened"]

    async def test_another_failure_is_another_case(self, process: Process) -> None:
        await park(process)
        await process.acts.retry(SHEET, actor="ann", reason="mapped")
        await park_again(process, LARGE)
        assert [row.code for row in await everything(process)] == ["approval_needed"]
        assert [row.code for row in await everything(process, is_open=False)] == ["tax_profile_unmapped"]

    @pytest.mark.parametrize("verdict", [Verdict.APPLIED, Verdict.IGNORED, Verdict.STALE])
    async def test_whatever_stands_about_a_message_closes_when_it_is_final(
        self, process: Process, verdict: Verdict
    ) -> None:
        await park(process)
        heads = await process.lane(SHEET)
        assert await process.commit(drained(await process.row(SHEET), *heads, verdict=verdict)) == [Committed()]
        row = await only(process, is_open=False)
        assert (row.closed_how, row.closed_by) == (Closed.SUCCEEDED, None)

    async def test_one_that_ends_with_a_case_keeps_it_open(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1")))
        [head] = await process.lane(SHEET)
        turn = drained(await process.row(SHEET), head, verdict=Verdict.REJECTED)
        turn.opened.append(Opened(Case(UNMAPPED), head.message.ref))
        await process.commit(turn)
        assert (await process.cases.file((await only(process)).id)).standing == Standing(Verdict.REJECTED)

    async def test_a_discarded_one_says_by_whom(self, process: Process) -> None:
        came = await park(process)
        await process.acts.discard(SHEET, head=came.ref, actor="ann", reason="sent in error")
        row = await only(process, is_open=False)
        assert (row.closed_how, row.closed_by) == (Closed.DISCARDED, "ann")

    async def test_what_it_is_about_is_shown_as_it_stands(self, process: Process) -> None:
        await park(process)
        await process.commit(queued(await process.row(SHEET), message("e2"), state=LaneState.PARKED))
        standing = (await process.cases.file((await only(process)).id)).standing
        assert (standing.verdict, standing.is_head, standing.command) == (Verdict.PARKED, True, None)


async def settle(process: Process, seen: CaseRow, asked: Command) -> None:
    """Ann says that the system does not have it, going by the case as she saw it."""
    saw = SeenCase(seen.id, seen.version)
    await process.acts.settle(
        SHEET, command=asked.id, seen=saw, is_there=False, external_id=None, actor="ann", reason="looked"
    )


class TestCommands:
    async def test_the_same_failure_under_a_new_generation_reopens_the_case(self, process: Process) -> None:
        asked = command()._replace(body=MONEY)
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), asked))
        await reject(process)
        first = await only(process)
        assert (first.command_id, first.system) == (asked.id, "erp")
        assert first.fingerprint == fingerprint(FailureClass.MAPPING, "tax_profile_unmapped", "erp", "tax_profile")
        await process.acts.retry(SHEET, actor="ann", reason="mapped")
        await reject(process)
        row = await only(process)
        assert (row.id, row.count, row.reopened) == (first.id, 2, 1)
        assert row.command_id == command(generation=2).id
        assert (await process.cases.file(row.id)).standing == Standing(command="parked")
        assert await told(process) == ["case.opened", "case.closed", "case.reopened"]

    async def test_one_that_a_person_has_settled_says_by_whom(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), command()))
        await reject(process)
        await settle(process, await only(process), command())
        row = await only(process, is_open=False)
        assert (row.closed_how, row.closed_by) == (Closed.RESOLVED, "ann")

    async def test_what_is_said_of_one_counts_only_as_it_was_seen(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), command()))
        await reject(process)
        seen = await only(process)
        # Given that it runs again, and fails as before
        await process.acts.retry(SHEET, actor="bob", reason="mapped")
        await reject(process)
        # When somebody says what they found out before
        for asked in (command(), command(generation=2)):
            with pytest.raises((CommandChanged, CommandNotFound)):
                await settle(process, seen, asked)
        # Then it stands as it was; and so it does for a word about another case
        row = await only(process)
        assert row.command_id == command(generation=2).id
        with pytest.raises(CommandChanged):
            await settle(process, replace(row, id=row.id + 1), command(generation=2))
        await settle(process, row, command(generation=2))


class TestTerms:
    async def test_it_is_told_of_once_at_each_of_its_times(self, store: StoreStand, process: Process) -> None:
        await leave(process, APPROVAL)
        assert await process.cases.remind(page=9) == 0
        await store.pass_time(HOUR + 1)
        assert [await process.cases.remind(page=9) for _ in range(2)] == [1, 0]
        await store.pass_time(2 * HOUR)
        assert [await store.process().cases.remind(page=9) for _ in range(2)] == [1, 0]
        assert await told(process) == ["case.opened", "case.reminded", "case.overdue"]
        bodies = [orjson.loads(row.body) for row in await process.notices.pending(limit=9)][2:]
        assert [(body["what"], body["owner"], body["topic"]) for body in bodies] == [
            ("reminded", "partner", "approval:large_deal"), ("overdue", "partner", "approval:large_deal"),
        ]  # fmt: skip

    async def test_a_closed_one_is_not_told_of_and_a_reopened_one_anew(
        self, store: StoreStand, process: Process
    ) -> None:
        await leave(process, APPROVAL)
        await store.pass_time(HOUR + 1)
        await process.cases.remind(page=9)
        await leave(process, settles=("approval:large_deal",))
        await store.pass_time(9 * HOUR)
        assert await process.cases.remind(page=9) == 0
        await leave(process, APPROVAL)
        assert await process.cases.remind(page=9) == 0
        await store.pass_time(HOUR + 1)
        assert await process.cases.remind(page=9) == 1

    async def test_a_page_at_a_time(self, store: StoreStand, process: Process) -> None:
        for number in range(3):
            await leave(process, APPROVAL, key=ActorKey("timesheet", f"T-{number}"))
        await store.pass_time(HOUR + 1)
        assert [await process.cases.remind(page=2) for _ in range(3)] == [2, 1, 0]

    async def test_one_without_terms_is_never_told_of(self, store: StoreStand, process: Process) -> None:
        await leave(process, Case(LARGE, topic="validate"))
        await store.pass_time(9999 * HOUR)
        assert await process.cases.remind(page=9) == 0


class TestLists:
    async def test_they_are_chosen_by_what_they_are(self, process: Process) -> None:
        await park(process)
        await leave(process, APPROVAL, Case(UNMAPPED, topic="validate"), key=OTHER_SHEET)
        parked, approval, validate = await everything(process)
        await process.cases.edit(approval.id, Edit(assigns=True, assignee="ann"), version=approval.version, actor="bob")

        async def chosen(**by: object) -> list[int]:
            rows = await process.cases.find(CaseFilter(**by), after=0, limit=9)  # type: ignore[arg-type]  # by name
            return [row.id for row in rows]

        assert await chosen(failure_class=FailureClass.MAPPING) == [parked.id, validate.id]
        assert await chosen(owned=Owned("partner")) == [approval.id]
        assert await chosen(owned=Owned("finance", (FailureClass.MAPPING, FailureClass.BUSINESS_RULE))) == [
            parked.id, validate.id,
        ]  # fmt: skip
        assert await chosen(assignee="ann") == [approval.id]
        assert await chosen(entity="timesheet", key="T-1") == [parked.id]
        assert await chosen(entity="project") == []
        assert await chosen(fingerprint=parked.fingerprint) == [parked.id, validate.id]
        assert await chosen(is_open=False) == []

    async def test_they_are_chosen_from_within_a_reach(self, process: Process) -> None:
        for key, state in ((SHEET, b'{"legal_entity": "DE01"}'), (OTHER_SHEET, b"{}")):
            turn = applied(await process.row(key), message(f"of {key.id}"), state=state)
            turn.opened.append(Opened(APPROVAL))
            assert await process.commit(turn) == [Committed()]

        async def keys(entities: list[str] | None, legal_entities: list[str] | None) -> list[str]:
            within = Reach(*(None if some is None else frozenset(some) for some in (entities, legal_entities)))
            chosen = CaseFilter(within=within)
            rows = await process.cases.find(chosen, after=0, limit=9)
            groups = await process.cases.groups(chosen, after=None, limit=9)
            assert sum(group.cases for group in groups) == len(rows)
            return [row.key for row in rows]

        assert await keys(None, None) == await keys(["timesheet"], None) == [SHEET.id, OTHER_SHEET.id]
        assert await keys(None, ["DE01", "US01"]) == await keys(["timesheet", "project"], ["DE01"]) == [SHEET.id]
        assert await keys(["project"], None) == await keys(None, ["US01"]) == await keys([], None) == []
        assert await keys(["project"], ["DE01"]) == await keys(None, []) == []

    async def test_a_page_at_a_time_in_the_order_of_their_numbers(self, process: Process) -> None:
        for number in range(3):
            await leave(process, APPROVAL, key=ActorKey("timesheet", f"T-{number}"))
        first = await process.cases.find(CaseFilter(), after=0, limit=2)
        rest = await process.cases.find(CaseFilter(), after=first[-1].id, limit=2)
        assert [row.key for row in (*first, *rest)] == ["T-0", "T-1", "T-2"]

    async def test_groups_are_of_one_cause_and_owner_with_their_money(
        self, store: StoreStand, process: Process
    ) -> None:
        await park(process)
        await store.pass_time(HOUR)
        for number in range(2):
            await leave(process, APPROVAL, key=ActorKey("timesheet", f"A-{number}"))
        other = Case(LARGE, "approval:discount", owner="board")
        await leave(process, other, key=OTHER_SHEET)
        groups = await process.cases.groups(CaseFilter(), after=None, limit=9)
        partner, *others = groups
        unmapped, board = sorted(others, key=lambda group: group.owner or "")
        assert [(group.code, group.owner, group.cases) for group in (partner, unmapped, board)] == [
            ("approval_needed", "partner", 2), ("tax_profile_unmapped", None, 1), ("approval_needed", "board", 1),
        ]  # fmt: skip
        assert partner.money == {"CHF": Decimal(20), "EUR": Decimal("500000.00")}
        assert partner.fingerprint == board.fingerprint != unmapped.fingerprint
        assert (unmapped.field, unmapped.reason, unmapped.money) == ("tax_profile", UNMAPPED.reason, {})
        assert partner.oldest - unmapped.oldest > timedelta(minutes=59)
        # Of equal size in the order of their causes
        assert [group.fingerprint for group in others] == sorted(group.fingerprint for group in others)
        assert await process.cases.groups(CaseFilter(entity="project"), after=None, limit=9) == []
        # And page after page, those of equal size too
        pages: list[CaseGroup] = []
        while page := await process.cases.groups(CaseFilter(), after=pages[-1].place if pages else None, limit=1):
            pages += page
        assert pages == groups


class TestPeople:
    async def test_who_has_seen_it_as_it_is_takes_it_and_writes_notes(
        self, store: StoreStand, process: Process
    ) -> None:
        await leave(process, APPROVAL)
        row = await only(process)
        await process.cases.edit(
            row.id, Edit(assigns=True, assignee="ann", note="I ask the client"), version=row.version, actor="bob"
        )
        file = await process.cases.file(row.id)
        assert (file.case.assignee, [(note.by, note.text) for note in file.notes]) == (
            "ann", [("bob", "I ask the client")],
        )  # fmt: skip
        await process.cases.edit(row.id, Edit(note="she agrees"), version=file.case.version, actor="ann")
        again = await process.cases.file(row.id)
        assert (again.case.assignee, len(again.notes)) == ("ann", 2)
        await process.cases.edit(row.id, Edit(assigns=True), version=again.case.version, actor="ann")
        assert (await only(process)).assignee is None
        assert [act for act in await store.audit() if act[1].startswith("case.")] == [
            ("bob", "case.assign", "timesheet/T-1", f"case {row.id}: to ann"),
            ("bob", "case.note", "timesheet/T-1", f"case {row.id}: I ask the client"),
            ("ann", "case.note", "timesheet/T-1", f"case {row.id}: she agrees"),
            ("ann", "case.assign", "timesheet/T-1", f"case {row.id}: to nobody"),
        ]

    async def test_who_has_seen_an_older_one_must_look_again(self, process: Process) -> None:
        await leave(process, APPROVAL)
        seen = await only(process)
        await leave(process, APPROVAL)
        with pytest.raises(CaseChanged, match="look at it again"):
            await process.cases.edit(seen.id, Edit(note="x"), version=seen.version, actor="ann")
        assert (await process.cases.file(seen.id)).notes == ()

    async def test_an_act_is_written_down_before_and_after(self, store: StoreStand, process: Process) -> None:
        await leave(process, APPROVAL)
        row = await only(process)
        begun = await process.cases.begin(row.id, Click(Act.APPROVE, "ann", "as agreed"))
        [act] = (await process.cases.file(row.id)).acts
        assert (act.by, act.act, act.reason, act.outcome, act.told) == ("ann", Act.APPROVE, "as agreed", None, None)
        await process.cases.end(begun, Outcome.DONE, "applied")
        [act] = (await process.cases.file(row.id)).acts
        assert (act.outcome, act.told) == (Outcome.DONE, "applied")
        assert ("ann", "case.approve", "timesheet/T-1", f"case {row.id}: as agreed") in await store.audit()

    async def test_what_came_of_an_act_in_a_lane_is_written_down_once_it_has_ended(self, process: Process) -> None:
        # Given two acts, of which the first stands in its key's lane, and one of which no key was told
        await leave(process, APPROVAL)
        id = (await only(process)).id
        begun = [
            await process.cases.begin(id, Click(act, "ann", "x")) for act in (Act.REJECT, Act.APPROVE, Act.APPROVE)
        ]
        late, soon, _ = (
            message(act_event_id("timesheet", "T-1", "ann", act_id(id, each.id)), source="tallystick:people")
            for each in begun
        )
        await process.commit(queued(await process.row(SHEET), late))
        assert await process.cases.end_acts(page=9) == 0
        # When both events end
        [head] = await process.lane(SHEET)
        await process.commit(drained(await process.row(SHEET), head, verdict=Verdict.IGNORED))
        await process.commit(applied(await process.row(SHEET), soon))
        assert [await process.cases.end_acts(page=1) for _ in range(3)] == [1, 1, 0]
        # Then it is written down what came of them
        told = [(act.outcome, act.told) for act in (await process.cases.file(id)).acts]
        assert told == [(Outcome.IGNORED, "ignored"), (Outcome.DONE, "applied"), (None, None)]

    async def test_the_same_click_is_the_same_act(self, store: StoreStand, process: Process) -> None:
        await leave(process, APPROVAL)
        id = (await only(process)).id
        click = Click(Act.EDIT_RETRY, "ann", "typo", {"tax_profile": "de"}, "k1")
        first = await process.cases.begin(id, click)
        assert not first.is_again
        unfinished = await process.cases.begin(id, click)
        assert (unfinished.id, unfinished.is_again, unfinished.outcome) == (first.id, True, None)
        await process.cases.end(first, Outcome.REFUSED, "not now")
        again = await process.cases.begin(id, click)
        assert (again.id, again.is_again, again.outcome, again.told) == (first.id, True, Outcome.REFUSED, "not now")
        others = [
            await process.cases.begin(id, Click(Act.EDIT_RETRY, "bob", "typo", {"tax_profile": "de"}, "k1")),
            await process.cases.begin(id, Click(Act.APPROVE, "ann", "x")),
            await process.cases.begin(id, Click(Act.APPROVE, "ann", "x")),
        ]
        assert not any(other.is_again for other in others)
        assert len({first.id, *(other.id for other in others)}) == 4
        assert len([act for act in await store.audit() if act[1] == "case.edit-retry"]) == 2

    @pytest.mark.parametrize(
        "other",
        [
            Click(Act.REJECT, "ann", "typo", {"rate": 1}, "k1"),
            Click(Act.EDIT_RETRY, "ann", "another reason", {"rate": 1}, "k1"),
            Click(Act.EDIT_RETRY, "ann", "typo", {"rate": 2}, "k1"),
            Click(Act.EDIT_RETRY, "ann", "typo", {"rate": 1.0}, "k1"),
            Click(Act.EDIT_RETRY, "ann", "typo", None, "k1"),
        ],
    )
    async def test_its_key_stands_for_one_act_reason_and_changes(self, process: Process, other: Click) -> None:
        await leave(process, APPROVAL)
        id = (await only(process)).id
        await process.cases.begin(id, Click(Act.EDIT_RETRY, "ann", "typo", {"rate": 1}, "k1"))
        for ask in (process.cases.begin, process.cases.again):
            with pytest.raises(ClickReused):
                await ask(id, other)
        assert len((await process.cases.file(id)).acts) == 1

    async def test_it_keeps_the_roles_that_it_was_first_made_with(self, process: Process) -> None:
        await leave(process, APPROVAL)
        id = (await only(process)).id
        click = Click(Act.APPROVE, "ann", "as agreed", None, "k1", ("board", "partner"))
        assert await process.cases.again(id, click) is None
        first = await process.cases.begin(id, click)
        assert first.roles == ("board", "partner")
        later = replace(click, roles=("finance",))
        assert [await process.cases.again(id, later), await process.cases.begin(id, later)] == [
            replace(first, is_again=True)
        ] * 2

    async def test_it_keeps_what_the_case_asked_when_it_was_begun(self, process: Process) -> None:
        await leave(process, replace(APPROVAL, asks="90,000"))
        id = (await only(process)).id
        click = Click(Act.APPROVE, "ann", "as agreed", None, "k1")
        first = await process.cases.begin(id, click)
        assert first.seen == "90,000"
        await leave(process, replace(APPROVAL, asks="900,000"))
        assert await told(process) == ["case.opened", "case.reopened"], "it asks for another approval"
        again = [await process.cases.again(id, click), await process.cases.begin(id, click)]
        assert again == [replace(first, is_again=True)] * 2
        later = await process.cases.begin(id, replace(click, key="k2"))
        await leave(process, APPROVAL)
        last = await process.cases.begin(id, replace(click, key="k3"))
        assert (later.seen, last.seen) == ("900,000", None)

    async def test_only_a_new_act_needs_the_version_that_was_seen(self, process: Process) -> None:
        await leave(process, APPROVAL)
        seen = await only(process)
        click = Click(Act.APPROVE, "ann", "as agreed", None, "k1")
        first = await process.cases.begin(seen.id, click, version=seen.version)
        await leave(process, APPROVAL)
        with pytest.raises(CaseChanged, match="look at it again"):
            await process.cases.begin(seen.id, replace(click, key="k2"), version=seen.version)
        again = await process.cases.begin(seen.id, click, version=seen.version)
        assert (again.id, again.is_again) == (first.id, True)
        assert len((await process.cases.file(seen.id)).acts) == 1

    async def test_one_about_which_nothing_stands_is_resolved(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1")))
        [head] = await process.lane(SHEET)
        turn = drained(await process.row(SHEET), head, verdict=Verdict.REJECTED)
        turn.opened.append(Opened(Case(UNMAPPED), head.message.ref))
        await process.commit(turn)
        id = (await only(process)).id
        await process.cases.resolve(id, actor="ann")
        row = await only(process, is_open=False)
        assert (row.closed_how, row.closed_by) == (Closed.RESOLVED, "ann")
        assert (await told(process))[-1] == "case.closed"
        with pytest.raises(CaseStands, match="closed already"):
            await process.cases.resolve(id, actor="ann")

    async def test_what_still_stands_is_not_resolved(self, process: Process) -> None:
        await park(process)
        await leave(process, APPROVAL, key=OTHER_SHEET)
        for row in await everything(process):
            with pytest.raises(CaseStands, match="still stands"):
                await process.cases.resolve(row.id, actor="ann")

    async def test_a_parked_command_is_not_resolved(self, process: Process) -> None:
        await process.commit(asking(applied(await process.row(SHEET), message("e1")), command()))
        await reject(process)
        with pytest.raises(CaseStands, match="still stands"):
            await process.cases.resolve((await only(process)).id, actor="ann")

    async def test_there_is_no_such_case(self, process: Process) -> None:
        with pytest.raises(CaseNotFound):
            await process.cases.file(1)
        with pytest.raises(CaseNotFound):
            await process.cases.edit(1, Edit(note="x"), version=1, actor="ann")
        with pytest.raises(CaseNotFound):
            await process.cases.begin(1, Click(Act.RETRY, "ann", "x"))
        with pytest.raises(CaseNotFound):
            await process.cases.resolve(1, actor="ann")


async def test_a_name_of_no_case_is_none(process: Process) -> None:
    assert await process.cases.find(CaseFilter(fingerprint=str(UUID(int=1))), after=0, limit=9) == []

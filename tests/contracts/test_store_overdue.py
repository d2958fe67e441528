"""Commands that stand open for too long: which become a case, once, and when that closes, on both stores."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest

from adapters.ports.gate import BreakerRule, Heard, Speech
from adapters.ports.outbox import Ended, Ending
from adapters.ports.overdue import Looked, Term
from adapters.ports.pauses import Scope
from adapters.ports.restores import Found
from adapters.ports.turns import Committed, Settlement
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, asking, command, message, send_lane, settled, uuid

HOUR = 3600.0
TERM = Term(age=4 * HOUR)
ANN = {"actor": "ann", "reason": "the vendor mends it"}
RULE = BreakerRule()


async def ask(process: Process, *asked: Command) -> None:
    """Let commands of one key stand in the outbox."""
    key = asked[0].key
    turn = asking(applied(await process.row(key), message(f"e{asked[0].id}")), *asked)
    assert await process.commit(turn) == [Committed()]


async def look(process: Process, term: Term = TERM, system: str = "erp") -> int:
    """How many cases are opened."""
    return (await process.overdue.open_cases(system, term, after=None, page=9)).opened


async def tried(process: Process, asked: Command, ending: Ending, *, hold: float | None = 0.0) -> UUID:
    """One attempt at a command, and the token that it was made under."""
    token = uuid(f"attempt at {asked.id} {await process.outbox.beat(uuid('me'))}")
    lane = send_lane(asked.key, asked.system)
    [leased] = (await process.outbox.claim([lane], holder=uuid("me"), token=token)).leased
    reason = None if ending is Ending.CONFIRMED else "in progress"
    ended = Ended(leased.command, token, leased.attempt, ending, None, FailureClass.UNAVAILABLE, "busy", reason, hold)
    await process.outbox.record([ended])
    return token


async def told(process: Process) -> list[dict[str, str]]:
    """The notices of cases, oldest first."""
    rows = await process.notices.pending(limit=99)
    return [orjson.loads(row.body) for row in rows if row.routing_key.startswith("case.")]


class TestOpening:
    async def test_a_head_is_told_of_once_when_its_term_is_over(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await store.pass_time(3.9 * HOUR)
        assert await look(process) == 0
        await store.pass_time(0.2 * HOUR)
        assert [await look(process) for _ in range(2)] == [1, 0]
        assert await look(store.process()) == 0
        assert await store.open_cases() == 1

    async def test_the_case_says_what_is_open_since_when_and_what_the_system_says(
        self, store: StoreStand, process: Process
    ) -> None:
        await ask(process, command())
        for _ in range(3):
            await tried(process, command(), Ending.DEFERRED)
        await store.pass_time(5 * HOUR)
        await look(process)
        [case] = await told(process)
        assert (case["what"], case["class"], case["code"], case["entity"], case["key"]) == (
            "opened", "timeout", "command_overdue", "timesheet", "T-1",
        )  # fmt: skip
        before, since, after = re.split(r" since (.*) UTC; ", case["reason"])
        assert before == "erp has not settled billable.create timesheet/T-1/1/1"
        asked_at = datetime.strptime(f"{since}Z", "%Y-%m-%d %H:%M%z")
        assert abs(await store.now() - asked_at - timedelta(hours=5)) < timedelta(minutes=2)
        assert after == "attempts: 3, last answer: in progress"

    async def test_one_that_was_never_sent_says_so(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await store.pass_time(5 * HOUR)
        await look(process)
        [case] = await told(process)
        assert case["reason"].endswith(" UTC; attempts: 0, last answer: none")

    async def test_a_system_without_a_place_in_the_policy_is_named(self, store: StoreStand, process: Process) -> None:
        await ask(process, command(system="old"))
        await store.pass_time(5 * HOUR)
        assert await look(process) == 0
        assert await look(process, replace(TERM, is_listed=False), "old") == 1
        [case] = await told(process)
        assert case["class"] == "mapping"
        assert case["reason"].endswith("; the policy file does not list old, so nothing is sent to it: add it")

    async def test_what_stands_behind_a_head_is_not_told_of(self, store: StoreStand, process: Process) -> None:
        await ask(process, command(line="1"), command(line="2"), command(line="1", system="psa"))
        await store.pass_time(5 * HOUR)
        assert [await look(process), await look(process, system="psa")] == [1, 1]

    async def test_a_parked_head_has_its_own_case(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        token = await tried(process, command(), Ending.REJECTED, hold=None)
        turn = settled(await process.row(SHEET), (command(), token), settlement=Settlement.PARKED)
        assert await process.commit(turn) == [Committed()]
        await store.pass_time(5 * HOUR)
        assert await look(process) == 0

    async def test_a_page_at_a_time_in_key_order(self, store: StoreStand, process: Process) -> None:
        keys = [ActorKey("timesheet", f"T-{number}") for number in (3, 1, 2)]
        for key in keys:
            await ask(process, command(key, "1"), command(key, "2"))
        await store.pass_time(5 * HOUR)
        first = await process.overdue.open_cases("erp", TERM, after=None, page=2)
        assert first == Looked(2, keys[2])
        assert await process.overdue.open_cases("erp", TERM, after=first.last, page=2) == Looked(1, None)
        assert await process.overdue.open_cases("erp", TERM, after=None, page=2) == Looked(0, keys[2])
        assert [case["key"] for case in await told(process)] == ["T-1", "T-2", "T-3"]

    async def test_of_nothing_nothing_is_told(self, process: Process) -> None:
        assert await process.overdue.open_cases("erp", TERM, after=None, page=2) == Looked(0, None)


class TestExplained:
    @pytest.mark.parametrize("scope", [Scope(), Scope("timesheet"), Scope("timesheet", "T-1")], ids=str)
    async def test_a_pause_explains_it_and_its_end_leaves_some_time(
        self, store: StoreStand, process: Process, scope: Scope
    ) -> None:
        await ask(process, command())
        pause = await process.pauses.begin(scope, **ANN)
        await store.pass_time(5 * HOUR)
        term = replace(TERM, grace=600)
        assert await look(process, term) == 0
        await process.pauses.end(pause.id, **ANN)
        assert await look(process, term) == 0
        await store.pass_time(601)
        assert await look(process, term) == 1

    async def test_a_pause_of_another_key_explains_nothing(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        pause = await process.pauses.begin(Scope("timesheet", "T-2"), **ANN)
        await store.pass_time(5 * HOUR)
        await process.pauses.end(pause.id, **ANN)
        assert await look(process, replace(TERM, grace=600)) == 1

    async def test_a_paused_system_explains_it_and_a_resume_leaves_some_time(
        self, store: StoreStand, process: Process
    ) -> None:
        await ask(process, command())
        await ask(process, command(OTHER_SHEET, system="psa"))
        await process.gates.pause("erp", **ANN)
        await store.pass_time(5 * HOUR)
        term = replace(TERM, grace=600)
        assert [await look(process, term), await look(process, term, "psa")] == [0, 1]
        await process.gates.resume("erp", **ANN)
        assert await look(process, term) == 0
        await store.pass_time(601)
        assert await look(process, term) == 1

    async def test_a_pause_of_a_system_that_nobody_lists_explains_nothing(
        self, store: StoreStand, process: Process
    ) -> None:
        await ask(process, command(system="old"))
        await process.gates.pause("old", **ANN)
        await store.pass_time(5 * HOUR)
        assert await look(process, TERM, "old") == 0
        assert await look(process, replace(TERM, is_listed=False), "old") == 1

    async def test_a_restore_holds_also_what_nobody_lists(self, store: StoreStand, process: Process) -> None:
        await ask(process, command(system="old"))
        await process.restores.declare(since=None, found=Found.DECLARED, actor="ann", reason="a base was restored")
        await store.pass_time(5 * HOUR)
        unlisted = replace(TERM, is_listed=False)
        assert await look(process, unlisted, "old") == 0
        await process.restores.release(**ANN)
        assert await look(process, unlisted, "old") == 1

    async def test_refused_credentials_are_one_case_of_the_system(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        token = uuid("token")
        [leased] = (await process.outbox.claim([send_lane()], holder=uuid("me"), token=token)).leased
        heard = Heard(Speech.REFUSED, RULE)
        await process.outbox.record([Ended(leased.command, token, 1, Ending.DEFERRED, hold=0.0, heard=heard)])
        await store.pass_time(5 * HOUR)
        assert await look(process) == 0
        assert await store.open_cases() == 1

    async def test_a_shut_breaker_explains_nothing(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        token = uuid("token")
        [leased] = (await process.outbox.claim([send_lane()], holder=uuid("me"), token=token)).leased
        heard = Heard(Speech.FAILED, BreakerRule(failures=1, open_for=9 * HOUR, longest=9 * HOUR))
        await process.outbox.record([Ended(leased.command, token, 1, Ending.DEFERRED, hold=0.0, heard=heard)])
        await store.pass_time(5 * HOUR)
        assert await look(process) == 1

    async def test_a_restore_that_is_held_explains_it(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await process.restores.declare(since=None, found=Found.DECLARED, actor="ann", reason="a base was restored")
        await store.pass_time(5 * HOUR)
        assert await look(process) == 0
        await process.restores.release(**ANN)
        assert [await look(process, replace(TERM, grace=600)), await look(process)] == [0, 1]

    async def test_a_retry_leaves_some_time(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        token = await tried(process, command(), Ending.UNKNOWN, hold=None)
        await process.commit(settled(await process.row(SHEET), (command(), token), settlement=Settlement.PARKED))
        await store.pass_time(5 * HOUR)
        await process.acts.retry(SHEET, actor="ann", reason="x")
        assert [await look(process, replace(TERM, grace=600)), await look(process)] == [0, 1]


class TestClosing:
    async def test_it_closes_when_the_command_is_settled_and_is_told(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await store.pass_time(5 * HOUR)
        await look(process)
        assert await process.overdue.close_cases(page=9) == 0
        token = await tried(process, command(), Ending.CONFIRMED, hold=None)
        await process.commit(settled(await process.row(SHEET), (command(), token)))
        assert [await process.overdue.close_cases(page=9) for _ in range(2)] == [1, 0]
        assert await store.open_cases() == 0
        assert [case["what"] for case in await told(process)] == ["opened", "closed"]

    async def test_it_closes_when_the_command_is_parked(self, store: StoreStand, process: Process) -> None:
        await ask(process, command())
        await store.pass_time(5 * HOUR)
        await look(process)
        token = await tried(process, command(), Ending.REJECTED, hold=None)
        await process.commit(settled(await process.row(SHEET), (command(), token), settlement=Settlement.PARKED))
        assert await process.overdue.close_cases(page=9) == 1

    async def test_a_page_at_a_time(self, store: StoreStand, process: Process) -> None:
        for key in (SHEET, OTHER_SHEET):
            await ask(process, command(key))
        await store.pass_time(5 * HOUR)
        await look(process)
        for key in (SHEET, OTHER_SHEET):
            token = await tried(process, command(key), Ending.CONFIRMED, hold=None)
            await process.commit(settled(await process.row(key), (command(key), token)))
        assert [await process.overdue.close_cases(page=1) for _ in range(3)] == [1, 1, 0]

    async def test_the_next_head_is_told_of_when_its_own_term_is_over(
        self, store: StoreStand, process: Process
    ) -> None:
        await ask(process, command(line="1"))
        await store.pass_time(2 * HOUR)
        await ask(process, command(line="2"))
        await store.pass_time(3 * HOUR)
        assert await look(process) == 1
        token = await tried(process, command(line="1"), Ending.CONFIRMED, hold=None)
        await process.commit(settled(await process.row(SHEET), (command(line="1"), token)))
        assert await look(process) == 0
        await store.pass_time(2 * HOUR)
        assert await look(process) == 1


class TestSystems:
    async def test_those_with_commands_are_counted_but_for_the_named(self, store: StoreStand, process: Process) -> None:
        await ask(process, command(line="1", system="old"), command(line="2", system="old"), command())
        await store.pass_time(HOUR)
        asked_at = await store.now() - timedelta(hours=1)
        await ask(process, command(OTHER_SHEET, system="old"))
        assert [found.system for found in await process.overdue.systems(but=[])] == ["erp", "old"]
        [old] = await process.overdue.systems(but={"erp": 1, "psa": 2})
        assert (old.system, old.commands) == ("old", 3)
        assert abs(old.oldest - asked_at) < timedelta(minutes=1)

    async def test_without_commands_there_is_none(self, process: Process) -> None:
        assert await process.overdue.systems(but=["erp"]) == []

"""Policies: which is in force, what was in force before, and what a new one may let go on, on both stores."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.ports.policies import How, PolicyNotFound, PolicyOvertaken
from adapters.ports.turns import Committed, Opened
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, batch, message, queued
from tests.fixtures.because import Because

ANN: Because = {"actor": "ann", "reason": "Norway joins"}
START: Because = {"actor": "policy", "reason": "the process started"}


class TestActivation:
    async def test_before_the_first_start_none_is_in_force(self, process: Process) -> None:
        assert await process.policies.active() is None
        assert await process.policies.history(before=None, limit=9) == []

    async def test_the_first_start_puts_its_file_in_force_and_another_process_follows(self, store: StoreStand) -> None:
        first = await store.process().policies.begin("one", "text of one", **START)
        assert (first.hash, first.how, first.actor) == ("one", How.START, "policy")
        other = store.process().policies
        assert await other.begin("one", "text of one", **START) == first
        assert await other.active() == first
        assert await other.text("one") == "text of one"

    async def test_a_reload_is_in_force_from_then_on(self, process: Process) -> None:
        before = await process.policies.begin("one", "text of one", **START)
        now = await process.policies.load("two", "text of two", **ANN)
        assert (now.hash, now.how, now.actor, now.reason) == ("two", How.RELOAD, "ann", "Norway joins")
        assert now.id > before.id
        assert await process.policies.active() == now

    async def test_it_is_remembered_whether_what_stands_still_is_left_to_a_replay(self, store: StoreStand) -> None:
        policies = store.process().policies
        assert (await policies.begin("one", "text of one", **START)).retries
        assert not (await policies.load("two", "text of two", **ANN, retries=False)).retries
        assert (await policies.load("two", "text of two", **ANN)).retries
        back = await policies.roll_back("one", **ANN, retries=False)
        assert not back.retries
        assert await store.process().policies.active() == back

    async def test_a_text_is_kept_as_it_was_first_and_may_come_into_force_again(self, process: Process) -> None:
        await process.policies.begin("one", "text of one", **START)
        again = await process.policies.load("one", "text of one", **ANN)
        assert [each.id for each in await process.policies.history(before=None, limit=9)] == [again.id, again.id - 1]

    async def test_a_restart_with_a_file_that_nobody_touched_keeps_the_rollback(self, process: Process) -> None:
        policies = process.policies
        await policies.begin("one", "text of one", **START)
        await policies.load("two", "text of two", **ANN)
        back = await policies.roll_back("one", **ANN)
        assert (back.hash, back.how) == ("one", How.ROLLBACK)
        assert await policies.begin("two", "text of two", **START) == back
        # But a file that was changed meanwhile is what somebody wants
        changed = await policies.begin("three", "text of three", **START)
        assert (changed.hash, changed.how) == ("three", How.START)

    async def test_a_start_with_a_superseded_file_takes_back_nothing(self, store: StoreStand) -> None:
        # Given two hosts with copies of a file, of which one has loaded another text since
        one, other = store.process().policies, store.process().policies
        await one.begin("one", "text of one", **START)
        now = await one.load("two", "text of two", **ANN)
        # When the other one starts again with its old copy
        begun = await other.begin("one", "text of one", **START)
        # Then what was loaded stays in force
        assert begun == await one.active() == now
        # And so it does for the next one, after whom the old text was loaded on purpose
        meant = await one.load("one", "text of one", **ANN)
        assert await other.begin("two", "text of two", **START) == meant

    async def test_what_was_never_loaded_is_not_found(self, process: Process) -> None:
        await process.policies.begin("one", "text of one", **START)
        with pytest.raises(PolicyNotFound):
            await process.policies.roll_back("none", **ANN)
        with pytest.raises(PolicyNotFound):
            await process.policies.text("none")
        active = await process.policies.active()
        assert active is not None
        assert active.hash == "one"

    async def test_the_history_is_read_in_pages_newest_first(self, process: Process) -> None:
        made = [await process.policies.load(f"{n}", "text", **ANN) for n in range(5)]
        page = await process.policies.history(before=None, limit=2)
        rest = await process.policies.history(before=page[-1].id, limit=9)
        assert [*page, *rest] == made[::-1]

    async def test_who_did_it_and_why_is_audited(self, store: StoreStand) -> None:
        policies = store.process().policies
        await policies.begin("one", "text", **START)
        await policies.load("two", "text", **ANN)
        await policies.roll_back("one", **ANN)
        assert await store.acts() == [
            ("policy", "policy.start", "one: the process started"),
            ("ann", "policy.reload", "two: Norway joins"),
            ("ann", "policy.rollback", "one: Norway joins"),
        ]


async def park(process: Process, key: ActorKey, id: str, failure_class: FailureClass) -> None:
    """Let a message of a key be parked with a case."""
    parked = message(id)
    turn = queued(await process.row(key), parked, state=LaneState.PARKED)
    turn.judged[0] = turn.judged[0]._replace(verdict=Verdict.PARKED)
    turn.opened.append(Opened(Case(Failure(failure_class, "code", "why")), ref=parked.ref))
    assert await process.commit(turn) == [Committed()]


class TestUnmapped:
    async def test_open_cases_of_a_missing_mapping_are_found_in_order(self, process: Process) -> None:
        await park(process, SHEET, "e1", FailureClass.MAPPING)
        await park(process, OTHER_SHEET, "e2", FailureClass.BUSINESS_RULE)
        await park(process, ActorKey("timesheet", "T-3"), "e3", FailureClass.MAPPING)
        unmapped = process.unmapped
        newest = await unmapped.newest()
        found = await unmapped.cases(after=0, through=newest, limit=9)
        assert [(case.key.id, case.topic) for case in found] == [(SHEET.id, None), ("T-3", None)]
        assert found[-1].id == newest
        assert [case.key.id for case in await unmapped.cases(after=found[0].id, through=newest, limit=9)] == ["T-3"]
        assert [case.key.id for case in await unmapped.cases(after=0, through=newest - 1, limit=9)] == [SHEET.id]
        assert len(await unmapped.cases(after=0, through=newest, limit=1)) == 1

    async def test_a_case_that_is_closed_is_none(self, process: Process) -> None:
        await park(process, SHEET, "e1", FailureClass.MAPPING)
        await process.acts.retry(SHEET, actor="policy", reason="mapped now")
        assert await process.unmapped.newest() == 0

    async def test_what_was_tried_is_remembered(self, store: StoreStand) -> None:
        assert not await store.process().unmapped.is_tried(7)
        for _ in range(2):
            await store.process().unmapped.tried(7)
        assert await store.process().unmapped.is_tried(7)
        await store.process().unmapped.untried(7)
        assert not await store.process().unmapped.is_tried(7)

    async def test_a_topic_that_is_opened_again_has_another_version(self, process: Process) -> None:
        versions = []
        for id in ("e1", "e2"):
            turn = applied(await process.row(SHEET), message(id))
            turn.opened.append(Opened(Case(Failure(FailureClass.MAPPING, "code", "why"), topic="validate")))
            assert await process.commit(turn) == [Committed()]
            [case] = await process.unmapped.cases(after=0, through=await process.unmapped.newest(), limit=9)
            versions.append(case.version)
        assert versions[0] < versions[1]


class TestTimeline:
    async def test_each_line_of_a_commit_names_the_policy(self, store: StoreStand) -> None:
        process = store.process()
        turn = queued(await process.row(SHEET), message("e1"), state=LaneState.OPEN)
        [answer] = await process.commits.commit(replace(batch(turn), policy="0123456789ab"))
        assert answer == Committed()
        assert await store.policies_of_timeline() == ["0123456789ab"]


async def test_what_was_decided_about_another_policy_in_force_changes_nothing(process: Process) -> None:
    policies = process.policies
    first = await policies.begin("one", "text of one", **ANN)
    second = await policies.load("two", "text of two", **ANN, after=first.id)
    with pytest.raises(PolicyOvertaken):
        await policies.load("three", "text", **ANN, after=first.id)
    with pytest.raises(PolicyOvertaken):
        await policies.roll_back("one", **ANN, after=first.id)
    assert await policies.active() == second
    assert (await policies.roll_back("one", **ANN, after=second.id)).hash == "one"

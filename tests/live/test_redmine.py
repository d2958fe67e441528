"""The Redmine adapter on a real Redmine: what a stand-in cannot prove."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

import orjson
import pytest
from pydantic import ValidationError

from adapters.ports.system import Absent
from adapters.redmine.changes import TimeEntryFeed
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields, RedmineSettings
from adapters.redmine.system import Redmine
from schemas.commands import Command, Confirmed, Deferred, Rejected, Unknown
from schemas.keys import ActorKey
from schemas.timesheet.v1 import Approved, Withdrawn
from schemas.verdicts import FailureClass
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.unreliable import Fault, Unreliable, unreliable

pytestmark = pytest.mark.live

DAY = date(2026, 3, 2)
ACTIVE, LOCKED = 1, 3
"""Status of an account (`Principal` in Redmine 5.0)."""


def settings(redmine: LocalRedmine, login: str = "gateway", key: str | None = None) -> RedmineSettings:
    made = redmine.made
    fields = RedmineFields(
        project_id=made.project_fields["Gateway project id"],
        erp_id=made.project_fields["ERP project id"],
        legal_entity=made.project_fields["Legal entity"],
        currency=made.project_fields["Currency"],
        approval=made.approval_field,
    )
    return RedmineSettings("psa", redmine.url, made.users[login].key if key is None else key, fields)


@pytest.fixture
async def system(redmine: LocalRedmine) -> AsyncIterator[Redmine]:
    adapter = Redmine(settings(redmine), reads_changes=True)
    yield adapter
    await adapter.close()


@pytest.fixture
async def feed(redmine: LocalRedmine) -> AsyncIterator[TimeEntryFeed]:
    adapter = TimeEntryFeed(
        settings(redmine), RedmineFeedSettings(not_billable=("architect",)), lambda: datetime.now(UTC)
    )
    yield adapter
    await adapter.close()


@pytest.fixture
async def between(redmine: LocalRedmine) -> AsyncIterator[Unreliable]:
    async with unreliable(redmine.url) as standing:
        yield standing


@pytest.fixture
async def behind(redmine: LocalRedmine, between: Unreliable) -> AsyncIterator[Redmine]:
    """The adapter, with calls that can be spoiled."""
    adapter = Redmine(replace(settings(redmine), url=between.url))
    yield adapter
    await adapter.close()


def command(project_id: str, **changed: str) -> Command:
    body = {"project_id": project_id, "erp_id": "77", "name": "Roll-out", "legal_entity": "US01", "currency": "USD"}
    return Command(
        id=uuid5(NAMESPACE_OID, project_id),
        system="psa",
        operation="project.put",
        key=ActorKey("project", project_id),
        line="psa",
        generation=1,
        body=orjson.dumps(body | changed),
        reference=f"project/{project_id}/psa/1",
    )


async def carrying(psa: Rest, redmine: LocalRedmine, project_id: str) -> list[int]:
    """Projects that carry our id, by Redmine's own word."""
    field = redmine.made.project_fields["Gateway project id"]
    answer = await psa.call("GET", "/projects.json", limit="100")
    return [
        project["id"]
        for project in answer["projects"]
        if {"id": field, "name": "Gateway project id", "value": project_id} in project["custom_fields"]
    ]


async def test_a_project_is_made_once_and_brought_to_another_state(
    system: Redmine, psa: Rest, redmine: LocalRedmine
) -> None:
    # Given a project that is not there
    first = command("RED-1")
    assert await system.look_up(first) == Absent()
    # When it is sent several times, then one is made
    outcome = await system.send(first)
    assert isinstance(outcome, Confirmed)
    assert await system.send(first) == await system.look_up(first) == outcome
    assert [str(number) for number in await carrying(psa, redmine, "RED-1")] == [outcome.external_id]
    # When another state of it is sent, then it has that one
    second = command("RED-1", name="Roll-out II", erp_id="78")
    assert await system.look_up(second) == Absent()
    assert await system.send(second) == outcome
    assert await system.look_up(second) == outcome
    assert await system.look_up(first) == Absent()


@pytest.mark.parametrize("project_id", ["20261", "new", "autocomplete", "Größe | ~7, A/B", "R" * 150, " 漢字"])
async def test_any_id_of_ours_finds_its_project_again(system: Redmine, project_id: str) -> None:
    outcome = await system.send(command(project_id))
    assert isinstance(outcome, Confirmed)
    assert await system.send(command(project_id)) == outcome
    assert await system.look_up(command(project_id)) == outcome


async def test_somebody_elses_identifier_is_left_alone(system: Redmine, psa: Rest) -> None:
    theirs = await psa.add_project("red-2", "Theirs", {})
    outcome = await system.send(command("RED-2"))
    assert isinstance(outcome, Rejected)
    assert outcome.failure.failure_class is FailureClass.DUPLICATE
    project = await psa.call("GET", f"/projects/{theirs}.json")
    assert project["project"]["name"] == "Theirs"


async def test_two_projects_with_our_id_stop_the_command(system: Redmine, psa: Rest) -> None:
    for identifier in ("red-3-a", "red-3-b"):
        await psa.add_project(identifier, identifier, {"Gateway project id": "RED-3"})
    outcome = await system.send(command("RED-3"))
    assert isinstance(outcome, Rejected)
    assert "red-3-a" in outcome.failure.reason
    assert "red-3-b" in outcome.failure.reason


async def test_redmines_own_words_come_through(system: Redmine, psa: Rest, redmine: LocalRedmine) -> None:
    outcome = await system.send(command("RED-4", name="  "))
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.failure_class, outcome.failure.reason) == (
        FailureClass.BUSINESS_RULE,
        "Name cannot be blank.",
    )
    assert await carrying(psa, redmine, "RED-4") == []


async def test_an_effect_without_an_answer_is_unknown_and_found(
    behind: Redmine, between: Unreliable, psa: Rest, redmine: LocalRedmine
) -> None:
    between.fault = Fault.UNANSWERED
    assert isinstance(await behind.send(command("RED-20")), Unknown)
    [made] = await carrying(psa, redmine, "RED-20")
    assert await behind.look_up(command("RED-20")) == Confirmed(str(made))


async def test_an_attempt_that_was_lost_is_unknown_and_absent(behind: Redmine, between: Unreliable) -> None:
    between.fault = Fault.LOST
    assert isinstance(await behind.send(command("RED-21")), Unknown)
    assert await behind.look_up(command("RED-21")) == Absent()
    assert isinstance(await behind.send(command("RED-21")), Confirmed)


async def test_a_late_effect_is_unknown_absent_and_then_found(
    behind: Redmine, between: Unreliable, psa: Rest, redmine: LocalRedmine
) -> None:
    between.fault = Fault.LATE
    assert isinstance(await behind.send(command("RED-22")), Unknown)
    assert await behind.look_up(command("RED-22")) == Absent()
    assert await between.release() == 201
    [made] = await carrying(psa, redmine, "RED-22")
    assert await behind.look_up(command("RED-22")) == await behind.send(command("RED-22")) == Confirmed(str(made))


async def test_an_attempt_that_comes_after_the_next_one_is_refused_by_redmine(
    behind: Redmine, between: Unreliable, psa: Rest, redmine: LocalRedmine
) -> None:
    # Given an attempt that is late
    between.fault = Fault.LATE
    assert isinstance(await behind.send(command("RED-23")), Unknown)
    # When the next one is sent too early, and the late one lands after it
    outcome = await behind.send(command("RED-23"))
    assert await between.release() == 422
    # Then there is one project all the same
    assert [outcome] == [Confirmed(str(made)) for made in await carrying(psa, redmine, "RED-23")]


async def test_who_is_throttled_comes_back(behind: Redmine, between: Unreliable) -> None:
    between.fault = Fault.THROTTLED
    outcome = await behind.send(command("RED-24"))
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.failure_class, outcome.retry_after) == (FailureClass.RATE_LIMITED, 1.0)
    assert isinstance(await behind.send(command("RED-24")), Confirmed)


async def test_a_closed_project_stays_as_it_is(system: Redmine, manager: Rest) -> None:
    made = await system.send(command("RED-5"))
    assert isinstance(made, Confirmed)
    await manager.call("PUT", f"/projects/{made.external_id}/close.json")
    for again in (command("RED-5"), command("RED-5", name="Other")):
        outcome = await system.send(again)
        assert isinstance(outcome, Rejected)
        assert outcome.failure.code == "project_closed"


async def test_an_archived_project_is_no_absent_one(system: Redmine, manager: Rest) -> None:
    made = await system.send(command("RED-6"))
    assert isinstance(made, Confirmed)
    await manager.call("PUT", f"/projects/{made.external_id}/archive.json")
    outcome = await system.send(command("RED-6"))
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_hidden"
    assert await system.look_up(command("RED-6")) == Unknown(outcome.failure)


async def test_a_wrong_key_waits_and_a_missing_right_does_not(redmine: LocalRedmine, psa: Rest) -> None:
    for key, kind in (("wrong", Deferred), (redmine.made.users["ann"].key, Rejected)):
        other = Redmine(settings(redmine, key=key))
        outcome = await other.send(command("RED-7"))
        assert isinstance(outcome, kind)
        assert outcome.failure.failure_class is FailureClass.AUTH
        await other.close()
    assert await carrying(psa, redmine, "RED-7") == []


async def test_the_gateways_user_lacks_nothing_and_a_consultant_does(redmine: LocalRedmine, system: Redmine) -> None:
    found = await system.inspect()
    assert found.identity == "user gateway, no administrator"
    assert [right for right in found.rights if right.missing] == []
    shows = replace(settings(redmine), operations=frozenset({"project.put", "receivable.put"}))
    showing = Redmine(shows)
    assert [right for right in (await showing.inspect()).rights if right.missing] == []
    await showing.close()
    ann = Redmine(settings(redmine, "ann"), reads_changes=True)
    lacks = {right.name for right in (await ann.inspect()).rights if right.missing}
    assert "permission add_project" in lacks
    await ann.close()


async def facts(feed: TimeEntryFeed, entry: int) -> list[tuple[str, Approved]]:
    """Versions and sheets of an approved entry that a whole look gives."""
    return [(version, Approved.model_validate_json(data)) for version, data in await versions(feed, entry)]


async def versions(feed: TimeEntryFeed, entry: int) -> list[tuple[str, bytes]]:
    """Versions of an entry that a whole look gives, and what each says."""
    found: list[tuple[str, bytes]] = []
    start: str | None = None
    until = await feed.now() + timedelta(hours=1)
    while True:
        page = await feed.page(None, until, start)
        for change in page.changes:
            if change.version.id == str(entry):
                found += [(change.version.version, fact.data) for fact in change.facts]
        start = page.next
        if start is None:
            return found


async def settled(feed: TimeEntryFeed, sheet: Approved) -> None:
    """Wait until the reader would take the sheet at the earliest: Redmine stamps in whole seconds."""
    left = sheet.approved_at + timedelta(seconds=1) - await feed.now()
    await asyncio.sleep(max(left.total_seconds(), 0.0))


async def test_time_is_told_once_approved_again_when_changed_and_taken_back(
    redmine: LocalRedmine, system: Redmine, feed: TimeEntryFeed, manager: Rest, ann: Rest
) -> None:
    # Given a project of the gateway, with hours that a consultant submitted
    made = await system.send(command("RED-8"))
    assert isinstance(made, Confirmed)
    project = int(made.external_id or "")
    await manager.join(project, "ann")
    entry = await ann.log_time(project, "consultant", DAY, Decimal("3.25"))
    assert await facts(feed, entry) == []
    # When they are approved, then they are told
    await manager.judge(entry, "approved")
    [(first, sheet)] = await facts(feed, entry)
    assert (sheet.legal_entity, sheet.currency, sheet.employee.id) == ("US01", "USD", "ann")
    assert (sheet.project.system, sheet.project.external_id) == ("psa", str(project))
    [line] = sheet.lines
    assert (line.work_date, line.hours, line.role, line.billable) == (DAY, Decimal("3.25"), "consultant", True)
    # When they are changed after that, then another version is told
    await settled(feed, sheet)
    await manager.call("PUT", f"/time_entries/{entry}.json", {"time_entry": {"hours": "4.5"}})
    [(second, changed)] = await facts(feed, entry)
    assert second != first
    assert changed.revision > sheet.revision
    assert changed.lines[0].hours == Decimal("4.50")
    # When they are submitted again, then nothing is told; when they are rejected, that nothing of them counts
    await manager.judge(entry, "submitted")
    assert await facts(feed, entry) == []
    await manager.judge(entry, "rejected")
    [(third, withdrawn)] = await versions(feed, entry)
    assert third not in (first, second)
    assert Withdrawn.model_validate_json(withdrawn).revision > changed.revision


async def test_time_of_a_locked_account_comes_without_an_employee_until_it_is_unlocked(
    redmine: LocalRedmine, system: Redmine, feed: TimeEntryFeed, manager: Rest, ann: Rest
) -> None:
    made = await system.send(command("RED-12"))
    assert isinstance(made, Confirmed)
    project = int(made.external_id or "")
    await manager.join(project, "ann")
    entry = await ann.log_time(project, "consultant", DAY, Decimal(8))
    await manager.judge(entry, "approved")
    account = f"/users/{redmine.made.users['ann'].id}.json"
    # When the account is locked, then the door would refuse the sheet for its employee
    await manager.call("PUT", account, {"user": {"status": LOCKED}})
    try:
        with pytest.raises(ValidationError, match=r"employee\.id"):
            await facts(feed, entry)
    finally:
        await manager.call("PUT", account, {"user": {"status": ACTIVE}})
    # When it is unlocked, then the sheet has its employee
    [(_, sheet)] = await facts(feed, entry)
    assert sheet.employee.id == "ann"


async def test_time_that_is_not_billed_is_told_so(
    system: Redmine, feed: TimeEntryFeed, manager: Rest, ann: Rest
) -> None:
    made = await system.send(command("RED-9"))
    assert isinstance(made, Confirmed)
    project = int(made.external_id or "")
    await manager.join(project, "ann")
    entry = await ann.log_time(project, "architect", DAY, Decimal(8))
    await manager.judge(entry, "approved")
    [(_, sheet)] = await facts(feed, entry)
    assert not sheet.lines[0].billable


async def test_time_of_projects_that_are_not_ours_is_not_told(
    psa: Rest, feed: TimeEntryFeed, manager: Rest, ann: Rest
) -> None:
    project = await psa.add_project("red-10", "Holidays", {})
    await manager.join(project, "ann")
    entry = await ann.log_time(project, "consultant", DAY, Decimal(8))
    await manager.judge(entry, "approved")
    assert await facts(feed, entry) == []


async def test_a_list_of_several_pages_is_read_whole(
    system: Redmine, feed: TimeEntryFeed, manager: Rest, ann: Rest
) -> None:
    # Given more entries than a call lists
    made = await system.send(command("RED-11"))
    assert isinstance(made, Confirmed)
    project = int(made.external_id or "")
    await manager.join(project, "ann")
    entries = [await ann.log_time(project, "consultant", DAY, Decimal("0.25")) for _ in range(105)]
    for entry in (entries[0], entries[-1]):
        await manager.judge(entry, "approved")
    # Then those at both ends are read
    found = [len(await facts(feed, entry)) for entry in (entries[0], entries[1], entries[-1])]
    assert found == [1, 0, 1]


async def test_redmine_still_cannot_search_time_by_its_change(psa: Rest) -> None:
    """The reason for reading whole lists (`adapters.redmine.changes`): should it fail, there is a better way."""
    everything = await psa.call("GET", "/time_entries.json", limit="1")
    future = await psa.call("GET", "/time_entries.json", limit="1", updated_on=">=2999-01-01T00:00:00Z")
    assert future["total_count"] == everything["total_count"]

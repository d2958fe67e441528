"""Redmine as a system, against one that fails, races, and forgets when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import orjson
import pytest
from aiohttp import web

from adapters.ports.system import Absent, UnknownOperation, Upsert
from adapters.redmine.settings import RedmineSettings
from adapters.redmine.system import Redmine
from schemas.commands import Command, Confirmed, Deferred, Rejected, Unknown
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass
from tests.adapters.redmine.stand_in import KEY, StandIn, json_response

PUT = {"project_id": "OPP-1-US01", "erp_id": "77", "name": "Rollout", "legal_entity": "US01", "currency": "USD"}
OURS = {"cf_1": "OPP-1-US01", "cf_2": "77", "cf_3": "US01", "cf_4": "USD"}
PROJECTS = "/projects.json"
IDENTITY = "/users/current.json"


def command(**changed: str) -> Command:
    body = PUT | changed
    return Command(
        id=UUID("5b0f3c52-8f0e-8d3a-9c55-6f1f0a7f4f10"),
        system="psa",
        operation="project.put",
        key=ActorKey("project", body["project_id"]),
        line="psa",
        generation=1,
        body=orjson.dumps(body),
        reference="project/OPP-1-US01/psa/1",
    )


def writes(redmine: StandIn) -> list[str]:
    return [each for each in redmine.requests if not each.startswith("GET ")]


async def test_a_project_is_made_once_and_is_then_left_alone(redmine: StandIn, system: Redmine) -> None:
    assert await system.look_up(command()) == Absent()
    assert await system.send(command()) == Confirmed("1")
    assert await system.send(command()) == Confirmed("1")
    assert await system.look_up(command()) == Confirmed("1")
    assert writes(redmine) == ["POST /projects.json"]


async def test_a_project_in_another_state_is_changed_where_it_differs(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS | {"cf_2": "12"})["enabled_modules"] = [{"id": 3, "name": "wiki"}]
    assert await system.look_up(command()) == Absent()
    assert await system.send(command()) == Confirmed("1")
    [project] = redmine.projects
    assert (project["name"], project["custom_fields"][1]["value"]) == ("Rollout", "77")
    assert [module["name"] for module in project["enabled_modules"]] == ["wiki", "time_tracking"]


async def test_who_we_are_is_asked_once_before_a_list_is_believed(redmine: StandIn, system: Redmine) -> None:
    for _ in range(3):
        await system.look_up(command())
    assert redmine.requests.count(f"GET {IDENTITY}") == 1
    assert redmine.requests[0] == f"GET {IDENTITY}"


async def test_without_a_key_that_counts_nothing_is_absent(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS)
    redmine.keys.clear()
    for found in (await system.look_up(command()), await system.send(command())):
        assert isinstance(found, Deferred)
        assert found.failure.failure_class is FailureClass.AUTH
        assert "REST API is switched on" in found.failure.reason
    assert len(redmine.projects) == 1


async def test_two_projects_with_our_id_need_a_person(redmine: StandIn, system: Redmine) -> None:
    redmine.project("one", **OURS)
    redmine.project("two", **OURS)
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.failure_class is FailureClass.DUPLICATE
    assert "one (1) and two (2)" in outcome.failure.reason
    assert isinstance(await system.look_up(command()), Unknown)


@pytest.mark.parametrize(
    ("theirs", "named"), [("OPP_9", "carries the project id OPP_9"), ("", "carries no project id")]
)
async def test_an_identifier_that_is_somebody_elses_is_not_taken(
    redmine: StandIn, system: Redmine, theirs: str, named: str
) -> None:
    redmine.project("opp-1-us01", cf_1=theirs)
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.failure_class, outcome.failure.code) == (FailureClass.DUPLICATE, "identifier_taken")
    assert named in outcome.failure.reason
    assert await system.look_up(command()) == Absent()
    assert writes(redmine) == []


async def test_a_project_that_we_may_not_see_is_said_so(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS)
    redmine.hidden.add("opp-1-us01")
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_hidden"
    found = await system.look_up(command())
    assert isinstance(found, Unknown)
    assert found.failure == outcome.failure


async def test_a_project_of_our_name_without_an_id_may_be_ours(redmine: StandIn, system: Redmine) -> None:
    # Given that Redmine makes the project, drops our fields without a word, and does not answer
    async def bare(request: web.Request) -> web.Response:
        made = redmine.project("opp-1-us01")
        made["name"] = orjson.loads(await request.read())["project"]["name"]
        return web.Response(status=502)

    redmine.before("POST", PROJECTS, bare)
    assert isinstance(await system.send(command()), Unknown)
    # When it is looked up, then it is neither there nor absent
    found = await system.look_up(command())
    assert isinstance(found, Unknown)
    assert found.failure.code == "identifier_taken"
    # And a person's word settles it
    redmine.projects[0]["name"] = "Theirs"
    assert await system.look_up(command()) == Absent()


async def test_a_project_whose_id_we_may_not_see_may_be_ours(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS)["custom_fields"] = []
    redmine.answer("GET", PROJECTS, json_response({"projects": []}))
    assert isinstance(await system.look_up(command()), Unknown)


async def test_a_project_that_came_after_the_search_is_found(redmine: StandIn, system: Redmine) -> None:
    async def before_it_came(_: web.Request) -> web.Response:
        redmine.project("opp-1-us01", **OURS)["name"] = "Rollout"
        return json_response({"projects": []})

    redmine.before("GET", PROJECTS, before_it_came)
    assert await system.look_up(command()) == Confirmed("1")


async def test_a_field_that_is_not_searched_is_no_proof_of_absence(redmine: StandIn, settings: RedmineSettings) -> None:
    redmine.project("other", cf_1="OPP-2-US01")
    system = Redmine(replace(settings, fields=replace(settings.fields, project_id=99)))
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.failure_class, outcome.failure.code) == (FailureClass.MAPPING, "field_not_searched")
    found = await system.look_up(command())
    assert isinstance(found, Unknown)
    assert found.failure == outcome.failure
    assert writes(redmine) == []
    await system.close()


async def test_a_missing_right_refuses_one_command_and_not_the_system(redmine: StandIn, system: Redmine) -> None:
    redmine.answer("POST", PROJECTS, web.Response(status=403))
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.failure_class is FailureClass.AUTH
    assert "`Create project`" in outcome.failure.reason
    redmine.project("opp-1-us01", **OURS)
    redmine.answer("PUT", "/projects/1.json", web.Response(status=403))
    outcome = await system.send(command(name="Other"))
    assert isinstance(outcome, Rejected)
    assert "`Edit project`" in outcome.failure.reason


@pytest.mark.parametrize("stands", ["as it should", "otherwise"])
async def test_a_closed_project_is_not_taken_for_one_that_can_be_worked_on(
    redmine: StandIn, system: Redmine, stands: str
) -> None:
    if stands == "as it should":
        assert isinstance(await system.send(command()), Confirmed)
        redmine.projects[0]["status"] = 5
    else:
        redmine.project("opp-1-us01", **OURS)["status"] = 5
    before = writes(redmine)
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_closed"
    assert "new project id" in outcome.failure.reason
    assert writes(redmine) == before
    assert isinstance(await system.look_up(command()), Unknown)


async def test_a_refusal_is_told_in_redmines_own_words(redmine: StandIn, system: Redmine) -> None:
    errors = json_response({"errors": ["Name cannot be blank", f"Key {KEY} is odd"]}, 422)
    redmine.answer("POST", PROJECTS, json_response({"errors": ["Name cannot be blank", "Currency is invalid"]}, 422))
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.failure_class is FailureClass.BUSINESS_RULE
    assert outcome.failure.reason == "Name cannot be blank. Currency is invalid."
    redmine.answer("POST", PROJECTS, errors)
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert KEY not in outcome.failure.reason


async def _cut(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def _never(_: web.Request) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("act", [_cut, _never])
async def test_a_write_without_an_answer_is_unknown_and_a_read_is_not(
    redmine: StandIn, settings: RedmineSettings, act: Callable[[web.Request], Awaitable[None]]
) -> None:
    system = Redmine(replace(settings, timeout=0.5, connect_timeout=5.0))
    assert await system.look_up(command()) == Absent()
    redmine.before("POST", PROJECTS, act)
    assert isinstance(await system.send(command()), Unknown)
    for _ in range(2):  # aiohttp asks once more on a broken connection
        redmine.before("GET", PROJECTS, act)
    assert isinstance(await system.send(command()), Deferred)
    redmine.acts.clear()
    for _ in range(2):
        redmine.before("GET", PROJECTS, act)
    assert isinstance(await system.look_up(command()), Unknown)
    await system.close()


async def test_a_change_on_a_broken_connection_is_sent_once(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS)
    redmine.before("PUT", "/projects/1.json", _cut)
    assert isinstance(await system.send(command()), Unknown)
    assert writes(redmine) == ["PUT /projects/1.json"]


async def test_a_whole_attempt_is_bounded_in_time(redmine: StandIn, settings: RedmineSettings) -> None:
    # Given a Redmine that takes less than the bound for each of its calls, and more for all of them
    system = Redmine(replace(settings, timeout=0.5, connect_timeout=0.2))
    redmine.project("opp-1-us01", **OURS)

    async def slowly(_: web.Request) -> None:
        await asyncio.sleep(0.3)

    redmine.before("GET", IDENTITY, slowly)
    redmine.before("GET", PROJECTS, slowly)
    # When a command is sent, then its time is over before anything is written
    outcome = await system.send(command())
    assert isinstance(outcome, Deferred)
    assert outcome.failure.failure_class is FailureClass.TIMEOUT
    assert writes(redmine) == []
    await system.close()


@pytest.mark.parametrize("status", [500, 502, 503, 404, 409])
async def test_a_write_that_is_answered_oddly_is_unknown(redmine: StandIn, system: Redmine, status: int) -> None:
    redmine.answer("POST", PROJECTS, web.Response(status=status))
    outcome = await system.send(command())
    assert isinstance(outcome, Unknown)
    assert await system.look_up(command()) == Absent()


@pytest.mark.parametrize("status", [500, 502, 503, 302, 404])
async def test_a_read_that_is_answered_oddly_has_done_nothing(redmine: StandIn, system: Redmine, status: int) -> None:
    redmine.answer("GET", PROJECTS, web.Response(status=status))
    outcome = await system.send(command())
    assert isinstance(outcome, Deferred)
    assert outcome.failure.failure_class is FailureClass.UNAVAILABLE
    assert writes(redmine) == []


async def test_throttling_is_asked_back_later(redmine: StandIn, system: Redmine) -> None:
    throttled = web.Response(status=429, headers={"Retry-After": "7"})
    redmine.answer("POST", PROJECTS, throttled)
    outcome = await system.send(command())
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.failure_class, outcome.retry_after) == (FailureClass.RATE_LIMITED, 7.0)


async def test_what_redmine_drops_without_a_word_is_noticed(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", **OURS)
    redmine.answer("PUT", "/projects/1.json", web.Response(status=204))
    outcome = await system.send(command())
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == "not_kept"


async def test_a_refusal_is_no_refusal_where_a_late_attempt_has_made_the_project(
    redmine: StandIn, system: Redmine
) -> None:
    async def late(_: web.Request) -> None:
        redmine.project("opp-1-us01", **OURS)["name"] = "Rollout"

    redmine.before("POST", PROJECTS, late)
    assert await system.send(command()) == Confirmed("1")


async def test_a_project_that_came_meanwhile_and_differs_is_seen_to_next(redmine: StandIn, system: Redmine) -> None:
    async def late(_: web.Request) -> None:
        redmine.project("opp-1-us01", **OURS)

    redmine.before("POST", PROJECTS, late)
    outcome = await system.send(command())
    assert isinstance(outcome, Deferred)
    assert outcome.failure.failure_class is FailureClass.CONFLICT
    assert await system.send(command()) == Confirmed("1")


async def test_somebody_elses_project_that_came_meanwhile_is_named(redmine: StandIn, system: Redmine) -> None:
    async def theirs(_: web.Request) -> None:
        redmine.project("opp-1-us01", cf_1="OPP-9")

    redmine.before("POST", PROJECTS, theirs)
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "identifier_taken"


async def test_a_refusal_is_not_believed_where_what_came_meanwhile_may_be_ours(
    redmine: StandIn, system: Redmine
) -> None:
    async def hidden(_: web.Request) -> None:
        redmine.project("opp-1-us01")
        redmine.hidden.add("opp-1-us01")

    redmine.before("POST", PROJECTS, hidden)
    outcome = await system.send(command())
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == "project_hidden"


async def test_a_refusal_that_cannot_be_checked_is_unknown(redmine: StandIn, system: Redmine) -> None:
    async def refused(_: web.Request) -> web.Response:
        redmine.answer("GET", PROJECTS, web.Response(status=502))
        return json_response({"errors": ["Identifier has already been taken"]}, 422)

    redmine.before("POST", PROJECTS, refused)
    assert isinstance(await system.send(command()), Unknown)


async def test_an_answer_over_the_cap_is_not_read(redmine: StandIn, settings: RedmineSettings) -> None:
    system = Redmine(replace(settings, read_cap=200))
    for number in range(10):
        redmine.project(f"p-{number}", cf_1="OPP-1-US01")
    outcome = await system.send(command())
    assert isinstance(outcome, Deferred)
    assert outcome.failure.code == "too_long"
    await system.close()


async def test_a_body_that_is_no_project_is_refused(redmine: StandIn, system: Redmine) -> None:
    odd = command()._replace(body=b'{"project_id": "E1"}')
    outcome = await system.send(odd)
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.failure_class, outcome.failure.field) == (FailureClass.SCHEMA, "name")
    assert await system.look_up(odd) == Absent()
    assert redmine.requests == []


async def test_other_operations_are_not_taken(system: Redmine) -> None:
    other = command()._replace(operation="billable.post")
    for call in (system.send, system.look_up):
        with pytest.raises(UnknownOperation, match=r"takes project\.put, project\.withdraw, and not billable\.post"):
            await call(other)


async def test_declarations_say_what_is_promised(system: Redmine) -> None:
    project, entry = system.declarations()
    capability = system.capability("project.put")
    withdrawal = system.capability("project.withdraw")
    assert project.operations == {"project.put": capability, "project.withdraw": withdrawal}
    assert (withdrawal.upsert, withdrawal.resend_is_safe) == (Upsert.NATIVE_EXTERNAL_ID, True)
    assert (capability.upsert, capability.resend_is_safe, capability.look_up) == (
        Upsert.SEARCH_THEN_CREATE,
        False,
        True,
    )
    assert (project.record, entry.record, entry.operations) == ("project", "time_entry", {})

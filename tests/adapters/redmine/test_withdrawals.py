"""Projects of cancelled deals are closed in Redmine, against one that fails and forgets when it is told to."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import orjson
import pytest
from aiohttp import web

from adapters.ports.system import Absent
from adapters.redmine.settings import RedmineSettings
from adapters.redmine.system import Redmine
from schemas.commands import Command, Confirmed, Deferred, Rejected, Unknown
from schemas.keys import ActorKey
from tests.adapters.redmine.stand_in import StandIn

WITHDRAW = {
    "project_id": "OPP-1-US01", "psa_id": "1", "legal_entity": "US01", "currency": "USD", "reason": "The deal is off.",
}  # fmt: skip
SHOWN = "/projects/1.json"
CLOSING = "/projects/1/close.json"


def command(**changed: str) -> Command:
    return Command(
        id=UUID("5b0f3c52-8f0e-8d3a-9c55-6f1f0a7f4f11"),
        system="psa",
        operation="project.withdraw",
        key=ActorKey("engagement", "OPP-1"),
        line="US01.undo_delivery.1",
        generation=1,
        body=orjson.dumps(WITHDRAW | changed),
        reference="engagement/OPP-1/US01.undo_delivery.1/1",
    )


def writes(redmine: StandIn) -> list[str]:
    return [each for each in redmine.requests if not each.startswith("GET ")]


async def test_a_project_is_closed_once_and_is_then_left_alone(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")
    assert await system.look_up(command()) == Absent()
    assert await system.send(command()) == Confirmed("1")
    assert await system.send(command()) == Confirmed("1")
    assert await system.look_up(command()) == Confirmed("1")
    assert writes(redmine) == [f"PUT {CLOSING}"]


async def test_one_that_is_archived_takes_no_time_either(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")["status"] = 9
    assert await system.send(command()) == Confirmed("1")
    assert writes(redmine) == []


@pytest.mark.parametrize("psa_id", ["7", "opp-1-us01"])
async def test_one_that_is_not_there_is_a_persons_matter(redmine: StandIn, system: Redmine, psa_id: str) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")
    outcome = await system.send(command(psa_id=psa_id))
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_unknown"
    assert await system.look_up(command(psa_id=psa_id)) == Absent()


async def test_one_of_another_project_id_is_left_alone(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-2-US01")
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_differs"
    assert await system.look_up(command()) == Absent()
    assert writes(redmine) == []


async def test_one_whose_id_is_hidden_may_be_ours(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01")["custom_fields"] = []
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert await system.look_up(command()) == Unknown(outcome.failure)


async def test_one_that_is_hidden_proves_nothing(redmine: StandIn, system: Redmine) -> None:
    redmine.answer("GET", SHOWN, web.Response(status=403))
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_hidden"
    redmine.answer("GET", SHOWN, web.Response(status=403))
    assert await system.look_up(command()) == Unknown(outcome.failure)


async def test_a_missing_right_names_the_permission(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")
    redmine.answer("PUT", CLOSING, web.Response(status=403))
    outcome = await system.send(command())
    assert isinstance(outcome, Rejected)
    assert "`Close / reopen the project`" in outcome.failure.reason


async def test_what_is_not_kept_is_unknown(redmine: StandIn, system: Redmine) -> None:
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")
    redmine.answer("PUT", CLOSING, web.Response(status=204))
    outcome = await system.send(command())
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == "not_kept"


async def test_a_closing_without_an_answer_is_unknown_and_a_read_is_not(
    redmine: StandIn, settings: RedmineSettings
) -> None:
    system = Redmine(replace(settings, timeout=0.5))
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")
    redmine.answer("PUT", CLOSING, web.Response(status=502))
    assert isinstance(await system.send(command()), Unknown)
    redmine.answer("GET", SHOWN, web.Response(status=502))
    assert isinstance(await system.send(command()), Deferred)
    redmine.answer("GET", SHOWN, web.Response(status=502))
    assert isinstance(await system.look_up(command()), Unknown)
    await system.close()

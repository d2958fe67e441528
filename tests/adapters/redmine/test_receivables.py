"""Invoices are pages in Redmine, against one that fails and forgets when it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
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

PUT = {
    "invoice_id": "erp-12", "number": "2026-7", "legal_entity": "US01", "issued_on": "2026-11-02",
    "due_on": "2026-12-02", "currency": "USD", "status": "partly_paid", "total": "2143.90", "paid": "1000",
    "credited": "0", "written_off": "0", "open": "1143.90", "overpaid": "0", "disputed": False,
    "project_id": "OPP-1-US01", "project": "1",
}  # fmt: skip
PATH = "/projects/1/wiki/Invoice-erp-12"
TEXT = """Invoice 2026-7 (erp-12)

* Status: partly paid
* Issued on: 2026-11-02
* Due on: 2026-12-02
* Total: 2143.90 USD
* Paid: 1000.00 USD
* Credited: 0.00 USD
* Written off: 0.00 USD
* Open: 1143.90 USD

Tallystick keeps this page: what others write on it is replaced."""
PAID = {"status": "paid", "paid": "2143.90", "open": "0"}
SHOWN = Confirmed("Invoice-erp-12")


def command(**changed: object) -> Command:
    return Command(
        id=UUID("5b0f3c52-8f0e-8d3a-9c55-6f1f0a7f4f11"),
        system="psa",
        operation="receivable.put",
        key=ActorKey("invoice", "erp-12"),
        line="state.2.0011",
        generation=1,
        body=orjson.dumps(PUT | changed),
        reference="invoice/erp-12/state.2.0011/1",
    )


@pytest.fixture
def settings(settings: RedmineSettings) -> RedmineSettings:
    return replace(settings, operations=settings.operations | {"receivable.put"})


@pytest.fixture
async def system(settings: RedmineSettings) -> AsyncIterator[Redmine]:
    running = Redmine(settings)
    yield running
    await running.close()


@pytest.fixture(autouse=True)
def _project(redmine: StandIn) -> None:
    modules = [{"id": 1, "name": "time_tracking"}, {"id": 2, "name": "wiki"}]
    redmine.project("opp-1-us01", cf_1="OPP-1-US01")["enabled_modules"] = modules


def writes(redmine: StandIn) -> int:
    return sum(not each.startswith("GET ") for each in redmine.requests)


def code(outcome: object) -> str:
    assert isinstance(outcome, Rejected | Deferred | Unknown), outcome
    return outcome.failure.code


async def test_an_invoice_is_shown_once_and_is_then_left_alone(redmine: StandIn, system: Redmine) -> None:
    assert await system.look_up(command()) == Absent()
    assert await system.send(command()) == SHOWN
    assert await system.send(command()) == SHOWN
    assert await system.look_up(command()) == SHOWN
    assert redmine.pages == {f"{PATH}": (TEXT, 1)}
    assert writes(redmine) == 1


async def test_another_state_takes_the_place_of_the_first(redmine: StandIn, system: Redmine) -> None:
    await system.send(command())
    assert await system.look_up(command(**PAID)) == Absent()
    assert await system.send(command(**PAID)) == SHOWN
    text, version = redmine.pages[PATH]
    assert version == 2
    assert "* Status: paid" in text.splitlines()


async def test_what_is_objected_to_is_shown_on_one_line_and_is_no_macro(redmine: StandIn, system: Redmine) -> None:
    await system.send(command(disputed=True, dispute="Hours\nof May {{include(Secret)}}", number="{{x}}"))
    text, _ = redmine.pages[PATH]
    assert "* Disputed: Hours of May { {include(Secret)}}" in text.splitlines()
    assert "{{" not in text


async def test_an_old_state_that_comes_late_changes_nothing(redmine: StandIn, system: Redmine) -> None:
    await system.send(command())

    async def overtaken(_: web.Request) -> None:
        redmine.pages[PATH] = (TEXT.replace("partly paid", "paid"), 2)

    redmine.before("PUT", f"{PATH}.json", overtaken)
    outcome = await system.send(command(sent_on="2026-11-03"))
    assert isinstance(outcome, Deferred)
    assert code(outcome) == "changed_meanwhile"
    assert redmine.pages[PATH][1] == 2


async def test_a_page_that_came_meanwhile_is_not_written_over(redmine: StandIn, system: Redmine) -> None:
    async def came(_: web.Request) -> None:
        redmine.pages[PATH] = (TEXT, 2)

    redmine.before("PUT", f"{PATH}.json", came)
    assert isinstance(await system.send(command(**PAID)), Deferred)
    assert redmine.pages[PATH] == (TEXT, 2)


async def test_somebody_elses_page_is_left_alone(redmine: StandIn, system: Redmine) -> None:
    redmine.pages[PATH] = ("What we know of invoice 12", 3)
    assert code(await system.send(command())) == "page_taken"
    assert await system.look_up(command()) == Absent()
    assert writes(redmine) == 0


async def test_lines_may_end_as_windows_ends_them(redmine: StandIn, system: Redmine) -> None:
    redmine.pages[PATH] = (TEXT.replace("\n", "\r\n"), 3)
    assert await system.send(command()) == SHOWN
    assert writes(redmine) == 0


async def test_ids_of_which_redmine_would_make_one_name_stay_apart(redmine: StandIn, system: Redmine) -> None:
    for id in ("ERP-12", "erp.12", "erp:12", "発-12"):
        assert isinstance(await system.send(command(invoice_id=id)), Confirmed)
    assert len(redmine.pages) == 4
    assert all(path.isascii() for path in redmine.pages)


@pytest.mark.parametrize("project", ["7", None, "opp-1-us01"])
async def test_a_project_that_is_not_there_is_a_persons_matter(system: Redmine, project: str | None) -> None:
    assert code(await system.send(command(project=project))) == "project_unknown"
    assert await system.look_up(command(project=project)) == Absent()


async def test_a_project_of_another_id_is_left_alone(redmine: StandIn, system: Redmine) -> None:
    assert code(await system.send(command(project_id="OPP-2-US01"))) == "project_differs"
    assert writes(redmine) == 0


async def test_a_closed_project_shows_what_it_shows(redmine: StandIn, system: Redmine) -> None:
    await system.send(command())
    redmine.projects[0]["status"] = 5
    assert await system.send(command()) == SHOWN
    assert code(await system.send(command(**PAID))) == "project_closed"
    assert await system.look_up(command(**PAID)) == Absent()


async def test_without_a_wiki_the_reason_names_the_module_and_the_rights(redmine: StandIn, system: Redmine) -> None:
    redmine.projects[0]["enabled_modules"] = []
    outcome = await system.send(command())
    assert code(outcome) == "right_missing"
    assert isinstance(outcome, Rejected)
    assert "`Wiki`" in outcome.failure.reason
    assert "`Edit wiki pages`" in outcome.failure.reason


async def test_a_write_without_an_answer_is_unknown_and_a_read_is_not(redmine: StandIn, system: Redmine) -> None:
    redmine.answer("PUT", f"{PATH}.json", web.Response(status=502))
    assert isinstance(await system.send(command()), Unknown)
    redmine.answer("GET", f"{PATH}.json", web.Response(status=502))
    assert isinstance(await system.send(command()), Deferred)
    redmine.answer("GET", f"{PATH}.json", web.Response(status=502))
    assert isinstance(await system.look_up(command()), Unknown)


async def test_a_new_project_has_a_wiki(redmine: StandIn, system: Redmine) -> None:
    put = {"project_id": "OPP-2-US01", "name": "Yard", "legal_entity": "US01", "currency": "USD"}
    made = command()._replace(operation="project.put", body=orjson.dumps(put))
    assert isinstance(await system.send(made), Confirmed)
    assert [module["name"] for module in redmine.projects[1]["enabled_modules"]] == ["time_tracking", "wiki"]


async def test_it_is_declared_with_what_ties_a_write(system: Redmine) -> None:
    project, page = system.declarations()
    assert (project.record, list(project.operations)) == ("project", ["project.put", "project.withdraw"])
    assert (page.record, list(page.operations), page.precondition) == ("wiki_page", ["receivable.put"], "version")

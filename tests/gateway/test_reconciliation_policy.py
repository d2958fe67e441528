"""Reconciliations in the policy file: their times, and each mistake at its line."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.ports.postings import Postings
from gateway.app_systems import system_of, systems
from gateway.policy_file import read_policy
from gateway.recon.schedule import ReconciliationPolicy, slot_of
from tests.adapters.tryton.server import Server, serving
from tests.adapters.tryton.test_invoice_changes import holds
from tests.adapters.tryton.test_postings import TASK, TIME, USD
from tests.gateway.test_policy_file import GOOD, TRYTON, mistakes, write

LINE = "service_lines: [advisory]\n"
NIGHTLY = "reconciliations: {nightly: {system: books}}\n"
TOKEN = "    token: sandbox-token\n"


def test_a_schedule_is_read_with_what_is_left_out(tmp_path: Path) -> None:
    text = GOOD.replace(TOKEN, f"{TOKEN}    postings: /postings\n") + "reconciliations: {nightly: {system: erp}}\n"
    policy = read_policy(write(tmp_path, text))
    assert policy.reconciliations == {"nightly": ReconciliationPolicy(system="erp", every_hours=24, days=35)}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{system: sap}", "reconciliations.nightly.system: 'sap' is not under `systems`"),
        ("{system: erp}", "reconciliations.nightly.system: the books of erp cannot be read: give it `postings`"),
        ("{system: erp, every_hours: 0}", "reconciliations.nightly.every_hours"),
        ("{system: erp, every_hours: 5}", "reconciliations.nightly.every_hours: write 1, 2, 3, 4, 6, 8, 12, or a"),
        ("{system: erp, every_hours: 36}", "reconciliations.nightly.every_hours: write 1, 2, 3, 4, 6, 8, 12, or a"),
        ("{system: erp, entity: customer}", "reconciliations.nightly.entity"),
    ],
)
def test_each_mistake_is_told_at_its_line(tmp_path: Path, said: str, told: str) -> None:
    [mistake] = mistakes(tmp_path, LINE, f"{LINE}reconciliations: {{nightly: {said}}}\n")
    assert mistake.startswith(f"policy.yaml:8: {told}")


def test_a_legal_entity_that_is_not_listed_is_told(tmp_path: Path) -> None:
    text = GOOD.replace(TOKEN, f"{TOKEN}    postings: /postings\n")
    text += "reconciliations: {nightly: {system: erp, legal_entity: FR01}}\n"
    with pytest.raises(ValueError, match="FR01 is not listed in legal_entities"):
        read_policy(write(tmp_path, text))


@pytest.mark.parametrize("hours", [1, 2, 3, 4, 6, 8, 12, 24, 48, 168, 744])
def test_whatever_is_allowed_begins_at_a_midnight(hours: int) -> None:
    schedule = ReconciliationPolicy(system="erp", every_hours=hours)
    midnights = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day) for day in range(31)]
    second = timedelta(seconds=1)
    begins = [slot_of(schedule, at) - slot_of(schedule, at - second) for at in midnights]
    assert sum(begins) >= len(midnights) * 24 // max(hours, 24)
    assert hours > 24 or set(begins) == {1}


@pytest.mark.parametrize(("hours", "changes_at"), [(24, 0), (6, 12)])
def test_times_are_counted_from_midnight_utc(hours: int, changes_at: int) -> None:
    schedule = ReconciliationPolicy(system="erp", every_hours=hours)
    at = datetime(2026, 3, 20, changes_at, tzinfo=UTC)
    before, after = at.replace(minute=0).timestamp() - 1, at.timestamp() + 1
    slots = [slot_of(schedule, datetime.fromtimestamp(moment, UTC)) for moment in (before, at.timestamp(), after)]
    assert slots[1] == slots[2] == slots[0] + 1


@pytest.mark.parametrize(
    "asked",
    [
        "operations: [customer.put, billable.post]",
        "operations: [customer.put]\n    changes: {source: erp, begins_on: 2026-11-01, reads: [invoices]}",
    ],
)
async def test_the_books_of_a_tryton_can_be_read_where_something_there_is_ours(tmp_path: Path, asked: str) -> None:
    text = GOOD + TRYTON.replace("operations: [customer.put]", asked) + NIGHTLY
    policy = read_policy(write(tmp_path, text))
    assert policy.reconciliations["nightly"].system == "books"
    system = system_of("books", policy.systems["books"])
    assert isinstance(system, Postings)
    await system.close()


async def test_the_books_of_a_tryton_cannot_be_read_where_nothing_is(tmp_path: Path) -> None:
    system = system_of("books", read_policy(write(tmp_path, GOOD + TRYTON)).systems["books"])
    assert not isinstance(system, Postings)
    await system.close()
    with pytest.raises(ValueError, match="the books of books cannot be read"):
        read_policy(write(tmp_path, GOOD + TRYTON + NIGHTLY))


async def test_amounts_of_its_books_are_rounded_as_the_legal_entity_rounds(tmp_path: Path) -> None:
    server, company = Server(), {"id": 1, "party.": {"id": 1, "name": "Northwind Beratung GmbH"}, "currency.": USD}
    quarter = {**TIME, "duration": timedelta(minutes=15), "company.": company}
    holds(server, "timesheet.line", [quarter])
    holds(server, "project.work", [{**TASK, "list_price": Decimal("187.30")}])
    rounded = GOOD.replace("    currency: EUR\n", "    currency: EUR\n    rounding: half_even\n")
    async with serving(server) as settings, AsyncExitStack() as running:
        tryton = TRYTON.replace("customer.put", "billable.post").replace("secret-1", "right")
        text = rounded + tryton.replace("https://tryton.example", settings.url)
        made = systems(read_policy(write(tmp_path, text)))
        for system in made.values():
            running.push_async_callback(system.close)
        books = made["books"]
        assert isinstance(books, Postings)
        page = await books.postings(date(2026, 11, 1), date(2026, 11, 30), None)
    assert [each.amount for each in page.standings] == [Decimal("46.82")]

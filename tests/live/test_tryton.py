"""Tryton's adapter on a live server: races, sessions that end, postings at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import uuid4

import asyncpg
import pytest

from adapters.ports.system import Absent
from adapters.tryton.client import Client
from adapters.tryton.failures import Failed
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.system import Tryton
from schemas.commands import Command, Confirmed, Deferred, Rejected, Unknown, command_id, command_reference
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCancel, ProjectCreate, RolePrice
from schemas.operations.table import Body
from tests.live.rpc import Rpc
from tests.live.seeded import LEGAL_ENTITIES, password
from tests.live.tryton import LocalTryton

pytestmark = pytest.mark.live

WRITERS: Final = 6
OPERATIONS: Final = frozenset({"customer.put", "project.create", "project.cancel", "billable.post", "billable.reverse"})


def settings(tryton: LocalTryton) -> TrytonSettings:
    return TrytonSettings(
        name="erp", url=tryton.url, database="erp", user="gateway", password=password("gateway"),
        companies=LEGAL_ENTITIES, operations=OPERATIONS, product="CONSULTING",
    )  # fmt: skip


def command(operation: str, key: ActorKey, line: str, body: Body, generation: int = 1) -> Command:
    return Command(
        command_id("erp", operation, key, line, generation), "erp", operation, key, line, generation, body.to_json(),
        command_reference(key, line, generation),
    )  # fmt: skip


def customer(code: str, **changed: object) -> CustomerPut:
    body = CustomerPut(
        customer_id=code, legal_entity="US01", name="Acme", country="US", tax_id="12-3456789", tax_code="Standard",
        currency="USD", payment_terms="30 days", on_hold=False,
    )  # fmt: skip
    return body.model_copy(update=changed)


def put(body: CustomerPut, line: str = "US01.1") -> Command:
    return command("customer.put", ActorKey("customer", body.customer_id), line, body)


@pytest.fixture
async def systems(tryton: LocalTryton) -> AsyncIterator[list[Tryton]]:
    """Six adapters, each with a session of its own, as in six processes."""
    async with AsyncExitStack() as closing:
        made = [Tryton(settings(tryton)) for _ in range(WRITERS)]
        for each in made:
            closing.push_async_callback(each.close)
        yield made


@pytest.fixture
async def database(tryton: LocalTryton) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The ERP's database, for what a judge wants to know of it."""
    connection = await asyncpg.connect(tryton.database_url("erp"))
    yield connection
    await connection.close()


Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def confirmed(system: Tryton, asked: Command) -> str:
    outcome = await system.send(asked)
    assert isinstance(outcome, Confirmed), outcome
    return f"{outcome.external_id}"


async def project(system: Tryton, code: str) -> str:
    """A customer and a project of it, with one role; the project's number in Tryton."""
    party = await confirmed(system, put(customer(code)))
    body = ProjectCreate(
        project_id=f"{code}-US01", customer=party, legal_entity="US01", currency="USD", name="Yard",
        service_line="consulting", billing_method="time_and_materials", contract_reference="S-1",
        starts_on=date(2026, 1, 1), roles=(RolePrice(role="consultant", rate=Decimal("187.25")),),
    )  # fmt: skip
    return await confirmed(system, command("project.create", ActorKey("project", body.project_id), "shell", body))


def hours(work: str, **changed: object) -> dict[str, object]:
    return {
        "project": work, "legal_entity": "US01", "currency": "USD", "amount": Decimal("702.19"),
        "hours": Decimal("3.75"), "rate": Decimal("187.25"), "role": "consultant", "employee": "ann",
        "work_date": date(2026, 11, 2), "sheet_id": uuid4().hex, "line_id": "1", "contract_reference": "S-1",
        "tax_code": "Standard",
    } | changed  # fmt: skip


async def test_a_project_that_was_taken_back_is_not_set_up_for_another_deal(systems: list[Tryton]) -> None:
    code = f"AGAIN-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    body = ProjectCancel(project_id=f"{code}-US01", erp_id=work, legal_entity="US01", currency="USD", reason="given up")
    key = ActorKey("engagement", code)
    await confirmed(systems[0], command("project.cancel", key, "US01.undo_shell.1", body))
    party = await confirmed(systems[0], put(customer(code)))
    second = ProjectCreate(
        project_id=f"{code}-US01", customer=party, legal_entity="US01", currency="USD", name="Yard",
        service_line="consulting", billing_method="time_and_materials", contract_reference="S-2",
        starts_on=date(2026, 1, 1),
    )  # fmt: skip
    again = command("project.create", ActorKey("engagement", f"{code}-2"), "US01.shell.1", second)
    outcome = await systems[1].send(again)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "project_cancelled"
    assert isinstance(await systems[1].look_up(again), Unknown)


async def test_six_writers_race_to_make_one_customer(systems: list[Tryton], database: Database) -> None:
    body = customer(f"RACE-{uuid4().hex[:8]}")
    outcomes = await asyncio.gather(*(system.send(put(body, f"US01.{n}")) for n, system in enumerate(systems)))
    # A writer that meets another one's write at the same moment comes again; nobody fails, and all know one record.
    assert {type(outcome) for outcome in outcomes} <= {Confirmed, Deferred}
    ids = {await confirmed(system, put(body, f"US01.{n}")) for n, system in enumerate(systems)}
    rows = await database.fetch("SELECT id FROM party_party WHERE code = $1", body.customer_id)
    assert ids == {str(row["id"]) for row in rows}
    assert len(rows) == 1
    assert await database.fetchval("SELECT count(*) FROM party_identifier WHERE party = $1", rows[0]["id"]) == 1


async def test_sessions_that_end_cost_no_message(systems: list[Tryton], database: Database) -> None:
    codes = [f"SESSION-{number}-{uuid4().hex[:8]}" for number in range(40)]
    done: list[str] = []

    async def write(code: str) -> None:
        done.append(await confirmed(systems[0], put(customer(code))))
        if len(done) % 8 == 0:
            await database.execute("DELETE FROM ir_session")

    for first in range(0, len(codes), 4):
        await asyncio.gather(*(write(code) for code in codes[first : first + 4]))
    found = await database.fetchval("SELECT count(*) FROM party_party WHERE code = ANY ($1)", codes)
    assert found == len(codes) == len(set(done))


async def test_a_put_brings_the_party_to_its_state_and_a_late_one_changes_nothing(
    systems: list[Tryton], database: Database
) -> None:
    code = f"STATE-{uuid4().hex[:8]}"
    system = systems[0]
    number = int(await confirmed(system, put(customer(code))))
    assert await confirmed(system, put(customer(code, name="Acme Group", tax_code="Exempt"), "US01.2")) == str(number)
    assert isinstance(await system.look_up(put(customer(code, name="Acme Group", tax_code="Exempt"))), Confirmed)
    assert not isinstance(await system.look_up(put(customer(code))), Confirmed)
    assert await database.fetchval("SELECT name FROM party_party WHERE id = $1", number) == "Acme Group"
    # The same rule in another company is that company's own record.
    await confirmed(system, put(customer(code, name="Acme Group", legal_entity="DE01"), "DE01.1"))
    rules = await database.fetch("SELECT company, customer_tax_rule FROM party_party_account WHERE party = $1", number)
    assert len({row["customer_tax_rule"] for row in rows_with_rule(rules)}) == 2


def rows_with_rule(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    return [row for row in rows if row["customer_tax_rule"] is not None]


async def test_time_is_booked_once_and_taken_back_once(systems: list[Tryton], database: Database) -> None:
    code = f"TIME-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    key = ActorKey("timesheet", code)
    post = command("billable.post", key, "1.r1", BillablePost(**hours(work)))  # type: ignore[arg-type]
    outcomes = await asyncio.gather(*(system.send(post) for system in systems))
    assert set(outcomes) == {outcomes[0]}
    query = (
        "SELECT count(*), sum(duration) FROM timesheet_line l JOIN timesheet_work w ON w.id = l.work"
        " JOIN project_work t ON w.origin = 'project.work,' || t.id WHERE t.parent = $1"
    )
    [(count, spent)] = await database.fetch(query, int(work))
    assert (count, spent.total_seconds()) == (1, 3.75 * 3600)
    taken = hours(work, hours=Decimal("-3.75"), amount=Decimal("-702.19"), reverses=post.reference)
    reverse = command("billable.reverse", key, "1.r1", BillableReverse(**taken))  # type: ignore[arg-type]
    assert {type(each) for each in await asyncio.gather(*(system.send(reverse) for system in systems))} <= {
        Confirmed, Deferred,
    }  # fmt: skip
    await confirmed(systems[0], reverse)
    # A copy of the booking that comes late finds its place taken, and does not say that the hours stand.
    assert isinstance(await systems[1].send(post), Unknown)
    [(count, spent)] = await database.fetch(query, int(work))
    assert (count, spent.total_seconds()) == (1, 0)


async def test_a_line_of_a_sheet_is_billed_once_under_whatever_reference(
    systems: list[Tryton], database: Database
) -> None:
    code = f"ONCE-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    key = ActorKey("timesheet", code)
    body = BillablePost(**hours(work, sheet_id=code))  # type: ignore[arg-type]
    await confirmed(systems[0], command("billable.post", key, "1.r1", body))
    # The database is restored to before that, and the sheet comes with a later revision.
    again = command("billable.post", key, "1.r2", body)
    assert isinstance(await systems[0].look_up(again), Unknown)
    outcome = await systems[0].send(again)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "booked_already"
    count = "SELECT count(*) FROM timesheet_line WHERE description = $1"
    assert await database.fetchval(count, f"{code} 1") == 1


async def test_a_line_that_somebody_changed_is_nothing_that_we_can_confirm(
    systems: list[Tryton], database: Database
) -> None:
    code = f"CHANGED-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    post = command("billable.post", ActorKey("timesheet", code), "1.r1", BillablePost(**hours(work, sheet_id=code)))  # type: ignore[arg-type]
    number = int(await confirmed(systems[0], post))
    await database.execute("UPDATE timesheet_line SET duration = interval '6 hours' WHERE id = $1", number)
    for outcome in (await systems[0].send(post), await systems[0].look_up(post)):
        assert isinstance(outcome, Unknown)
        assert outcome.failure.code == "line_differs"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rate": Decimal("187.26")}, "rate_differs"),
        ({"role": "cook"}, "task_unknown"),
        ({"employee": "nobody"}, "employee_unknown"),
        ({"legal_entity": "UK01"}, "company_unmapped"),
        ({"project": "PRJ-1"}, "project_unknown"),
    ],
)
async def test_what_does_not_fit_is_rejected_and_names_what_to_change(
    systems: list[Tryton], changed: dict[str, object], code: str
) -> None:
    work = await project(systems[0], "FIT")
    body = BillablePost(**hours(work, **changed))  # type: ignore[arg-type]
    outcome = await systems[0].send(command("billable.post", ActorKey("timesheet", "FIT"), f"{code}.r1", body))
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == code


def cancel(code: str, work: str) -> Command:
    body = ProjectCancel(
        project_id=f"{code}-US01", erp_id=work, legal_entity="US01", currency="USD", reason="The deal is off."
    )
    return command("project.cancel", ActorKey("engagement", code), "US01.undo_shell.1", body)


async def test_a_project_on_which_time_was_booked_is_not_taken_back(systems: list[Tryton], database: Database) -> None:
    code = f"BUSY-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    key = ActorKey("timesheet", code)
    post = command("billable.post", key, "1.r1", BillablePost(**hours(work)))  # type: ignore[arg-type]
    await confirmed(systems[0], post)
    outcome = await systems[0].send(cancel(code, work))
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "time_booked"
    assert await systems[0].look_up(cancel(code, work)) == Absent()
    query = "SELECT name FROM project_work_status WHERE id = (SELECT status FROM project_work WHERE id = $1)"
    assert await database.fetchval(query, int(work)) == "Open"


async def test_on_a_project_that_was_taken_back_nothing_is_booked(systems: list[Tryton]) -> None:
    code = f"OFF-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    outcomes = await asyncio.gather(*(system.send(cancel(code, work)) for system in systems))
    assert {type(outcome) for outcome in outcomes} <= {Confirmed, Deferred}
    assert await confirmed(systems[0], cancel(code, work)) == work
    post = command("billable.post", ActorKey("timesheet", code), "1.r1", BillablePost(**hours(work)))  # type: ignore[arg-type]
    outcome = await systems[0].send(post)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.code == "task_closed"


async def test_time_on_an_invoice_cannot_be_taken_back(systems: list[Tryton], erp: Rpc) -> None:
    code = f"BILLED-{uuid4().hex[:8]}"
    work = await project(systems[0], code)
    key = ActorKey("timesheet", code)
    post = command("billable.post", key, "1.r1", BillablePost(**hours(work)))  # type: ignore[arg-type]
    await confirmed(systems[0], post)
    await erp.call("model.project.work.invoice", [int(work)], company=1)
    taken = hours(work, hours=Decimal("-3.75"), amount=Decimal("-702.19"), reverses=post.reference)
    outcome = await systems[0].send(command("billable.reverse", key, "1.r1", BillableReverse(**taken)))  # type: ignore[arg-type]
    assert isinstance(outcome, Rejected)
    assert "invoiced" in outcome.failure.reason


async def test_a_wrong_password_is_told_as_such(tryton: LocalTryton) -> None:
    client = Client(TrytonSettings(
        name="erp", url=tryton.url, database="erp", user="nobody", password="wrong", companies={},
        operations=OPERATIONS,
    ))  # fmt: skip
    try:
        with pytest.raises(Failed) as caught:
            await client.ask("model.res.user.get_preferences", True)  # noqa: FBT003 - Tryton's order
        assert isinstance(caught.value.outcome, Deferred)
        assert caught.value.outcome.failure.code == "login_refused"
    finally:
        await client.close()


async def test_the_user_of_the_gateway_lacks_nothing_and_another_does(tryton: LocalTryton) -> None:
    system = Tryton(settings(tryton), reads=("invoices",))
    found = await system.inspect()
    await system.close()
    assert [right for right in found.rights if right.missing is not None] == []
    assert found.version == "8.0"

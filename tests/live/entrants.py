"""Live systems in the contract suite for systems (`tests/contracts/test_system.py`): each operation that they take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final, Generic, TypeVar
from uuid import uuid4

import asyncpg
import orjson

from adapters.ports.system import Capability
from adapters.redmine.declarations import project_put, project_withdraw, receivable_put
from adapters.redmine.settings import RedmineFields, RedmineSettings
from adapters.redmine.system import Redmine
from adapters.tryton.billables import Bookings, Reversals
from adapters.tryton.cancellations import Cancellations
from adapters.tryton.customers import Customers
from adapters.tryton.opportunities import Opportunities
from adapters.tryton.projects import Projects
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.system import Tryton
from schemas.commands import Command, Confirmed
from schemas.keys import ActorKey
from tests.contracts.system_entrants import LATE, Misbehaviour, Subject
from tests.live.books import psa_closed, psa_projects, psa_titles
from tests.live.opportunity import Seller, Sold
from tests.live.redmine import LocalRedmine
from tests.live.rest import Rest
from tests.live.rpc import Rpc
from tests.live.seeded import LEGAL_ENTITIES, password
from tests.live.tryton import LocalTryton
from tests.live.unreliable import Fault, Unreliable, unreliable

Json = dict[str, object]
Effects = Callable[[], AbstractAsyncContextManager[list[str]]]
Server = TypeVar("Server", LocalTryton, LocalRedmine)
LATE_BOUND: Final = 60.0
PSA_OPERATIONS: Final = frozenset({"project.put", "project.withdraw", "receivable.put"})
ERP_OPERATIONS: Final = frozenset(
    {"customer.put", "project.create", "project.cancel", "billable.post", "billable.reverse"}
)


LINKS: Final = """
SELECT substring(line FROM 'project ([^,]+),')
FROM sale_opportunity, unnest(string_to_array(comment, E'\\n')) line
WHERE line LIKE 'Tallystick: %'
"""


CANCELLED: Final = """
SELECT project.number FROM project_work project JOIN project_work_status status ON status.id = project.status
WHERE project.type = 'project' AND status.name = 'Done' AND project.comment LIKE '%Tallystick: cancelled: %'
"""


@dataclass(frozen=True, slots=True)
class LiveEntrant(Generic[Server]):
    """A live system that takes part: what it promises, and how a test gets hold of it on its server."""

    promise: Capability
    start: Callable[[Server], AbstractAsyncContextManager[Subject]]


@dataclass(frozen=True, slots=True)
class LiveMisbehaviour:
    """What stands before the system spoils its next writing call."""

    between: Unreliable
    come_back: Fault

    async def apply_unanswered(self) -> None:
        self.between.fault = Fault.UNANSWERED

    async def apply_late(self) -> None:
        self.between.release_after(LATE)
        self.between.fault = Fault.LATE

    async def fail(self) -> None:
        self.between.fault = Fault.LOST

    async def ask_to_come_back(self) -> None:
        self.between.fault = self.come_back


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a subject needs to know of one operation. `mark` is in all names, so that no two tests meet."""

    sound: Json
    unsound: Json
    effect_of: Callable[[Command], str]
    effects: str
    """SQL: the names of all effects."""
    other: Json | None = None


def _customer(mark: str) -> Json:
    return {
        "customer_id": f"CT-{mark}", "legal_entity": "US01", "name": "Acme", "country": "US", "tax_id": "12-3456789",
        "tax_code": "Standard", "currency": "USD", "payment_terms": "30 days", "on_hold": False,
    }  # fmt: skip


def _project(mark: str, party: str) -> Json:
    return {
        "project_id": f"PT-{mark}", "customer": party, "legal_entity": "US01", "currency": "USD", "name": "Yard",
        "service_line": "consulting", "billing_method": "time_and_materials", "contract_reference": "S-1",
        "starts_on": "2026-01-01", "roles": [{"role": "consultant", "rate": "187.25"}],
    }  # fmt: skip


def _booking(mark: str, work: str) -> Json:
    return {
        "project": work, "legal_entity": "US01", "currency": "USD", "amount": "702.19", "hours": "3.75",
        "rate": "187.25", "role": "consultant", "employee": "ann", "work_date": "2026-11-02", "sheet_id": mark,
        "line_id": "1", "contract_reference": "S-1", "tax_code": "Standard",
    }  # fmt: skip


def _field(name: str) -> Callable[[Command], str]:
    return lambda command: str(orjson.loads(command.body)[name])


async def _customer_put(mark: str, _: Tryton) -> Bodies:
    sound = _customer(mark)
    return Bodies(
        sound, sound | {"tax_code": "nope"}, _field("customer_id"), "SELECT code FROM party_party",
        sound | {"name": "Acme Group"},
    )  # fmt: skip


async def _project_create(mark: str, erp: Tryton) -> Bodies:
    sound = _project(mark, await _made(erp, "customer.put", mark, _customer(mark)))
    return Bodies(
        sound, sound | {"currency": "EUR"}, _field("project_id"),
        "SELECT number FROM project_work WHERE type = 'project' AND number IS NOT NULL",
        sound | {"project_id": f"PT-{mark}-2"},
    )  # fmt: skip


async def _project_cancel(mark: str, erp: Tryton) -> Bodies:
    party = await _made(erp, "customer.put", mark, _customer(mark))
    bodies: list[Json] = []
    for end in ("", "-2"):
        project = _project(mark + end, party)
        bodies.append(
            {
                "project_id": project["project_id"], "erp_id": await _made(erp, "project.create", mark + end, project),
                "legal_entity": "US01", "currency": "USD", "reason": "The deal is off.",
            }
        )  # fmt: skip
    sound, other = bodies
    return Bodies(sound, sound | {"erp_id": party + "000"}, _field("project_id"), CANCELLED, other)


async def _billable_post(mark: str, erp: Tryton) -> Bodies:
    party = await _made(erp, "customer.put", mark, _customer(mark))
    sound = _booking(mark, await _made(erp, "project.create", mark, _project(mark, party)))
    return Bodies(
        sound, sound | {"role": "cook"}, lambda command: command.reference,
        "SELECT uuid FROM timesheet_line WHERE uuid IS NOT NULL", sound | {"line_id": "2"},
    )  # fmt: skip


async def _billable_reverse(mark: str, erp: Tryton) -> Bodies:
    booked = (await _billable_post(mark, erp)).sound
    lines = {line: booked | {"line_id": line} for line in ("1", "2")}
    references = [_command("billable.post", mark, body, line).reference for line, body in lines.items()]
    for line, body in lines.items():
        await _made(erp, "billable.post", mark, body, line)
    taken = booked | {"hours": "-3.75", "amount": "-702.19"}
    return Bodies(
        taken | {"reverses": references[0]}, taken | {"reverses": "timesheet/nobody/1.r1/1"},
        lambda command: str(orjson.loads(command.body)["reverses"]),
        "SELECT uuid FROM timesheet_line WHERE duration = interval '0' AND uuid IS NOT NULL",
        taken | {"reverses": references[1]},
    )  # fmt: skip


MAKING: Final[Mapping[str, Callable[[str, Tryton], Awaitable[Bodies]]]] = {
    "customer.put": _customer_put,
    "project.create": _project_create,
    "project.cancel": _project_cancel,
    "billable.post": _billable_post,
    "billable.reverse": _billable_reverse,
}


@asynccontextmanager
async def _erp(operation: str, tryton: LocalTryton) -> AsyncIterator[Subject]:
    """An operation of Tryton as ERP."""
    mark = uuid4().hex[:10]
    async with AsyncExitStack() as closing:
        between = await closing.enter_async_context(unreliable(tryton.url))
        system = Tryton(_tryton("erp", between.url, ERP_OPERATIONS))
        closing.push_async_callback(system.close)
        bodies = await MAKING[operation](mark, system)
        effects = partial(_rows, tryton.database_url("erp"), bodies.effects)
        yield _subject(system, operation, mark, bodies, LiveMisbehaviour(between, Fault.LOCKED), effects)


@asynccontextmanager
async def _crm(tryton: LocalTryton) -> AsyncIterator[Subject]:
    """The link in Tryton as CRM, on an opportunity that was won for it."""
    mark = uuid4().hex[:10]
    async with AsyncExitStack() as closing:
        rpc = await closing.enter_async_context(Rpc(tryton.url, "crm", "seller"))
        seller = Seller(rpc, tryton.made("crm"))
        sold = [Sold("consultant", Decimal(1), Decimal(100))]
        won = await seller.win("US01", await seller.customer(f"LT-{mark}", "Acme"), "Contract", sold)
        between = await closing.enter_async_context(unreliable(tryton.url))
        system = Tryton(_tryton("crm", between.url, frozenset({"project.link"})))
        closing.push_async_callback(system.close)
        sound: Json = {"opportunity_id": str(won.id), "project_id": f"LT-{mark}", "erp_id": "12", "psa_id": "7"}
        query = LINKS
        other = sound | {"project_id": f"LT-{mark}-2"}
        bodies = Bodies(sound, sound | {"opportunity_id": "999999"}, _field("project_id"), query, other)
        effects = partial(_rows, tryton.database_url("crm"), query)
        yield _subject(system, "project.link", mark, bodies, LiveMisbehaviour(between, Fault.LOCKED), effects)


@asynccontextmanager
async def _psa(operation: str, redmine: LocalRedmine) -> AsyncIterator[Subject]:
    """An operation of Redmine, where another project, which the gateway may see, stands in the way."""
    mark = uuid4().hex[:10]
    async with AsyncExitStack() as closing:
        member = await closing.enter_async_context(Rest(redmine.url, redmine.made, "gateway"))
        taken = await member.add_project(f"taken-{mark}", "Somebody's", {})
        between = await closing.enter_async_context(unreliable(redmine.url))
        made = redmine.made
        fields = RedmineFields(
            made.project_fields["Gateway project id"], made.project_fields["ERP project id"],
            made.project_fields["Legal entity"], made.project_fields["Currency"], made.approval_field,
        )  # fmt: skip
        key = made.users["gateway"].key
        system = Redmine(RedmineSettings("psa", between.url, key, fields, PSA_OPERATIONS, late_bound=LATE_BOUND))
        closing.push_async_callback(system.close)
        put: Json = {
            "project_id": f"RT-{mark}", "erp_id": "7", "name": "Yard", "legal_entity": "US01", "currency": "USD",
        }  # fmt: skip
        bodies = Bodies(put, put | {"project_id": f"taken-{mark}"}, _field("project_id"), "", put | {"name": "Yard 2"})
        if operation == "project.withdraw":
            bodies = await _withdrawals(mark, system, put, taken)
        if operation == "receivable.put":
            bodies = await _receivables(mark, system, put, taken)

        @asynccontextmanager
        async def effects() -> AsyncIterator[list[str]]:
            match operation:
                case "project.put":
                    yield [project for project, _, _ in psa_projects(redmine)]
                case "project.withdraw":
                    yield psa_closed(redmine)
                case _:
                    yield psa_titles(redmine)

        yield _subject(system, operation, mark, bodies, LiveMisbehaviour(between, Fault.THROTTLED), effects)


async def _withdrawals(mark: str, psa: Redmine, put: Json, taken: int) -> Bodies:
    """What closes two projects that were put before; what is refused names another one's number."""
    bodies: list[Json] = []
    for end in ("", "-2"):
        project = put | {"project_id": f"RT-{mark}{end}"}
        bodies.append(
            {
                "project_id": project["project_id"], "psa_id": await _made(psa, "project.put", mark + end, project),
                "legal_entity": "US01", "currency": "USD", "reason": "The deal is off.",
            }
        )  # fmt: skip
    sound, other = bodies
    return Bodies(sound, sound | {"psa_id": str(taken)}, _field("project_id"), "", other)


async def _receivables(mark: str, psa: Redmine, put: Json, taken: int) -> Bodies:
    """Two invoices of a project that was put before; what is refused names another project's number."""
    sound: Json = {
        "invoice_id": f"rt-{mark}", "number": "7", "legal_entity": "US01", "issued_on": "2026-11-02",
        "due_on": "2026-12-02", "currency": "USD", "status": "posted", "total": "110.00", "paid": "0", "credited": "0",
        "written_off": "0", "open": "110.00", "overpaid": "0", "disputed": False, "project_id": put["project_id"],
        "project": await _made(psa, "project.put", mark, put),
    }  # fmt: skip

    def page(command: Command) -> str:
        return f"Invoice-{orjson.loads(command.body)['invoice_id']}"

    return Bodies(sound, sound | {"project": str(taken)}, page, "", sound | {"invoice_id": f"rt-{mark}-2"})


def _subject(
    system: Tryton | Redmine, operation: str, mark: str, bodies: Bodies, misbehave: Misbehaviour, effects: Effects
) -> Subject:
    return Subject(
        system=system, operation=operation, sound=orjson.dumps(bodies.sound), unsound=orjson.dumps(bodies.unsound),
        misbehave=misbehave, effects=effects, effect_of=bodies.effect_of, key=ActorKey("timesheet", mark),
        other=None if bodies.other is None else orjson.dumps(bodies.other),
    )  # fmt: skip


@asynccontextmanager
async def _rows(url: str, query: str) -> AsyncIterator[list[str]]:
    """The first column of a query."""
    connection = await asyncpg.connect(url)
    try:
        yield [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _tryton(database: str, url: str, operations: frozenset[str]) -> TrytonSettings:
    return TrytonSettings(
        name=database, url=url, database=database, user="gateway", password=password("gateway"),
        companies=LEGAL_ENTITIES, operations=operations, product="CONSULTING",
    )  # fmt: skip


async def _made(system: Tryton | Redmine, operation: str, mark: str, body: Json, line: str = "1") -> str:
    """What a command made before the test; the system's number of it."""
    outcome = await system.send(_command(operation, mark, body, line))
    assert isinstance(outcome, Confirmed), outcome
    return f"{outcome.external_id}"


def _command(operation: str, mark: str, body: Json, line: str) -> Command:
    key = ActorKey("timesheet", f"set-up {mark} {line}")
    return Command(uuid4(), "erp", operation, key, line, 1, orjson.dumps(body), f"timesheet/set-up-{mark}/{line}/1")


ON_TRYTON: Final[Mapping[str, LiveEntrant[LocalTryton]]] = MappingProxyType(
    {
        "tryton customer.put": LiveEntrant(Customers.capability, partial(_erp, "customer.put")),
        "tryton project.create": LiveEntrant(Projects.capability, partial(_erp, "project.create")),
        "tryton project.cancel": LiveEntrant(Cancellations.capability, partial(_erp, "project.cancel")),
        "tryton billable.post": LiveEntrant(Bookings.capability, partial(_erp, "billable.post")),
        "tryton billable.reverse": LiveEntrant(Reversals.capability, partial(_erp, "billable.reverse")),
        "tryton project.link": LiveEntrant(Opportunities.capability, _crm),
    }
)
ON_REDMINE: Final[Mapping[str, LiveEntrant[LocalRedmine]]] = MappingProxyType(
    {
        "redmine project.put": LiveEntrant(project_put(LATE_BOUND), partial(_psa, "project.put")),
        "redmine project.withdraw": LiveEntrant(project_withdraw(LATE_BOUND), partial(_psa, "project.withdraw")),
        "redmine receivable.put": LiveEntrant(receivable_put(LATE_BOUND), partial(_psa, "receivable.put")),
    }
)

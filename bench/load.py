"""The input: approved sheets, one new line an event, 5,000 keys, unique ids, about 600 bytes of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Final

import asyncpg

from actors.registry import ACTORS
from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.publishing import RabbitPublishing
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes
from schemas.project.entity import Project
from schemas.timesheet.v1 import Approved, Approver, Employee, Line
from schemas.values import Period, Reference

SOURCE: Final = "urn:example:psa"
PROJECTS: Final = 50
ERP_PROJECT: Final = "P-BENCH"
"""What the ERP calls all of them."""
BATCH: Final = 1000
DAY: Final = date(2026, 3, 2)
AT: Final = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One event: `id` of its message, number of its key, its line, and what else differs between two of them."""

    id: str
    key: int | str
    line: str
    revision: int = 1
    partial: bool = True
    billable: bool = True
    role: str = "consultant"
    currency: str = "USD"
    time: datetime = AT
    day: int = 0
    """Days from the first one to that of the line: each line of a sheet has its own, since a day has 24 hours."""


def message(exchange: str, sheet: Sheet) -> Outgoing:
    """The event as it is published."""
    place = sheet.key if isinstance(sheet.key, int) else 0
    data = Approved(
        legal_entity="US01",
        currency=sheet.currency,
        employee=Employee(id=f"E-{place % 500}", cost_centre="CC-310"),
        period=Period(starts_on=DAY, ends_on=DAY),
        project=Reference(id=f"P-{place % PROJECTS}"),
        lines=(
            Line(
                line_id=sheet.line,
                work_date=DAY + timedelta(days=sheet.day),
                hours=Decimal("7.50"),
                role=sheet.role,
                task="implementation",
                billable=sheet.billable,
                note="Workshop with the customer's finance team, minutes in the project's folder",
            ),
        ),
        revision=sheet.revision,
        partial=sheet.partial,
        approver=Approver(id="M-17"),
        approved_at=AT,
    )
    about = Attributes(
        source=SOURCE, id=sheet.id, type="timesheet.approved.v1", subject=f"TS-{sheet.key}", time=sheet.time
    )
    return Outgoing(exchange, "timesheet.approved", encode(about, data), STRUCTURED, {}, message_id=about.id)


def events(count: int, keys: int, poisoned: int = 0) -> Iterator[Sheet]:
    """`count` events over `keys` sheets in turn; each approves one more line of its sheet.

    Of every ten sheets the first `poisoned` begin with a role that has no rate, and so are parked.
    """
    for number in range(count):
        key, line = number % keys, number // keys
        role = "gardener" if line == 0 and key % 10 < poisoned else "consultant"
        yield Sheet(f"{number:09d}", key, f"L{line}", role=role, day=line)


async def fill(amqp_url: str, exchange: str, sheets: Iterable[Sheet]) -> None:
    """Publish the whole input."""
    publishing = RabbitPublishing(amqp_url, report=lambda _report: None)
    left = iter(sheets)
    try:
        while batch := [message(exchange, sheet) for sheet in islice(left, BATCH)]:
            await publish(publishing, batch)
    finally:
        await publishing.close()


async def publish(publishing: RabbitPublishing, batch: list[Outgoing]) -> None:
    """Publish some; each must be confirmed. Raises `RuntimeError`."""
    results = await publishing.publish(batch)
    if set(results) != {Published.CONFIRMED}:
        raise RuntimeError(f"the broker did not take the input: {set(results)}")


async def seed_projects(database_url: str) -> None:
    """What the sheets refer to: projects that are in the ERP."""
    project = Project(
        legal_entity="US01",
        currency="USD",
        name="Seeded",
        opportunity_id="O-1",
        contract_reference="SOW-1",
        starts_on=date(2026, 1, 1),
        tax_code="T1",
        rates={"consultant": Decimal("125.50")},
        erp="erp",
        erp_id=ERP_PROJECT,
        status="active",
    )
    connection = await asyncpg.connect(database_url)
    try:
        await connection.executemany(
            "INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, state_schema) "
            "VALUES ('project', $1, 1, 1, $2, $3)",
            [(f"P-{number}", project.model_dump_json(), ACTORS["project"].schema) for number in range(PROJECTS)],
        )
    finally:
        await connection.close()

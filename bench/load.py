"""The input: approved sheets, one new line an event, 5,000 keys, unique ids, about 600 bytes of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import asyncpg

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.publishing import RabbitPublishing
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes
from schemas.project.entity import Project
from schemas.timesheet.v1 import Approved, Approver, Employee, Line
from schemas.values import Period, Reference

SOURCE: Final = "urn:example:psa"
PROJECTS: Final = 50
BATCH: Final = 1000
DAY: Final = date(2026, 3, 2)
AT: Final = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)


def events(exchange: str, count: int, keys: int, poisoned: int = 0) -> Iterator[Outgoing]:
    """`count` events over `keys` sheets in turn; each approves one more line of its sheet.

    Of every ten sheets the first `poisoned` begin with a role that has no rate, and so are parked.
    """
    for number in range(count):
        key, line = number % keys, number // keys
        data = Approved(
            legal_entity="US01",
            currency="USD",
            employee=Employee(id=f"E-{key % 500}", cost_centre="CC-310"),
            period=Period(starts_on=DAY, ends_on=DAY),
            project=Reference(id=f"P-{key % PROJECTS}"),
            lines=(
                Line(
                    line_id=f"L{line}",
                    work_date=DAY,
                    hours=Decimal("7.50"),
                    role="gardener" if line == 0 and key % 10 < poisoned else "consultant",
                    task="implementation",
                    billable=True,
                    note="Workshop with the customer's finance team, minutes in the project's folder",
                ),
            ),
            partial=True,
            approver=Approver(id="M-17"),
            approved_at=AT,
        )
        about = Attributes(
            source=SOURCE, id=f"{number:09d}", type="timesheet.approved.v1", subject=f"TS-{key}", time=AT
        )
        body = encode(about, data)
        yield Outgoing(exchange, "timesheet.approved", body, STRUCTURED, {}, message_id=about.id)


async def fill(amqp_url: str, exchange: str, count: int, keys: int, poisoned: int = 0) -> int:
    """Publish the whole input; the size of one body in bytes."""
    publishing = RabbitPublishing(amqp_url, report=lambda _report: None)
    size, batch = 0, []
    try:
        for event in events(exchange, count, keys, poisoned):
            size = len(event.body)
            batch.append(event)
            if len(batch) == BATCH:
                await _publish(publishing, batch)
                batch = []
        if batch:
            await _publish(publishing, batch)
    finally:
        await publishing.close()
    return size


async def _publish(publishing: RabbitPublishing, batch: list[Outgoing]) -> None:
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
        erp_id="ERP-1",
        status="active",
    )
    connection = await asyncpg.connect(database_url)
    try:
        await connection.executemany(
            "INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, state_schema) "
            "VALUES ('project', $1, 1, 1, $2, 1)",
            [(f"P-{number}", project.model_dump_json()) for number in range(PROJECTS)],
        )
    finally:
        await connection.close()

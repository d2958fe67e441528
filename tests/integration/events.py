"""Events of a small firm, as its systems would publish them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import orjson

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.topology import EVENTS
from schemas.codec import STRUCTURED, encode
from schemas.customer.v1 import Upserted
from schemas.envelope import Attributes
from schemas.project.v1 import Billing, Contract, OpportunityWon, Rate
from schemas.record import Record
from schemas.timesheet.v1 import Approved, Approver, Employee, Line
from schemas.values import Money, Period, Reference

CRM = "urn:example:crm"
PSA = "urn:example:psa"
CLOCKS = "urn:example:clocks"
"""Where people clock in: it numbers its sheets, without gaps, and sends them in any order."""
EXPORTS = "legacy.customers"
"""Routing key of what is no CloudEvent."""
DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 6, 17, 0, tzinfo=UTC)
RATE = Decimal("125.50")
CURRENCIES = {"US01": "USD", "DE01": "EUR"}


def event(source: str, id: str, name: str, subject: str, data: Record, user: str = "guest") -> Outgoing:
    """An event ready to publish; `name` is its type without version."""
    body = encode(Attributes(source=source, id=id, type=f"{name}.v1", subject=subject, time=AT), data)
    return Outgoing(EVENTS, name, body, STRUCTURED, {}, message_id=id)


def customer(id: str, *, tax_profile: str | None = "standard", firm: str = "US01") -> Outgoing:
    """A customer that a legal entity of ours trades with."""
    data = Upserted(
        name=f"Customer {id}", country="US", tax_profile=tax_profile, legal_entities=(firm,), currency=CURRENCIES[firm]
    )
    return event(CRM, f"customer-{id}", "customer.upserted", id, data)


def export(id: str) -> Outgoing:
    """A customer as an old system exports it: no CloudEvent, mapped by the intake of the firm's policy."""
    body = orjson.dumps({"nr": id, "name": f"Customer {id}", "cur": "$"})
    return Outgoing(EVENTS, EXPORTS, body, "application/json", {}, message_id=id)


def deal(project: str, customer_id: str, *, firm: str = "US01") -> Outgoing:
    """A won deal of a legal entity, billed by time and materials."""
    currency = CURRENCIES[firm]
    data = OpportunityWon(
        opportunity_id=f"opp-{project}",
        customer=Reference(id=customer_id),
        legal_entity=firm,
        service_line="consulting",
        name=f"Project {project}",
        currency=currency,
        contract=Contract(reference=f"SOW-{project}", signed_on=DAY, starts_on=date(2026, 1, 1)),
        billing=Billing(
            method="time_and_materials",
            rates=(Rate(role="consultant", hourly=Money.of(RATE, currency)),),
        ),
    )
    return event(CRM, f"won-{project}", "project.opportunity_won", project, data)


def sheet(
    id: str,
    project: Reference,
    *,
    lines: int = 1,
    revision: int = 1,
    only_last: bool = False,
    role: str = "consultant",
) -> Outgoing:
    """An approved sheet with `lines` billable lines of a day each; `only_last`: the last one is approved by itself.

    A `role` other than the consultant's has no rate: the sheet is parked.
    """
    data = Approved(
        legal_entity="US01",
        currency="USD",
        employee=Employee(id="E-1"),
        period=Period(starts_on=DAY, ends_on=DAY),
        project=project,
        lines=tuple(
            Line(
                line_id=f"L{n}",
                work_date=DAY + timedelta(days=n - 1),
                hours=Decimal("7.50"),
                role=role,
                billable=True,
            )
            for n in range(lines if only_last else 1, lines + 1)
        ),
        revision=revision,
        partial=only_last,
        approver=Approver(id="M-1"),
        approved_at=AT,
    )
    return event(PSA, f"{id}-r{revision}", "timesheet.approved", id, data)

"""Facts of a small firm, each in one short call, for the tests of the actors."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from schemas.customer.entity import Customer, ErpRecord
from schemas.customer.v1 import CreditChanged, Merged, Trade, Upserted
from schemas.expense import v1 as expense
from schemas.keys import ActorKey
from schemas.project.entity import Project
from schemas.project.v1 import Opened, Rate
from schemas.project.v2 import Billing, Contract, OpportunityWon, Part
from schemas.timesheet.v1 import Approved, Approver, Corrected, Employee, Line
from schemas.values import Money, Period, Reference

SHIPYARD = ActorKey("customer", "C-1")
BRIDGE = ActorKey("project", "P-1")
WON = ActorKey("engagement", "P-1")
SHEET = ActorKey("timesheet", "T-1")
REPORT = ActorKey("expense", "X-1")
MONDAY = date(2026, 3, 2)
WEEK = Period(starts_on=MONDAY, ends_on=date(2026, 3, 8))


def customer(
    *legal_entities: str,
    tax_profile: str | None = "standard",
    tax_id: str | None = None,
    name: str = "Shipyard",
    domain: str | None = None,
    parent: str | None = None,
) -> Upserted:
    """What the CRM says of a customer."""
    return Upserted(
        name=name,
        country="DE",
        tax_id=tax_id,
        tax_profile=tax_profile,
        legal_entities=legal_entities or ("DE01",),
        currency="EUR",
        domain=domain,
        parent=None if parent is None else Reference(id=parent),
    )


def trade(engagement: str = "E-1", legal_entity: str = "DE01", on: date = MONDAY) -> Trade:
    """An engagement asks for the customer."""
    return Trade(to=SHIPYARD.id, legal_entity=legal_entity, engagement=engagement, on=on)


def merged(into: str = "C-9") -> Merged:
    """The customer is another one."""
    return Merged(into=Reference(id=into))


def credit(*, on_hold: bool) -> CreditChanged:
    """What finance says of a customer."""
    return CreditChanged(on_hold=on_hold, reason="reviewed")


def known_customer(*, on_hold: bool = False) -> Customer:
    """A customer that the ERP of DE01 has."""
    record = ErpRecord(legal_entity="DE01", system="erp", line="DE01.1", external_id="10042", puts=1)
    return Customer(profile=customer(), on_hold=on_hold, records=(record,), tax_codes={"DE01": "D19"})


def part(
    legal_entity: str = "DE01",
    *,
    service_line: str = "advisory",
    currency: str = "EUR",
    ends_on: date | None = None,
    value: str | None = None,
    contract: str = "SOW-1",
    **rates: str,
) -> Part:
    """What one legal entity bills by the hour; `rates` are prices of an hour by role."""
    prices = {
        role: Money(amount=price, currency=currency) for role, price in (rates or {"consultant": "145.00"}).items()
    }
    return Part(
        legal_entity=legal_entity,
        service_line=service_line,
        currency=currency,
        contract=Contract(reference=contract, signed_on=date(2026, 1, 2), starts_on=date(2026, 1, 5), ends_on=ends_on),
        billing=Billing(
            method="time_and_materials",
            rates=tuple(Rate(role=role, hourly=price) for role, price in prices.items()),
        ),
        value=None if value is None else Money(amount=value, currency=currency),
    )


def deal(*parts: Part, opportunity_id: str = "OPP-1", discount: str | None = None) -> OpportunityWon:
    """A won deal."""
    return OpportunityWon(
        opportunity_id=opportunity_id,
        customer=Reference(id=SHIPYARD.id),
        name="Bridge",
        parts=parts or (part(),),
        discount=None if discount is None else Decimal(discount),
        requested_by="E-ask",
        owner="E-own",
    )


def opened(
    legal_entity: str = "DE01",
    *,
    currency: str = "EUR",
    ends_on: date | None = None,
    erp_id: str = "PRJ-1",
    **rates: str,
) -> Opened:
    """What an engagement says of a project that stands in the systems."""
    prices = {
        role: Money(amount=price, currency=currency) for role, price in (rates or {"consultant": "145.00"}).items()
    }
    return Opened(
        to=BRIDGE.id, engagement=WON.id, opportunity_id="OPP-1", name="Bridge", legal_entity=legal_entity,
        currency=currency, service_line="advisory", contract="SOW-1", contract_reference="SOW-1",
        starts_on=date(2026, 1, 5), ends_on=ends_on, tax_code="D19",
        rates=tuple(Rate(role=role, hourly=price) for role, price in prices.items()),
        erp="erp", erp_id=erp_id, psa="psa", psa_id="4711",
    )  # fmt: skip


def running_project(
    *, legal_entity: str = "DE01", currency: str = "EUR", ends_on: date | None = None, **rates: str
) -> Project:
    """A project that the ERP has and that time may be billed on."""
    return Project(
        legal_entity=legal_entity,
        currency=currency,
        name="Bridge",
        opportunity_id="OPP-1",
        contract_reference="SOW-1",
        starts_on=date(2026, 1, 5),
        ends_on=ends_on,
        tax_code="D19",
        rates={role: Decimal(price) for role, price in (rates or {"consultant": "145.00"}).items()},
        erp="us-erp" if legal_entity == "US01" else "erp",
        erp_id="PRJ-1",
        status="active",
    )


def line(
    line_id: str = "1",
    hours: str = "8",
    *,
    role: str = "consultant",
    day: date = MONDAY,
    billable: bool = True,
    contract: str | None = None,
    task: str | None = None,
) -> Line:
    """Hours of one day."""
    return Line(
        line_id=line_id, work_date=day, hours=Decimal(hours), role=role, billable=billable, contract_reference=contract,
        task=task,
    )  # fmt: skip


def spent(
    line_id: str = "1",
    amount: str | Money = "84.20",
    *,
    category: str = "travel",
    day: date = MONDAY,
    billable: bool = True,
    contract: str | None = None,
) -> expense.Line:
    """What was spent on one occasion."""
    return expense.Line(
        line_id=line_id, incurred_on=day, category=category, billable=billable, contract_reference=contract,
        amount=amount if isinstance(amount, Money) else Decimal(amount),
    )  # fmt: skip


def reported(*lines: expense.Line, revision: int = 1, partial: bool = False, currency: str = "EUR") -> expense.Approved:
    """An approved report of expenses."""
    return expense.Approved(
        legal_entity="DE01",
        currency=currency,
        employee=Employee(id="E-1", cost_centre="CC-1"),
        period=WEEK,
        project=Reference(id=BRIDGE.id),
        lines=lines or (spent(),),
        revision=revision,
        partial=partial,
        approver=Approver(id="M-1"),
        approved_at=datetime(2026, 3, 9, 9, 0, tzinfo=UTC),
    )


def reported_again(*lines: expense.Line, corrects: int = 1) -> expense.Corrected:
    """The report as it should have been."""
    return expense.Corrected(
        legal_entity="DE01",
        currency="EUR",
        employee=Employee(id="E-1", cost_centre="CC-1"),
        period=WEEK,
        project=Reference(id=BRIDGE.id),
        lines=lines or (spent(),),
        corrects=corrects,
        reason="wrong receipt",
    )


def approved(
    *lines: Line,
    revision: int = 1,
    project: Reference | None = None,
    legal_entity: str = "DE01",
    currency: str = "EUR",
    partial: bool = False,
) -> Approved:
    """An approved sheet."""
    return Approved(
        legal_entity=legal_entity,
        currency=currency,
        employee=Employee(id="E-1", cost_centre="CC-1"),
        period=WEEK,
        project=project or Reference(id=BRIDGE.id),
        lines=lines or (line(),),
        revision=revision,
        partial=partial,
        approver=Approver(id="M-1"),
        approved_at=datetime(2026, 3, 9, 9, 0, tzinfo=UTC),
    )


def corrected(
    *lines: Line, corrects: int = 1, project: Reference | None = None, legal_entity: str = "DE01"
) -> Corrected:
    """The sheet as it should have been."""
    return Corrected(
        legal_entity=legal_entity,
        currency="EUR",
        employee=Employee(id="E-1", cost_centre="CC-1"),
        period=WEEK,
        project=project or Reference(id=BRIDGE.id),
        lines=lines or (line(),),
        corrects=corrects,
        reason="wrong hours",
    )

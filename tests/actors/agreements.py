"""Facts of a contract, each in one short call, for the tests of the actors."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from actors.policy import Approval, LegalEntity, Policy
from schemas.acts import Act, Acted
from schemas.contract.v1 import (
    Activated,
    Approver,
    ChangeOrderApproved,
    ForecastLine,
    Opened,
    Renewed,
    Terminated,
)
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.project import RolePrice
from schemas.project.v1 import Billing, Rate
from schemas.values import Money, Period, Reference
from tests.actors.firm import BRIDGE, SHIPYARD
from tests.actors.stage import POLICY

SOW = ActorKey("contract", "SOW-1")
BEGIN, END = date(2026, 1, 5), date(2026, 12, 31)
APRIL, JUNE = date(2026, 4, 1), date(2026, 6, 1)
DIRECTOR, CFO = ("F-1", "finance_director"), ("F-2", "cfo")

SUPERVISED: Policy = POLICY.model_copy(
    update={
        "legal_entities": {
            "DE01": LegalEntity(currency="EUR", billing="billing", planning="planning", tax_codes={"standard": "D19"})
        },
        "approvals": {
            "change": Approval(role="finance_director", flow="contracts", amount_above={"EUR": Decimal(10_000)}),
            "large change": Approval(role="cfo", flow="contracts", amount_above={"EUR": Decimal(100_000)}),
            "deal": Approval(role="sales_director"),
        },
    }
)
"""Changes above 10,000 need the finance director, above 100,000 the chief financial officer too."""

UNSUPERVISED: Policy = SUPERVISED.model_copy(update={"approvals": {}})
"""Nobody need approve anything."""


def eur(amount: str) -> Money:
    """An amount of euros."""
    return Money(amount=amount, currency="EUR")


def rates(consultant: str, currency: str = "EUR") -> tuple[Rate, ...]:
    """What an hour costs."""
    return (Rate(role="consultant", hourly=Money(amount=consultant, currency=currency)),)


def opened(*, billing: str | None = "billing") -> Opened:
    """What a won deal's flow tells its contract."""
    return Opened(
        to=SOW.id,
        engagement="ENG-1",
        project_id=BRIDGE.id,
        project="PRJ-1",
        customer="10042",
        legal_entity="DE01",
        currency="EUR",
        reference="2026-017",
        method="time_and_materials",
        value=Decimal("50000.00"),
        roles=(RolePrice(role="consultant", rate=Decimal("145.00")),),
        starts_on=BEGIN,
        ends_on=END,
        tax_code="D19",
        billing=billing,
        billing_id=None if billing is None else "CON-1",
    )


def activated(currency: str = "EUR") -> Activated:
    """What the CRM says of a contract that came without a deal."""
    return Activated(
        customer=Reference(id=SHIPYARD.id),
        project=Reference(id=BRIDGE.id),
        legal_entity="DE01",
        currency=currency,
        billing=Billing(method="time_and_materials", rates=rates("145.00", currency)),
        value=Money(amount="50000.00", currency=currency),
        signed_on=BEGIN,
        starts_on=BEGIN,
        ends_on=END,
    )


def order(
    version: int = 2,
    *,
    change: str | None = "5000.00",
    rate: str | None = None,
    effective_on: date = APRIL,
    ends_on: date | None = None,
    approved_by: tuple[str, str] = ("M-1", "account_manager"),
    requested_by: str | None = None,
    currency: str = "EUR",
    hours: str | None = None,
    retainer: str | None = None,
) -> ChangeOrderApproved:
    """A change order as the CRM sends it; `hours` is a new baseline of the forecast."""
    person, role = approved_by
    period = Period(starts_on=effective_on, ends_on=END)
    return ChangeOrderApproved(
        version=version,
        effective_on=effective_on,
        value_change=None if change is None else Money(amount=change, currency=currency),
        rates=None if rate is None else rates(rate, currency),
        retainer=None if retainer is None else Money(amount=retainer, currency=currency),
        forecast=None if hours is None else (ForecastLine(period=period, role="consultant", hours=Decimal(hours)),),
        ends_on=ends_on,
        approved_by=Approver(id=person, role=role),
        requested_by=requested_by,
        reason="a second span",
    )


def renewal(
    ends_on: date = date(2027, 12, 31),
    rate: str | None = None,
    currency: str = "EUR",
    change: str | None = "9000.00",
    retainer: str | None = None,
) -> Renewed:
    """The contract goes on for longer."""
    return Renewed(
        effective_on=date(2027, 1, 1),
        ends_on=ends_on,
        rates=None if rate is None else rates(rate, currency),
        retainer=None if retainer is None else Money(amount=retainer, currency=currency),
        value_change=None if change is None else Money(amount=change, currency=currency),
        reason="another year",
    )


def termination(ends_on: date = JUNE) -> Terminated:
    """The contract ends early."""
    return Terminated(ends_on=ends_on, reason="the river has dried up")


def act(what: Act, topic: str, who: tuple[str, str] = DIRECTOR, *, seen: Case | None = None) -> Acted:
    """Somebody settles a case; `seen` as it was then."""
    person, role = who
    asks = None if seen is None else seen.asks
    return Acted(topic=topic, act=what, by=person, roles=(role,), reason="talked to the customer", seen=asks)

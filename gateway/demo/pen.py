"""Writes the events of the firm: each business fact as a valid CloudEvent, with ids and times from counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final, TypedDict

from gateway.demo.firm import DAY, TAX_PROFILE, Client, Engagement, TimeSheet, WorkLine
from gateway.demo.sending import Sender, Sending, sending
from schemas.customer.v1 import CreditChanged, Upserted
from schemas.envelope import Attributes
from schemas.project import v2
from schemas.project.v1 import Activated, Billing, Contract, MilestoneCompleted, OpportunityWon, Rate, StatusChanged
from schemas.record import Record
from schemas.timesheet.v1 import Approved, Approver, Corrected, Employee, Line, Rejected, Submitted
from schemas.values import Money, Period, Reference

BINARY_SHARE: Final = 0.3
_FEE: Final = Decimal("24000.00")
_LIMIT: Final = Decimal("250000.00")
_MILESTONE: Final = Decimal("8000.00")


class Pen:
    """One for a day. The clock is set by whoever plans the acts, and moves a second with each event."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers: Counter[Sender] = Counter()
        self.now = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)

    def customer(self, client: Client, terms: str = "NET30") -> Sending:
        profile = Upserted(
            name=client.name,
            country=client.branches[0].country,
            tax_id=client.tax_id,
            tax_profile=TAX_PROFILE if client.has_tax_profile else None,
            legal_entities=tuple(branch.code for branch in client.branches),
            currency=client.branches[0].currency,
            payment_terms=terms,
            billing_email=f"billing@{client.domain}",
            domain=client.domain,
        )
        return self._write(Sender.CRM, "customer.upserted.v1", client.id, profile)

    def credit(self, client: Client) -> Sending:
        """On hold, or a raised limit."""
        currency = client.branches[0].currency
        limit = None if client.is_on_hold else Money.of(_LIMIT, currency)
        reason = "Invoices overdue for 90 days" if client.is_on_hold else "Yearly review, limit raised"
        data = CreditChanged(on_hold=client.is_on_hold, credit_limit=limit, reason=reason)
        return self._write(Sender.FINANCE, "customer.credit_changed.v1", client.id, data)

    def deal(self, engagement: Engagement) -> Sending:
        currency = engagement.branch.currency
        is_fixed = engagement.method != "time_and_materials"
        data = OpportunityWon(
            opportunity_id=f"OPP-{20_000 + engagement.number}",
            customer=Reference(id=engagement.client.id),
            legal_entity=engagement.branch.code,
            service_line=engagement.service_line,
            name=f"{engagement.client.name}: {engagement.service_line.replace('_', ' ')}",
            currency=currency,
            contract=Contract(
                reference=engagement.contract,
                signed_on=DAY.replace(month=9),
                starts_on=DAY.replace(month=10, day=1),
                ends_on=DAY.replace(year=2027),
            ),
            billing=Billing(
                method=engagement.method,
                fee=Money.of(_FEE, currency) if is_fixed else None,
                rates=tuple(Rate(role=role, hourly=Money.of(price, currency)) for role, price in engagement.rates),
            ),
        )
        return self._write(Sender.CRM, "project.opportunity_won.v1", engagement.id, data)

    def large_deal(self, engagement: Engagement) -> Sending:
        """In the newest version of its type, which knows discounts."""
        if engagement.fee is None:
            raise ValueError("a large deal has a fee")
        part = v2.Part(
            legal_entity=engagement.branch.code,
            service_line=engagement.service_line,
            currency=engagement.branch.currency,
            contract=v2.Contract(
                reference=engagement.contract, signed_on=DAY.replace(month=9), starts_on=DAY.replace(month=10, day=1)
            ),
            billing=v2.Billing(method=engagement.method, fee=Money.of(engagement.fee, engagement.branch.currency)),
        )
        data = v2.OpportunityWon(
            opportunity_id=f"OPP-{20_000 + engagement.number}",
            customer=Reference(id=engagement.client.id),
            name=f"{engagement.client.name}: group programme",
            parts=(part,),
            discount=engagement.discount,
            requested_by="E-1021",
        )
        return self._write(Sender.CRM, "project.opportunity_won.v2", engagement.id, data)

    def activated(self, engagement: Engagement) -> Sending:
        return self._write(Sender.PSA, "project.activated.v1", engagement.psa_id, Activated(activated_on=DAY))

    def status(self, engagement: Engagement, status: str) -> Sending:
        data = StatusChanged.model_validate(
            {"status": status, "effective_on": DAY.isoformat(), "reason": "Asked for by the customer"}
        )
        return self._write(Sender.PSA, "project.status_changed.v1", engagement.psa_id, data)

    def milestone(self, engagement: Engagement) -> Sending:
        amount = Money.of(_MILESTONE, engagement.branch.currency)
        data = MilestoneCompleted(milestone_id="M-1", name="Concept accepted", completed_on=DAY, amount=amount)
        return self._write(Sender.PSA, "project.milestone_completed.v1", engagement.psa_id, data)

    def submitted(self, sheet: TimeSheet, revision: int = 1) -> Sending:
        data = Submitted(**_common(sheet), lines=_lines(sheet.lines), revision=revision)
        return self._write(Sender.PSA, "timesheet.submitted.v1", sheet.id, data)

    def approved(self, sheet: TimeSheet, revision: int = 1) -> Sending:
        data = Approved(
            **_common(sheet),
            lines=_lines(sheet.lines),
            revision=revision,
            approver=Approver(id="E-1000"),
            approved_at=self.now,
        )
        return self._write(Sender.PSA, "timesheet.approved.v1", sheet.id, data)

    def rejected(self, sheet: TimeSheet) -> Sending:
        data = Rejected(**_common(sheet), lines=_lines(sheet.lines), reason="The task was closed last month")
        return self._write(Sender.PSA, "timesheet.rejected.v1", sheet.id, data)

    def corrected(self, sheet: TimeSheet) -> Sending:
        """The first line gets half an hour more, the last one goes, a new one comes."""
        first, *middle, _last = sheet.lines
        lines = (
            replace(first, hours=first.hours + Decimal("0.5")),
            *middle,
            replace(first, line_id=f"{len(sheet.lines) + 1}", hours=Decimal("1.25"), task="travel"),
        )
        data = Corrected(**_common(sheet), lines=_lines(lines), corrects=1, reason="Booked on the wrong task")
        return self._write(Sender.PSA, "timesheet.corrected.v1", sheet.id, data)

    def _write(self, sender: Sender, type_: str, subject: str, data: Record) -> Sending:
        self._numbers[sender] += 1
        self.now += timedelta(seconds=1)
        attributes = Attributes(
            sender.source, f"{sender.upper()}-{self._numbers[sender]:06}", type_, subject, time=self.now
        )
        return sending(sender, attributes, data, is_binary=self._random.random() < BINARY_SHARE)


class _Common(TypedDict):
    """The fields that every event of a sheet has, beside its lines."""

    legal_entity: str
    currency: str
    employee: Employee
    period: Period
    project: Reference


def _common(sheet: TimeSheet) -> _Common:
    engagement = sheet.engagement
    return _Common(
        legal_entity=engagement.branch.code,
        currency=engagement.branch.currency,
        employee=Employee(id=sheet.employee, cost_centre="CC-310"),
        period=Period(
            starts_on=min(line.work_date for line in sheet.lines), ends_on=max(line.work_date for line in sheet.lines)
        ),
        project=Reference(system="psa", external_id=engagement.psa_id),
    )


def _lines(lines: Sequence[WorkLine]) -> tuple[Line, ...]:
    return tuple(
        Line(
            line_id=line.line_id,
            work_date=line.work_date,
            hours=line.hours,
            role=line.role,
            task=line.task,
            billable=line.is_billable,
        )
        for line in lines
    )

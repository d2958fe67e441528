"""The events of the CRM: customers, won deals, and change orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from gateway.demo.firm.model import IN_FORCE, TAX_PROFILE, Arrival, Change, Client, Credit, Deal, Milestone, Project
from gateway.demo.telling.pen import Pen
from gateway.demo.telling.sending import Sender, Sending
from schemas.contract.v1 import Approver, ChangeOrderApproved, Instalment
from schemas.customer.v1 import Upserted
from schemas.project import v1, v2
from schemas.values import Money, Reference

SIGNED_ON: Final = IN_FORCE - timedelta(days=10)


def customer(pen: Pen, client: Client, on: date, terms: str = "NET14") -> Sending:
    """The customer's whole record."""
    profile = Upserted(
        name=client.name,
        country=client.branches[0].country,
        tax_id=client.tax_id,
        tax_profile=None if client.credit is Credit.UNTAXED else TAX_PROFILE,
        legal_entities=tuple(branch.code for branch in client.branches),
        currency=client.branches[0].currency,
        payment_terms=terms,
        billing_email=f"billing@{client.domain}",
        domain=client.domain,
    )
    return pen.write(Sender.CRM, "customer.upserted.v1", client.id, profile, on)


def won(pen: Pen, deal: Deal, on: date) -> Sending:
    """The deal: in version 1 of its type where that can say it, as the older half of the CRM does."""
    (project, *others), customer = deal.projects, Reference(id=deal.client.id)
    name, opportunity = f"{deal.client.name}: {project.service_line.replace('_', ' ')}", f"OPP-{20_000 + deal.number}"
    if project.is_by_time and not others:
        old = v1.OpportunityWon(
            opportunity_id=opportunity,
            customer=customer,
            name=name,
            legal_entity=project.branch.code,
            service_line=project.service_line,
            currency=project.branch.currency,
            contract=v1.Contract(reference=project.contract, signed_on=SIGNED_ON, starts_on=IN_FORCE),
            billing=v1.Billing(method=project.method, rates=_rates(project, project.rates.items())),
        )
        return pen.write(Sender.CRM, "project.opportunity_won.v1", deal.id, old, on)
    new = v2.OpportunityWon(
        opportunity_id=opportunity,
        customer=customer,
        name=name,
        parts=tuple(map(_part, deal.projects)),
        discount=deal.discount,
        requested_by="E-1021",
    )
    return pen.write(Sender.CRM, "project.opportunity_won.v2", deal.id, new, on)


def changed(pen: Pen, project: Project, change: Change, on: date) -> Sending:
    """A change order."""
    has_authority = change.arrival is not Arrival.WITHOUT_AUTHORITY
    rates, schedule, currency = change.rates, change.schedule, project.branch.currency
    data = ChangeOrderApproved(
        version=change.version,
        effective_on=change.effective_on,
        value_change=None if schedule is None else Money.of(Decimal("0.00"), currency),
        rates=None if rates is None else _rates(project, rates.items()),
        schedule=None if schedule is None else _schedule(project, schedule),
        approved_by=Approver(id="E-2001", role="finance") if has_authority else Approver(id="E-2044", role="delivery"),
        requested_by="E-2045",
        reason="Yearly raise of prices" if rates is not None else "The pilot is larger than planned",
    )
    return pen.write(Sender.CRM, "contract.change_order_approved.v1", project.contract, data, on)


def _part(project: Project) -> v2.Part:
    currency = project.branch.currency
    return v2.Part(
        legal_entity=project.branch.code,
        project_id=project.id,
        service_line=project.service_line,
        currency=currency,
        contract=v2.Contract(
            reference=project.contract, id=project.contract, signed_on=SIGNED_ON, starts_on=IN_FORCE
        ),
        billing=v2.Billing(
            method=project.method,
            fee=None if project.fee is None else Money.of(project.fee, currency),
            rates=_rates(project, project.rates.items()) if project.is_by_time else (),
            schedule=_schedule(project, project.milestones),
        ),
    )  # fmt: skip


def _rates(project: Project, rates: Iterable[tuple[str, Decimal]]) -> tuple[v1.Rate, ...]:
    return tuple(v1.Rate(role=role, hourly=Money.of(price, project.branch.currency)) for role, price in rates)


def _schedule(project: Project, milestones: Iterable[Milestone]) -> tuple[Instalment, ...]:
    return tuple(
        Instalment(name=each.name, milestone_id=each.id, amount=Money.of(each.amount, project.branch.currency))
        for each in milestones
    )

"""Who must know of a contract's terms: the system that bills, the project, and planning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from actors.decision import Context, Request
from actors.lines import numbered
from schemas.billed_month.entity import AHEAD, month_of, months_between
from schemas.billed_month.v1 import Amended
from schemas.commands import SELF
from schemas.contract.entity import Amendment, Contract
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.forecast import ForecastPut, PlannedWork
from schemas.operations.project import RolePrice
from schemas.project.v1 import Rate, TermsChanged
from schemas.record import Record
from schemas.values import Money


def tell(
    contract: Contract, key: ActorKey, amendment: Amendment, *, billing: bool = True
) -> tuple[Contract, tuple[Request, ...]]:
    """The contract as it is once all are asked to know of an amendment, and what they are asked.

    `billing` is False where the billing system has these terms already.
    """
    number = contract.puts + 1
    bodies: list[tuple[str, str, Record]] = []
    if billing and contract.billing is not None:
        bodies.append((contract.billing, "contract.put", contract_put(contract, key, amendment)))
        asked = with_amendment(contract, amendment.model_copy(update={"billing": "asked"}))
        contract = asked.model_copy(update={"last_put": number})
    if contract.project_id is not None and amendment.kind != "contract":
        bodies.append((SELF, "project.terms_changed", terms_changed(contract, key, amendment)))
    if contract.planning is not None and amendment.forecast is not None:
        bodies.append((contract.planning, "forecast.put", forecast_put(contract, key, number)))
    requests = tuple(
        Request(system, operation, numbered(str(amendment.number), number, body), body)
        for system, operation, body in bodies
    )
    return contract.model_copy(update={"puts": number}), requests


def tell_months(contract: Contract, amendment: Amendment, context: Context) -> tuple[Request, ...]:
    """What the months are told in which time may be billed already that an amendment has other rates or no terms for.

    `contract` is as it is once the others are told.
    """
    days = [] if amendment.rates is None else [amendment.effective_on]
    days += [] if amendment.ends_on is None else [min(amendment.ends_on, _last_day_but_for(amendment, contract))]
    if not days:
        return ()
    first = max(min(days), contract.starts_on or min(days))
    requests: list[Request] = []
    for month in months_between(first, context.now.date() + timedelta(days=AHEAD)):
        body = Amended(to=month_of(context.key.id, month), contract=context.key.id, number=amendment.number)
        line = numbered(f"{amendment.number}.{month:%Y-%m}", contract.puts, body)
        requests.append(Request(SELF, "billed_month.amended", line, body))
    return tuple(requests)


def _last_day_but_for(amendment: Amendment, contract: Contract) -> date:
    """The last day by what else is in force; the last of all days where it is open."""
    others = (each.ends_on for each in reversed(contract.in_force) if each.number != amendment.number)
    return next((day for day in others if day is not None), date.max)


def tell_billing(contract: Contract, key: ActorKey) -> tuple[Contract, tuple[Request, ...]]:
    """The billing system is asked alone, for all terms as they stand: so what it refused before is asked for again."""
    for each in contract.unbilled:
        contract = with_amendment(contract, each.model_copy(update={"billing": "asked"}))
    asked, requests = tell(contract, key, contract.in_force[-1])
    return asked, tuple(request for request in requests if request.operation == "contract.put")


def with_amendment(contract: Contract, amendment: Amendment) -> Contract:
    """The contract with this entry of its history added, or in place of the one with its number."""
    before, after = contract.history[: amendment.number - 1], contract.history[amendment.number :]
    return contract.model_copy(update={"history": (*before, amendment, *after)})


def contract_put(contract: Contract, key: ActorKey, amendment: Amendment) -> ContractPut:
    """All terms as they stand now."""
    return ContractPut(
        contract_id=key.id,
        version=contract.version,
        effective_on=amendment.effective_on,
        reference=contract.reference or key.id,
        project_id=contract.project_id or "",
        project=contract.project,
        customer=contract.customer or "",
        legal_entity=contract.legal_entity or "",
        currency=contract.currency or "",
        billing_method=contract.method or "time_and_materials",
        fee={"fixed_fee": contract.value, "retainer": contract.retainer}.get(contract.method or "", contract.fee),
        value=contract.value,
        roles=tuple(RolePrice(role=role, rate=rate) for role, rate in contract.rates.items()),
        schedule=contract.schedule,
        starts_on=contract.starts_on or amendment.effective_on,
        ends_on=contract.ends_on,
        tax_code=contract.tax_code or "",
    )


def terms_changed(contract: Contract, key: ActorKey, amendment: Amendment) -> TermsChanged:
    """What time is billed by from a day on; of an amendment that was taken back, that it counts no more."""
    rates = amendment.rates if amendment.status == "applied" else None
    return TermsChanged(
        to=contract.project_id or "",
        contract=key.id,
        number=amendment.number,
        effective_on=amendment.effective_on,
        rates=None if rates is None else _rates(rates, contract.currency or ""),
        ends_on=contract.ends_on,
        value=None if contract.value is None else Money.of(contract.value, contract.currency or ""),
    )


def forecast_put(contract: Contract, key: ActorKey, number: int) -> ForecastPut:
    """The baseline of the forecast as it stands now."""
    return ForecastPut(
        forecast_id=key.id,
        kind="contract",
        version=number,
        legal_entity=contract.legal_entity or "",
        currency=contract.currency or "",
        value=contract.value,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        work=tuple(
            PlannedWork(
                role=line.role,
                starts_on=line.period.starts_on,
                ends_on=line.period.ends_on,
                hours=line.hours,
                amount=None if line.amount is None else line.amount.decimal,
            )
            for line in contract.forecast
        ),
    )


def _rates(rates: Mapping[str, Decimal], currency: str) -> tuple[Rate, ...]:
    return tuple(Rate(role=role, hourly=Money.of(rate, currency)) for role, rate in rates.items())

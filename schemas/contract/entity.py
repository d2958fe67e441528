"""The contract as the gateway keeps it, version 1: its terms, and for ever what amended them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.contract.v1 import ChangeOrderApproved, ForecastLine, Renewed
from schemas.operations.contract import ScheduledAmount
from schemas.values import BillingMethod


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Amendment(_Kept):
    """One step of a contract's history. The first is the contract itself, as is each after a deal was cancelled."""

    number: int
    """1..n in the order in which they were decided."""
    kind: Literal["contract", "change_order", "renewal", "termination"]
    version: int
    """The contract's version after it; renewals and terminations do not raise it."""
    status: Literal["applied", "refused", "void", "cancelled"]
    """`void`: never came, and a person went on without it. `cancelled`: taken back, because billing refused
    it, or with the deal."""
    billing: Literal["none", "asked", "done", "refused", "by_hand"] = "none"
    """What became of it in the billing system."""
    effective_on: date
    value: Decimal | None = None
    """What it added to the contract's value; None where that is unknown or nothing."""
    rates: dict[str, Decimal] | None = None
    """Role -> price of one hour from `effective_on` on; None where it left them."""
    retainer: Decimal | None = None
    """The retainer per month from `effective_on` on; None where it left it."""
    schedule: tuple[ScheduledAmount, ...] | None = None
    forecast: tuple[ForecastLine, ...] | None = None
    ends_on: date | None = None
    """The last day, where it set one."""
    people: tuple[str, ...] = ()
    """Who approved, refused, or cancelled it."""
    reason: str | None = None

    @property
    def topic(self) -> str:
        """Of its case."""
        return topic_of(self.version) if self.kind == "change_order" else f"contract:{self.number}"


class Held(_Kept):
    """A change order that is not decided yet."""

    order: ChangeOrderApproved
    why: str | None = None
    """What it lacks, as its case last said; None where it has no case."""
    approvals: dict[str, str] = {}
    """Rule of approval -> who approved by it."""


class HeldRenewal(_Kept):
    """A renewal that waits for authority."""

    renewal: Renewed
    approvals: dict[str, str] = {}
    """Rule of approval -> who approved by it."""
    asks: str | None = None
    """Digest of what its case asks; None where an earlier release opened that."""


class Contract(_Kept):
    """What is known of a contract. `version` is 0 until its terms are known."""

    status: Literal["new", "in_force", "terminated", "withdrawn"] = "new"
    """`withdrawn`: its deal was cancelled; another deal opens it again."""
    engagement: str | None = None
    """The engagement that it was won with."""
    came_alone: bool = False
    """It came into force without a deal: it stays in force when a deal that is won under it is cancelled."""
    reference: str | None = None
    """Its number, the same in all systems."""
    customer: str | None = None
    """The ERP's own id of the customer."""
    project_id: str | None = None
    """Our canonical id of the project."""
    project: str | None = None
    """The ERP's own id of the project."""
    tax_code: str | None = None
    """The ERP's own code."""
    legal_entity: str | None = None
    currency: str | None = None
    method: BillingMethod | None = None
    fee: Decimal | None = None
    """The retainer per month, or the fixed fee, as it was signed."""
    starts_on: date | None = None
    version: int = 0
    """The highest version that is decided: every one up to it was applied, refused, or given up."""
    history: tuple[Amendment, ...] = ()
    held: dict[int, Held] = {}
    """Version -> change order that is not decided yet."""
    renewal: HeldRenewal | None = None
    """The renewal that is not decided yet."""
    billing: str | None = None
    """The system that bills it; None where none takes it."""
    billing_id: str | None = None
    """That system's own id of the contract."""
    planning: str | None = None
    """The system that has its forecast; None where none takes it."""
    puts: int = 0
    """How many states were sent; part of each command's identity."""
    last_put: int = 0
    """Which of them the billing system was sent last: it carries all that those before it did."""

    @property
    def in_force(self) -> tuple[Amendment, ...]:
        """What makes up the terms, in order."""
        return tuple(amendment for amendment in self.history if amendment.status == "applied")

    @property
    def unbilled(self) -> tuple[Amendment, ...]:
        """What is in force and was refused by the billing system."""
        return tuple(amendment for amendment in self.in_force if amendment.billing == "refused")

    @property
    def value(self) -> Decimal | None:
        """What it is worth in all; None where it is open."""
        worth = [each.value for each in self.in_force]
        if not worth or worth[0] is None:
            return None
        return sum((value for value in worth if value is not None), Decimal(0))

    @property
    def ends_on(self) -> date | None:
        """The last day on which work may be billed; None where it is open."""
        return next((each.ends_on for each in reversed(self.in_force) if each.ends_on is not None), None)

    @property
    def schedule(self) -> tuple[ScheduledAmount, ...]:
        """The billing schedule as it stands."""
        return next((each.schedule for each in reversed(self.in_force) if each.schedule is not None), ())

    @property
    def forecast(self) -> tuple[ForecastLine, ...]:
        """The baseline of the forecast as it stands."""
        return next((each.forecast for each in reversed(self.in_force) if each.forecast is not None), ())

    @property
    def rates(self) -> Mapping[str, Decimal]:
        """Role -> price of one hour by the latest change."""
        return next((each.rates for each in reversed(self.in_force) if each.rates is not None), {})

    @property
    def retainer(self) -> Decimal | None:
        """What is billed per month by the latest change; None where it is billed otherwise."""
        changed = (each.retainer for each in reversed(self.in_force) if each.retainer is not None)
        return next(changed, self.fee) if self.method == "retainer" else None

    def rates_on(self, day: date) -> Mapping[str, Decimal]:
        """Role -> price of an hour of work of `day`: by the last amendment that is in force then."""
        changed = [each.rates for each in self.in_force if each.rates is not None and each.effective_on <= day]
        return changed[-1] if changed else {}

    def version_on(self, day: date) -> int | None:
        """The version that is in force on `day`; None before the first day of the contract."""
        begun = [each.version for each in self.in_force if each.effective_on <= day]
        return begun[-1] if begun else None


def topic_of(version: int) -> str:
    """The topic of the case of a change order."""
    return f"change_order:{version}"

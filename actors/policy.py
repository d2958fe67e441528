"""The policy as decisions read it: legal entities, what is sold, who owns which field, and who must approve. Frozen.

A new legal entity, service line, or region is an entry here, never code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schemas.currencies import MINOR_UNITS
from schemas.values import Currency, Id, System

Role = Literal["erp", "psa", "crm", "billing", "planning", "workspace"]
"""What a system is to a legal entity."""

ROLES: Final[Mapping[str, tuple[Role, ...]]] = MappingProxyType(
    {
        "customer.put": ("erp",),
        "project.create": ("erp",),
        "project.put": ("psa",),
        "project.cancel": ("erp",),
        "project.withdraw": ("psa",),
        "project.link": ("crm",),
        "contract.put": ("billing",),
        "contract.cancel": ("billing",),
        "workspace.create": ("workspace",),
        "workspace.archive": ("workspace",),
        "forecast.put": ("planning",),
        "milestone.put": ("crm",),
        "assignment.put": ("erp",),
        "delivery.put": ("crm",),
        "billable.post": ("erp",),
        "billable.reverse": ("erp",),
        "expense.post": ("erp",),
        "expense.reverse": ("erp",),
        "cost.post": ("erp",),
        "cost.reverse": ("erp",),
        "milestone.bill": ("billing",),
        "invoice.post": ("erp",),
        "invoice.put": ("crm",),
        "receivable.put": ("psa",),
    }
)
"""Operation -> the role whose system takes it, unless the legal entity's `operations` say otherwise."""


_SMALLEST: Final = {digits: Decimal(1).scaleb(-digits) for digits in set(MINOR_UNITS.values())}
"""Decimals of a currency -> its smallest unit."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Flow(StrEnum):
    """What a legal entity may run live, in shadow, or not at all."""

    CUSTOMERS = "customers"
    FORECASTS = "forecasts"
    WON_DEALS = "won_deals"
    CONTRACTS = "contracts"
    PROJECTS = "projects"
    RESOURCES = "resources"
    TIME = "time"
    EXPENSES = "expenses"
    INVOICES = "invoices"


class Mode(StrEnum):
    """How a flow runs."""

    OFF = "off"
    """Its events are ignored."""
    SHADOW = "shadow"
    """It decides and records what it would do, and sends nothing."""
    LIVE = "live"


def _off(value: object) -> object:
    """YAML 1.1 reads `off` as false."""
    return "off" if value is False else value


class Successor(_Part):
    """Another system that takes over a role on a day, beside the one before it."""

    system: System
    from_on: date
    """What begins on this day or later goes to `system`; what began before stays where it is."""


class LegalEntity(_Part):
    """One legal entity of the firm: its currency, its systems, and how it taxes and rounds."""

    currency: Currency
    """The currency that its books are kept in."""
    erp: System = "erp"
    """The system that bills for it."""
    psa: System = "psa"
    """The system in which its projects are delivered."""
    crm: System = "crm"
    """The system in which its deals are sold."""
    billing: System | None = None
    """The system that keeps contracts and billing schedules; left out: the ERP."""
    planning: System | None = None
    """The system that plans capacity from forecasts; left out: forecasts are kept and sent nowhere."""
    workspace: System | None = None
    """The system that makes a place for documents and chat; left out: there is none."""
    successors: Mapping[Role, tuple[Successor, ...]] = {}
    """Systems that take over a role on a day: two of them run side by side."""
    operations: Mapping[str, System | None] = {}
    """Where single operations go instead, such as `contract.put: billing`; null: they are not sent."""
    flows: Mapping[Flow, Annotated[Mode, BeforeValidator(_off)]] = {}
    """How each flow runs here: off, shadow, or live, which is what is left out."""
    tax_codes: Mapping[Id, Id] = {}
    """Tax profile of a customer -> the ERP's own tax code."""
    rounding: Literal["half_up", "half_even"] = "half_up"
    """How an amount per line is rounded to the currency's smallest unit."""
    closed_through: date | None = None
    """The last day whose books are closed: nothing is posted for it or for a day before; left out: all are open."""

    @field_validator("operations")
    @classmethod
    def _operations_are_known(cls, operations: Mapping[str, System | None]) -> Mapping[str, System | None]:
        for name in operations:
            if name not in ROLES:
                raise ValueError(f"there is no operation {name}: choose from {', '.join(ROLES)}")
        return operations

    def rounded(self, amount: Decimal, currency: str) -> Decimal:
        """`amount` with the decimals of `currency`; a line is rounded once, here and nowhere else."""
        rule = ROUND_HALF_UP if self.rounding == "half_up" else ROUND_HALF_EVEN
        return amount.quantize(_SMALLEST[MINOR_UNITS[currency]], rounding=rule)

    def is_closed(self, day: date) -> bool:
        """Whether nothing may be posted for a day any more."""
        return self.closed_through is not None and day <= self.closed_through

    def mode(self, flow: Flow) -> Mode:
        """How `flow` runs here."""
        return self.flows.get(flow, Mode.LIVE)

    def system(self, role: Role, on: date) -> System | None:
        """The system of a role for what begins on a day; None: there is none."""
        begun = [successor for successor in self.successors.get(role, ()) if successor.from_on <= on]
        if begun:
            return max(begun, key=lambda successor: successor.from_on).system
        named: System | None = getattr(self, role)
        return self.system("erp", on) if named is None and role == "billing" else named

    def route(self, operation: str, on: date) -> System | None:
        """The system that takes `operation` for what begins on a day; None: it is not sent. Raises `KeyError`."""
        if operation in self.operations:
            return self.operations[operation]
        return self.system(ROLES[operation][0], on)

    def resumed(self, operation: str, on: date, role: Literal["erp", "psa"], begun: System | None) -> System | None:
        """As `route`, for what was begun in a system of `role`: of those side by side that one, which knows its ids."""
        system = self.route(operation, on)
        peers = {self.erp if role == "erp" else self.psa, *(later.system for later in self.successors.get(role, ()))}
        return begun if begun is not None and system in peers else system

    def takers(self, operation: str) -> frozenset[System]:
        """Every system that takes `operation`, whatever the day. Raises `KeyError`."""
        days = {date.min, *(successor.from_on for row in self.successors.values() for successor in row)}
        return frozenset(system for day in days if (system := self.route(operation, day)) is not None)

    @property
    def systems(self) -> frozenset[System]:
        """Every system that it names."""
        named = {self.erp, self.psa, self.crm, self.billing, self.planning, self.workspace, *self.operations.values()}
        later = {successor.system for row in self.successors.values() for successor in row}
        return frozenset(name for name in named | later if name is not None)


class WorkPackage(_Part):
    """A part of a project's work, made with its shell."""

    code: Id
    name: str = Field(min_length=1, max_length=200)
    billable: bool = True


class ServiceLine(_Part):
    """What can be sold, and how it is set up."""

    template: tuple[WorkPackage, ...] = ()
    """The work packages of a new project."""
    revenue: Id | None = None
    """The ERP's revenue account or category; left out: the ERP's own default."""
    dimensions: Mapping[Id, Id] = {}
    """Further dimensions of the ERP, by name."""


def _codes_alone(value: object) -> object:
    return {code: {} for code in value} if isinstance(value, (list, tuple)) else value


ServiceLines = Annotated[Mapping[Id, ServiceLine], BeforeValidator(_codes_alone)]
"""Service lines by code. A list of codes is short for entries with nothing in them."""


class Approval(_Part):
    """A rule by which a person must approve. It applies where all that it names is so; with nothing named, always."""

    role: Id
    """The role that may approve. Who asked for it never may."""
    flow: Literal["won_deals", "contracts"] = "won_deals"
    amount_above: Mapping[Currency, Decimal] = {}
    """Total above which it applies, by currency; an amount in a currency that is not named here is above."""
    discount_above: Decimal | None = Field(default=None, ge=0, le=100)
    """Discount in per cent above which it applies."""
    new_customer: bool | None = None
    """Whether it applies to customers that none of a legal entity's ERPs had when the deal was won (true), or to others
    (false)."""
    legal_entities: tuple[Id, ...] = ()
    """Legal entities to which it applies; none: to all."""
    remind_hours: float = Field(default=24, gt=0, le=8784)
    """After how long the role is reminded."""
    deadline_hours: float = Field(default=72, gt=0, le=8784)
    """After how long the case is overdue, which its role and whoever watches is told."""

    @model_validator(mode="after")
    def _in_order(self) -> Approval:
        if self.remind_hours >= self.deadline_hours:
            raise ValueError("let remind_hours be below deadline_hours")
        return self


class Ownership(_Part):
    """Which system alone may change some fields of an entity."""

    entity: Literal["customer"]
    fields: tuple[str, ...] = Field(min_length=1)
    owner: System
    legal_entities: tuple[Id, ...] = ()
    """Legal entities for which it holds; none: for all. The first rule that fits counts."""
    otherwise: Literal["ignore", "case"] = "ignore"
    """What becomes of another system's change: it is left out with a remark in the timeline, or also opens a case."""


class Policy(_Part):
    """What a firm decides once and decisions look up."""

    legal_entities: Mapping[Id, LegalEntity]
    """The firm's legal entities by code."""
    service_lines: ServiceLines = {}
    """What can be sold, by code."""
    approvals: Mapping[Id, Approval] = {}
    """Rules of approval by name; each that applies must be approved."""
    ownership: tuple[Ownership, ...] = ()
    """Who owns which fields; a field that no rule names may be changed by every source that may send it."""
    systems_of: Mapping[str, System] = {}
    """CloudEvents source -> the system that it speaks for."""
    unique_lines: frozenset[str] = frozenset()
    """CloudEvents sources whose line ids are unique over all of their sheets, and over all of their reports."""

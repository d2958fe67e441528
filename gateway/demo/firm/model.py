"""The firm of the demo, all made up: legal entities, customers, deals, people, and what they do in twelve weeks.

Everything stands here as it is in the end. How it comes about, and in which order it is told, is the play's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import Enum, auto
from typing import Final

from schemas.values import BillingMethod

FIRST_MONDAY: Final = date(2026, 8, 24)
WEEKS: Final = 12
TODAY: Final = FIRST_MONDAY + timedelta(weeks=WEEKS)
"""The Monday after the last week."""
IN_FORCE: Final = date(2026, 7, 1)
"""First day of every contract."""
BOOKS_CLOSED_UNTIL: Final = date(2026, 8, 1)
"""The ERPs refuse work that was done before."""

SERVICE_LINES: Final = ("consulting", "managed_services", "training")
OVERHEAD: Final = "management"
"""A task that nobody is billed for: the template of consulting says so."""
TAX_PROFILE: Final = "standard"
"""A tax profile that the policy file maps in every legal entity."""


def monday(week: int) -> date:
    """The first day of a week, which counts from 0."""
    return FIRST_MONDAY + timedelta(weeks=week)


@dataclass(frozen=True, slots=True)
class Branch:
    """A legal entity of the firm. `erp`: the system that bills for it, which knows `tax_code`.

    `rounding`: of each line, as the module `decimal` names it.
    """

    code: str
    currency: str
    country: str
    suffix: str
    erp: str
    tax_code: str
    tax_per_cent: Decimal
    rounding: str


BRANCHES: Final = (
    Branch("US01", "USD", "US", "Inc", "erp", "US-STD", Decimal(0), ROUND_HALF_UP),
    Branch("DE01", "EUR", "DE", "GmbH", "erp_eu", "DE-19", Decimal(19), ROUND_HALF_UP),
    Branch("UK01", "GBP", "GB", "Ltd", "erp", "GB-20", Decimal(20), ROUND_HALF_EVEN),
)
ERPS: Final = tuple(dict.fromkeys(branch.erp for branch in BRANCHES))


class Credit(Enum):
    """What finance thinks of a customer, and whether its record is complete."""

    GOOD = auto()
    UNTAXED = auto()
    """Comes without a tax profile, which finance adds only after weeks."""
    RELEASED = auto()
    """Was on hold and is released; the hold arrives after the release."""
    ON_HOLD = auto()
    """And stays so: its deal is not set up, and its time waits."""


@dataclass(frozen=True, slots=True)
class Client:
    """A customer. `branches`: who trades with it, its own country's first."""

    id: str
    name: str
    tax_id: str
    branches: tuple[Branch, ...]
    domain: str
    credit: Credit = Credit.GOOD


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works. `is_late`: the PSA tells of them weeks after their first time was approved."""

    id: str
    name: str
    branch: Branch
    role: str
    cost_rate: Decimal
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Milestone:
    """An instalment of a fixed fee. `week`: when it is completed; None where it is not yet."""

    id: str
    name: str
    amount: Decimal
    week: int | None


class Arrival(Enum):
    """When a change order is told, against the work that it concerns."""

    IN_TIME = auto()
    BEFORE_ITS_PREDECESSOR = auto()
    """In time, and yet before the version that it builds on."""
    BACK_DATED = auto()
    """After time of its days was posted: finance approves the other rates."""
    WITHOUT_AUTHORITY = auto()
    """In time, approved by somebody who may not: finance approves it weeks later, and then the other rates."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change order. Either all prices of an hour from a day on, or another schedule."""

    version: int
    effective_on: date
    arrival: Arrival
    rates: Mapping[str, Decimal] | None = None
    schedule: tuple[Milestone, ...] | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """What one legal entity delivers of a deal. `rates`: role -> price of an hour as it was sold."""

    id: str
    contract: str
    client: Client
    branch: Branch
    service_line: str
    method: BillingMethod
    rates: Mapping[str, Decimal]
    fee: Decimal | None = None
    """The fixed fee, or the retainer per month."""
    milestones: tuple[Milestone, ...] = ()
    """As they were sold."""
    changes: tuple[Change, ...] = ()

    @property
    def psa_id(self) -> str:
        """The id that the sandbox PSA will give the project; its time tool knows no other."""
        return f"psa-{self.id}"

    @property
    def is_blocked(self) -> bool:
        """Whether it is never set up."""
        return self.client.credit is Credit.ON_HOLD

    @property
    def is_by_time(self) -> bool:
        """Whether its hours are billed."""
        return self.method == "time_and_materials"

    @property
    def completed(self) -> tuple[Milestone, ...]:
        """The milestones that are, with the amounts that they have in the end."""
        schedules = [change.schedule for change in self.changes if change.schedule is not None]
        return tuple(each for each in [self.milestones, *schedules][-1] if each.week is not None)


@dataclass(frozen=True, slots=True)
class Deal:
    """A won deal. `is_late`: it is won weeks after its time was approved; `discount`: per cent off the list price."""

    id: str
    number: int
    client: Client
    projects: tuple[Project, ...]
    is_late: bool = False
    discount: Decimal | None = None


class Fate(Enum):
    """What happens to a sheet or a report, beside being handed in and approved."""

    PLAIN = auto()
    CORRECTED = auto()
    """Corrected after its approval: taken back and posted anew."""
    OVERTAKEN = auto()
    """The correction arrives before the approval that it corrects."""
    REJECTED = auto()
    """Sent back, and not handed in again."""
    RESUBMITTED = auto()
    """Sent back, handed in again as revision 2, approved."""
    WITHDRAWN = auto()
    """Its approval is taken back."""
    RESENT = auto()
    """Approved twice, under two ids."""
    CONFLICT = auto()
    """Its approval's id is used again for other hours."""
    CLOSED_PERIOD = auto()
    """For work in a month whose books are closed."""


@dataclass(frozen=True, slots=True)
class WorkLine:
    """Hours of one day, as the PSA has them."""

    line_id: str
    work_date: date
    hours: Decimal
    role: str
    task: str
    is_billable: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """A week of one person on one project. `lines`: as handed in; `corrected`: as they are after a correction."""

    id: str
    project: Project
    person: Person
    week: int
    lines: tuple[WorkLine, ...]
    fate: Fate = Fate.PLAIN
    corrected: tuple[WorkLine, ...] = ()

    @property
    def counting(self) -> tuple[WorkLine, ...]:
        """The lines that count in the end."""
        if self.fate in {Fate.REJECTED, Fate.WITHDRAWN}:
            return ()
        return self.corrected or self.lines


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent on one occasion."""

    line_id: str
    incurred_on: date
    category: str
    amount: Decimal
    is_billable: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Expenses of one person on one project."""

    id: str
    project: Project
    person: Person
    week: int
    lines: tuple[Spending, ...]
    fate: Fate = Fate.PLAIN
    corrected: tuple[Spending, ...] = ()

    @property
    def counting(self) -> tuple[Spending, ...]:
        """The lines that count in the end."""
        return () if self.fate is Fate.REJECTED else self.corrected or self.lines


@dataclass(frozen=True, slots=True)
class Firm:
    """Everything that the play is about."""

    clients: tuple[Client, ...]
    people: tuple[Person, ...]
    deals: tuple[Deal, ...]
    sheets: tuple[Sheet, ...] = field(repr=False)
    reports: tuple[Report, ...] = field(repr=False)

    @property
    def projects(self) -> tuple[Project, ...]:
        """Of all deals."""
        return tuple(project for deal in self.deals for project in deal.projects)

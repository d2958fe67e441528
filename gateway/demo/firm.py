"""The firm of the demo, all made up: its legal entities, customers, engagements, and its people's sheets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from schemas.values import BillingMethod

MONDAY: Final = date(2026, 11, 9)
"""The week that time was written for."""
DAY: Final = date(2026, 11, 16)
"""The day that is played: the Monday after."""
BOOKS_CLOSED_UNTIL: Final = date(2026, 11, 1)
"""The ERP refuses work that was done before."""

SERVICE_LINES: Final = ("consulting", "managed_services", "training")
TAX_PROFILE: Final = "standard"
"""A tax profile that the policy file maps in every legal entity."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A legal entity of the firm, and how its customers are named."""

    code: str
    currency: str
    country: str
    suffix: str


BRANCHES: Final = (
    Branch("US01", "USD", "US", "Inc"),
    Branch("DE01", "EUR", "DE", "GmbH"),
    Branch("UK01", "GBP", "GB", "Ltd"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """A customer. `branches`: who trades with it, its own country's first."""

    id: str
    name: str
    tax_id: str
    branches: tuple[Branch, ...]
    has_tax_profile: bool = True
    is_on_hold: bool = False
    domain: str = ""

    @property
    def is_healthy(self) -> bool:
        """Whether its deals become projects."""
        return self.has_tax_profile and not self.is_on_hold


@dataclass(frozen=True, slots=True)
class Engagement:
    """A won deal and the project that it becomes. `is_late`: time is approved before the deal is won in the CRM."""

    id: str
    number: int
    client: Client
    branch: Branch
    service_line: str
    method: BillingMethod
    rates: tuple[tuple[str, Decimal], ...] = ()
    is_late: bool = False
    fee: Decimal | None = None
    discount: Decimal | None = None
    """Per cent off the list price."""

    @property
    def psa_id(self) -> str:
        """The id that the sandbox PSA will give the project; its time tool knows no other."""
        return f"psa-{self.id}"

    @property
    def contract(self) -> str:
        return f"SOW-2026-{self.number}"


class Fate(Enum):
    """What happens to a sheet in the course of the day, beside being submitted and approved."""

    PLAIN = auto()
    EARLY = auto()
    """Approved while the project does not exist."""
    CORRECTED = auto()
    """Corrected after its approval: taken back and posted anew."""
    REJECTED = auto()
    """Sent back, and not handed in again."""
    RESUBMITTED = auto()
    """Sent back, handed in again as revision 2, approved."""
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
    is_billable: bool = True


@dataclass(frozen=True, slots=True)
class TimeSheet:
    """A week of one employee on one engagement."""

    id: str
    engagement: Engagement
    employee: str
    lines: tuple[WorkLine, ...]
    fate: Fate


@dataclass(frozen=True, slots=True)
class Firm:
    """Everything that the day is about."""

    clients: tuple[Client, ...]
    engagements: tuple[Engagement, ...]
    sheets: tuple[TimeSheet, ...] = field(repr=False)

"""Tiny firms whose books are reckoned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from gateway.demo.firm.model import (
    BRANCHES,
    Branch,
    Change,
    Client,
    Credit,
    Deal,
    Firm,
    Milestone,
    Person,
    Project,
    Report,
    Sheet,
    WorkLine,
)
from schemas.values import BillingMethod

US, DE, UK = BRANCHES
DAY = date(2026, 9, 1)


def client(branch: Branch = DE, credit: Credit = Credit.GOOD) -> Client:
    return Client("C-1", f"Alder Foods {branch.suffix}", "1", (branch,), "alder.example", credit)


def person(branch: Branch = DE) -> Person:
    return Person("E-1", "Ada Abel", branch, "consultant", Decimal("58.70"))


def project(
    branch: Branch = DE,
    *,
    credit: Credit = Credit.GOOD,
    method: BillingMethod = "time_and_materials",
    changes: Sequence[Change] = (),
    milestones: Sequence[Milestone] = (),
) -> Project:
    """Sold at 133.35 an hour of a consultant."""
    return Project(
        "P-1", "SOW-1", client(branch, credit), branch, "consulting", method, {"consultant": Decimal("133.35")},
        Decimal("1000.00") if method != "time_and_materials" else None, tuple(milestones), tuple(changes),
    )  # fmt: skip


def line(hours: str, *, line_id: str = "1", on: date = DAY, is_billable: bool = True) -> WorkLine:
    return WorkLine(line_id, on, Decimal(hours), "consultant", "build", is_billable)


def sheet(of: Project, *lines: WorkLine) -> Sheet:
    return Sheet("TS-1", of, person(of.branch), 1, lines)


def firm(of: Project, sheets: Sequence[Sheet] = (), reports: Sequence[Report] = ()) -> Firm:
    deal = Deal("ENG-1", 1, of.client, (of,))
    return Firm((of.client,), (person(of.branch),), (deal,), tuple(sheets), tuple(reports))

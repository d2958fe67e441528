"""What a line is worth, by the firm's own reckoning: it shares nothing with the gateway, which it is to judge."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from gateway.demo.firm.model import Person, Project, WorkLine

CENT: Final = Decimal("0.01")
"""The smallest unit of every currency of the firm."""


def price_on(project: Project, role: str, day: date) -> Decimal:
    """The price of an hour: as it was sold, or by the last change order that is in force on the day."""
    price = project.rates[role]
    for change in project.changes:
        if change.rates is not None and change.effective_on <= day:
            price = change.rates[role]
    return price


def billed(project: Project, line: WorkLine) -> Decimal:
    """What the customer pays for the line, without tax; rounded once, as the legal entity rounds."""
    return (line.hours * price_on(project, line.role, line.work_date)).quantize(CENT, project.branch.rounding)


def cost(project: Project, person: Person, line: WorkLine) -> Decimal:
    """What the line costs the firm."""
    return (line.hours * person.cost_rate).quantize(CENT, project.branch.rounding)

"""The table of actors: entity to its pure definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.decision import Actor
from actors.entities import (
    awaited,
    billed_month,
    contract,
    customer,
    directory,
    employee,
    engagement,
    expense,
    invoice,
    ledger,
    project,
    rate_card,
    repair,
    resource,
    timesheet,
)

ACTORS: Final[Mapping[str, Actor]] = MappingProxyType(
    {
        actor.entity: actor
        for actor in (
            customer.ACTOR,
            directory.ACTOR,
            engagement.ACTOR,
            contract.ACTOR,
            project.ACTOR,
            resource.ACTOR,
            timesheet.ACTOR,
            expense.ACTOR,
            billed_month.ACTOR,
            invoice.ACTOR,
            awaited.ACTOR,
            ledger.ACTOR,
            employee.ACTOR,
            rate_card.ACTOR,
            repair.ACTOR,
        )
    }
)
"""One file per entity: its state, and how it decides."""

"""What is counted: each measure is a sum over days, so that it does not matter in which order lines of keys come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from adapters.ports.kpis import Added, Place

ZERO: Final = Decimal(0)
MORE: Final = "more"
"""Label of a duration above every bound."""

BOUNDS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "1s": 1, "5s": 5, "15s": 15, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400,
        "3d": 259_200, "7d": 604_800, "30d": 2_592_000,
    }
)  # fmt: skip
"""Durations are counted by the smallest of these that they do not exceed; in seconds. An objective names one."""


class Measure(StrEnum):
    """Names of sums; `docs/kpis.md` says what the figures make of them. Labels are in brackets."""

    DEALS_WON = "deals_won"
    """Parts of won deals; money: what they are worth."""
    PROJECTS_OPENED = "projects_opened"
    """Projects opened; seconds since the deal came in (bound)."""
    OPENED_UNTOUCHED = "opened_untouched"
    """Those of them on whose deal no person has acted."""
    LINES_BILLED = "lines_billed"
    """Lines of time and expenses that an ERP has booked to be billed; seconds since they were approved (bound)."""
    BILLED = "billed"
    """Bookings to be billed, and those taken back; money."""
    WORK_MONTHS = "work_months"
    """Lines billed by the month of their work (month)."""
    WIP = "wip"
    """Changes of what is booked to be billed and on no invoice; money."""
    POSTED = "posted"
    """Bookings that a system has confirmed (operation)."""
    REFUSED = "refused"
    """Bookings that a system has refused (operation)."""
    MESSAGES = "messages"
    """Messages of sources that have come to their end (verdict)."""
    MESSAGES_WAITED = "messages_waited"
    """Those of them that have waited for something that was not there."""
    MESSAGES_FAILED = "messages_failed"
    """Those of them that have stood until a person acted, or that were given up."""
    CORRECTIONS = "corrections"
    """What persons have corrected by hand (act)."""
    CASES_CLOSED = "cases_closed"
    """Cases closed; seconds since they were opened (bound)."""
    DUPLICATE_CASES = "duplicate_cases"
    """Cases of class `duplicate` that were opened."""
    INVOICES_JUDGED = "invoices_judged"
    """Invoices that an ERP has posted or refused, at the first of both."""
    INVOICES_POSTED = "invoices_posted"
    INVOICES_REFUSED = "invoices_refused"
    """Invoices that an ERP has refused, at the first refusal."""
    INVOICES_DISPUTED = "invoices_disputed"
    """Invoices at their first dispute."""
    DISPUTED_AFTER_FAILURE = "disputed_after_failure"
    """Those of them of which a posting was refused, or a message stood, before."""


class Tally:
    """Adds up what lines come to. Days before `since` are not counted."""

    def __init__(self, since: date | None = None) -> None:
        self._since = since
        self.added: dict[Place, Added] = {}

    def add(
        self,
        measure: Measure,
        at: datetime,
        *,
        legal_entity: str | None = None,
        currency: str | None = None,
        label: str = "",
        total: Decimal = ZERO,
    ) -> None:
        """One thing more, at the time of its line."""
        if self._since is not None and at.date() < self._since:
            return
        place = Place(measure, legal_entity or "", currency or "", label, at.date())
        before = self.added.get(place, Added(0, ZERO))
        self.added[place] = Added(before.count + 1, before.total + total)

    def took(self, measure: Measure, since: datetime, at: datetime, *, legal_entity: str | None = None) -> None:
        """One thing more that has lasted from `since` to `at`."""
        lasted = at - since
        seconds = Decimal(lasted.days * 86_400 + lasted.seconds) + Decimal(lasted.microseconds) / 1_000_000
        self.add(measure, at, legal_entity=legal_entity, label=bound_of(seconds), total=seconds)


def bound_of(seconds: Decimal) -> str:
    """The smallest bound that a duration does not exceed."""
    return next((name for name, bound in BOUNDS.items() if seconds <= bound), MORE)

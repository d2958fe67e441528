"""The day: what is published in which order, what goes wrong in it on purpose, and how the ERP feels meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from enum import StrEnum
from random import Random
from typing import Final

import orjson

from gateway.demo.firm import DAY, Engagement, Fate, Firm, TimeSheet
from gateway.demo.founding import found_firm, large_deal, sister_of
from gateway.demo.pen import Pen
from gateway.demo.sending import Planted, Sender, Sending, changed

DUPLICATES: Final = 24
"""Messages that come twice, at scale 1."""
LIMITS_RAISED: Final = 4
"""Customers whose credit limit finance raises."""


class Weather(StrEnum):
    """How the ERP behaves."""

    FINE = "up"
    FLAKY = "flaky"
    """Some answers are a 500 after the effect, some requests are throttled."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the day. `seconds`: how long its publishing is stretched, at least."""

    clock: str
    title: str
    weather: Weather
    seconds: float
    sendings: tuple[Sending, ...]


def make_day(seed: int, scale: float = 1.0) -> tuple[Act, ...]:
    """The same day for the same seed and scale, byte by byte.

    What comes of it does not depend on the speed of anything: events of one key come in their order, and what depends
    on another key (a deal on its customer, time on its project) is independent of when that one is ready.
    """
    random = Random(seed)  # noqa: S311 - a day must be repeatable, nothing secret hangs on it
    return _Plan(random, found_firm(random, scale), scale).acts()


class _Plan:
    """Puts the events into acts; within an act only the order of each key matters, so the rest is shuffled."""

    def __init__(self, random: Random, firm: Firm, scale: float) -> None:
        self._random = random
        self._pen = Pen(random)
        self._firm = firm
        self._duplicates = max(4, round(DUPLICATES * scale))
        self._approvals: dict[str, Sending] = {}
        """Sheet id -> its first approval."""

    def acts(self) -> tuple[Act, ...]:
        plain = [sheet for sheet in self._firm.sheets if sheet.fate is not Fate.EARLY]
        early = [sheet for sheet in self._firm.sheets if sheet.fate is Fate.EARLY]
        third = len(plain) // 3
        morning, noon, afternoon = plain[:third], plain[third : 2 * third], plain[2 * third :]
        won = [deal for deal in self._firm.engagements if not deal.is_late]
        late = [deal for deal in self._firm.engagements if deal.is_late]
        return (
            self._act(8, "the CRM sends its customers", Weather.FINE, 1.0, self._customers),
            self._act(9, "time is approved before its projects exist", Weather.FINE, 1.0, lambda: self._week(early)),
            self._act(10, "deals are won", Weather.FINE, 1.5, lambda: [self._pen.deal(deal) for deal in won]),
            self._act(11, "approved time; the ERP is flaky", Weather.FLAKY, 3.0, lambda: self._week(morning)),
            self._act(12, "the ERP is down, the day goes on", Weather.DOWN, 5.0, lambda: self._outage(noon, late)),
            self._act(14, "the ERP is back, still flaky", Weather.FLAKY, 3.0, lambda: self._week(afternoon)),
            self._act(16, "corrections, repetitions, and what must not pass", Weather.FINE, 2.0, self._evening),
        )

    def _act(
        self, hour: int, title: str, weather: Weather, seconds: float, write: Callable[[], Sequence[Sending]]
    ) -> Act:
        self._pen.now = datetime.combine(DAY, time(hour), UTC)
        return Act(f"{hour:02}:00", title, weather, seconds, tuple(write()))

    def _customers(self) -> list[Sending]:
        """Finance's hold comes first, so that the customer never was without it; then one limit that stays behind."""
        untaxed, on_hold, *healthy = self._firm.clients
        sendings = [self._pen.credit(on_hold)]
        sendings += [self._pen.customer(client) for client in self._firm.clients]
        sendings += [self._pen.credit(client) for client in [untaxed, *healthy[:LIMITS_RAISED]]]
        return sendings

    def _week(self, sheets: Iterable[TimeSheet]) -> list[Sending]:
        """Each sheet is submitted, then approved or sent back; sheets go through one another."""
        return self._mixed([self._course(sheet) for sheet in sheets])

    def _course(self, sheet: TimeSheet) -> list[Sending]:
        match sheet.fate:
            case Fate.REJECTED:
                return [self._pen.submitted(sheet), self._pen.rejected(sheet)]
            case Fate.RESUBMITTED:
                return [
                    self._pen.submitted(sheet),
                    self._pen.rejected(sheet),
                    self._pen.submitted(sheet, 2),
                    self._pen.approved(sheet, 2),
                ]
            case _:
                approval = self._approvals[sheet.id] = self._pen.approved(sheet)
                return [self._pen.submitted(sheet), approval]

    def _outage(self, sheets: Iterable[TimeSheet], late: Iterable[Engagement]) -> list[Sending]:
        """The late deals come at last, right into the outage; the PSA has activated their projects before."""
        courses = [self._course(sheet) for sheet in sheets]
        return self._mixed([*courses, *([self._pen.activated(deal), self._pen.deal(deal)] for deal in late)])

    def _evening(self) -> list[Sending]:
        by_fate = {fate: [sheet for sheet in self._firm.sheets if sheet.fate is fate] for fate in Fate}
        fixed = [deal for deal in self._firm.engagements if deal.method != "time_and_materials"]
        courses = [[self._pen.corrected(sheet)] for sheet in by_fate[Fate.CORRECTED]]
        courses += [[self._pen.approved(sheet)] for sheet in by_fate[Fate.RESENT]]
        courses += [[self._pen.deal(fixed[0])], [self._pen.customer(self._firm.clients[2], terms="NET14")]]
        courses += [[self._pen.status(deal, "on_hold"), self._pen.status(deal, "active")] for deal in fixed[:2]]
        courses += [[self._pen.milestone(fixed[2])], [self._pen.status(fixed[3], "closed")]]
        courses += [[_conflict(self._approvals[sheet.id])] for sheet in by_fate[Fate.CONFLICT]]
        again = self._random.sample(sorted(self._approvals), self._duplicates)
        courses += [[_repeated(self._approvals[sheet])] for sheet in again]
        courses += [[self._pen.large_deal(large_deal(self._firm.clients[3]))]]
        courses += [[self._pen.customer(sister_of(self._firm.clients[4]))]]
        courses += [[bad] for bad in self._bad_input(fixed[0], by_fate[Fate.PLAIN][0])]
        return self._mixed(courses)

    def _bad_input(self, deal: Engagement, sheet: TimeSheet) -> list[Sending]:
        won, renamed, mistyped, foreign = (
            self._pen.deal(deal),
            self._pen.customer(deal.client),
            self._pen.approved(sheet),
            self._pen.submitted(sheet),
        )
        data = orjson.loads(won.event)["data"]
        data["billing"]["fee"]["amount"] = 24000.1
        return [
            replace(won, event=changed(won.event, data=data), planted=Planted.AMOUNT_AS_NUMBER),
            replace(
                renamed,
                event=changed(renamed.event, type="customer.renamed.v1"),
                routing_key="customer.renamed",
                planted=Planted.UNKNOWN_TYPE,
            ),
            replace(mistyped, routing_key="timesheets.approved", planted=Planted.WRONG_ROUTING_KEY),
            replace(
                foreign,
                sender=Sender.CRM,
                source=Sender.CRM.source,
                event=changed(foreign.event, source=Sender.CRM.source),
                planted=Planted.FORBIDDEN,
            ),
        ]

    def _mixed(self, courses: Sequence[Sequence[Sending]]) -> list[Sending]:
        """The courses interleaved at random, each in its own order."""
        turns = [place for place, course in enumerate(courses) for _ in course]
        self._random.shuffle(turns)
        rest = [iter(course) for course in courses]
        return [next(rest[place]) for place in turns]


def _repeated(sending: Sending) -> Sending:
    """The same message in the other mode, which changes nothing of what it says."""
    return replace(sending, is_binary=not sending.is_binary, planted=Planted.DUPLICATE)


def _conflict(sending: Sending) -> Sending:
    """The id of an approval with other hours under it."""
    data = orjson.loads(sending.event)["data"]
    data["lines"][0]["hours"] = "23.75"
    return replace(sending, event=changed(sending.event, data=data), planted=Planted.CONFLICT)

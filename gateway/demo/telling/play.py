"""The play: what is told in which order, what goes wrong in it on purpose, and how the ERPs feel meanwhile.

What comes of it does not depend on the speed of anything: events of one key come in their order or are numbered, and
what depends on another key (a deal on its customer, time on its project, money on its invoice) on no order at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from random import Random
from typing import Final

from gateway.demo.firm.billing import Invoice, invoices_of
from gateway.demo.firm.founding import found_firm, sister_of
from gateway.demo.firm.model import TODAY, Arrival, Credit, Deal, Fate, Firm, Project, Report, Sheet, monday
from gateway.demo.telling import from_books, from_crm, from_psa
from gateway.demo.telling.mischief import bad_input, conflicting, repeated
from gateway.demo.telling.pen import Pen
from gateway.demo.telling.sending import Sending

DUPLICATES: Final = 40
"""Messages of each act of repetitions that come twice, at scale 1."""

Course = Sequence[Sending]
"""Events in an order that is kept."""


class Weather(StrEnum):
    """How an ERP behaves."""

    FINE = "up"
    FLAKY = "flaky"
    """Some answers are a 500 after the effect, some requests are throttled."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the play. `weather`: of each ERP; `seconds`: how long its publishing is stretched, at least.

    `people`: whether they settle their cases after it.
    """

    day: date
    title: str
    weather: Mapping[str, Weather]
    seconds: float
    sendings: tuple[Sending, ...] = field(repr=False)
    people: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """The firm, its invoices, and the acts."""

    firm: Firm
    invoices: tuple[Invoice, ...] = field(repr=False)
    acts: tuple[Act, ...]

    @property
    def sendings(self) -> list[Sending]:
        """All that is published, in order."""
        return [sending for act in self.acts for sending in act.sendings]


def make_play(seed: int, scale: float = 1.0) -> Play:
    """The same play for the same seed and scale, byte by byte."""
    random = Random(seed)  # noqa: S311 - a play must be repeatable, nothing secret hangs on it
    firm = found_firm(random, scale)
    invoices = invoices_of(random, firm)
    return Play(firm, invoices, _Plan(random, firm, invoices, scale).acts())


class _Plan:
    """Puts the events into acts; within an act only the order of each course matters, so the rest is shuffled."""

    def __init__(self, random: Random, firm: Firm, invoices: Sequence[Invoice], scale: float) -> None:
        self._random = random
        self._pen = Pen(random)
        self._firm = firm
        self._invoices = invoices
        self._duplicates = max(6, round(DUPLICATES * scale))
        self._approvals: dict[str, Sending] = {}
        """Sheet id -> its first approval."""
        self._put_off: list[Course] = []
        """What is told of sheets and reports weeks later."""

    def acts(self) -> tuple[Act, ...]:
        fine: Mapping[str, Weather] = {}
        flaky = {"erp": Weather.FLAKY, "erp_eu": Weather.FLAKY}
        down = {"erp": Weather.FLAKY, "erp_eu": Weather.DOWN}
        acts = [
            self._act(0, "customers and people; time is approved before its deals are won", fine, 1.0, self._opening()),
            self._act(2, "deals are won", fine, 1.0, self._winning()),
            self._act(3, "change orders, the second before the first; both ERPs are flaky", flaky, 2.0, self._autumn()),
            self._act(6, "the European ERP is down, and the firm works on; deals come late", down, 4.0, self._outage()),
            self._act(9, "it is back; milestones and expenses", flaky, 2.0, self._delivery()),
        ]
        acts.append(self._evening([sending for act in acts for sending in act.sendings]))
        acts.append(self._billing(flaky))
        return tuple(acts)

    def _act(
        self, week: int, title: str, weather: Mapping[str, Weather], seconds: float, courses: Sequence[Course]
    ) -> Act:
        return Act(monday(week), title, weather, seconds, tuple(self._mixed(courses)))

    def _opening(self) -> list[Course]:
        """A hold comes before its customer, so that the customer never was without it."""
        pen, day = self._pen, monday(0)
        courses: list[Course] = [self._introduced(place) for place in range(len(self._firm.clients))]
        courses += [[from_psa.employee(pen, person, day)] for person in self._firm.people if not person.is_late]
        return courses + self._time(range(2))

    def _introduced(self, place: int) -> Course:
        """A customer with what finance thinks of it; of a hold that is over the end is heard first."""
        pen, client, day = self._pen, self._firm.clients[place], monday(0)
        match client.credit:
            case Credit.ON_HOLD:
                return [from_books.credit(pen, client, day, on_hold=True), from_crm.customer(pen, client, day)]
            case Credit.RELEASED:
                held = from_books.credit(pen, client, day, on_hold=True)
                released = from_books.credit(pen, client, day, on_hold=False)
                self._put_off.append([held])
                return [released, from_crm.customer(pen, client, day)]
            case _:
                return [from_crm.customer(pen, client, day)]

    def _winning(self) -> list[Course]:
        return [[self._won(deal)] for deal in self._firm.deals if not deal.is_late]

    def _won(self, deal: Deal) -> Sending:
        return from_crm.won(self._pen, deal, monday(7 if deal.is_late else 2))

    def _autumn(self) -> list[Course]:
        late = [[from_psa.employee(self._pen, person, monday(3))] for person in self._firm.people if person.is_late]
        in_time = [self._changes(project) for project in self._firm.projects]
        return [*late, *in_time, *self._time(range(2, 5))]

    def _changes(self, project: Project) -> Course:
        """The change orders of a project that come in time; of two the later one first."""
        orders = [change for change in project.changes if change.arrival is not Arrival.BACK_DATED]
        written = [from_crm.changed(self._pen, project, change, monday(3)) for change in orders]
        overtakes = any(change.arrival is Arrival.BEFORE_ITS_PREDECESSOR for change in orders)
        return written[::-1] if overtakes else written

    def _outage(self) -> list[Course]:
        """The late deals come right into the outage; the PSA has activated their projects before."""
        late = [deal for deal in self._firm.deals if deal.is_late]
        courses: list[Course] = [
            [*(from_psa.activated(self._pen, project, monday(0)) for project in deal.projects), self._won(deal)]
            for deal in late
        ]
        return courses + self._time(range(5, 8))

    def _delivery(self) -> list[Course]:
        courses: list[Course] = [self._report(report) for report in self._firm.reports]
        courses += [
            [from_psa.completed(self._pen, project, milestone) for milestone in project.completed]
            for project in self._firm.projects
        ]
        return courses + self._time(range(8, 12))

    def _time(self, weeks: Iterable[int]) -> list[Course]:
        return [self._course(sheet) for sheet in self._firm.sheets if sheet.week in weeks]

    def _course(self, sheet: Sheet) -> Course:
        """A sheet is submitted, then approved or sent back; what comes weeks later is put off."""
        pen, submitted = self._pen, from_psa.submitted(self._pen, sheet)
        if sheet.fate in {Fate.REJECTED, Fate.RESUBMITTED}:
            back = [submitted, from_psa.rejected(pen, sheet)]
            again = [from_psa.submitted(pen, sheet, 2), from_psa.approved(pen, sheet, 2)]
            return back if sheet.fate is Fate.REJECTED else [*back, *again]
        approved = self._approvals[sheet.id] = from_psa.approved(pen, sheet)
        match sheet.fate:
            case Fate.OVERTAKEN:
                self._put_off.append([approved])
                return [submitted, from_psa.corrected(pen, sheet)]
            case Fate.CORRECTED:
                self._put_off.append([from_psa.corrected(pen, sheet)])
            case Fate.WITHDRAWN:
                self._put_off.append([from_psa.withdrawn(pen, sheet)])
            case Fate.RESENT:
                self._put_off.append([from_psa.approved(pen, sheet)])
            case Fate.CONFLICT:
                self._put_off.append([conflicting(approved)])
            case _:
                pass
        return [submitted, approved]

    def _report(self, report: Report) -> Course:
        match report.fate:
            case Fate.REJECTED:
                return [from_psa.spent_in_vain(self._pen, report)]
            case Fate.CORRECTED:
                return [from_psa.spent(self._pen, report), from_psa.spent_otherwise(self._pen, report)]
            case _:
                return [from_psa.spent(self._pen, report)]

    def _evening(self, told: Sequence[Sending]) -> Act:
        """What comes too late, again, or as it must not; then people settle what waits for them."""
        pen, firm = self._pen, self._firm
        courses: list[Course] = [*self._put_off]
        courses += [
            [from_crm.changed(pen, project, change, TODAY)]
            for project in firm.projects
            for change in project.changes
            if change.arrival is Arrival.BACK_DATED
        ]
        courses += [
            [from_books.taxed(pen, client, branch, TODAY) for branch in client.branches]
            for client in firm.clients
            if client.credit is Credit.UNTAXED
        ]
        courses += [[from_crm.customer(pen, firm.clients[3], TODAY, terms="NET30")], [self._won(firm.deals[-1])]]
        courses += [[from_crm.customer(pen, sister_of(firm.clients[4]), TODAY)]]
        courses += [[bad] for bad in bad_input(pen, firm)]
        courses += [[each] for each in self._again(told)]
        title = "late corrections, late approvals, repetitions, and what must not pass"
        return Act(TODAY, title, {}, 2.0, tuple(self._mixed(courses)), people=True)

    def _billing(self, weather: Mapping[str, Weather]) -> Act:
        """Invoices of two months; some payments are there first, and the ERP's word before the billing engine's."""
        pen = self._pen
        early = {each.id: from_books.entered(pen, each, each.entries[0]) for each in self._invoices if each.is_early}
        courses: list[Course] = [[from_books.issued(pen, invoice)] for invoice in self._invoices]
        for invoice in self._invoices:
            entries = invoice.entries[1:] if invoice.is_early else invoice.entries
            rest = [from_books.entered(pen, invoice, entry) for entry in entries]
            courses.append([from_books.posted(pen, invoice), from_books.sent(pen, invoice), *rest])
        mixed = self._mixed(courses)
        again = self._again([*early.values(), *mixed])
        title = "the quarter is invoiced; payments, credit memos, write-offs, some before their invoices"
        return Act(TODAY, title, weather, 2.0, (*early.values(), *mixed, *again))

    def _again(self, told: Sequence[Sending]) -> list[Sending]:
        good = [each for each in told if each.planted is None]
        return [repeated(each) for each in self._random.sample(good, min(len(good), self._duplicates))]

    def _mixed(self, courses: Sequence[Course]) -> list[Sending]:
        """The courses interleaved at random, each in its own order."""
        turns = [place for place, course in enumerate(courses) for _ in course]
        self._random.shuffle(turns)
        rest = [iter(course) for course in courses]
        return [next(rest[place]) for place in turns]

"""The table of figures: each with its formula over the sums of measures. `docs/kpis.md` has the same table."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from adapters.ports.kpis import Sum
from gateway.kpis.measures import ZERO, Measure

Unit = Literal["seconds", "per cent", "money", "count", "days"]

STOCKS: Final = (Measure.WIP,)
"""Measures that say what stands at the end of a period, and so are summed from the first day on."""
MONTHS: Final = (Measure.WORK_MONTHS,)
"""Measures that belong to the month of their label."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of a period. `value` is None where there is nothing to divide by; `of` is how many things it is made of.

    `currency` is None for what is not money.
    """

    value: Decimal | None
    of: int
    currency: str | None = None


Formula = Callable[[Sequence[Sum]], list[Value]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table. `counts` and `leaves_out`: what it is made of, and what not, in words."""

    name: str
    says: str
    formula: str
    unit: Unit
    counts: str
    leaves_out: str
    of: Formula


def _sum(sums: Sequence[Sum], *measures: Measure) -> tuple[int, Decimal]:
    found = [each for each in sums if each.measure in measures]
    return sum(each.count for each in found), sum((each.total for each in found), ZERO)


def _mean(measure: Measure) -> Formula:
    """Seconds in all, divided by how many."""

    def mean(sums: Sequence[Sum]) -> list[Value]:
        count, total = _sum(sums, measure)
        return [Value(total / count if count else None, count)]

    return mean


def _share(part: Measure, *whole: Measure) -> Formula:
    """How many of some are such, in per cent."""

    def share(sums: Sequence[Sum]) -> list[Value]:
        (some, _), (every, _) = _sum(sums, part), _sum(sums, *whole)
        return [Value(Decimal(100 * some) / every if every else None, every)]

    return share


def _rest(part: Measure, whole: Measure) -> Formula:
    """How many of some are not such, in per cent."""

    def rest(sums: Sequence[Sum]) -> list[Value]:
        (some, _), (every, _) = _sum(sums, part), _sum(sums, whole)
        return [Value(Decimal(100 * (every - some)) / every if every else None, every)]

    return rest


def _count(measure: Measure) -> Formula:
    """How many."""

    def count(sums: Sequence[Sum]) -> list[Value]:
        found, _ = _sum(sums, measure)
        return [Value(Decimal(found), found)]

    return count


def _money(measure: Measure) -> Formula:
    """What it comes to, by currency."""

    def money(sums: Sequence[Sum]) -> list[Value]:
        found: dict[str, tuple[int, Decimal]] = {}
        for each in sums:
            if each.measure == measure:
                count, total = found.get(each.currency, (0, ZERO))
                found[each.currency] = count + each.count, total + each.total
        return [Value(total, count, currency) for currency, (count, total) in sorted(found.items())]

    return money


def _days_to_close(sums: Sequence[Sum]) -> list[Value]:
    """The mean over months of how many days after its end the last of its lines was booked."""
    last: dict[str, date] = {}
    for each in sums:
        if each.measure == Measure.WORK_MONTHS:
            last[each.label] = max(each.last, last.get(each.label, each.last))
    days = [max(0, (day - _end_of(month)).days) for month, day in last.items()]
    return [Value(Decimal(sum(days)) / len(days) if days else None, len(days))]


def _end_of(month: str) -> date:
    year, number = map(int, month.split("-"))
    return date(year, number, monthrange(year, number)[1])


def _duplicates(sums: Sequence[Sum]) -> list[Value]:
    ignored = sum(each.count for each in sums if each.measure == Measure.MESSAGES and each.label == "ignored")
    cases, _ = _sum(sums, Measure.DUPLICATE_CASES)
    return [Value(Decimal(ignored + cases), ignored + cases)]


FIGURES: Final[tuple[Figure, ...]] = (
    Figure(
        "deals_won", "parts of deals that were won", "Σ deals_won", "count",
        "each part of `project.opportunity_won` once, when it is applied first",
        "nothing: parts of legal entities that run no won deals are counted too",
        _count(Measure.DEALS_WON),
    ),
    Figure(
        "project_start", "from the won deal to the project that can be worked on",
        "Σ seconds(projects_opened) ÷ Σ projects_opened", "seconds",
        "per part: from when the deal came in first until its project was opened here, on which time and invoices rely",
        "parts that are not open yet; steps that follow, such as the link in the CRM",
        _mean(Measure.PROJECTS_OPENED),
    ),
    Figure(
        "untouched", "projects that came to be without a person",
        "100 × Σ opened_untouched ÷ Σ projects_opened", "per cent",
        "parts opened on whose engagement no message or command stood and no person acted before, approvals included",
        "what persons did about the customer or another key",
        _share(Measure.OPENED_UNTOUCHED, Measure.PROJECTS_OPENED),
    ),
    Figure(
        "billing", "from approved time to the booking in the ERP",
        "Σ seconds(lines_billed) ÷ Σ lines_billed", "seconds",
        "per confirmed `billable.post` or `expense.post`: from when the approval or correction that asked for it "
        "came in",
        "lines that wait or are refused; lines booked anew at other rates or by a repair",
        _mean(Measure.LINES_BILLED),
    ),
    Figure(
        "billed", "what was booked to be billed", "Σ money(billed)", "money",
        "confirmed `billable.post`, `expense.post`, `milestone.bill`, less what `billable.reverse` and "
        "`expense.reverse` took back",
        "cost; what a billing engine bills of fees and retainers by itself; what repairs book and take back",
        _money(Measure.BILLED),
    ),
    Figure(
        "matched", "messages that found all they name",
        "100 × (Σ messages − Σ messages_waited) ÷ Σ messages", "per cent",
        "messages of sources that came to their end without ever waiting for another key, another system's id, or a "
        "missing number",
        "messages that still wait: they count on the day on which they end",
        _rest(Measure.MESSAGES_WAITED, Measure.MESSAGES),
    ),
    Figure(
        "failed", "messages that needed a person", "100 × Σ messages_failed ÷ Σ messages", "per cent",
        "messages of sources that were parked before they ended, or ended as discarded, rejected, or in conflict",
        "what is parked now (it counts when it ends), dead letters, and commands that a system refused",
        _share(Measure.MESSAGES_FAILED, Measure.MESSAGES),
    ),
    Figure(
        "case_resolution", "how long a case is open", "Σ seconds(cases_closed) ÷ Σ cases_closed", "seconds",
        "per closing: from when the case was opened last, whoever closed it",
        "cases that are open; cases belong to no legal entity here",
        _mean(Measure.CASES_CLOSED),
    ),
    Figure(
        "manual_corrections", "what persons corrected by hand", "Σ corrections", "count",
        "acts `edit-retry`, `cancel`, and `resolve` that their key took, and messages that were discarded",
        "approvals, rejections, and retries; corrections that a source sends (`timesheet.corrected`)",
        _count(Measure.CORRECTIONS),
    ),
    Figure(
        "days_to_close", "from the end of a month to the last booking of its work",
        "mean over months of max(0, last day of work_months − end of month)", "days",
        "months that end in the period; `billable.post` and `expense.post` by `work_date` or `incurred_on`",
        "lines of the month that are not booked yet; what repairs book",
        _days_to_close,
    ),
    Figure(
        "invoices_refused", "invoices that an ERP refused", "100 × Σ invoices_refused ÷ Σ invoices_judged", "per cent",
        "invoices at their first `invoice.posting_rejected` or refused `invoice.post`, of those posted or refused",
        "second refusals of the same invoice",
        _share(Measure.INVOICES_REFUSED, Measure.INVOICES_JUDGED),
    ),
    Figure(
        "invoices_disputed", "invoices that a customer objects to", "100 × Σ invoices_disputed ÷ Σ invoices_posted",
        "per cent",
        "invoices at their first `invoice.disputed` that is not settled, whenever they were posted",
        "further disputes of the same invoice",
        _share(Measure.INVOICES_DISPUTED, Measure.INVOICES_POSTED),
    ),
    Figure(
        "disputed_after_failure", "disputes that something here may have led to",
        "100 × Σ disputed_after_failure ÷ Σ invoices_disputed", "per cent",
        "disputed invoices of which a posting was refused, or a message stood, before the dispute",
        "what went wrong with the sheets that the invoice bills",
        _share(Measure.DISPUTED_AFTER_FAILURE, Measure.INVOICES_DISPUTED),
    ),
    Figure(
        "duplicates_stopped", "what came twice and was done once",
        "Σ messages(ignored) + Σ duplicate_cases", "count",
        "messages of sources that ended as ignored, as what they say was known; cases of class `duplicate`",
        "deliveries of one message again (`tallystick_duplicates_total`); a flow that is `off` ignores messages too",
        _duplicates,
    ),
    Figure(
        "wip", "booked to be billed, and on no invoice, at the end of the period",
        "Σ money(wip) from the first day on", "money",
        "lines of sheets and reports that the ERP has booked, until an invoice bills them; again once it is withdrawn",
        "what is approved and not booked yet (state `unbilled`); a line that is corrected after an invoice has "
        "billed it; what repairs book and take back",
        _money(Measure.WIP),
    ),
    Figure(
        "posting_accuracy", "bookings that a system took", "100 × Σ posted ÷ (Σ posted + Σ refused)", "per cent",
        "confirmed and refused commands `billable`, `expense`, and `cost` `.post` and `.reverse`, `milestone.bill`, "
        "`invoice.post`",
        "attempts that a system put off; what stands parked because nobody knows its outcome counts as refused until "
        "it is settled, and then as posted too",
        _share(Measure.POSTED, Measure.POSTED, Measure.REFUSED),
    ),
)  # fmt: skip
"""Every figure, in the order in which it is shown."""


def figures_of(sums: Sequence[Sum]) -> Mapping[str, list[Value]]:
    """Each figure by its name, from sums of one period."""
    return {figure.name: figure.of(sums) for figure in FIGURES}

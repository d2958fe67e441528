"""Who works on what: the sheets and the reports of expenses of twelve weeks, from a seed. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from gateway.demo.firm.model import (
    BRANCHES,
    OVERHEAD,
    WEEKS,
    Credit,
    Fate,
    Person,
    Project,
    Report,
    Sheet,
    Spending,
    WorkLine,
    monday,
)

ROTATION: Final = 3
"""Weeks that somebody stays on a project."""
BILLABLE_SHARE: Final = 0.88
SECOND_LINE_SHARE: Final = 0.65

_TASKS: Final = ("analysis", "design", "build", "workshop")
_CLOSED_DAY: Final = date(2026, 7, 29)
"""Of a month whose books are closed."""
_FATES: Final = (
    (Fate.CORRECTED, 24),
    (Fate.OVERTAKEN, 10),
    (Fate.REJECTED, 5),
    (Fate.RESUBMITTED, 6),
    (Fate.WITHDRAWN, 4),
    (Fate.RESENT, 6),
)
"""How many sheets of each kind at scale 1; all others are plain."""
_SPENT: Final = (("travel", True), ("lodging", True), ("meals", False))


def sheets_of(random: Random, people: Sequence[Person], projects: Sequence[Project], scale: float) -> tuple[Sheet, ...]:
    """One for each person and week, and one of a closed month."""
    sheets = [
        _sheet(random, person, week, project)
        for branch in BRANCHES
        for person, week, project in _staffing(
            [person for person in people if person.branch is branch],
            [project for project in projects if project.branch is branch],
        )
    ]
    sound = [
        place
        for place, sheet in enumerate(sheets)
        if sheet.project.is_by_time and sheet.project.client.credit is Credit.GOOD
    ]
    fates = [fate for fate, share in _FATES for _ in range(max(1, round(share * scale)))]
    for place, fate in zip(random.sample(sound, len(fates) + 1), [*fates, Fate.CONFLICT], strict=True):
        sheets[place] = _fated(sheets[place], fate)
    return (*sheets, _closed(sheets[sound[0]]))


def reports_of(random: Random, sheets: Sequence[Sheet], amount: int) -> tuple[Report, ...]:
    """Expenses of those who were out on a project; the first is corrected, the second sent back."""
    sound = [
        sheet for sheet in sheets
        if sheet.project.is_by_time and not sheet.project.is_blocked and sheet.fate is not Fate.CLOSED_PERIOD
    ]  # fmt: skip
    reports = [_report(random, number, sheet) for number, sheet in enumerate(random.sample(sound, amount), 1)]
    first, second, *rest = reports
    line = replace(first.lines[0], amount=first.lines[0].amount + Decimal("12.40"))
    corrected = replace(first, fate=Fate.CORRECTED, corrected=(line, *first.lines[1:]))
    return (corrected, replace(second, fate=Fate.REJECTED), *rest)


def _staffing(people: Sequence[Person], projects: Sequence[Project]) -> Iterator[tuple[Person, int, Project]]:
    """Everybody moves on after some weeks, and every project gets its turn."""
    for week in range(WEEKS):
        for place, person in enumerate(people):
            yield person, week, projects[(place + len(people) * (week // ROTATION)) % len(projects)]


def _sheet(random: Random, person: Person, week: int, project: Project) -> Sheet:
    lines: list[WorkLine] = []
    for day in range(5):
        quarters = random.randint(26, 37)
        parts = [quarters]
        if random.random() < SECOND_LINE_SHARE:
            first = random.randint(5, quarters - 5)
            parts = [first, quarters - first]
        for part in parts:
            lines.append(_line(random, len(lines), monday(week) + timedelta(days=day), part, person, project))
    return Sheet(f"TS-{week + 1:02}-{person.id}", project, person, week, tuple(lines))


def _line(random: Random, place: int, day: date, quarters: int, person: Person, project: Project) -> WorkLine:
    is_billable = project.is_by_time and (place == 0 or random.random() < BILLABLE_SHARE)
    return WorkLine(
        line_id=str(place + 1),
        work_date=day,
        hours=Decimal(quarters) / 4,
        role=person.role,
        task=random.choice(_TASKS) if is_billable else OVERHEAD,
        is_billable=is_billable,
    )


def _fated(sheet: Sheet, fate: Fate) -> Sheet:
    corrected = _corrected(sheet.lines) if fate in {Fate.CORRECTED, Fate.OVERTAKEN} else ()
    return replace(sheet, fate=fate, corrected=corrected)


def _corrected(lines: Sequence[WorkLine]) -> tuple[WorkLine, ...]:
    """The first line gets half an hour more, the last one goes, a new one comes."""
    first, *middle, _last = lines
    new = replace(first, line_id=str(len(lines) + 1), hours=Decimal("1.25"), task="workshop")
    return (replace(first, hours=first.hours + Decimal("0.5")), *middle, new)


def _closed(sheet: Sheet) -> Sheet:
    """A day of a closed month that somebody hands in much too late."""
    line = replace(sheet.lines[0], work_date=_CLOSED_DAY)
    return replace(sheet, id=f"TS-JULY-{sheet.person.id}", lines=(line,), fate=Fate.CLOSED_PERIOD, corrected=())


def _report(random: Random, number: int, sheet: Sheet) -> Report:
    categories = random.sample(_SPENT, random.randint(1, len(_SPENT)))
    lines = tuple(
        Spending(
            line_id=str(place),
            incurred_on=monday(sheet.week) + timedelta(days=place),
            category=category,
            amount=Decimal(random.randint(900, 42_000)) / 100,
            is_billable=is_billable,
        )
        for place, (category, is_billable) in enumerate(categories, 1)
    )
    return Report(f"EX-{number:03}-{sheet.person.id}", sheet.project, sheet.person, sheet.week, lines)

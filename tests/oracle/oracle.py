"""What the figures must be, said again from the raw events and rows, by brute force and in other words.

It imports nothing of the gateway and of the actors, keeps no sums, and looks at all rows for each question anew.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

Json = Mapping[str, Any]
"""`Any`, because each type has its own shape, and no model of ours is to be trusted."""

_ENDS: Final = {"applied", "ignored", "stale", "superseded", "rejected", "discarded", "conflict"}
_STANDS: Final = {"parked", "conflict"}
_APPROVALS: Final = {"timesheet.approved", "timesheet.corrected", "expense.approved", "expense.corrected"}
_POSTS: Final = {"billable.post", "expense.post"}
_REVERSALS: Final = {"billable.reverse", "expense.reverse"}
_BOOKINGS: Final = _POSTS | _REVERSALS | {"cost.post", "cost.reverse", "milestone.bill", "invoice.post"}


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message. `name` is its type without version."""

    source: str
    id: str
    name: str
    data: Json
    received_at: datetime

    @property
    def is_foreign(self) -> bool:
        """Whether a source has sent it."""
        return not self.source.startswith("tallystick:")


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, and whether its system has the effect. `version`: that of its entity when it was asked for."""

    operation: str
    line: str
    version: int
    body: Json
    is_there: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A raw line of the timeline. `place` rises."""

    place: int
    at: datetime
    entity: str
    key: str
    version: int
    what: str
    message: Message | None = None
    command: Asked | None = None

    @property
    def is_booked(self) -> bool:
        """Whether a command was settled, with its effect there."""
        return self.what == "command_done" and self.command is not None and self.command.is_there


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A change of a case: opened, reopened, or closed."""

    at: datetime
    what: str
    failure_class: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What is expected: value and how many by figure, and money by figure and currency."""

    values: Mapping[str, tuple[Decimal | None, int]]
    money: Mapping[str, Mapping[str, Decimal]]


def figures(rows: Sequence[Row], cases: Sequence[CaseRow]) -> Figures:
    """All figures of all days."""
    ended = [row for row in rows if _foreign(row) and row.what in _ENDS]
    openings, invoices = list(_openings(rows)), _keys(rows, "invoice")
    booked = [row for row in rows if row.is_booked and _operation(row) in _BOOKINGS]
    refused = [row for row in rows if not row.is_booked and _operation(row) in _BOOKINGS]
    judged = [key for key in invoices if _posted(rows, key) or _refused(rows, key)]
    posted = [key for key in invoices if _posted(rows, key)]
    disputed = [key for key in invoices if _disputed(rows, key)]
    late = [
        key for key in disputed
        if any(row.place < _disputed(rows, key)[0].place for row in (*_refused(rows, key), *_stood(rows, key)))
    ]  # fmt: skip
    closed = [(case.at - case.opened_at).total_seconds() for case in cases if case.what == "closed"]
    twins = [case for case in cases if case.what == "opened" and case.failure_class == "duplicate"]
    return Figures(
        {
            "deals_won": _count(list(_parts_won(rows))),
            "project_start": _mean([seconds for _, seconds, _ in openings]),
            "untouched": _share(sum(not touched for *_, touched in openings), len(openings)),
            "billing": _mean(list(_waits_for_booking(rows))),
            "matched": _share(sum(not _ever(rows, row, {"waiting"}) for row in ended), len(ended)),
            "failed": _share(
                sum(row.what in {"discarded", "rejected", "conflict"} or _ever(rows, row, _STANDS) for row in ended),
                len(ended),
            ),
            "case_resolution": _mean([Decimal(str(seconds)) for seconds in closed]),
            "manual_corrections": _count([row for row in rows if _corrects(row)]),
            "days_to_close": _days_to_close(rows),
            "invoices_refused": _share(sum(bool(_refused(rows, key)) for key in judged), len(judged)),
            "invoices_disputed": _share(len(disputed), len(posted)),
            "disputed_after_failure": _share(len(late), len(disputed)),
            "duplicates_stopped": _count([*(row for row in ended if row.what == "ignored"), *twins]),
            "posting_accuracy": _share(len(booked), len(booked) + len(refused)),
        },
        {"billed": _billed(rows), "wip": _wip(rows)},
    )


def _parts_won(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Each part of each deal once: (engagement, legal entity)."""
    seen = dict.fromkeys(
        (row.key, part["legal_entity"])
        for row in rows
        if row.what == "applied" and _name(row) == "project.opportunity_won" and row.message is not None
        for part in row.message.data.get("parts", [row.message.data])
    )
    yield from seen


def _openings(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, str], Decimal, bool]]:
    """Each part that was opened, after how many seconds, and whether anybody was needed before."""
    for key, legal_entity in _parts_won(rows):
        own = [row for row in rows if (row.entity, row.key) == ("engagement", key)]
        opened = [
            row for row in own
            if row.is_booked and row.command is not None and row.command.operation == "project.opened"
            and row.command.body["legal_entity"] == legal_entity
        ]  # fmt: skip
        won = [row.message.received_at for row in own if row.message and _name(row) == "project.opportunity_won"]
        if opened:
            before = [row for row in own if row.place < opened[0].place]
            yield (key, legal_entity), _seconds(min(won), opened[0].at), any(map(_is_touch, before))


def _is_touch(row: Row) -> bool:
    if row.what in _STANDS | {"discarded", "command_parked", "gap_closed"}:
        return True
    return row.what == "applied" and row.message is not None and row.message.source == "tallystick:people"


def _waits_for_booking(rows: Sequence[Row]) -> Iterator[Decimal]:
    """For each line booked to be billed: how long after the approval that asked for it came in."""
    for row in rows:
        if not row.is_booked or _operation(row) not in _POSTS or row.command is None:
            continue
        for other in rows:
            asks = (other.entity, other.key, other.version) == (row.entity, row.key, row.command.version)
            if not asks or other.what != "applied" or other.message is None:
                continue
            if other.message.is_foreign and other.message.name in _APPROVALS:
                yield _seconds(other.message.received_at, row.at)


def _business(rows: Sequence[Row]) -> list[Row]:
    """Without what repairs have asked for: that only brings the books to what was counted before."""
    return [row for row in rows if not _is_of_repair(rows, row)]


def _is_of_repair(rows: Sequence[Row], row: Row) -> bool:
    return row.command is not None and any(
        (other.entity, other.key, other.version) == (row.entity, row.key, row.command.version)
        and other.what == "applied"
        and other.message is not None
        and other.message.name.endswith(".repaired")
        for other in rows
    )


def _billed(rows: Sequence[Row]) -> Mapping[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for row in _business(rows):
        if row.is_booked and row.command is not None and _operation(row) in _POSTS | _REVERSALS | {"milestone.bill"}:
            currency = row.command.body["currency"]
            amounts[currency] = amounts.get(currency, Decimal(0)) + Decimal(row.command.body["amount"])
    return amounts


def _wip(rows: Sequence[Row]) -> Mapping[str, Decimal]:
    """Of each line of each paper what is booked in the end, unless some invoice bills it in the end."""
    booked: dict[tuple[str, str, str], list[tuple[str, Decimal]]] = {}
    billing: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in _business(rows):
        if row.is_booked and row.command is not None and _operation(row) in _POSTS | _REVERSALS:
            body = row.command.body
            entry = (body["currency"], Decimal(body["amount"]))
            booked.setdefault((row.entity, row.key, body["line_id"]), []).append(entry)
        if row.what == "applied" and row.message is not None and row.message.name.endswith(".invoiced"):
            for line in row.message.data["lines"]:
                states = billing.setdefault((row.entity, row.key, line["line_id"]), {})
                states[row.message.data["invoice"]] = line["state"]
    open_: dict[str, Decimal] = {}
    for place, entries in booked.items():
        if all(state == "withdrawn" for state in billing.get(place, {}).values()):
            for currency, amount in entries:
                open_[currency] = open_.get(currency, Decimal(0)) + amount
    return open_


def _days_to_close(rows: Sequence[Row]) -> tuple[Decimal | None, int]:
    last: dict[str, date] = {}
    for row in _business(rows):
        if row.is_booked and row.command is not None and _operation(row) in _POSTS:
            work = row.command.body.get("work_date") or row.command.body["incurred_on"]
            last[work[:7]] = max(row.at.date(), last.get(work[:7], date.min))
    days = []
    for month, day in last.items():
        year, number = int(month[:4]), int(month[5:])
        days.append(max(0, (day - date(year, number, monthrange(year, number)[1])).days))
    return (Decimal(sum(days)) / len(days) if days else None, len(days))


def _corrects(row: Row) -> bool:
    if row.message is None:
        return False
    if row.what == "discarded":
        return row.message.is_foreign
    is_act = row.what == "applied" and row.message.source == "tallystick:people"
    return is_act and row.message.data["act"] in {"edit-retry", "cancel", "resolve"}


def _keys(rows: Sequence[Row], entity: str) -> list[str]:
    return list(dict.fromkeys(row.key for row in rows if row.entity == entity))


def _of_invoice(rows: Sequence[Row], key: str) -> list[Row]:
    return [row for row in rows if (row.entity, row.key) == ("invoice", key)]


def _posted(rows: Sequence[Row], key: str) -> list[Row]:
    return [
        row for row in _of_invoice(rows, key)
        if (row.what == "applied" and _name(row) == "invoice.posted")
        or (row.is_booked and _operation(row) == "invoice.post")
    ]  # fmt: skip


def _refused(rows: Sequence[Row], key: str) -> list[Row]:
    return [
        row for row in _of_invoice(rows, key)
        if (row.what == "applied" and _name(row) == "invoice.posting_rejected")
        or (not row.is_booked and _operation(row) == "invoice.post")
    ]  # fmt: skip


def _stood(rows: Sequence[Row], key: str) -> list[Row]:
    return [row for row in _of_invoice(rows, key) if row.what in _STANDS]


def _disputed(rows: Sequence[Row], key: str) -> list[Row]:
    return [
        row for row in _of_invoice(rows, key)
        if row.what == "applied" and _name(row) == "invoice.disputed" and row.message is not None
        and not row.message.data.get("settled", False)
    ]  # fmt: skip


def _foreign(row: Row) -> bool:
    return row.message is not None and row.message.is_foreign


def _name(row: Row) -> str | None:
    return None if row.message is None else row.message.name


def _operation(row: Row) -> str | None:
    return None if row.command is None else row.command.operation


def _ever(rows: Sequence[Row], ended: Row, verdicts: set[str]) -> bool:
    """Whether the message of a row had one of these verdicts before."""
    message = ended.message
    return message is not None and any(
        row.message is not None
        and (row.message.source, row.message.id) == (message.source, message.id)
        and row.place < ended.place
        and row.what in verdicts
        for row in rows
    )


def _seconds(since: datetime, until: datetime) -> Decimal:
    return Decimal(str((until - since).total_seconds()))


def _mean(found: Sequence[Decimal]) -> tuple[Decimal | None, int]:
    return (sum(found, Decimal(0)) / len(found) if found else None, len(found))


def _share(part: int, whole: int) -> tuple[Decimal | None, int]:
    return (Decimal(100 * part) / whole if whole else None, whole)


def _count(found: Sequence[object]) -> tuple[Decimal, int]:
    return Decimal(len(found)), len(found)

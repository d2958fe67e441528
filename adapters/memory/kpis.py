"""What is counted for the business's figures, in memory."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from adapters.memory.rows import Happened, Logged
from adapters.memory.tables import Tables
from adapters.ports.kpis import (
    LOOKED_INTO,
    About,
    Added,
    Counted,
    Line,
    Page,
    Period,
    Place,
    Progress,
    Reached,
    Said,
    Sent,
    Sum,
    Waiting,
)
from adapters.ports.outbox import Ending
from schemas.commands import OURS, Command
from schemas.keys import ActorKey
from schemas.verdicts import FINAL, FailureClass, Verdict

FLOWS = ("won_deals", "unbilled", "blocked_invoices", "unmatched_customers", "cases")
_OVER = ("active", "shadowed", "cancelled")
_POSTS = ("billable.post", "expense.post")


class MemoryBooks:
    """Port `Books`. Lines are there in the order of their numbers, so that none is ever missing."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._sums = tables.sums

    async def page(self, *, most: int) -> Page:
        tables, sums = self._tables, self._sums
        gone = tables.timeline_removed
        behind = max(sums.timeline, gone)
        timeline_end = min(behind + most, gone + len(tables.timeline))
        cases_end = min(sums.cases + most, len(tables.case_log))
        numbers = range(behind, timeline_end)
        lines = [self._line(number + 1, tables.timeline[number - gone]) for number in numbers]
        is_last = timeline_end == gone + len(tables.timeline) and cases_end == len(tables.case_log)
        cases = tables.case_log[sums.cases : cases_end]
        return Page(sums.turn, Reached(timeline_end, cases_end), lines, cases, sums.since, is_last)

    async def kept(self, keys: Collection[ActorKey]) -> dict[ActorKey, bytes]:
        return {key: self._sums.kept[key].body for key in keys if key in self._sums.kept}

    async def add(self, counted: Counted) -> bool:
        sums, page = self._sums, counted.page
        if sums.turn != page.turn:
            return False
        sums.turn += 1
        sums.timeline, sums.cases = page.reached.timeline, page.reached.cases
        times = [sums.until, *(line.at for line in page.lines), *(line.at for line in page.cases)]
        sums.until = max((at for at in times if at is not None), default=None)
        for place, added in counted.added.items():
            before = sums.added.get(place, Added(0, Decimal(0)))
            sums.added[place] = Added(before.count + added.count, before.total + added.total)
        for key, kept in counted.kept.items():
            if kept is None:
                sums.kept.pop(key, None)
            else:
                sums.kept[key] = kept
        return True

    async def restart(self, *, since: date | None) -> None:
        sums = self._sums
        sums.turn, sums.timeline, sums.cases, sums.until, sums.since = sums.turn + 1, 0, 0, None, since
        sums.kept.clear()
        sums.added = {place: added for place, added in sums.added.items() if since is not None and place.day < since}

    async def close(self) -> None:
        """Nothing to close."""

    def _line(self, seq: int, line: Happened) -> Line:
        said = None if line.ref is None else self._said(line)
        log = [] if line.command_id is None else self._tables.attempts.get(line.command_id, [])
        sent = _sent(log) if log else None
        return Line(seq, _moment(line.at), line.key, line.what, line.entity_version, said, sent)

    def _said(self, line: Happened) -> Said | None:
        accepted = None if line.ref is None else self._tables.inbox.get(line.ref)
        if accepted is None:
            return None
        message = accepted.message
        name = message.type.rpartition(".")[0]
        is_ended = (line.what in FINAL or line.what == Verdict.CONFLICT) and not message.source.startswith(f"{OURS}:")
        is_looked_into = line.what == Verdict.APPLIED and (name in LOOKED_INTO or name.endswith(".acted"))
        return Said(
            message.ref, message.source, message.type, _moment(accepted.at),
            _legal_entity(message.body) if is_ended else None, message.body if is_looked_into else None,
        )  # fmt: skip


class MemoryKpis:
    """Port `Kpis`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._sums = tables.sums

    async def sums(self, period: Period, *, stocks: Collection[str] = (), months: Collection[str] = ()) -> list[Sum]:
        found: dict[tuple[str, str, str, str], Sum] = {}
        for place, added in self._sums.added.items():
            if not _counts(place, period, stocks, months):
                continue
            name = (place.measure, place.legal_entity, place.currency, place.label)
            before = found.get(name)
            found[name] = (
                Sum(*name, added.count, added.total, place.day)
                if before is None
                else Sum(*name, before.count + added.count, before.total + added.total, max(before.last, place.day))
            )
        return [found[name] for name in sorted(found)]

    async def waiting(self) -> list[Waiting]:
        found = list(self._waiting())
        return [_summed(flow, [each for name, *each in found if name == flow]) for flow in FLOWS]

    async def progress(self) -> Progress:
        tables, sums = self._tables, self._sums
        behind = tables.timeline[max(sums.timeline - tables.timeline_removed, 0) :]
        uncounted = _moment(behind[0].at) if behind else None
        return Progress(_moment(tables.clock()), sums.until, uncounted)

    async def close(self) -> None:
        """Nothing to close."""

    def _waiting(self) -> Iterator[tuple[str, int, datetime | None, dict[str, Any]]]:
        """(flow, how many, since when, money by currency)."""
        tables = self._tables
        for key, kept in self._sums.kept.items():
            if kept.since is not None and self._status(key) not in _OVER:
                yield "won_deals", 1, kept.since, orjson.loads(kept.body)["worth"]
        for standing in tables.outbox.values():
            if standing.command.operation in _POSTS:
                about = _about(standing.command)
                money = {} if about.amount is None else {str(about.currency): about.amount}
                yield "unbilled", 1, _moment(standing.at), money
        for key, entity in tables.entities.items():
            depth = entity.row.lane.depth
            if depth and key.entity in ("timesheet", "expense"):
                yield "unbilled", depth, None, {}
            elif depth and key.is_external and key.id.split("/")[1:2] == ["customer"]:
                yield "unmatched_customers", 1, None, {}
        yield from self._blocked()
        for row in tables.cases:
            if row.is_open:
                yield "cases", 1, _moment(row.opened_at), dict(row.opened.case.money)

    def _blocked(self) -> Iterator[tuple[str, int, datetime | None, dict[str, Any]]]:
        """Invoices and customers with a case, or whose messages wait, each once."""
        tables, counted = self._tables, set[ActorKey]()
        for row in tables.cases:
            failure_class = row.opened.case.failure.failure_class
            is_twin = row.key.entity == "customer" and failure_class is FailureClass.DUPLICATE
            if row.is_open and (row.key.entity == "invoice" or is_twin):
                flow = "unmatched_customers" if is_twin else "blocked_invoices"
                yield flow, int(row.key not in counted), _moment(row.opened_at), dict(row.opened.case.money)
                counted.add(row.key)
        for key, entity in tables.entities.items():
            if key.entity == "invoice" and entity.row.lane.depth:
                yield "blocked_invoices", int(key not in counted), None, {}

    def _status(self, key: ActorKey) -> str:
        state = self._tables.row(key).state
        return "" if state is None else str(orjson.loads(state).get("status", ""))


def _counts(place: Place, period: Period, stocks: Collection[str], months: Collection[str]) -> bool:
    if period.legal_entity is not None and place.legal_entity != period.legal_entity:
        return False
    if place.measure in stocks:
        return place.day < period.end
    if place.measure in months:
        year, month = map(int, place.label.split("-"))
        return period.first <= date(year, month, monthrange(year, month)[1]) < period.end
    return period.first <= place.day < period.end


def _summed(flow: str, found: list[list[Any]]) -> Waiting:
    money: dict[str, Decimal] = {}
    for *_, amounts in found:
        for currency, amount in amounts.items():
            money[currency] = money.get(currency, Decimal(0)) + Decimal(amount)
    oldest = min((since for _, since, _ in found if since is not None), default=None)
    return Waiting(flow, sum(count for count, *_ in found), oldest, money)


def _sent(log: list[Logged]) -> Sent | None:
    """The attempt that confirmed the command, else the last one."""
    chosen = max(log, key=lambda logged: (logged.attempt.ending is Ending.CONFIRMED, logged.attempt.number))
    command = next((logged.command for logged in log if logged.command is not None), None)
    if command is None:
        return None
    is_confirmed = chosen.attempt.ending is Ending.CONFIRMED
    return Sent(command.operation, command.line, log[0].place[0], is_confirmed, _about(command))


def _about(command: Command) -> About:
    body = orjson.loads(command.body)
    amount, day = body.get("amount"), body.get("work_date") or body.get("incurred_on")
    return About(
        body.get("legal_entity"), body.get("currency"), None if amount is None else Decimal(amount),
        None if day is None else date.fromisoformat(day), body.get("line_id"),
    )  # fmt: skip


def _legal_entity(body: bytes) -> str | None:
    # Not by orjson, which refuses numbers that no float can hold, as PostgreSQL's `json` does not.
    found = json.loads(body)
    data = found.get("data") if isinstance(found, dict) else None
    return data.get("legal_entity") if isinstance(data, dict) else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

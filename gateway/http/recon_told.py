"""How reconciliations are shown: runs, differences, and plans of repair."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from typing_extensions import TypedDict

from adapters.ports.recon import Kind, Numbered, Phase, Run, Sums, Total
from adapters.ports.recon_plans import Plan
from gateway.recon.planning import Draft, Left
from schemas.standing import Sort, Standing


class ToldCount(TypedDict):
    """Differences of one entity and kind."""

    entity: str
    kind: Kind
    count: int


class ToldTotal(TypedDict):
    """What both sides come to: `difference` is `on_its_way`, and what the differences found explain."""

    legal_entity: str
    currency: str
    ours: Decimal
    theirs: Decimal
    difference: Decimal
    on_its_way: Decimal


class ToldRun(TypedDict):
    """A run; `kept` differences can be shown, the rest were counted alone. `waits`: why nothing happens now."""

    id: int
    system: str
    first: date
    last: date
    entity: str | None
    legal_entity: str | None
    schedule: str | None
    by: str
    phase: Phase
    started_at: datetime
    ended_at: datetime | None
    reason: str | None
    waits: str | None
    is_clean: bool
    differences: int
    kept: int
    on_its_way: int
    entries: int
    counts: list[ToldCount]
    totals: list[ToldTotal]


class ToldPlan(TypedDict):
    """A plan of repair. What became of it stands in the entity `repair` with this key, and in its case."""

    id: str
    entity: str
    key: str
    by: str
    at: datetime
    ended_at: datetime | None


class RunFile(ToldRun):
    """A run with its plans."""

    plans: list[ToldPlan]


class ToldSum(TypedDict):
    """Money of a legal entity in one currency."""

    legal_entity: str
    currency: str
    amount: Decimal


class ToldStanding(TypedDict):
    """An entry as one side has it."""

    sort: Sort
    reference: str | None
    external_id: str | None
    legal_entity: str
    day: date
    amount: Decimal | None
    currency: str | None
    account: str | None
    open: Decimal | None


class ToldDifference(TypedDict):
    """A difference. `effect` is by how much the system has more; `case` is the one in which it stands."""

    number: int
    kind: Kind
    name: str
    entity: str
    key: str | None
    fields: Sequence[str]
    effect: list[ToldSum]
    case: int | None
    ours: ToldStanding | None
    theirs: ToldStanding | None


class ToldItem(TypedDict):
    """What a plan does about a difference: `takes_back` is the system's id of what goes; `books`: it is booked anew."""

    number: int
    entity: str
    key: str
    booking: str
    takes_back: str | None
    books: bool


class Drafted(TypedDict):
    """A plan, null if none was made, what it does, and what it leaves; `more` differences were not looked at."""

    plan: ToldPlan | None
    items: list[ToldItem]
    left: Sequence[Left]
    more: int


def told_run(run: Run, waits: str | None = None) -> ToldRun:
    """A run as it is shown. `waits`: why nothing happens now."""
    asked, tally = run.asked, run.tally
    return {
        "id": run.id, "system": asked.system, "first": asked.first, "last": asked.last, "entity": asked.entity,
        "legal_entity": asked.legal_entity, "schedule": asked.schedule, "by": run.by, "phase": run.phase,
        "started_at": run.started_at, "ended_at": run.ended_at, "reason": run.reason, "waits": waits,
        "is_clean": run.phase == "done" and not tally.differences, "differences": tally.differences,
        "kept": run.kept, "on_its_way": tally.on_its_way, "entries": tally.entries,
        "counts": [
            {"entity": entity, "kind": kind, "count": count} for (entity, kind), count in sorted(tally.counts.items())
        ],
        "totals": [_told_total(total) for total in tally.totals],
    }  # fmt: skip


def told_difference(numbered: Numbered) -> ToldDifference:
    """A difference as it is shown."""
    found = numbered.difference
    key = found.key
    return {
        "number": numbered.number, "kind": found.kind, "name": found.name, "entity": found.shown.entity,
        "key": None if key is None else key.id, "fields": found.fields, "effect": _told_sums(found.effect),
        "case": found.case, "ours": _told_standing(found.ours), "theirs": _told_standing(found.theirs),
    }  # fmt: skip


def told_plan(plan: Plan) -> ToldPlan:
    """A plan as it is shown; what became of it stands in its entity and its case."""
    return {
        "id": plan.id, "entity": "repair", "key": plan.id, "by": plan.by, "at": plan.at, "ended_at": plan.ended_at,
    }  # fmt: skip


def told_draft(draft: Draft, plan: Plan | None) -> Drafted:
    """What a plan does and leaves, as it is shown."""
    items = [
        ToldItem(
            number=item.number, entity=item.entity, key=item.key, booking=item.booking, takes_back=item.external_id,
            books=item.books,
        )
        for item in draft.items
    ]  # fmt: skip
    return Drafted(plan=None if plan is None else told_plan(plan), items=items, left=draft.left, more=draft.more)


def _told_total(total: Total) -> ToldTotal:
    return {
        "legal_entity": total.place.legal_entity, "currency": total.place.currency, "ours": total.ours,
        "theirs": total.theirs, "difference": total.theirs - total.ours, "on_its_way": total.on_its_way,
    }  # fmt: skip


def _told_sums(sums: Sums) -> list[ToldSum]:
    return [
        {"legal_entity": place.legal_entity, "currency": place.currency, "amount": amount}
        for place, amount in sorted(sums.items())
    ]


def _told_standing(standing: Standing | None) -> ToldStanding | None:
    if standing is None:
        return None
    return {
        "sort": standing.sort, "reference": standing.reference, "external_id": standing.external_id,
        "legal_entity": standing.legal_entity, "day": standing.day, "amount": standing.amount,
        "currency": standing.currency, "account": standing.account, "open": standing.open,
    }  # fmt: skip

"""What a request about reconciliations may carry, and how runs and differences are shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import uuid4

from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.recon import Kind, Numbered, Run, RunAsked, Sums, Total
from adapters.ports.recon_plans import Plan
from gateway.http.case_requests import click_key
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import PageQuery, Reason, Text
from schemas.record import Record
from schemas.rules import Rule
from schemas.standing import Standing
from schemas.values import Day, Id, System

MOST_DAYS: Final = 3660
"""Of one period."""


class StartRun(Record):
    """`POST /v1/reconciliations`: what is to be reconciled."""

    system: System
    """Whose books are read."""
    first: Day
    """First day of the period."""
    last: Day
    """Last day of the period."""
    entity: (
        Annotated[
            Literal["timesheet", "expense", "project", "invoice"],
            Rule("entity_unknown", "write timesheet, expense, project, or invoice, or leave it out"),
        ]
        | None
    ) = None
    legal_entity: Id | None = None

    @model_validator(mode="after")
    def _is_period(self) -> Self:
        if not 0 <= (self.last - self.first).days <= MOST_DAYS:
            raise PydanticCustomError(
                "period_invalid", "let `last` be the day of `first` or up to {most} days later", {"most": MOST_DAYS}
            )
        return self

    @property
    def asked(self) -> RunAsked:
        """As runs know it."""
        return RunAsked(self.system, self.first, self.last, self.entity, self.legal_entity)


class PlanRepair(Record):
    """The body of a plan."""

    reason: Reason
    dry_run: bool = False
    """Only show what would be planned."""


class RunsQuery(PageQuery):
    """`GET /v1/reconciliations`."""

    system: Text | None = None


class DifferencesQuery(PageQuery):
    """`GET /v1/reconciliations/{id}/differences`."""

    kind: Annotated[Kind, Field(strict=False), Rule("kind_unknown", f"write one of {', '.join(Kind)}")] | None = None


class CompareQuery(PageQuery):
    """`GET /v1/reconciliations/{id}/compare`."""

    with_: Annotated[
        str, Field(pattern=r"^[0-9]{1,18}$"), Rule("run_invalid", "write the number of the earlier run")
    ] = Field(alias="with")
    change: Annotated[Literal["new", "gone", "still"], Rule("change_unknown", "write new, gone, or still")] = "new"


def run_id(request: web.Request) -> int:
    """The number that the path names. Raises `Problem`."""
    found = request.match_info["id"]
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise Problem(REQUEST_INVALID, "The path names a run by its number, as /v1/reconciliations shows it.")
    return int(found)


def click_of(request: web.Request) -> str:
    """The caller's own key of the request; one of its own for a request without. Raises `Problem`."""
    return click_key(request) or str(uuid4())


def told_run(run: Run, waits: str | None = None) -> dict[str, object]:
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


def told_difference(numbered: Numbered) -> dict[str, object]:
    """A difference as it is shown."""
    found = numbered.difference
    key = found.key
    return {
        "number": numbered.number, "kind": found.kind, "name": found.name, "entity": found.shown.entity,
        "key": None if key is None else key.id, "fields": found.fields, "effect": _told_sums(found.effect),
        "case": found.case, "ours": _told_standing(found.ours), "theirs": _told_standing(found.theirs),
    }  # fmt: skip


def told_plan(plan: Plan) -> dict[str, object]:
    """A plan as it is shown; what became of it stands in its entity and its case."""
    return {
        "id": plan.id, "entity": "repair", "key": plan.id, "by": plan.by, "at": plan.at, "ended_at": plan.ended_at,
    }  # fmt: skip


def _told_total(total: Total) -> dict[str, object]:
    return {
        "legal_entity": total.place.legal_entity, "currency": total.place.currency, "ours": total.ours,
        "theirs": total.theirs, "difference": total.theirs - total.ours, "on_its_way": total.on_its_way,
    }  # fmt: skip


def _told_sums(sums: Sums) -> list[dict[str, str | Decimal]]:
    return [
        {"legal_entity": place.legal_entity, "currency": place.currency, "amount": amount}
        for place, amount in sorted(sums.items())
    ]


def _told_standing(standing: Standing | None) -> dict[str, object] | None:
    if standing is None:
        return None
    return {
        "sort": standing.sort, "reference": standing.reference, "external_id": standing.external_id,
        "legal_entity": standing.legal_entity, "day": standing.day, "amount": standing.amount,
        "currency": standing.currency, "account": standing.account, "open": standing.open,
    }  # fmt: skip

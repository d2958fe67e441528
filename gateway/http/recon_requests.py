"""What a request about reconciliations may carry."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from uuid import uuid4

from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.recon import Kind, RunAsked
from gateway.http.case_requests import click_key
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import PageQuery, Reason, Text
from schemas.record import Record
from schemas.rules import Rule
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

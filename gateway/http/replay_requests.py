"""What a request about replays may carry."""

from __future__ import annotations

from typing import Annotated, Final, Self

from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.replays import Chosen, Mode, Outcome, Terms
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import Because, Class, PageQuery, Point, Policy, Reason, Text
from schemas.record import Record
from schemas.rules import Rule
from schemas.values import ID_PATTERN
from schemas.verdicts import Verdict

MOST_RATE: Final = 10_000
OPEN: Final = (Verdict.PARKED, Verdict.WAITING, Verdict.BACKOFF, Verdict.QUEUED)
_ID_PLACE: Final = "The path names a replay by its number, as /v1/replays and /v1/replays/plans show it."


class Filter(Record):
    """Which messages; all that is given must be so. `class` is a word of Python's."""

    entity: Text | None = None
    key: Text | None = None
    type: Text | None = None
    verdict: (
        Annotated[Verdict, Field(strict=False), Rule("verdict_unknown", f"write one of {', '.join(OPEN)}")] | None
    ) = None
    failure_class: Class | None = Field(None, alias="class")
    code: Text | None = None
    case: Annotated[int, Field(ge=1, lt=2**63), Rule("case_invalid", "write the number of the case")] | None = None
    system: Text | None = None
    source: Text | None = None
    since: Point | None = None
    until: Point | None = None
    correlation: Text | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.verdict is not None and self.verdict not in OPEN:
            raise PydanticCustomError("verdict_final", "only what stands still can be replayed: {open}",
                                      {"open": ", ".join(OPEN)})  # fmt: skip
        if self.key is not None and self.entity is None:
            raise PydanticCustomError("key_alone", "give `entity` with `key`")
        return self

    @property
    def chosen(self) -> Chosen:
        """As plans know it."""
        return Chosen(
            self.entity, self.key, self.type, self.verdict, self.failure_class, self.code, self.case, self.system,
            self.source, self.since, self.until, self.correlation,
        )  # fmt: skip


class PlanReplay(Record):
    """`POST /v1/replays/plans`."""

    reason: Reason
    filter: Filter
    """An empty one chooses whatever stands still."""


class PlanSent(Record):
    """`POST /v1/replays/plans/sent`."""

    reason: Reason
    system: Text
    since: Point
    """The moment that the system was restored to, or an earlier one."""
    entity: Text | None = None
    key: Text | None = None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.key is not None and self.entity is None:
            raise PydanticCustomError("key_alone", "give `entity` with `key`")
        return self

    @property
    def chosen(self) -> Chosen:
        """As plans know it."""
        return Chosen(self.entity, self.key, system=self.system, since=self.since, mode=Mode.SENT)


class StartReplay(Record):
    """`POST /v1/replays`."""

    token: Text
    """Of the plan, once it is ready."""
    name: Annotated[
        str,
        Field(max_length=200, pattern=ID_PATTERN),
        Rule("name_invalid", "give it a name of 1 to 200 characters without control characters"),
    ]
    """Stands in the audit, and in the terminals of those who read it."""
    reason: Reason
    rate: Annotated[
        int, Field(ge=1, le=MOST_RATE), Rule("rate_invalid", f"write messages a second, from 1 to {MOST_RATE}")
    ] = 50
    stop_share: (
        Annotated[
            float, Field(strict=False, gt=0, le=1),
            Rule("share_invalid", "write the share of failures at which it stops, above 0 and up to 1, or null"),
        ]
        | None
    ) = 0.2  # fmt: skip

    @property
    def terms(self) -> Terms:
        """As replays know them."""
        return Terms(self.name, self.rate, self.stop_share)


class Resume(Because):
    """`POST /v1/replays/{id}/resume`."""

    policy: Policy | None = None
    """The one in force, where the plan was made under another: what is left may do what the plan does not say."""


class ItemsQuery(PageQuery):
    """`GET /v1/replays/{id}/items`."""

    outcome: (
        Annotated[Outcome, Field(strict=False), Rule("outcome_unknown", f"write one of {', '.join(Outcome)}")] | None
    ) = None
    predicted: (
        Annotated[Verdict, Field(strict=False), Rule("verdict_unknown", f"write one of {', '.join(Verdict)}")] | None
    ) = None


def replay_id(request: web.Request) -> int:
    """The number that the path names. Raises `Problem`."""
    found = request.match_info["id"]
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise Problem(REQUEST_INVALID, _ID_PLACE)
    return int(found)

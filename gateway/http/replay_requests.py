"""What a request about replays may carry, and how plans, replays, and their messages are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Self, TypeVar

from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.replays import Asked, Chosen, Item, Outcome, Outlook, Prediction, Progress, Replay, Terms
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import Class, PageQuery, Point, Reason, Text
from schemas.record import Record
from schemas.rules import Rule
from schemas.verdicts import Verdict

Name = TypeVar("Name", bound=str)
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


class StartReplay(Record):
    """`POST /v1/replays`."""

    token: Text
    """Of the plan, once it is ready."""
    name: Annotated[
        str, Field(min_length=1, max_length=200), Rule("name_invalid", "give it a name of 1 to 200 characters")
    ]
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


def told_plan(plan: Replay) -> dict[str, object]:
    """A plan as it is shown."""
    return {
        "id": plan.id, "phase": plan.phase, "by": plan.by, "reason": plan.reason, "planned_at": plan.planned_at,
        "filter": told_filter(plan.chosen), "keys": plan.keys, "messages": plan.messages, "matched": plan.matched,
        "decided": plan.decided, "policy": plan.policy, "token": plan.token, "expires_at": plan.expires_at,
        **_told_outlook(plan.outlook),
    }  # fmt: skip


def told_replay(replay: Replay) -> dict[str, object]:
    """A replay that was started, as it is shown."""
    terms, progress = replay.terms, replay.progress
    return {
        "id": replay.id, "phase": replay.phase, "name": None if terms is None else terms.name,
        "rate": None if terms is None else terms.rate, "stop_share": None if terms is None else terms.stop_share,
        "planned_by": replay.by, "started_by": replay.started_by, "reason": replay.reason,
        "started_at": replay.started_at, "ended_at": replay.ended_at, "filter": told_filter(replay.chosen),
        "keys": replay.keys, "messages": replay.messages, "policy": replay.policy,
        **_told_progress(progress), "predicted": _told_outlook(replay.outlook),
    }  # fmt: skip


def told_filter(chosen: Chosen) -> dict[str, object]:
    """What was chosen, without what was not given."""
    given = {
        "entity": chosen.entity, "key": chosen.key, "type": chosen.type, "verdict": chosen.verdict,
        "class": chosen.failure_class, "code": chosen.code, "case": chosen.case, "system": chosen.system,
        "source": chosen.source, "since": chosen.since, "until": chosen.until, "correlation": chosen.correlation,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def told_item(item: Item) -> dict[str, object]:
    """A message of a replay: what was predicted, and what came of it."""
    prediction, fate = item.prediction, item.fate
    return {
        "number": item.number, "ref": item.ref, "entity": item.key.entity, "key": item.key.id, "source": item.source,
        "id": item.id, "type": item.type, "was": item.was, "chosen": item.is_chosen,
        "predicted": None if prediction is None else _told_prediction(prediction),
        "result": None if fate is None else {"outcome": fate.outcome, "verdict": fate.verdict, "code": fate.code,
                                             "reason": fate.reason},
    }  # fmt: skip


def _told_prediction(prediction: Prediction) -> dict[str, object]:
    return {
        "verdict": prediction.verdict, "reason": prediction.reason, "code": prediction.code,
        "commands": [_told_asked(asked) for asked in prediction.commands],
        "changes": [{"path": each.path, "before": each.before, "after": each.after} for each in prediction.changes],
    }  # fmt: skip


def _told_asked(asked: Asked) -> dict[str, object]:
    return {
        "system": asked.system, "operation": asked.operation, "reference": asked.reference, "amount": asked.amount,
        "currency": asked.currency,
    }  # fmt: skip


def _told_outlook(outlook: Outlook) -> dict[str, object]:
    return {
        "verdicts": _sorted(outlook.verdicts), "codes": _sorted(outlook.codes),
        "commands": [
            {"system": kind.system, "operation": kind.operation, "currency": kind.currency, "count": total.count,
             "amount": None if kind.currency is None else total.amount}
            for kind, total in sorted(outlook.commands.items(), key=str)
        ],
    }  # fmt: skip


def _told_progress(progress: Progress) -> dict[str, object]:
    return {
        "released": progress.released, "settled": progress.settled, "failed": progress.failed,
        "outcomes": _sorted(progress.outcomes),
    }  # fmt: skip


def _sorted(counts: Mapping[Name, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}

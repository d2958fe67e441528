"""How plans, replays, and their messages are shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, cast
from uuid import UUID

from typing_extensions import TypedDict

from adapters.ports.replays import Asked, Chosen, Item, Mode, Outcome, Outlook, Phase, Prediction, Progress, Replay
from schemas.verdicts import FailureClass, Verdict

Name = TypeVar("Name", bound=str)

ToldFilter = TypedDict(
    "ToldFilter",
    {
        "entity": str, "key": str, "type": str, "verdict": Verdict, "class": FailureClass, "code": str, "case": int,
        "system": str, "source": str, "since": datetime, "until": datetime, "correlation": str,
        "mode": Mode,
    },
    total=False,
)  # fmt: skip
"""What was chosen by; what was not given is left out."""


class ToldCommands(TypedDict):
    """Commands of one operation, and their money where they have any."""

    system: str
    operation: str
    currency: str | None
    count: int
    amount: Decimal | None


class ToldOutlook(TypedDict):
    """What is predicted of all messages: how many of each verdict and code, and what would be asked of systems."""

    verdicts: Mapping[str, int]
    codes: Mapping[str, int]
    commands: list[ToldCommands]


class ToldReplayPlan(ToldOutlook):
    """A plan. `token` starts it once it is ready; of its `messages` so many were `matched` by the filter itself.

    `reason` is why it was made, or, once it is `cancelled`, why that.
    """

    id: int
    phase: Phase
    by: str
    reason: str
    planned_at: datetime
    filter: ToldFilter
    keys: int
    messages: int
    matched: int
    decided: int
    policy: str | None
    token: str | None
    expires_at: datetime | None
    started_at: datetime | None


class ToldProgress(TypedDict):
    """How far a replay has come: lanes let go on, messages with a result, and those that failed."""

    released: int
    settled: int
    failed: int
    outcomes: Mapping[str, int]


class ToldReplay(ToldProgress):
    """A replay that was started."""

    id: int
    phase: Phase
    name: str | None
    rate: int | None
    stop_share: float | None
    planned_by: str
    started_by: str | None
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    filter: ToldFilter
    keys: int
    messages: int
    policy: str | None
    resumed_under: str | None
    predicted: ToldOutlook


class ToldAsked(TypedDict):
    """A command that would be asked for."""

    system: str
    operation: str
    reference: str
    amount: Decimal | None
    currency: str | None


class ToldChange(TypedDict):
    """A field that differs, as JSON before and after."""

    path: str
    before: str | None
    after: str | None


class ToldPrediction(TypedDict):
    """What a message would do."""

    verdict: Verdict
    reason: str | None
    code: str | None
    commands: list[ToldAsked]
    changes: list[ToldChange]


class ToldFate(TypedDict):
    """What came of a message."""

    outcome: Outcome
    verdict: Verdict | None
    code: str | None
    reason: str | None


class ToldItem(TypedDict):
    """A message of a replay; `chosen`: the filter named it, and not only another of its lane."""

    number: int
    ref: UUID
    entity: str
    key: str
    source: str
    id: str
    type: str
    was: Verdict
    chosen: bool
    predicted: ToldPrediction | None
    result: ToldFate | None


def told_plan(plan: Replay) -> ToldReplayPlan:
    """A plan as it is shown."""
    return {
        "id": plan.id, "phase": plan.phase, "by": plan.by, "reason": plan.reason, "planned_at": plan.planned_at,
        "filter": told_filter(plan.chosen), "keys": plan.keys, "messages": plan.messages, "matched": plan.matched,
        "decided": plan.decided, "policy": plan.policy, "token": plan.token, "expires_at": plan.expires_at,
        "started_at": plan.started_at, **_told_outlook(plan.outlook),
    }  # fmt: skip


def told_replay(replay: Replay) -> ToldReplay:
    """A replay that was started, as it is shown."""
    terms, progress = replay.terms, replay.progress
    return {
        "id": replay.id, "phase": replay.phase, "name": None if terms is None else terms.name,
        "rate": None if terms is None else terms.rate, "stop_share": None if terms is None else terms.stop_share,
        "planned_by": replay.by, "started_by": replay.started_by, "reason": replay.reason,
        "started_at": replay.started_at, "ended_at": replay.ended_at, "filter": told_filter(replay.chosen),
        "keys": replay.keys, "messages": replay.messages, "policy": replay.policy,
        "resumed_under": replay.resumed_under,
        **_told_progress(progress), "predicted": _told_outlook(replay.outlook),
    }  # fmt: skip


def told_filter(chosen: Chosen) -> ToldFilter:
    """What was chosen, without what was not given."""
    given = {
        "entity": chosen.entity, "key": chosen.key, "type": chosen.type, "verdict": chosen.verdict,
        "class": chosen.failure_class, "code": chosen.code, "case": chosen.case, "system": chosen.system,
        "source": chosen.source, "since": chosen.since, "until": chosen.until, "correlation": chosen.correlation,
    }  # fmt: skip
    if chosen.mode is not Mode.STANDING:
        given["mode"] = chosen.mode
    return cast("ToldFilter", {name: value for name, value in given.items() if value is not None})


def told_item(item: Item) -> ToldItem:
    """A message of a replay: what was predicted, and what came of it."""
    prediction, fate = item.prediction, item.fate
    return {
        "number": item.number, "ref": item.ref, "entity": item.key.entity, "key": item.key.id, "source": item.source,
        "id": item.id, "type": item.type, "was": item.was, "chosen": item.is_chosen,
        "predicted": None if prediction is None else _told_prediction(prediction),
        "result": None if fate is None else {"outcome": fate.outcome, "verdict": fate.verdict, "code": fate.code,
                                             "reason": fate.reason},
    }  # fmt: skip


def _told_prediction(prediction: Prediction) -> ToldPrediction:
    return {
        "verdict": prediction.verdict, "reason": prediction.reason, "code": prediction.code,
        "commands": [_told_asked(asked) for asked in prediction.commands],
        "changes": [{"path": each.path, "before": each.before, "after": each.after} for each in prediction.changes],
    }  # fmt: skip


def _told_asked(asked: Asked) -> ToldAsked:
    return {
        "system": asked.system, "operation": asked.operation, "reference": asked.reference, "amount": asked.amount,
        "currency": asked.currency,
    }  # fmt: skip


def _told_outlook(outlook: Outlook) -> ToldOutlook:
    return {
        "verdicts": _sorted(outlook.verdicts), "codes": _sorted(outlook.codes),
        "commands": [
            {"system": kind.system, "operation": kind.operation, "currency": kind.currency, "count": total.count,
             "amount": None if kind.currency is None else total.amount}
            for kind, total in sorted(outlook.commands.items(), key=str)
        ],
    }  # fmt: skip


def _told_progress(progress: Progress) -> ToldProgress:
    return {
        "released": progress.released, "settled": progress.settled, "failed": progress.failed,
        "outcomes": _sorted(progress.outcomes),
    }  # fmt: skip


def _sorted(counts: Mapping[Name, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}

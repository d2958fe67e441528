"""What an event would come to if it was published now, shown without any effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import orjson
from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.entities import Judgement
from adapters.ports.turns import Message, Queued, Turn
from gateway.http.answers import Stored, json_answer
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import Nothing, event, query
from gateway.trial import Trial, Tried, TypeDiffers
from schemas.acts import Act
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.money import money_of
from schemas.personal import masked
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict

ToldFailure = TypedDict(
    "ToldFailure",
    {"class": FailureClass, "code": str, "field": str | None, "reason": str},
)
"""Why something cannot be done, and what to mend."""


class ToldMoney(TypedDict):
    """An amount."""

    amount: str
    currency: str


class ToldCommand(TypedDict):
    """What would be asked of a system, with its money and what it says."""

    system: str
    operation: str
    reference: str
    money: list[ToldMoney]
    body: Stored


class ToldTopic(ToldFailure):
    """A case that would be opened for people."""

    topic: str | None
    owner: str | None
    acts: Sequence[Act]


class ToldKnown(TypedDict):
    """The message that has come with this source and id before."""

    ref: UUID
    verdict: Verdict
    reason: str | None


class ToldTrial(TypedDict):
    """What an event would come to. `waits_for`: what it would wait for; `repeats`: it came before; `settles`: topics.

    `policy` is the one in force, by the beginning of the SHA-256 of its text.
    """

    verdict: Verdict
    entity: str | None
    key: str | None
    reason: str | None
    failure: ToldFailure | None
    waits_for: ActorKey | None
    repeats: ToldKnown | None
    commands: list[ToldCommand]
    cases: list[ToldTopic]
    settles: list[str]
    notices: list[str]
    policy: str | None


class Trials:
    """Answers one route. `policy` names the policy in force, None where policies have no names."""

    def __init__(self, trial: Trial, policy: Callable[[], str | None]) -> None:
        self._trial = trial
        self._policy = policy

    async def validate(self, request: web.Request) -> web.Response:
        """The verdict on an event of the type that the path names, and all that would come of it."""
        query(request, Nothing)
        body = await event(request)
        try:
            tried = await self._trial.of(request.match_info["type"], body)
        except TypeDiffers as error:
            raise Problem(REQUEST_INVALID, f"{error}: name its type in the path.") from error
        return json_answer(told_trial(tried, self._policy()))

    async def edit(self, key: ActorKey, message: Message) -> ToldTrial:
        """What an edit would come to if it was the head of its lane. Raises `StoreUnavailable`."""
        return told_trial(await self._trial.edit(key, message), self._policy())


def told_trial(tried: Tried, policy: str | None) -> ToldTrial:
    """What was tried, as it is shown."""
    turn, key = tried.turn, tried.key
    return {
        "verdict": tried.verdict,
        "entity": None if key is None else key.entity,
        "key": None if key is None else key.id,
        "reason": tried.reason if turn is None else _reason(tried, turn),
        "failure": None if tried.failure is None else _failure(tried.failure),
        "waits_for": None if turn is None or turn.lane.state is not LaneState.WAITING else turn.lane.target,
        "repeats": None if tried.known is None else _known(tried.known),
        "commands": [] if turn is None else [_command(queued) for queued in turn.queued],
        "cases": [] if turn is None else [_case(each.case) for each in turn.opened if each.case.topic is not None],
        "settles": [] if turn is None else sorted(turn.settles),
        "notices": [] if turn is None else [each.fact for each in turn.notices],
        "policy": policy,
    }


def _reason(tried: Tried, turn: Turn) -> str | None:
    """Why it would stand or end so; behind others nobody knows yet what it comes to."""
    before = turn.row.lane
    if tried.verdict is not Verdict.QUEUED or not before.depth:
        return tried.reason
    why = "" if before.reason is None else f": {before.reason}"
    return f"it would stand behind {before.depth} of its key, whose lane is {before.state}{why}"


def _known(known: Judgement) -> ToldKnown:
    return {"ref": known.ref, "verdict": known.verdict, "reason": known.reason}


def _failure(failure: Failure) -> ToldFailure:
    return {"class": failure.failure_class, "code": failure.code, "field": failure.field, "reason": failure.reason}


def _command(queued: Queued) -> ToldCommand:
    command = queued.command
    return {
        "system": command.system,
        "operation": command.operation,
        "reference": command.reference,
        "money": _money(command.body),
        "body": orjson.Fragment(masked(command.key.entity, command.body)),
    }


def _case(case: Case) -> ToldTopic:
    return {"topic": case.topic, **_failure(case.failure), "owner": case.owner, "acts": case.acts}


def _money(body: bytes) -> list[ToldMoney]:
    return [{"amount": f"{amount:f}", "currency": currency} for currency, amount in money_of(body).items()]

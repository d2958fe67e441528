"""What an event would come to if it was published now, shown without any effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson
from aiohttp import web

from adapters.ports.entities import Judgement
from adapters.ports.turns import Queued, Turn
from gateway.http.answers import json_answer
from gateway.http.problems import REQUEST_INVALID, Problem
from gateway.http.requests import Nothing, event, query
from gateway.trial import Trial, Tried, TypeDiffers
from schemas.facts import Case
from schemas.operations.money import money_of
from schemas.verdicts import Failure, LaneState, Verdict


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
        return json_answer(_told(tried) | {"policy": self._policy()})


def _told(tried: Tried) -> dict[str, object]:
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
    }


def _reason(tried: Tried, turn: Turn) -> str | None:
    """Why it would stand or end so; behind others nobody knows yet what it comes to."""
    before = turn.row.lane
    if tried.verdict is not Verdict.QUEUED or not before.depth:
        return tried.reason
    why = "" if before.reason is None else f": {before.reason}"
    return f"it would stand behind {before.depth} of its key, whose lane is {before.state}{why}"


def _known(known: Judgement) -> Mapping[str, object]:
    return {"ref": known.ref, "verdict": known.verdict, "reason": known.reason}


def _failure(failure: Failure) -> Mapping[str, object]:
    return {"class": failure.failure_class, "code": failure.code, "field": failure.field, "reason": failure.reason}


def _command(queued: Queued) -> Mapping[str, object]:
    command = queued.command
    return {
        "system": command.system,
        "operation": command.operation,
        "reference": command.reference,
        "money": _money(command.body),
        "body": orjson.Fragment(command.body),
    }


def _case(case: Case) -> Mapping[str, object]:
    return {"topic": case.topic, **_failure(case.failure), "owner": case.owner, "acts": case.acts}


def _money(body: bytes) -> list[Mapping[str, str]]:
    return [{"amount": f"{amount:f}", "currency": currency} for currency, amount in money_of(body).items()]

"""What operators may do to a lane. Each act names a reason and is audited with the change."""

from __future__ import annotations

from collections.abc import Callable
from typing import NotRequired

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.store import (
    CommandChanged,
    CommandInUse,
    CommandNotFound,
    LaneActs,
    LaneChanged,
    LaneKills,
    LaneNotFound,
    SeenAttempts,
)
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.problems import (
    COMMAND_CHANGED,
    COMMAND_IN_USE,
    COMMAND_NOT_FOUND,
    LANE_CHANGED,
    LANE_KILLS,
    LANE_NOT_FOUND,
    Problem,
)
from gateway.http.requests import CloseGap, Discard, Nothing, Retry, Settle, body, lane_key, query
from schemas.keys import ActorKey


class LaneDone(TypedDict):
    """What was done to a lane, by whom and why; `told` is what came of a settling."""

    done: str
    lane: ActorKey
    by: str
    reason: str
    told: NotRequired[str]


class Acts:
    """Each method answers one route. `look_at` lets this process go on with a key at once."""

    def __init__(self, lanes: LaneActs, look_at: Callable[[ActorKey], None]) -> None:
        self._lanes = lanes
        self._look_at = look_at

    async def retry(self, request: web.Request) -> web.Response:
        """Let a lane, and parked commands of its key, run again."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, Retry)
        try:
            await self._lanes.retry(key, actor=request[CALLER].name, reason=asked.reason, force=asked.force)
        except LaneNotFound as error:
            raise _not_found(error) from error
        except LaneKills as error:
            raise _kills(error) from error
        return self._done(key, request, "retry", asked.reason)

    async def discard(self, request: web.Request) -> web.Response:
        """End the lane's head as discarded, if it is still the message that the operator has seen."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, Discard)
        try:
            await self._lanes.discard(key, head=asked.head, actor=request[CALLER].name, reason=asked.reason)
        except LaneNotFound as error:
            raise _not_found(error) from error
        except LaneChanged as error:
            raise _changed(error, key) from error
        return self._done(key, request, "discard", asked.reason)

    async def close_gap(self, request: web.Request) -> web.Response:
        """Count numbers of a source that never come as closed, so that what waits for them goes on."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, CloseGap)
        try:
            await self._lanes.close_gap(
                key, series=asked.series, through=asked.through, actor=request[CALLER].name, reason=asked.reason
            )
        except LaneNotFound as error:
            raise _not_found(error) from error
        except LaneChanged as error:
            raise _changed(error, key) from error
        return self._done(key, request, "close-gap", asked.reason)

    async def settle(self, request: web.Request) -> web.Response:
        """Record what a person has found out about a command: the system has its effect, or it has not."""
        query(request, Nothing)
        key, asked = lane_key(request), await body(request, Settle)
        try:
            reference = await self._lanes.settle(
                key, command=asked.command, seen=SeenAttempts(asked.attempts), is_there=asked.outcome == "done",
                external_id=asked.external_id, actor=request[CALLER].name, reason=asked.reason,
            )  # fmt: skip
        except CommandNotFound as error:
            raise Problem(COMMAND_NOT_FOUND, f"{_sentence(error)} Look at the commands of the lane.") from error
        except CommandChanged as error:
            advice = f"Read the lane of {key} again, and look in the system once more."
            raise Problem(COMMAND_CHANGED, f"{_sentence(error)} {advice}") from error
        except CommandInUse as error:
            raise Problem(COMMAND_IN_USE, _sentence(error)) from error
        told = f"{reference} counts as done" if asked.outcome == "done" else f"it is sent anew, as {reference}"
        return self._done(key, request, "settle", asked.reason, told=told)

    def _done(
        self, key: ActorKey, request: web.Request, action: str, reason: str, *, told: str | None = None
    ) -> web.Response:
        self._look_at(key)
        done = LaneDone(done=action, lane=key, by=request[CALLER].name, reason=reason)
        if told is not None:
            done["told"] = told
        return json_answer(done)


def _not_found(error: LaneNotFound) -> Problem:
    return Problem(LANE_NOT_FOUND, f"{_sentence(error)} Look at its spelling, and at /v1/lanes.")


def _kills(error: LaneKills) -> Problem:
    advice = (
        'Discard it, or install a release that can take it and retry with "force": true. '
        "The lane shows it with the case kills_process."
    )
    return Problem(LANE_KILLS, f"{_sentence(error)} {advice}")


def _changed(error: LaneChanged, key: ActorKey) -> Problem:
    return Problem(LANE_CHANGED, f"{_sentence(error)} Read {key} again, and decide on what stands there now.")


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."

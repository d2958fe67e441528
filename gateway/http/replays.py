"""Replays: planned, started by the plan's token, watched, paused, resumed, and cancelled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from aiohttp import web

from adapters.ports.replays import (
    Chosen,
    Mode,
    NothingChosen,
    Phase,
    PlanExpired,
    Replay,
    ReplayActs,
    ReplayClickReused,
    ReplayElsewhere,
    ReplayNotFound,
    Replays,
    ReplayTooLarge,
    Steer,
)
from gateway.callers import Permission
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.approvals import SecondPerson
from gateway.http.problems import (
    CLICK_REUSED,
    FORBIDDEN,
    REPLAY_ELSEWHERE,
    REPLAY_EXPIRED,
    REPLAY_NO_POLICY,
    REPLAY_NOT_FOUND,
    REPLAY_NOTHING,
    REPLAY_OVERTAKEN,
    REPLAY_TOO_LARGE,
    REQUEST_INVALID,
    SYSTEM_NOT_FOUND,
    Problem,
)
from gateway.http.recon_requests import click_of
from gateway.http.replay_requests import (
    ItemsQuery,
    PlanReplay,
    PlanSent,
    Resume,
    StartReplay,
    replay_id,
)
from gateway.http.replay_told import told_item, told_plan, told_replay
from gateway.http.requests import Because, Nothing, PageQuery, body, query
from gateway.replay.compare import overtaken
from gateway.replay.order import ORDER

ACCEPTED: Final = 202
MOST: Final = 100_000
"""Messages of one plan."""


class ReplayStore(Replays, ReplayActs, Protocol):
    """Both ports to replays."""


class ReplayRoutes:
    """Each method answers one route. `hint` lets this process work on what was asked for at once.

    `policy` names the one in force, `systems` are those that can be asked for what they have; what they confirmed is
    kept for `sent_days`.
    """

    def __init__(
        self, replays: ReplayStore, second_person: SecondPerson, hint: Callable[[], None],
        policy: Callable[[], str | None], systems: Collection[str], *, sent_days: float, most: int = MOST,
    ) -> None:  # fmt: skip
        self._replays = replays
        self._second_person = second_person
        self._hint = hint
        self._policy = policy
        self._systems = systems
        self._sent_days = sent_days
        self._most = most

    async def plan(self, request: web.Request) -> web.Response:
        """Freeze what is chosen, and have it decided; the same `Idempotency-Key` again is the same plan."""
        query(request, Nothing)
        asked = await body(request, PlanReplay)
        return await self._planned(request, asked.filter.chosen, asked.reason)

    async def plan_sent(self, request: web.Request) -> web.Response:
        """Freeze what a system has confirmed since a moment, and ask it for each whether it still has it."""
        query(request, Nothing)
        asked = await body(request, PlanSent)
        if asked.system not in self._systems:
            raise Problem(SYSTEM_NOT_FOUND, f"There is no system {asked.system}: look at /v1/systems.")
        kept_from = datetime.now(UTC) - timedelta(days=self._sent_days)
        if asked.since < kept_from:
            detail = (
                f"What was confirmed is kept for {self._sent_days:g} days (`sent_days` of the policy): plan from"
                f" {kept_from:%Y-%m-%dT%H:%M:%SZ} on, and find what is missing before by a reconciliation."
            )
            raise Problem(REQUEST_INVALID, detail)
        return await self._planned(request, asked.chosen, asked.reason)

    async def _planned(self, request: web.Request, chosen: Chosen, reason: str) -> web.Response:
        try:
            plan = await self._replays.plan(
                chosen, order=ORDER, most=self._most, by=request[CALLER].name, reason=reason,
                click=click_of(request),
            )  # fmt: skip
        except NothingChosen as error:
            detail = "No message that stands still is so: widen the filter, and look at /v1/lanes and /v1/cases."
            if chosen.mode is Mode.SENT:
                detail = (
                    f"Nothing is kept that {chosen.system} has confirmed since then: see `sent_days` of the policy."
                )
            raise Problem(REPLAY_NOTHING, detail) from error
        except ReplayTooLarge as error:
            detail = (
                f"There are {error.messages} messages, and one plan holds {error.most}: narrow the filter by entity,"
                " key, code, source, or time, and plan several replays one after the other."
            )
            raise Problem(REPLAY_TOO_LARGE, detail) from error
        except ReplayClickReused as error:
            raise Problem(CLICK_REUSED, f"{error}: send another Idempotency-Key.") from error
        self._hint()
        return _accepted(told_plan(plan))

    async def plans(self, request: web.Request) -> web.Response:
        """Plans that were not started, newest first."""
        return await self._page(request, plans=True)

    async def planned(self, request: web.Request) -> web.Response:
        """One plan, also after its start."""
        query(request, Nothing)
        return json_answer(told_plan(await self._found(replay_id(request))))

    async def start(self, request: web.Request) -> web.Response:
        """Start a plan by its token; the same again is the same start."""
        query(request, Nothing)
        asked = await body(request, StartReplay)
        try:
            plan = await self._replays.of_token(asked.token)
            self._must_permit(request, plan)
            if plan is not None and plan.phase is Phase.READY:
                await self._may_start(request, asked, plan)
            replay = await self._replays.start(asked.token, asked.terms, by=request[CALLER].name, reason=asked.reason)
        except ReplayNotFound as error:
            detail = "No plan has this token: take it from /v1/replays/plans/{id} once the plan is ready."
            raise Problem(REPLAY_NOT_FOUND, detail) from error
        except PlanExpired as error:
            raise Problem(REPLAY_EXPIRED, "Too much may have changed since it was made: plan again.") from error
        except ReplayElsewhere as error:
            plan = error.replay
            was = f"cancelled: {plan.reason}" if plan.is_plan else f"started already, by {plan.started_by}"
            raise Problem(REPLAY_ELSEWHERE, f"Plan {plan.id} was {was}: plan again.") from error
        self._hint()
        return _accepted(told_replay(replay))

    async def _may_start(self, request: web.Request, asked: StartReplay, plan: Replay) -> None:
        """Refuse what cannot be done before an approval is used up for it. Raises `Problem`."""
        policy = self._policy()
        if plan.chosen.mode is Mode.STANDING and plan.policy != policy:
            detail = f"Policy {policy} is in force, and the plan was made under {plan.policy}: plan again."
            raise Problem(REPLAY_OVERTAKEN, detail)
        await self._second_person.expect(
            request, asked, asked.reason, plan.messages, plan.outlook.money, is_all=_is_foretold(plan)
        )

    async def replays(self, request: web.Request) -> web.Response:
        """Replays that were started, newest first."""
        return await self._page(request, plans=False)

    async def replay(self, request: web.Request) -> web.Response:
        """One replay, with what has come of it so far."""
        query(request, Nothing)
        found = await self._found(replay_id(request))
        if found.is_plan:
            raise Problem(REPLAY_NOT_FOUND, f"Plan {found.id} was not started: look at /v1/replays/plans/{found.id}.")
        return json_answer(told_replay(found))

    async def items(self, request: web.Request) -> web.Response:
        """The messages of a plan or replay, in the order in which they run."""
        asked = query(request, ItemsQuery)
        found = await self._found(replay_id(request))
        after = place_of(asked.cursor, _number) or 0
        items = await self._replays.items(
            found.id, outcome=asked.outcome, predicted=asked.predicted, after=after, limit=asked.limit + 1
        )
        return page_answer(request, [told_item(item) for item in items], asked.limit, lambda item: item["number"])

    async def pause(self, request: web.Request) -> web.Response:
        """Let nothing more go on; what runs, runs to its end."""
        return await self._steer(request, Steer.PAUSE)

    async def resume(self, request: web.Request) -> web.Response:
        """Go on, slowly at first; under another policy than that of the plan only where that is named."""
        query(request, Nothing)
        id, asked = replay_id(request), await body(request, Resume)
        replay = await self._replays.replay(id)
        if replay is None:
            raise _not_found(id)
        self._must_permit(request, replay)
        if asked.policy is not None:
            self._may_name(asked.policy, replay)
        if replay.phase is Phase.PAUSED and replay.chosen.mode is Mode.STANDING:
            await self._may_resume(request, asked, replay)
        # In any other phase nothing was asked: if it is paused by now, this does not resume it.
        return await self._steered(request, id, Steer.RESUME, asked.reason, asked.policy, seen=replay.phase)

    def _may_name(self, named: str, replay: Replay) -> None:
        """Nothing is resumed under a policy but the one in force, nor what no policy decides. Raises `Problem`."""
        if replay.chosen.mode is Mode.SENT:
            raise Problem(REPLAY_NO_POLICY, f"Replay {replay.id} sends again what was decided: leave out `policy`.")
        policy = self._policy()
        if named != policy:
            raise Problem(REPLAY_OVERTAKEN, f"Policy {policy} is in force, and not {named}: look at that one.")

    async def _may_resume(self, request: web.Request, asked: Resume, replay: Replay) -> None:
        """Under a policy that its plan does not know nobody can foretell the money. Raises `Problem`."""
        policy = self._policy()
        if replay.left == 0 or replay.goes_by(policy):
            return
        if asked.policy is None:
            why = overtaken(replay, policy)
            raise Problem(REPLAY_OVERTAKEN, f"{why[:1].upper()}{why[1:]}.")
        await self._second_person.expect(request, asked, asked.reason, replay.left, replay.outlook.money, is_all=False)

    async def cancel(self, request: web.Request) -> web.Response:
        """Let nothing more go on, ever; of a plan, not even begin."""
        return await self._steer(request, Steer.CANCEL)

    async def _steer(self, request: web.Request, steer: Steer) -> web.Response:
        query(request, Nothing)
        id, asked = replay_id(request), await body(request, Because)
        return await self._steered(request, id, steer, asked.reason)

    async def _steered(
        self, request: web.Request, id: int, steer: Steer, reason: str, policy: str | None = None,
        seen: Phase | None = None,
    ) -> web.Response:  # fmt: skip
        try:
            replay = await self._replays.steer(
                id, steer, by=request[CALLER].name, reason=reason, policy=policy, seen=seen
            )
        except ReplayNotFound as error:
            raise _not_found(id) from error
        except ReplayElsewhere as error:
            phase = error.replay.phase
            raise Problem(REPLAY_ELSEWHERE, f"Replay {id} is {phase}: {_advice(steer, phase)}") from error
        self._hint()
        return json_answer(told_replay(replay))

    def _must_permit(self, request: web.Request, replay: Replay | None) -> None:
        """What is sent again is not for everybody who may operate. Raises `Problem`."""
        is_sent = replay is not None and replay.chosen.mode is Mode.SENT
        if is_sent and Permission.ADMINISTER not in request[CALLER].permissions:
            raise Problem(FORBIDDEN, f"This replay sends again what was done: it needs {Permission.ADMINISTER}.")

    async def _page(self, request: web.Request, *, plans: bool) -> web.Response:
        asked = query(request, PageQuery)
        before = place_of(asked.cursor, _number)
        found = await self._replays.page(plans=plans, before=before, limit=asked.limit + 1)
        if plans:
            return page_answer(request, [told_plan(each) for each in found], asked.limit, lambda row: row["id"])
        return page_answer(request, [told_replay(each) for each in found], asked.limit, lambda row: row["id"])

    async def _found(self, id: int) -> Replay:
        found = await self._replays.replay(id)
        if found is None:
            raise _not_found(id)
        return found


def _is_foretold(plan: Replay) -> bool:
    """Whether nothing but what the plan says can be moved: what would stand still may run by then after all.

    Else one would plan while it cannot run, mend that, and start. In mode `sent` nothing else is sent.
    """
    return plan.chosen.mode is Mode.SENT or plan.outlook.is_final


def _not_found(id: int) -> Problem:
    return Problem(REPLAY_NOT_FOUND, f"There is no replay {id}: look at /v1/replays and /v1/replays/plans.")


def _advice(steer: Steer, phase: Phase) -> str:
    if steer is not Steer.RESUME:
        return "there is nothing left to hold."
    return "it has become so just now: look why." if phase is Phase.PAUSED else "only one that is paused is resumed."


def _accepted(content: object) -> web.Response:
    answer = json_answer(content)
    answer.set_status(ACCEPTED)
    return answer


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

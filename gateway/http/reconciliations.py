"""Reconciliations: begun, cancelled, shown with what they found, compared with each other, and repaired by plans."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import takewhile
from typing import Final, Protocol

from aiohttp import web

from adapters.ports.gate import Gates
from adapters.ports.recon import Beside, Numbered, Phase, Run, RunClickReused, Runs
from adapters.ports.recon_plans import Plan, PlanOpen, Plans
from adapters.ports.system import System
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.problems import (
    CLICK_REUSED,
    RECON_DONE,
    RECON_NOT_DONE,
    RECON_NOT_FOUND,
    RECON_NOTHING,
    RECON_PLAN_OPEN,
    SYSTEM_NOT_FOUND,
    SYSTEM_UNREADABLE,
    Problem,
)
from gateway.http.recon_requests import (
    CompareQuery,
    DifferencesQuery,
    PlanRepair,
    RunsQuery,
    StartRun,
    click_of,
    run_id,
    told_difference,
    told_plan,
    told_run,
)
from gateway.http.requests import MOST, Because, Nothing, body, query
from gateway.recon.checks import asker
from gateway.recon.paused import paused_by
from gateway.recon.planning import Draft, planned
from schemas.repair.v1 import Planned

ACCEPTED: Final = 202


class Teller(Protocol):
    """Tells the entity of a plan."""

    async def tell(self, plan: Plan) -> None:
        """Return once that is durable."""
        ...


class Reconciliations:
    """Each method answers one route. `readable` are the systems whose books can be read, of all that are listed.

    `hint` lets this process work on what was asked for at once.
    """

    def __init__(
        self,
        runs: Runs,
        plans: Plans,
        repairs: Teller,
        systems: Mapping[str, System],
        readable: Collection[str],
        gates: Gates,
        hint: Callable[[], None],
    ) -> None:
        self._runs = runs
        self._plans = plans
        self._repairs = repairs
        self._systems = systems
        self._readable = readable
        self._gates = gates
        self._hint = hint

    async def start(self, request: web.Request) -> web.Response:
        """Begin a run; the same `Idempotency-Key` again is the same run."""
        query(request, Nothing)
        asked = (await body(request, StartRun)).asked
        self._expect_readable(asked.system)
        try:
            run = await self._runs.begin(asked, by=request[CALLER].name, click=click_of(request))
        except RunClickReused as error:
            raise Problem(CLICK_REUSED, f"{error}: send another Idempotency-Key.") from error
        self._hint()
        return _accepted(*await self._told(run))

    async def cancel(self, request: web.Request) -> web.Response:
        """End a run that is not over; one that was cancelled before stays so."""
        query(request, Nothing)
        asked = await body(request, Because)
        id = run_id(request)
        run = await self._runs.cancel(id, by=request[CALLER].name, reason=asked.reason)
        if run is None:
            raise _not_found(id)
        if run.phase is Phase.DONE:
            raise Problem(RECON_DONE, f"Run {id} is done, so there is nothing to cancel.")
        self._hint()
        return json_answer(told_run(run))

    async def runs(self, request: web.Request) -> web.Response:
        """The runs, newest first."""
        asked = query(request, RunsQuery)
        before = place_of(asked.cursor, _number)
        found = await self._runs.page(system=asked.system, before=before, limit=asked.limit + 1)
        return page_answer(request, await self._told(*found), asked.limit, lambda run: run["id"])

    async def run(self, request: web.Request) -> web.Response:
        """One run, with its plans."""
        query(request, Nothing)
        run = await self._found(run_id(request))
        plans = await self._plans.of(run.id)
        [told] = await self._told(run)
        return json_answer({**told, "plans": [told_plan(plan) for plan in plans]})

    async def differences(self, request: web.Request) -> web.Response:
        """What a run has found."""
        asked = query(request, DifferencesQuery)
        run = await self._found(run_id(request))
        after = place_of(asked.cursor, _number) or 0
        found = await self._runs.differences(run.id, kind=asked.kind, beside=None, after=after, limit=asked.limit + 1)
        return _page(request, found, asked.limit)

    async def compare(self, request: web.Request) -> web.Response:
        """What is new since an earlier run, gone, or still there."""
        asked = query(request, CompareQuery)
        run, earlier = await self._found(run_id(request)), await self._found(int(asked.with_))
        after = place_of(asked.cursor, _number) or 0
        of, beside = (
            (earlier.id, Beside(run.id, found=False))
            if asked.change == "gone"
            else (run.id, Beside(earlier.id, found=asked.change == "still"))
        )
        found = await self._runs.differences(of, kind=None, beside=beside, after=after, limit=asked.limit + 1)
        return _page(request, found, asked.limit)

    async def plan(self, request: web.Request) -> web.Response:
        """Plan the repair of what a run has found: a case for finance, of whom another one approves it."""
        query(request, Nothing)
        asked = await body(request, PlanRepair)
        run = await self._found(run_id(request))
        if run.phase is not Phase.DONE:
            raise Problem(RECON_NOT_DONE, f"Run {run.id} is {run.phase}: plan from one that is done.")
        self._expect_readable(run.asked.system)
        by, click = request[CALLER].name, click_of(request)
        # The same click again comes to the same draft: only what was planned before it is left out.
        earlier = takewhile(lambda plan: not plan.is_of(run.id, by, click), await self._plans.of(run.id))
        can_ask = asker(self._systems, run.asked.system)
        draft = planned(await self._all(run.id), _planned_before(earlier), can_ask)
        told = _told(draft)
        if asked.dry_run:
            return json_answer({"plan": None, **told})
        if not draft.items:
            raise Problem(RECON_NOTHING, "No command can repair what this run has found: ask with dry_run for why.")
        frozen = Planned(
            run=run.id, system=run.asked.system, first=run.asked.first, last=run.asked.last, requested_by=by,
            items=draft.items,
        )  # fmt: skip
        try:
            plan = await self._plans.keep(run.id, frozen.to_json(), by=by, click=click, reason=asked.reason)
        except PlanOpen as error:
            detail = f"Plan {error.plan.id} of {run.asked.system} is not ended: have its case settled, then plan again."
            raise Problem(RECON_PLAN_OPEN, detail) from error
        await self._repairs.tell(plan)
        return _accepted({"plan": told_plan(plan), **told})

    async def _told(self, *runs: Run) -> list[dict[str, object]]:
        """Runs as they are shown: one whose system is paused before its books are read waits."""
        reads = any(run.phase is Phase.THEIRS for run in runs)
        paused = paused_by(await self._gates.gates()) if reads else {}
        return [told_run(run, paused.get(run.asked.system) if run.phase is Phase.THEIRS else None) for run in runs]

    async def _all(self, run: int) -> list[Numbered]:
        """All differences that are kept of a run."""
        found: list[Numbered] = []
        while True:
            after = found[-1].number if found else 0
            page = await self._runs.differences(run, kind=None, beside=None, after=after, limit=MOST)
            found += page
            if len(page) < MOST:
                return found

    async def _found(self, id: int) -> Run:
        run = await self._runs.run(id)
        if run is None:
            raise _not_found(id)
        return run

    def _expect_readable(self, system: str) -> None:
        if system not in self._systems:
            raise Problem(SYSTEM_NOT_FOUND, f"The policy file lists no system {system}: look at /v1/systems.")
        if system not in self._readable:
            detail = f"The books of {system} cannot be read: give it `postings`; docs/reconciliation.md says which can."
            raise Problem(SYSTEM_UNREADABLE, detail)


def _not_found(id: int) -> Problem:
    return Problem(RECON_NOT_FOUND, f"There is no reconciliation {id}: look at /v1/reconciliations.")


def _page(request: web.Request, found: list[Numbered], limit: int) -> web.Response:
    return page_answer(request, [told_difference(each) for each in found], limit, lambda item: item["number"])


def _planned_before(plans: Iterable[Plan]) -> dict[int, str]:
    """The differences of a run that plans have, each with its plan."""
    return {item.number: plan.id for plan in plans for item in Planned.model_validate_json(plan.body).items}


def _told(draft: Draft) -> dict[str, object]:
    items = [
        {
            "number": item.number, "entity": item.entity, "key": item.key, "booking": item.booking,
            "takes_back": item.external_id, "books": item.books,
        }
        for item in draft.items
    ]  # fmt: skip
    left = [{"number": each.number, "name": each.name, "why": each.why} for each in draft.left]
    return {"items": items, "left": left, "more": draft.more}


def _accepted(content: object) -> web.Response:
    answer = json_answer(content)
    answer.set_status(ACCEPTED)
    return answer


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

"""The systems and what holds their commands back; operators pause and resume them, with a reason, audited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.gate import Gates
from adapters.ports.inspection import Inspection, Inspects, NotInspected, Right
from adapters.ports.overdue import Overdue
from adapters.ports.restores import Restores
from gateway.gate import SystemGate
from gateway.http.access import CALLER
from gateway.http.answers import Page, json_answer
from gateway.http.problems import SYSTEM_BUILT_IN, SYSTEM_NOT_FOUND, Problem
from gateway.http.readings import Readings
from gateway.http.requests import Because, Nothing, body, query
from gateway.system_state import SystemState, system_state, unlisted_state, untouched
from schemas.commands import SELF

TEST_SECONDS: Final = 8.0
"""For all questions of one test: the request itself has ten."""


class SystemDone(TypedDict):
    """What was done to a system, by whom and why."""

    done: str
    system: str
    by: str
    reason: str


class NotAsked(TypedDict):
    """Why a system could not be asked, or did not let us in; `change` says what to change, where that is known."""

    found: str
    change: str


class SaidOfItself(TypedDict):
    """What a system has answered: `identity` is who we are there, `clock` its time, `limits` those that it told of."""

    version: str | None
    identity: str
    clock: datetime | None
    rights: Sequence[Right]
    limits: dict[str, str]


class SystemTested(TypedDict):
    """What a system said of itself when it was asked `at` that time, or why it could not be asked."""

    system: str
    at: datetime
    inspection: SaidOfItself | None
    refused: NotAsked | None


class Systems:
    """Each method with a request answers one route. `look_at` lets this process ask the gate of a system at once.

    `adapters` are those that send to the systems of the policy.
    """

    def __init__(
        self,
        gates: Gates,
        overdue: Overdue,
        restores: Restores,
        readings: Readings,
        policy: Mapping[str, SystemGate],
        look_at: Callable[[str], None],
        adapters: Mapping[str, Inspects],
    ) -> None:
        self._gates = gates
        self._overdue = overdue
        self._restores = restores
        self._readings = readings
        self._policy = policy
        self._look_at = look_at
        self._adapters = adapters

    async def states(self) -> list[SystemState]:
        """Every system of the policy, in its order, and `self`; then those that only have commands.

        Raises `StoreUnavailable`.
        """
        rows = {row.system: row for row in await self._gates.gates()}
        now, newest = datetime.now(UTC), (await self._restores.look()).newest
        readers = await self._readings.states()
        listed = [
            replace(
                system_state(rows.get(name) or untouched(name, now), gate.limits(), gate.closed(), newest),
                readers=readers.get(name, ()),
            )
            for name, gate in self._policy.items()
        ]
        unlisted = [
            unlisted_state(rows.get(found.system) or untouched(found.system, now), found, newest)
            for found in await self._overdue.systems(but=self._policy)
        ]
        return listed + unlisted

    async def systems(self, request: web.Request) -> web.Response:
        """All systems."""
        query(request, Nothing)
        return json_answer(Page[SystemState](items=await self.states(), next=None))

    async def system(self, request: web.Request) -> web.Response:
        """One system, also one that the policy file does not list any more."""
        query(request, Nothing)
        for state in await self.states():
            if state.system == request.match_info["name"]:
                return json_answer(state)
        raise self._not_found()

    async def test(self, request: web.Request) -> web.Response:
        """Ask a system who we are there, and whether each right is there that the gateway needs; nothing is written."""
        query(request, Nothing)
        name = self._name(request)
        inspection, refused = None, None
        try:
            async with asyncio.timeout(TEST_SECONDS):
                inspection = _said(await self._adapters[name].inspect())
        except NotInspected as error:
            refused = NotAsked(found=error.found, change=error.change)
        except TimeoutError:
            found = f"it did not answer all questions within {TEST_SECONDS:g} s"
            refused = NotAsked(found=found, change="find out what holds it up")
        at = datetime.now(UTC)
        return json_answer(SystemTested(system=name, at=at, inspection=inspection, refused=refused))

    async def pause(self, request: web.Request) -> web.Response:
        """Send nothing more to a system until it is resumed."""
        query(request, Nothing)
        name, asked = self._name(request), await body(request, Because)
        await self._gates.pause(name, actor=request[CALLER].name, reason=asked.reason)
        return self._done(name, request, "pause", asked.reason)

    async def resume(self, request: web.Request) -> web.Response:
        """Let commands to a system pass again; also to one that the policy file does not list any more."""
        query(request, Nothing)
        name, asked = await self._known_name(request), await body(request, Because)
        await self._gates.resume(name, actor=request[CALLER].name, reason=asked.reason)
        return self._done(name, request, "resume", asked.reason)

    def _name(self, request: web.Request) -> str:
        name = request.match_info["name"]
        self._refuse_built_in(name)
        if name not in self._policy:
            raise self._not_found()
        return name

    async def _known_name(self, request: web.Request) -> str:
        """One of the policy, or one that has left something in the database: a gate, or commands."""
        name = request.match_info["name"]
        self._refuse_built_in(name)
        if (
            name not in self._policy
            and all(row.system != name for row in await self._gates.gates())
            and all(found.system != name for found in await self._overdue.systems(but=self._policy))
        ):
            raise self._not_found()
        return name

    def _refuse_built_in(self, name: str) -> None:
        if name == SELF:
            detail = (
                f"{SELF} is built in: pause what asks, by its entity or legal entity, or everything, at /v1/pauses."
            )
            raise Problem(SYSTEM_BUILT_IN, detail)

    def _not_found(self) -> Problem:
        known = ", ".join(name for name in self._policy if name != SELF)
        return Problem(SYSTEM_NOT_FOUND, f"The policy file lists no system of this name; it lists {known}.")

    def _done(self, name: str, request: web.Request, action: str, reason: str) -> web.Response:
        self._look_at(name)
        return json_answer(SystemDone(done=action, system=name, by=request[CALLER].name, reason=reason))


def _said(found: Inspection) -> SaidOfItself:
    return SaidOfItself(
        version=found.version,
        identity=found.identity,
        clock=found.clock,
        rights=found.rights,
        limits=dict(found.limits),
    )

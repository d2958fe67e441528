"""Mappings: which policy is in force, which were, and how another one comes into force."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.policies import Activation, How, PolicyNotFound
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.approvals import SecondPerson
from gateway.http.problems import POLICY_INVALID, POLICY_NEEDS_RESTART, POLICY_NOT_FOUND, Problem
from gateway.http.requests import Nothing, PageQuery, Reload, RollBack, body, query
from gateway.policies import Allowed, NeedsRestart, PolicyBook
from gateway.system_policy import PolicyInvalid
from schemas.record import Record


class ToldActivation(TypedDict):
    """A policy that came into force; `policy` is the beginning of the SHA-256 of its text.

    `retried`: what stood still for want of a mapping was tried again by itself.
    """

    id: int
    policy: str
    how: How
    by: str
    reason: str
    at: datetime
    retried: bool
    in_force: bool


class NewRules(Record):
    """What a second person allows: this policy, whatever the file holds by then."""

    policy: str
    reason: str
    retry: bool


class Mappings:
    """Each method answers one route."""

    def __init__(self, policies: PolicyBook, second_person: SecondPerson) -> None:
        self._policies = policies
        self._second_person = second_person

    async def history(self, request: web.Request) -> web.Response:
        """What came into force, newest first."""
        asked = query(request, PageQuery)
        before = place_of(asked.cursor, _number)
        found = await self._policies.history(before=before, limit=asked.limit + 1)
        rows = [self._shown(activation) for activation in found]
        return page_answer(request, rows, asked.limit, lambda row: row["id"])

    async def reload(self, request: web.Request) -> web.Response:
        """Read the policy file of this process again."""
        query(request, Nothing)
        asked = await body(request, Reload)
        try:
            activation = await self._policies.reload(
                actor=request[CALLER].name, reason=asked.reason, retries=asked.retry,
                allowed=self._allowed(request, asked),
            )  # fmt: skip
        except PolicyInvalid as error:
            raise Problem(POLICY_INVALID, f"Nothing was changed. Correct the policy file:\n{error}") from error
        except NeedsRestart as error:
            raise _needs_restart(error) from error
        return json_answer(self._shown(activation))

    async def roll_back(self, request: web.Request) -> web.Response:
        """Put a policy in force again that was loaded before."""
        query(request, Nothing)
        asked = await body(request, RollBack)
        try:
            activation = await self._policies.roll_back(
                asked.to, actor=request[CALLER].name, reason=asked.reason, retries=asked.retry,
                allowed=self._allowed(request, asked),
            )  # fmt: skip
        except PolicyNotFound as error:
            raise Problem(POLICY_NOT_FOUND, f"No policy {asked.to} was ever loaded: look at /v1/mappings.") from error
        except PolicyInvalid as error:
            raise Problem(POLICY_INVALID, f"Nothing was changed. This release refuses it:\n{error}") from error
        except NeedsRestart as error:
            raise _needs_restart(error) from error
        return json_answer(self._shown(activation))

    def _allowed(self, request: web.Request, asked: Reload | RollBack) -> Allowed:
        async def allowed(policy: str) -> bool:
            rules = NewRules(policy=policy, reason=asked.reason, retry=asked.retry)
            return await self._second_person.expect_for_rules(request, rules, asked.reason)

        return allowed

    def _shown(self, activation: Activation) -> ToldActivation:
        in_force = self._policies.activation
        return {
            "id": activation.id, "policy": activation.hash, "how": activation.how, "by": activation.actor,
            "reason": activation.reason, "at": activation.at, "retried": activation.retries,
            "in_force": in_force is not None and in_force.id == activation.id,
        }  # fmt: skip


def _needs_restart(error: NeedsRestart) -> Problem:
    detail = (
        f"Nothing was changed. {', '.join(error.parts)}: these are made at the start, so restart the gateway with the"
        " file, or leave them as they are."
    )
    return Problem(POLICY_NEEDS_RESTART, detail)


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

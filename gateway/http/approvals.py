"""Four eyes: what is large is done once a second person has allowed just that. Every step is an act of the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.approvals import Approvals, NotToApprove
from gateway.four_eyes import NO_MONEY, FourEyes
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.problems import APPROVAL_NEEDED, APPROVAL_REFUSED, REQUEST_INVALID, Problem
from gateway.http.requests import Because, Nothing, body, query
from schemas.record import Record

_DIGITS = 64


class ApprovalDone(TypedDict):
    """What was allowed, by whom and why."""

    done: str
    approval: str
    by: str
    reason: str


class SecondPerson:
    """Asked by whatever may be large. `rule` is that of the policy in force."""

    def __init__(self, approvals: Approvals, rule: Callable[[], FourEyes]) -> None:
        self._approvals = approvals
        self._rule = rule

    @property
    def counts_to(self) -> int:
        """How many items of a request are worth counting; 0: none are."""
        most = self._rule().items_above
        return 0 if most is None else most + 1

    async def expect(
        self,
        request: web.Request,
        asked: Record,
        reason: str,
        items: int,
        money: Mapping[str, Decimal] = NO_MONEY,
        *,
        is_all: bool = True,
        goes_on: bool = False,
    ) -> datetime | None:
        """Return if it is not that large, or if another person has allowed it, which is used up thereby.

        `asked` is all that the request says: what was allowed is this, of this caller, and nothing else. `is_all`:
        whether more than `money` cannot be moved. With `goes_on` it may be a further page of what was allowed, which
        it stays however little is left of that. The moment at which that was used is answered: what has come since was
        allowed by nobody. None: nobody needs to. Raises `Problem` and `StoreUnavailable`.
        """
        if goes_on:
            used_at = await self._approvals.used(_name(request, asked, request[CALLER].person))
            if used_at is not None:
                return used_at
        if self._rule().wants(items, money, is_all=is_all):
            amounts = [f"{amount:f} {currency}" for currency, amount in money.items()]
            more = [] if is_all else ["and money that nobody can foretell"]
            size = ", ".join([f"at least {items} items", *amounts, *more])
            return await self._use(request, asked, reason, f"This is large ({size})")
        return None

    async def expect_for_rules(self, request: web.Request, asked: Record, reason: str) -> bool:
        """The same for a change of the rules by which a second person is asked, of whatever size; not without any.

        Else one person would put such in force as want nobody, and do alone what is large. Whether somebody has
        allowed it; False: nobody has to.
        """
        if not self._rule().is_there:
            return False
        await self._use(request, asked, reason, "This changes who must allow what")
        return True

    async def _use(self, request: web.Request, asked: Record, reason: str, why: str) -> datetime:
        caller = request[CALLER]
        name = _name(request, asked, caller.person)
        used_at = await self._approvals.use(name, actor=caller.name, reason=reason)
        if used_at is None:
            detail = (
                f"{why}, so another person must allow it: have them send POST /v1/approvals/{name}"
                " within 24 hours, then send the same request again."
            )
            raise Problem(APPROVAL_NEEDED, detail)
        return used_at

    async def give(self, request: web.Request) -> web.Response:
        """Allow once what another person has asked for; people do, and never a key."""
        query(request, Nothing)
        name, asked = _of_path(request), await body(request, Because)
        actor = request[CALLER].name
        if request[CALLER].made_by is not None:
            # Whoever has stolen one would be their own second person, and the audit would name its maker.
            detail = "With a key nothing is allowed: a program has seen nothing, and its maker is the same person."
            raise Problem(APPROVAL_REFUSED, detail)
        try:
            await self._approvals.give(name, actor=actor, reason=asked.reason)
        except NotToApprove as error:
            raise Problem(APPROVAL_REFUSED, f"{name}: {error}.") from error
        return json_answer(ApprovalDone(done="approve", approval=name, by=actor, reason=asked.reason))


def _name(request: web.Request, asked: Record, person: str) -> str:
    """Of one request of one person, and of no other."""
    parts = (request.method, request.rel_url.raw_path, person)
    return sha256("\0".join(parts).encode() + b"\0" + asked.to_json()).hexdigest()


def _of_path(request: web.Request) -> str:
    name = request.match_info["what"]
    if len(name) != _DIGITS or not set(name) <= set("0123456789abcdef"):
        raise Problem(REQUEST_INVALID, "The path names an approval by its 64 hex digits, as the refusal told them.")
    return name

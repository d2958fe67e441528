"""The operators' audit as it is shown: what was done, by whom and why, and whether that is what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from aiohttp import web
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from adapters.ports.audit import ActFilter, Audit, Chain, Head, SealedAct
from gateway.audit_check import BEGINNING, Finding, Reached, check_page
from gateway.http.answers import cursor_of, json_answer, page_answer, place_of
from gateway.http.requests import Nothing, PageQuery, Point, Text, query
from schemas.record import Record
from schemas.rules import Rule

MOST_CHECKED: Final = 1000
"""Acts of one page of a check: hashing them must not keep messages waiting."""


def _head(text: str) -> str:
    Head.read(text)
    return text


class AuditQuery(PageQuery):
    """`GET /v1/audit`."""

    actor: Text | None = None
    action: Text | None = None
    entity: Text | None = None
    key: Text | None = None
    since: Point | None = None
    until: Point | None = None

    @property
    def chosen(self) -> ActFilter:
        """The acts that it means."""
        return ActFilter(self.actor, self.action, self.entity, self.key, self.since, self.until)


class CheckQuery(Record):
    """`GET /v1/audit/verify`."""

    cursor: Text | None = None
    head: (
        Annotated[
            str,
            Field(max_length=100),
            AfterValidator(_head),
            Rule("head_invalid", "write a head as /v1/audit/head shows it, such as 17:5e88…"),
        ]
        | None
    ) = None


class ToldAct(TypedDict):
    """What somebody did. `place` and `hash` are those of its seal; null until it is sealed."""

    id: int
    at: datetime
    by: str
    action: str
    entity: str | None
    key: str | None
    ref: UUID | None
    reason: str
    place: int | None
    hash: str | None


class ToldChain(TypedDict):
    """The end of the chain, worth noting elsewhere, and how far everything is sealed."""

    head: str
    sealed_until: datetime | None
    unsealed: int


class Verified(ToldChain):
    """A page of a check. `next` goes on; null: nothing more is sealed for now."""

    checked: int
    findings: Sequence[Finding]
    next: str | None


class AuditViews:
    """Each method answers one route; all raise `Problem` and `StoreUnavailable`."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def listed(self, request: web.Request) -> web.Response:
        """What was done, newest first."""
        asked = query(request, AuditQuery)
        before = place_of(asked.cursor, _number)
        found = await self._audit.page(asked.chosen, before=before, limit=asked.limit + 1)
        return page_answer(request, [_told(each) for each in found], asked.limit, lambda item: item["id"])

    async def head(self, request: web.Request) -> web.Response:
        """The last seal, to be noted elsewhere, and how far everything is sealed."""
        query(request, Nothing)
        return json_answer(_told_chain(await self._audit.chain()))

    async def verify(self, request: web.Request) -> web.Response:
        """Whether a page of acts is what was sealed; `next` goes on until it is null."""
        asked = query(request, CheckQuery)
        reached = place_of(asked.cursor, _reached) or BEGINNING
        noted = None if asked.head is None else Head.read(asked.head)
        report = await check_page(self._audit, reached, most=MOST_CHECKED, noted=noted)
        came_to = report.reached
        verified = Verified(
            **_told_chain(report.chain),
            checked=report.checked,
            findings=report.findings,
            next=None if report.is_last else cursor_of((came_to.id, str(came_to.head))),
        )
        return json_answer(verified)


def _told(each: SealedAct) -> ToldAct:
    act, seal = each.act, each.seal
    place, hash_ = (None, None) if seal is None else (seal.place, seal.hash.hex())
    return {
        "id": act.id, "at": act.at, "by": act.actor, "action": act.action, "entity": act.entity, "key": act.key,
        "ref": act.ref, "reason": act.reason, "place": place, "hash": hash_,
    }  # fmt: skip


def _told_chain(chain: Chain) -> ToldChain:
    return {"head": str(chain.head), "sealed_until": chain.until, "unsealed": chain.unsealed}


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place


def _reached(place: object) -> Reached:
    if not isinstance(place, list) or len(place) != 2 or not isinstance(place[1], str):
        raise TypeError(place)
    return Reached(_number(place[0]), Head.read(place[1]))

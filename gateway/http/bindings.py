"""Bindings as operators see and import them: which id of another system means which key of ours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Final, cast

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from adapters.ports.bindings import BindingFilter, Bindings, Bound, External
from gateway.bindings.held import legal_entities
from gateway.bindings.importing import Importing
from gateway.bindings.match import Match, Matched, Terms, counts
from gateway.bindings.rows import MOST, Numbered, Row
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.approvals import SecondPerson
from gateway.http.problems import BINDINGS_CONFLICT, Problem
from gateway.http.requests import Nothing, PageQuery, Reason, Text, body, query
from schemas.parsing import Limits
from schemas.record import Record

IMPORT: Final = Limits(body_bytes=4 * 1024 * 1024, depth=8)


class BindingsQuery(PageQuery):
    """`GET /v1/bindings`."""

    system: Text | None = None
    kind: Text | None = None
    entity: Text | None = None
    key: Text | None = None
    external_id: Text | None = None


class ImportedRow(Row):
    """A row, and the line of the file that it comes from."""

    line: Annotated[int, Field(ge=1, le=2**31)] | None = None


class Import(Record):
    """`POST /v1/bindings/import`."""

    reason: Reason
    rows: Annotated[tuple[ImportedRow, ...], Field(strict=False, min_length=1, max_length=MOST)]
    dry_run: bool = False
    """Only the match report; nothing is changed."""
    skip_conflicts: bool = False
    """Import what is new even if other rows are in conflict."""
    unknown_keys: bool = False
    """Import ids of keys that nothing was heard of yet."""


class ToldBinding(TypedDict):
    """A binding as it is shown; `legal_entities` are those whose records have the id."""

    entity: str
    key: str
    system: str
    kind: str
    external_id: str
    legal_entities: list[str]


class ToldMatch(TypedDict):
    """A row of an import, and what it meets in what is known."""

    line: int
    match: Match
    detail: str
    entity: str
    key: str
    system: str
    external_id: str
    legal_entity: str | None


class Imported(TypedDict):
    """The match report. `left` are new rows that an import, which was `applied`, could not bind."""

    applied: bool
    counts: Mapping[str, int]
    new: list[ToldMatch]
    conflicts: list[ToldMatch]
    left: list[ToldMatch]


class BindingActs:
    """Each method answers one route. `terms` are the policy's systems, and its legal entities as `Terms` has them."""

    def __init__(
        self,
        bindings: Bindings,
        importing: Importing,
        terms: Callable[[], tuple[Collection[str], Mapping[str, Collection[str]]]],
        second_person: SecondPerson,
    ) -> None:
        self._bindings = bindings
        self._importing = importing
        self._terms = terms
        self._second_person = second_person

    async def bindings(self, request: web.Request) -> web.Response:
        """Bindings in the order of system, kind, and external id."""
        asked = query(request, BindingsQuery)
        chosen = BindingFilter(asked.system, asked.kind, asked.external_id, asked.entity, asked.key)
        found = await self._bindings.page(chosen, after=place_of(asked.cursor, _place), limit=asked.limit + 1)
        return page_answer(request, [told_binding(each) for each in found], asked.limit, _place_in)

    async def import_(self, request: web.Request) -> web.Response:
        """The match report of some rows and, unless it is a dry run, the import of those that are new."""
        query(request, Nothing)
        asked = await body(request, Import, IMPORT)
        rows = [Numbered(row.line or place, row) for place, row in enumerate(asked.rows, 1)]
        systems, keepers = self._terms()
        terms = Terms(systems, keepers, asked.unknown_keys)
        if asked.dry_run:
            report = await self._importing.report(rows, terms)
            return json_answer(_told(report, ()))
        await self._second_person.expect(request, asked, asked.reason, len(rows))
        done = await self._importing.run(
            rows, terms, skip_conflicts=asked.skip_conflicts, actor=request[CALLER].name, reason=asked.reason
        )
        if not done.is_applied:
            number = sum(each.match.is_conflict for each in done.report)
            raise Problem(
                BINDINGS_CONFLICT,
                f"{number} of {len(rows)} rows are in conflict, so nothing was imported: ask with dry_run for the"
                " report, and correct them, or skip_conflicts.",
            )
        return json_answer(_told(done.report, done.left, is_applied=True))


def told_binding(bound: Bound) -> ToldBinding:
    """A binding as it is shown."""
    entities = legal_entities(bound.key, bound.state, bound.external.system, bound.external.id)
    return {
        "entity": bound.key.entity, "key": bound.key.id, "system": bound.external.system, "kind": bound.external.kind,
        "external_id": bound.external.id, "legal_entities": [each for each in entities if each is not None],
    }  # fmt: skip


def _told(report: Sequence[Matched], left: Sequence[Matched], *, is_applied: bool = False) -> Imported:
    return {
        "applied": is_applied,
        "counts": counts(report),
        "new": [_matched(each) for each in report if each.match is Match.NEW],
        "conflicts": [_matched(each) for each in report if each.match.is_conflict],
        "left": [_matched(each) for each in left],
    }


def _matched(each: Matched) -> ToldMatch:
    return {
        "line": each.line, "match": each.match, "detail": each.detail, "entity": each.row.entity, "key": each.row.key,
        "system": each.row.system, "external_id": each.row.external_id, "legal_entity": each.row.legal_entity,
    }  # fmt: skip


def _place_in(item: ToldBinding) -> object:
    return item["system"], item["kind"], item["external_id"]


def _place(found: object) -> External:
    system, kind, id_ = cast("Sequence[Any]", found)
    if not all(isinstance(part, str) and "\0" not in part for part in (system, kind, id_)):
        raise TypeError
    return External(system, kind, id_)

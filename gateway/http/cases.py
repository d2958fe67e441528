"""What the API shows of cases: lists, groups of one cause, a CSV file, and everything about one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web
from typing_extensions import TypedDict

from adapters.ports.cases import (
    CaseAct,
    CaseFile,
    CaseFilter,
    CaseGroup,
    CaseNote,
    CaseNotFound,
    CaseRow,
    Cases,
    GroupPlace,
    Standing,
)
from gateway.case_classes import CLASSES, owner_of
from gateway.case_offers import offers, settling
from gateway.http.access import CALLER
from gateway.http.answers import json_answer, page_answer, place_of
from gateway.http.case_requests import CasesQuery, case_id
from gateway.http.problems import CASE_NOT_FOUND, REQUEST_INVALID, Problem
from gateway.http.requests import Nothing, query
from gateway.runbook import path_of

FILE_ROWS: Final = 10_000
"""Cases of one CSV file, at most."""
PAGE: Final = 500
COLUMNS: Final = (
    "id", "class", "code", "entity", "key", "topic", "reason", "field", "system", "owner", "assignee", "money", "count",
    "opened_at", "due_at", "closed_at", "closed_how", "closed_by", "fingerprint",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet begins to calculate."""


class ToldCase(TypedDict):
    """Everything about one case. `cannot` says why not, for each act that is not in `can`; `links` are paths."""

    case: CaseRow
    cause: str
    fix: str
    can: list[str]
    cannot: dict[str, str]
    standing: Standing
    notes: Sequence[CaseNote]
    acts: Sequence[CaseAct]
    links: dict[str, str]


class CaseViews:
    """Each method answers one route; all raise `Problem` and `StoreUnavailable`."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    async def listed(self, request: web.Request) -> web.Response:
        """Cases in the order of their numbers, or groups of one cause, the largest first."""
        asked, chosen = _asked(request)
        if asked.group == "true":
            behind = place_of(asked.cursor, _place_in_groups)
            groups = await self._cases.groups(chosen, after=behind, limit=asked.limit + 1)
            # The place is the named owner's, which is no longer seen in what is shown.
            return page_answer(
                request, [_owned_group(group) for group in groups], asked.limit, lambda _: groups[asked.limit - 1].place
            )
        after = place_of(asked.cursor, _number) or 0
        rows = await self._cases.find(chosen, after=after, limit=asked.limit + 1)
        return page_answer(request, [owned(row) for row in rows], asked.limit, _place)

    async def file(self, request: web.Request) -> web.Response:
        """The same as CSV, all pages in one."""
        _, chosen = _asked(request)
        rows = await self._all(chosen)
        if len(rows) > FILE_ROWS:
            detail = f"There are more than {FILE_ROWS} such cases: choose by class, owner, entity, or fingerprint."
            raise Problem(REQUEST_INVALID, detail)
        headers = {hdrs.CONTENT_DISPOSITION: 'attachment; filename="cases.csv"'}
        return web.Response(text=_csv(map(owned, rows)), content_type="text/csv", charset="utf-8", headers=headers)

    async def one(self, request: web.Request) -> web.Response:
        """One case with its cause, how to mend it, what can be done, what was, and where to look."""
        query(request, Nothing)
        found = await found_case(self._cases, case_id(request))
        answer = json_answer(_told(found))
        answer.headers[hdrs.ETAG] = etag(found.case)
        return answer

    async def _all(self, chosen: CaseFilter) -> list[CaseRow]:
        """At most one more than a file may have."""
        rows: list[CaseRow] = []
        while len(rows) <= FILE_ROWS:
            page = await self._cases.find(chosen, after=rows[-1].id if rows else 0, limit=PAGE)
            rows += page
            if len(page) < PAGE:
                break
        return rows


def _asked(request: web.Request) -> tuple[CasesQuery, CaseFilter]:
    """What is asked for, and of that the cases that its caller reaches."""
    asked = query(request, CasesQuery)
    return asked, replace(asked.chosen, within=request[CALLER].reach)


async def found_case(cases: Cases, id: int) -> CaseFile:
    """One case. Raises `Problem`."""
    try:
        return await cases.file(id)
    except CaseNotFound as error:
        raise no_case(id) from error


def no_case(id: int) -> Problem:
    """The refusal of a number that stands for nothing."""
    return Problem(CASE_NOT_FOUND, f"There is no case {id}: /v1/cases lists them.")


def etag(case: CaseRow) -> str:
    """What an edit names in `If-Match`."""
    return f'"{case.version}"'


def owned(row: CaseRow) -> CaseRow:
    """The case with the role that settles it."""
    return row if row.owner else replace(row, owner=owner_of(row.owner, row.failure_class))


def _owned_group(group: CaseGroup) -> CaseGroup:
    return group if group.owner else replace(group, owner=owner_of(group.owner, group.failure_class))


def _told(file: CaseFile) -> ToldCase:
    case = file.case
    can: dict[str, str | None] = {**{str(act): why for act, why in offers(file).items()}, "settle": settling(file)}
    path = f"{quote(case.entity, safe='')}/{quote(case.key, safe='')}"
    links = {
        "entity": f"/v1/entities/{path}", "lane": f"/v1/lanes/{path}", "runbook": path_of(case.failure_class.value),
    }  # fmt: skip
    if case.ref is not None:
        links["message"] = f"/v1/messages/{case.ref}"
    return {
        "case": owned(case),
        "cause": case.reason,
        "fix": CLASSES[case.failure_class].fix,
        "can": [act for act, why in can.items() if why is None],
        "cannot": {act: why for act, why in can.items() if why is not None},
        "standing": file.standing,
        "notes": file.notes,
        "acts": file.acts,
        "links": links,
    }


def _csv(rows: Iterable[CaseRow]) -> str:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (
            row.id, row.failure_class, row.code, row.entity, row.key, row.topic, row.reason, row.field, row.system,
            row.owner, row.assignee, _money(row.money), row.count, _moment(row.opened_at), _moment(row.due_at),
            _moment(row.closed_at), row.closed_how, row.closed_by, row.fingerprint,
        )  # fmt: skip
        writer.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _money(money: Mapping[str, Decimal]) -> str:
    return "; ".join(f"{amount:f} {currency}" for currency, amount in money.items())


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _place_in_groups(place: object) -> GroupPlace:
    match place:
        case [int(cases), str(fingerprint), str(named)] if "\0" not in fingerprint + named:
            return _number(cases), fingerprint, named
        case _:
            raise ValueError(place)


def _place(row: CaseRow) -> int:
    return row.id


def _number(place: object) -> int:
    if not isinstance(place, int) or not 0 <= place < 2**63:
        raise ValueError(place)
    return place

"""How invoices stand, shown on the projects of Redmine that they are for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, assert_never

from adapters.ports.system import Absent
from adapters.redmine.answers import Answer
from adapters.redmine.client import Client
from adapters.redmine.errors import of_read, of_write, told
from adapters.redmine.pages import content, is_ours, is_same, title
from adapters.redmine.places import Found, Missing, Taken, Unread, under_number
from adapters.redmine.records import CLOSED, OnePage
from adapters.redmine.settings import RedmineSettings
from adapters.redmine.withdrawals import TOO_SLOW
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.operations.invoice import ReceivablePut
from schemas.verdicts import Failure, FailureClass

MAY_WRITE: Final = (
    "Redmine does not let our user write the invoice's page: switch the module `Wiki` on in the project, give our "
    "user's role there the permissions `View wiki` and `Edit wiki pages`, and let the page not be locked; then retry."
)
IS_CLOSED: Final = (
    "The project is closed in Redmine, so the page of its invoice cannot be written: reopen it, then retry, or resolve "
    "this where nobody looks there any more."
)


@dataclass(frozen=True, slots=True)
class _Page:
    """The invoice's page as it stands; no text and no version where there is none."""

    path: str
    text: str = ""
    version: int | None = None
    is_closed: bool = False
    """Whether its project is, in which nothing is written any more."""


class Receivables:
    """`receivable.put`: a page of the project's wiki for each invoice, named after our id of it.

    A write is tied to the version that was read, so one that lands late changes nothing newer.
    """

    def __init__(self, client: Client, settings: RedmineSettings) -> None:
        self._client = client
        self._settings = settings

    async def send(self, end: float, put: ReceivablePut, command: Command) -> Outcome:
        """One attempt, over at `end` by the loop's clock; it reads first."""
        match await self._found_by(end, put):
            case Unread(outcome):
                return outcome if isinstance(outcome, Deferred) else Deferred(outcome.failure, None)
            case Taken(failure):
                return Rejected(failure)
            case _Page(text=text) if is_same(text, put):
                return Confirmed(title(put.invoice_id))
            case _Page(is_closed=True):
                return Rejected(Failure(FailureClass.BUSINESS_RULE, "project_closed", IS_CLOSED))
            case _Page() as page:
                try:
                    async with asyncio.timeout_at(end):
                        return await self._write(page, put, command)
                except TimeoutError:
                    return Unknown(TOO_SLOW)
            case other:
                assert_never(other)

    async def look_up(self, end: float, put: ReceivablePut) -> Confirmed | Absent | Deferred | Unknown:
        """Whether the page says what was asked for."""
        match await self._found_by(end, put):
            case Unread(outcome):
                return outcome
            case Taken(failure, proves_absence=False):
                return Unknown(failure)
            case _Page(text=text) if is_same(text, put):
                return Confirmed(title(put.invoice_id))
            case Taken() | _Page():
                return Absent()
            case other:
                assert_never(other)

    async def _found_by(self, end: float, put: ReceivablePut) -> _Page | Taken | Unread:
        try:
            async with asyncio.timeout_at(end):
                return await self._find(put)
        except TimeoutError:
            return Unread(Unknown(TOO_SLOW))

    async def _find(self, put: ReceivablePut) -> _Page | Taken | Unread:
        """The page in the project that carries our id."""
        stranger = await self._client.unknown_here()
        if stranger is not None:
            return Unread(stranger)
        number = put.project or ""
        if not number.isdecimal():
            return _unknown_project(number)
        reply = await self._client.get(f"/projects/{number}.json")
        match under_number(reply, number, put.project_id, self._settings.fields.project_id, field="project"):
            case Unread() | Taken() as other:
                return other
            case Missing():
                return _unknown_project(number)
            case Found(project):
                return await self._page(
                    f"/projects/{number}/wiki/{title(put.invoice_id)}.json", put, is_closed=project.status == CLOSED
                )
            case other:
                assert_never(other)

    async def _page(self, path: str, put: ReceivablePut, *, is_closed: bool) -> _Page | Taken | Unread:
        reply = await self._client.get(path)
        match reply:
            case Answer(status=404):
                return _Page(path, is_closed=is_closed)
            case Answer(status=403):
                return Taken(Failure(FailureClass.AUTH, "right_missing", MAY_WRITE))
            case Answer(status=200) if (found := reply.read(OnePage)) is not None:
                page = found.wiki_page
                if is_ours(page.text, put):
                    return _Page(path, page.text, page.version, is_closed)
                reason = (
                    f"Wiki page {page.title} of project {put.project} is not that of invoice {put.invoice_id}: rename "
                    "it without a redirection, or remove it, then retry."
                )
                return Taken(Failure(FailureClass.DUPLICATE, "page_taken", reason, "invoice_id"), proves_absence=True)
            case _:
                return Unread(of_read(reply))

    async def _write(self, page: _Page, put: ReceivablePut, command: Command) -> Outcome:
        reply = await self._client.write("PUT", page.path, content(put, page.version))
        match reply:
            case Answer(status=200 | 201 | 204):
                return Confirmed(title(put.invoice_id))
            case Answer(status=409):
                reason = "The page was written between our reading and our writing."
                return Deferred(Failure(FailureClass.CONFLICT, "changed_meanwhile", reason), None)
            case Answer(status=404):
                # A project without a wiki answers so to a writing call too; it has done nothing.
                return Rejected(Failure(FailureClass.AUTH, "right_missing", MAY_WRITE))
            case _:
                return told(of_write(reply, forbidden=MAY_WRITE), key=self._settings.key, body=command.body)


def _unknown_project(number: str) -> Taken:
    reason = f"Redmine has no project {number}: see what became of it, then resolve this."
    failure = Failure(FailureClass.BUSINESS_RULE, "project_unknown", reason, "project")
    return Taken(failure, proves_absence=True)

"""Projects that are closed in Redmine because their deal was cancelled."""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from adapters.ports.system import Absent
from adapters.redmine.answers import Answer
from adapters.redmine.client import Client
from adapters.redmine.errors import of_read, of_write, told
from adapters.redmine.places import Found, Missing, Taken, Unread, under_number
from adapters.redmine.records import NO_TIME, OneProject
from adapters.redmine.settings import RedmineSettings
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.operations.project import ProjectWithdraw
from schemas.verdicts import Failure, FailureClass

MAY_CLOSE: Final = (
    "Redmine does not let our user close the project: give its role in the project the permission `Close / reopen the "
    "project`, then retry."
)
TOO_SLOW: Final = Failure(FailureClass.TIMEOUT, "timeout", "Redmine did not answer in time.")


class Withdrawals:
    """`project.withdraw`: the project is closed, and all that is below it. Whoever may close one may reopen it.

    To close what is closed changes nothing, so sending again is safe.
    """

    def __init__(self, client: Client, settings: RedmineSettings) -> None:
        self._client = client
        self._settings = settings

    async def send(self, end: float, body: ProjectWithdraw, command: Command) -> Outcome:
        """One attempt, over at `end` by the loop's clock. It reads first, and what it wrote is read back."""
        match await self._found_by(end, body):
            case Unread(outcome):
                return outcome if isinstance(outcome, Deferred) else Deferred(outcome.failure, None)
            case Taken(failure):
                return Rejected(failure)
            case Missing():
                reason = f"Redmine has no project {body.psa_id}: see what became of it, then resolve this."
                return Rejected(Failure(FailureClass.BUSINESS_RULE, "project_unknown", reason, "psa_id"))
            case Found(project) if project.status in NO_TIME:
                return Confirmed(str(project.id))
            case Found():
                try:
                    async with asyncio.timeout_at(end):
                        return await self._close(body, command)
                except TimeoutError:
                    return Unknown(TOO_SLOW)
            case other:
                assert_never(other)

    async def look_up(self, end: float, body: ProjectWithdraw) -> Confirmed | Absent | Deferred | Unknown:
        """Whether the project is closed."""
        match await self._found_by(end, body):
            case Unread(outcome):
                return outcome
            case Taken(failure, proves_absence=False):
                return Unknown(failure)
            case Found(project) if project.status in NO_TIME:
                return Confirmed(str(project.id))
            case Found() | Taken() | Missing():
                return Absent()
            case other:
                assert_never(other)

    async def _found_by(self, end: float, body: ProjectWithdraw) -> Found | Missing | Taken | Unread:
        try:
            async with asyncio.timeout_at(end):
                stranger = await self._client.unknown_here()
                if stranger is not None:
                    return Unread(stranger)
                if not body.psa_id.isdecimal():
                    return Missing()
                reply = await self._client.get(f"/projects/{body.psa_id}.json")
                return under_number(reply, body.psa_id, body.project_id, self._settings.fields.project_id)
        except TimeoutError:
            return Unread(Unknown(TOO_SLOW))

    async def _close(self, body: ProjectWithdraw, command: Command) -> Outcome:
        path = f"/projects/{body.psa_id}"
        reply = await self._client.write("PUT", f"{path}/close.json", b"{}")
        if not isinstance(reply, Answer) or reply.status not in (200, 204):
            return told(of_write(reply, forbidden=MAY_CLOSE), key=self._settings.key, body=command.body)
        written = await self._client.get(f"{path}.json")
        match written:
            case Answer(status=200) if (closed := written.read(OneProject)) is not None:
                if closed.project.status in NO_TIME:
                    return Confirmed(str(closed.project.id))
                reason = f"Redmine said that it closed project {body.psa_id}, and it is open: see who opened it again."
                return Unknown(Failure(FailureClass.CONFLICT, "not_kept", reason))
            case _:
                return Unknown(of_read(written).failure)

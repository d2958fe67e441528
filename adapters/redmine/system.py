"""Redmine as PSA: a project is created, or brought to the state that is asked for; other operations stand beside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, assert_never

from pydantic import ValidationError

from adapters.ports.declarations import Declaration
from adapters.ports.inspection import Inspection
from adapters.ports.system import Absent, Capability, UnknownOperation
from adapters.redmine.answers import Answer, Reply
from adapters.redmine.client import Client
from adapters.redmine.declarations import declarations, promises
from adapters.redmine.errors import of_read, of_write, told
from adapters.redmine.inspection import inspected
from adapters.redmine.mapping import TIME_TRACKING, WIKI, changes, identifier, new_project
from adapters.redmine.places import MOST_HITS, Found, Missing, Taken, Unread, among, under_identifier
from adapters.redmine.receivables import Receivables
from adapters.redmine.records import CLOSED, OneProject, Project, Projects
from adapters.redmine.settings import RedmineSettings
from adapters.redmine.withdrawals import TOO_SLOW, Withdrawals
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.operations.invoice import ReceivablePut
from schemas.operations.project import ProjectPut, ProjectWithdraw
from schemas.operations.table import read_body
from schemas.verdicts import Failure, FailureClass

MAY_ADD: Final = (
    "Redmine does not let our user create projects: make it a member of some project, in a role with the permission "
    "`Create project`, then retry."
)
MAY_EDIT: Final = (
    "Redmine does not let our user change the project: give its role in the project the permission `Edit project`, "
    "then retry."
)
IS_CLOSED: Final = (
    "The project is closed in Redmine, as those of cancelled deals are: reopen it, then retry, or win the deal under a "
    "new project id."
)


class Redmine:
    """A `System` for projects, which also tells what it is like. Make it inside the running event loop.

    An attempt reads first, and ends with one writing call, or with none where the project is as it should be. What the
    call wrote is read from its answer, or once more: Redmine drops without a word what a role may not write.
    `reads_changes`: whether its time entries are read, which needs rights too.
    """

    def __init__(self, settings: RedmineSettings, *, reads_changes: bool = False) -> None:
        self._settings = settings
        self._reads_changes = reads_changes
        self._fields = settings.fields
        self._client = Client(settings)
        self._withdrawals = Withdrawals(self._client, settings)
        self._receivables = Receivables(self._client, settings)
        self._promises = promises(settings)
        self._modules = (TIME_TRACKING, *([WIKI] if "receivable.put" in settings.operations else []))

    def __repr__(self) -> str:
        return f"Redmine({self._settings.name!r}, {self._client!r})"

    @property
    def name(self) -> str:
        """The name under which the policy file lists it."""
        return self._settings.name

    def capability(self, operation: str) -> Capability:
        """What it promises for this operation; raises `UnknownOperation`."""
        found = self._promises.get(operation)
        if found is None:
            taken = ", ".join(self._promises)
            raise UnknownOperation(f"system {self.name} is a Redmine that takes {taken}, and not {operation}")
        return found

    def declarations(self) -> tuple[Declaration, ...]:
        """Each kind of record."""
        return declarations(self._promises, reads_changes=self._reads_changes)

    async def send(self, command: Command) -> Outcome:
        """One attempt, bounded in time as a whole; raises `UnknownOperation` alone."""
        self.capability(command.operation)
        try:
            body = read_body(command.operation, command.body)
        except ValidationError as error:
            return Rejected(_unreadable(error))
        end = asyncio.get_running_loop().time() + self._settings.timeout
        match body:
            case ProjectPut():
                return await self._put(end, body, command)
            case ProjectWithdraw():
                return await self._withdrawals.send(end, body, command)
            case ReceivablePut():
                return await self._receivables.send(end, body, command)
            case _:
                raise UnknownOperation(command.operation)

    async def _put(self, end: float, put: ProjectPut, command: Command) -> Outcome:
        match await self._found_by(end, put):
            case Unread(outcome):
                return outcome if isinstance(outcome, Deferred) else Deferred(outcome.failure, None)
            case Taken(failure):
                return Rejected(failure)
            case Missing():
                return await _written_by(end, self._create(put, command))
            case Found(project):
                return await _written_by(end, self._change(project, put, command))
            case other:
                assert_never(other)

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        """Whether the project is there, in the state of the command's body; raises `UnknownOperation` alone."""
        self.capability(command.operation)
        try:
            body = read_body(command.operation, command.body)
        except ValidationError:
            return Absent()
        end = asyncio.get_running_loop().time() + self._settings.timeout
        match body:
            case ProjectPut():
                return await self._look_up_put(end, body)
            case ProjectWithdraw():
                return await self._withdrawals.look_up(end, body)
            case ReceivablePut():
                return await self._receivables.look_up(end, body)
            case _:
                raise UnknownOperation(command.operation)

    async def _look_up_put(self, end: float, put: ProjectPut) -> Confirmed | Absent | Deferred | Unknown:
        match await self._found_by(end, put):
            case Unread(outcome):
                return outcome
            case Taken(failure, proves_absence=False):
                return Unknown(failure)
            case Found(project) if project.status == CLOSED:
                return Unknown(Failure(FailureClass.BUSINESS_RULE, "project_closed", IS_CLOSED))
            case Found(project) if changes(project, put, self._fields, self._modules) is None:
                return Confirmed(str(project.id))
            case Found() | Taken() | Missing():
                return Absent()
            case other:
                assert_never(other)

    async def inspect(self) -> Inspection:
        """Ask who we are and what we may; raises `NotInspected`."""
        return await inspected(self._client, self._settings, reads_changes=self._reads_changes)

    async def close(self) -> None:
        """Close connections; nothing may be sent afterwards."""
        await self._client.close()

    async def _found_by(self, end: float, put: ProjectPut) -> Found | Missing | Taken | Unread:
        try:
            async with asyncio.timeout_at(end):
                return await self._find(put)
        except TimeoutError:
            return Unread(Unknown(TOO_SLOW))

    async def _find(self, put: ProjectPut) -> Found | Missing | Taken | Unread:
        """The project that is meant: by its custom field, then by its identifier, which can be somebody else's."""
        stranger = await self._client.unknown_here()
        if stranger is not None:
            return Unread(stranger)
        number = self._fields.project_id
        query = [
            # Written out, as the short form `cf_1=...` would read `|`, `!`, and `~` in an id as operators, and would
            # leave closed projects out.
            ("f[]", f"cf_{number}"),
            (f"op[cf_{number}]", "="),
            (f"v[cf_{number}][]", put.project_id),
            ("include", "enabled_modules"),
            ("limit", str(MOST_HITS)),
        ]
        reply = await self._client.get("/projects.json", query)
        hits = reply.read(Projects) if isinstance(reply, Answer) and reply.status == 200 else None
        if hits is None:
            return Unread(of_read(reply))
        found = among(hits.projects, put.project_id, number)
        if found is not None:
            return found
        reply = await self._client.get(f"/projects/{identifier(put.project_id)}.json")
        return under_identifier(reply, put, number)

    async def _create(self, put: ProjectPut, command: Command) -> Outcome:
        body = new_project(put, self._fields, self._modules)
        reply = await self._client.write("POST", "/projects.json?include=enabled_modules", body)
        match reply:
            case Answer(status=201) if (made := reply.read(OneProject)) is not None:
                return self._kept(made.project, put)
            case _:
                outcome = self._unwritten(reply, MAY_ADD, command)
        return await self._doubted(outcome, put) if isinstance(outcome, Rejected) else outcome

    async def _doubted(self, refused: Rejected, put: ProjectPut) -> Outcome:
        """A refusal is believed once the project is still not there: an attempt of ours that was late may have made it.

        Redmine's sentences are not read for that: they are in any language.
        """
        match await self._find(put):
            case Missing():
                return refused
            case Taken(failure, proves_absence=True):
                return Rejected(failure)
            case Taken(failure):
                return Unknown(failure)
            case Unread(outcome):
                return Unknown(outcome.failure)
            case Found(project) if changes(project, put, self._fields, self._modules) is None:
                return Confirmed(str(project.id))
            case Found():
                reason = "The project came into being meanwhile, and differs from what it should be."
                return Deferred(Failure(FailureClass.CONFLICT, "came_meanwhile", reason), None)
            case other:
                assert_never(other)

    async def _change(self, project: Project, put: ProjectPut, command: Command) -> Outcome:
        if project.status == CLOSED:
            return Rejected(Failure(FailureClass.BUSINESS_RULE, "project_closed", IS_CLOSED))
        body = changes(project, put, self._fields, self._modules)
        if body is None:
            return Confirmed(str(project.id))
        reply = await self._client.write("PUT", f"/projects/{project.id}.json", body)
        if not isinstance(reply, Answer) or reply.status not in (200, 204):
            return self._unwritten(reply, MAY_EDIT, command)
        written = await self._client.get(f"/projects/{project.id}.json", [("include", "enabled_modules")])
        match written:
            case Answer(status=200) if (changed := written.read(OneProject)) is not None:
                return self._kept(changed.project, put)
            case _:
                return Unknown(of_read(written).failure)

    def _kept(self, project: Project, put: ProjectPut) -> Confirmed | Unknown:
        """Whether what was written is there."""
        if changes(project, put, self._fields, self._modules) is None:
            return Confirmed(str(project.id))
        reason = (
            f"Redmine said that it wrote project {project.identifier} ({project.id}), and did not keep all of it: see "
            "that our user's role may write its custom fields and select its modules, and that these fields are "
            "visible to it."
        )
        return Unknown(Failure(FailureClass.MAPPING, "not_kept", reason))

    def _unwritten(self, reply: Reply, forbidden: str, command: Command) -> Outcome:
        return told(of_write(reply, forbidden=forbidden), key=self._settings.key, body=command.body)


async def _written_by(end: float, writing: Awaitable[Outcome]) -> Outcome:
    try:
        async with asyncio.timeout_at(end):
            return await writing
    except TimeoutError:
        return Unknown(TOO_SLOW)


def _unreadable(error: ValidationError) -> Failure:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return Failure(FailureClass.SCHEMA, "body_invalid", f"{field}: {first['msg']}", field or None)

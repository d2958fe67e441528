"""Billable time in Tryton: time lines on the task of the role, whose `uuid` is our reference."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.ports.system import Absent, Capability, Upsert
from adapters.tryton.client import Client, Context
from adapters.tryton.companies import Companies, Company, mapping_missing, refused
from adapters.tryton.customers import LATE
from adapters.tryton.failures import Failed
from adapters.tryton.mapping import described, duration_of, line_values
from adapters.tryton.rows import Row
from schemas.commands import BY_REFERENCE, Command, Confirmed, Outcome, Rejected, Unknown
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.verdicts import Failure, FailureClass

CAPABILITY: Final = Capability(
    Upsert.NATIVE_EXTERNAL_ID, key_window=None, unique_reference=True, look_up=True, late_bound=LATE
)
LINE_FIELDS: Final = ("uuid", "duration", "date", "_timestamp")


class Bookings:
    """`billable.post`: one time line. Tryton bills it at the price of its task, so that must be the rate."""

    capability = CAPABILITY

    def __init__(self, client: Client, companies: Companies) -> None:
        self._client = client
        self._companies = companies

    async def send(self, command: Command) -> Outcome:
        """One attempt; raises `Failed`."""
        body = BillablePost.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        work = await self._work(body, company)
        employee = await self._employee(body, company)
        standing = await self._standing(command, body, company)
        if standing is not None:
            return standing
        values = line_values(body, command.reference, company.id, employee, work)
        try:
            return Confirmed(str(await self._client.create("timesheet.line", values, context=company.context)))
        except Failed as failed:
            if not isinstance(failed.outcome, Rejected):
                raise
            # Perhaps it is there by now, by a copy of this very command.
            standing = await self._standing(command, body, company)
            if standing is None:
                raise
            return standing

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the line is there as it was asked for; raises `Failed`, also if there is another one in its place.

        Where the reference alone is known: whether it is there with any hours.
        """
        if command.body == BY_REFERENCE:
            line = await line_of(self._client, command.reference)
            return Confirmed(str(line.id)) if line is not None and line.duration("duration") else Absent()
        body = BillablePost.model_validate_json(command.body)
        return await self._standing(command, body, await self._companies.of(body.legal_entity)) or Absent()

    async def _standing(self, command: Command, body: BillablePost, company: Company) -> Confirmed | None:
        """The line of this command, if it is there.

        Raises `Failed` where it is there with other hours, so that nobody knows what is to be billed; and where the
        line of the sheet is booked under another reference, as after a restore of our database: each is billed once.
        """
        alike = [
            ["company", "=", company.id],
            ["date", "=", body.work_date],
            ["description", "=", described(body)],
            ["duration", ">", timedelta()],
        ]
        domain = ["OR", ["uuid", "=", command.reference], alike]
        lines = await self._client.find("timesheet.line", domain, LINE_FIELDS, context=company.context)
        ours = next((line for line in lines if line.text("uuid") == command.reference), None)
        if ours is None and lines:
            reason = f"time line {lines[0].id} bills line {body.line_id} of sheet {body.sheet_id} already: settle which"
            raise refused("booked_already", reason, "line_id")
        if ours is None:
            return None
        if (ours.duration("duration"), ours.day("date")) != (duration_of(body.hours), body.work_date):
            reason = f"time line {ours.id} is ours and has other hours or another day: somebody changed it in Tryton"
            raise Failed(Unknown(Failure(FailureClass.UNKNOWN_OUTCOME, "line_differs", reason, "hours")))
        return Confirmed(str(ours.id))

    async def _work(self, body: BillablePost, company: Company) -> int:
        """The time sheet's side of the role's task."""
        domain = [["parent", "=", _number(body.project)], ["name", "=", body.role], ["company", "=", company.id]]
        fields = ("list_price", "timesheet_works")
        tasks = await self._client.find("project.work", domain, fields, limit=2, context=company.context)
        if len(tasks) != 1:
            how_many = "no task" if not tasks else "more than one task"
            reason = f"project {body.project} has {how_many} called {body.role} in Tryton: correct that"
            raise mapping_missing("task_unknown", reason, "role")
        [task] = tasks
        if task.decimal("list_price") != body.rate:
            reason = (
                f"task {body.role} costs {task.decimal('list_price')} an hour in Tryton, the contract says {body.rate}"
            )
            raise refused("rate_differs", f"{reason}: correct the task, then retry", "rate")
        works = task.numbers("timesheet_works")
        if not works:
            raise mapping_missing(
                "task_closed", f"no time can be written on task {body.role}: make it available", "role"
            )
        return works[0]

    async def _employee(self, body: BillablePost, company: Company) -> int:
        domain = [["party.code", "=", body.employee], ["company", "=", company.id]]
        found = await self._client.find("company.employee", domain, (), limit=2, context=company.context)
        if len(found) != 1:
            how_many = "no employee" if not found else "more than one employee"
            reason = f"{body.legal_entity} has {how_many} whose party has code {body.employee} in Tryton: correct that"
            raise mapping_missing("employee_unknown", reason, "employee")
        return found[0].id


class Reversals:
    """`billable.reverse`: the line's hours become zero. It stays, so that a late copy of its booking is refused."""

    capability = CAPABILITY

    def __init__(self, client: Client, companies: Companies) -> None:
        self._client = client
        self._companies = companies

    async def send(self, command: Command) -> Outcome:
        """One attempt; raises `Failed`. Tryton refuses it for a line that is on an invoice."""
        body = BillableReverse.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        line = await line_of(self._client, body.reverses, company.context)
        if line is None:
            raise refused("booking_unknown", "Tryton does not have the booking that is to be taken back", "reverses")
        if line.duration("duration"):
            if line.duration("duration") != duration_of(-body.hours):
                reason = f"time line {line.id} does not have the hours that were booked: somebody changed it in Tryton"
                raise refused("booking_changed", reason, "hours")
            await self._client.change("timesheet.line", line, {"duration": timedelta()}, context=company.context)
        return Confirmed(str(line.id))

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the hours are taken back; raises `Failed`."""
        body = BillableReverse.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        line = await line_of(self._client, body.reverses, company.context)
        return Absent() if line is None or line.duration("duration") else Confirmed(str(line.id))


async def line_of(client: Client, reference: str, context: Context | None = None) -> Row | None:
    """The time line that was booked under a reference."""
    domain = [["uuid", "=", reference]]
    found = await client.find("timesheet.line", domain, LINE_FIELDS, context=context)
    return found[0] if found else None


def _number(project: str) -> int:
    try:
        return int(project)
    except ValueError:
        raise refused("project_unknown", f"project {project} is no work of this Tryton", "project") from None

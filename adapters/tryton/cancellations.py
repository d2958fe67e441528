"""Projects in Tryton that are taken back: closed with all that is below them, so that nobody writes time on them."""

from __future__ import annotations

from typing import Final

from adapters.ports.system import Absent, Capability, Upsert
from adapters.tryton.client import Client
from adapters.tryton.companies import Companies, Company, mapping_missing, refused
from adapters.tryton.customers import LATE
from adapters.tryton.mapping import Closing, cancelled_comment, cancelled_values, is_cancelled
from adapters.tryton.rows import Row
from schemas.commands import Command, Confirmed, Outcome
from schemas.operations.project import ProjectCancel

FIELDS: Final = (
    "type", "number", "company", "status", "timesheet_available", "timesheet_works", "comment", "_timestamp",
)  # fmt: skip


class Cancellations:
    """`project.cancel`: the project and its tasks get the status of a cancelled one, and leave the time sheets.

    `status` is that status's name. A project on which time was booked is not taken back: a person settles it. People
    reopen one in Tryton itself.
    """

    capability = Capability(
        Upsert.NATIVE_EXTERNAL_ID, key_window=None, unique_reference=True, look_up=True, late_bound=LATE
    )

    def __init__(self, client: Client, companies: Companies, status: str) -> None:
        self._client = client
        self._companies = companies
        self._status = status

    async def send(self, command: Command) -> Outcome:
        """One attempt, whose one writing call is tied to all that was read; raises `Failed`."""
        body = ProjectCancel.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        works, closing = await self._works(body, company), await self._closing()
        project = _project_of(works, body)
        if project is None:
            reason = f"work {body.erp_id} is not in this Tryton: see what became of it"
            raise refused("project_unknown", reason, "erp_id")
        if not _is_ours(project, body, company):
            reason = f"work {project.id} is not project {body.project_id} of {body.legal_entity}: settle which is meant"
            raise refused("project_differs", reason, "erp_id")
        if is_cancelled(works, closing):
            return Confirmed(str(project.id))
        await self._must_be_unbooked(works, company)
        tied = {f"project.work,{work.id}": work.timestamp for work in works}
        comment = {"comment": cancelled_comment(project, body.reason)}
        await self._client.write(
            "model.project.work.write",
            [work.id for work in works], cancelled_values(closing), [project.id], comment,
            context={**company.context, "_timestamp": tied},
        )  # fmt: skip
        return Confirmed(str(project.id))

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the project is closed with all that is below it; raises `Failed`."""
        body = ProjectCancel.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        works = await self._works(body, company)
        project = _project_of(works, body)
        if project is None or not _is_ours(project, body, company):
            return Absent()
        return Confirmed(str(project.id)) if is_cancelled(works, await self._closing()) else Absent()

    async def _works(self, body: ProjectCancel, company: Company) -> list[Row]:
        """The project and all works below it."""
        domain = [["parent", "child_of", [_number(body)], "parent"]]
        return await self._client.find("project.work", domain, FIELDS, context=company.context)

    async def _closing(self) -> Closing:
        found = await self._client.find("project.work.status", [["name", "=", self._status]], ["progress"], limit=2)
        if len(found) != 1:
            how_many = "no" if not found else "more than one"
            reason = f"Tryton has {how_many} status of works called {self._status}: correct `cancelled_status`"
            raise mapping_missing("status_unknown", reason, "erp_id")
        return Closing(found[0].id, found[0].real("progress"))

    async def _must_be_unbooked(self, works: list[Row], company: Company) -> None:
        numbers = [number for work in works for number in work.numbers("timesheet_works")]
        lines = await self._client.find(
            "timesheet.line", [["work", "in", numbers]], (), limit=1, context=company.context
        )
        if lines:
            reason = (
                "time was booked on the project in Tryton, so it is not taken back: settle the time, close the project"
                " there, and resolve this"
            )
            raise refused("time_booked", reason, "erp_id")


def _project_of(works: list[Row], body: ProjectCancel) -> Row | None:
    return next((work for work in works if work.id == _number(body)), None)


def _is_ours(project: Row, body: ProjectCancel, company: Company) -> bool:
    facts = (project.text("type"), project.text("number"), project.number("company"))
    return facts == ("project", body.project_id, company.id)


def _number(body: ProjectCancel) -> int:
    """Tryton's number of the project; -1, which no record has, where it is none."""
    return int(body.erp_id) if body.erp_id.isdecimal() else -1

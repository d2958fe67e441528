"""What stands in the databases of the live systems, read by SQL: a judge that shares no code with the gateway."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import asyncpg

from tests.live.redmine import LocalRedmine
from tests.live.tryton import LocalTryton

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Time:
    """Lines of one project and role: how many, their hours, and what they cost, each line rounded to the cent."""

    lines: int
    hours: Decimal
    money: Decimal


@dataclass(frozen=True, slots=True)
class Work:
    """A project or a task of the ERP, and whether time can be written on it."""

    name: str
    status: str
    takes_time: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a project's wiki in the PSA, and how often it was written."""

    text: str
    version: int

    @property
    def facts(self) -> dict[str, str]:
        """What its list says, by name."""
        lines = [line.removeprefix("* ") for line in self.text.splitlines() if line.startswith("* ")]
        return {name: value for name, _, value in (line.partition(": ") for line in lines)}


Role = tuple[str, str]
"""A project's canonical id, and a role in it."""

_SOLD: Final = """
SELECT o.number || '-' || party.code AS project, product.code AS role, line.unit_price AS rate
FROM sale_opportunity o
JOIN company_company company ON company.id = o.company
JOIN party_party party ON party.id = company.party
JOIN sale_sale sale ON sale.origin = 'sale.opportunity,' || o.id
JOIN sale_line line ON line.sale = sale.id
JOIN product_product product ON product.id = line.product
WHERE o.state = 'won'
"""
_LINKED: Final = """
SELECT o.number || '-' || party.code AS project, o.comment
FROM sale_opportunity o
JOIN company_company company ON company.id = o.company
JOIN party_party party ON party.id = company.party
WHERE o.state = 'won' AND o.comment LIKE 'Tallystick: project %'
"""
_BOOKED: Final = """
SELECT project.number AS project, task.name AS role, count(*) AS lines,
       sum(extract(epoch FROM line.duration) / 3600) AS hours,
       sum(round(extract(epoch FROM line.duration) / 3600 * task.list_price, 2)) AS money
FROM timesheet_line line
JOIN timesheet_work work ON work.id = line.work
JOIN project_work task ON work.origin = 'project.work,' || task.id
JOIN project_work project ON project.id = task.parent
WHERE line.duration > interval '0'
GROUP BY 1, 2
"""
_LINES: Final = """
SELECT project.number AS project, line.uuid
FROM timesheet_line line
JOIN timesheet_work work ON work.id = line.work
JOIN project_work task ON work.origin = 'project.work,' || task.id
JOIN project_work project ON project.id = task.parent
"""
_APPROVED: Final = """
SELECT ours.value, activity.name, entry.hours
FROM time_entries entry
JOIN custom_values approval ON approval.customized_type = 'TimeEntry' AND approval.customized_id = entry.id
                           AND approval.custom_field_id = ? AND approval.value = 'approved'
JOIN custom_values ours ON ours.customized_type = 'Project' AND ours.customized_id = entry.project_id
                       AND ours.custom_field_id = ?
JOIN enumerations activity ON activity.id = entry.activity_id
"""
_IDS: Final = """
SELECT ours.value, project.id, erp.value FROM projects project
JOIN custom_values ours ON ours.customized_type = 'Project' AND ours.customized_id = project.id
                       AND ours.custom_field_id = ?
LEFT JOIN custom_values erp ON erp.customized_type = 'Project' AND erp.customized_id = project.id
                           AND erp.custom_field_id = ?
WHERE ours.value <> ''
"""
_CLOSED: Final = """
SELECT ours.value FROM projects project
JOIN custom_values ours ON ours.customized_type = 'Project' AND ours.customized_id = project.id
                       AND ours.custom_field_id = ?
WHERE ours.value <> '' AND project.status = 5
"""
_PAGES: Final = """
SELECT content.text, content.version FROM wiki_pages page
JOIN wikis wiki ON wiki.id = page.wiki_id
JOIN wiki_contents content ON content.page_id = page.id
JOIN custom_values ours ON ours.customized_type = 'Project' AND ours.customized_id = wiki.project_id
                       AND ours.custom_field_id = ?
WHERE ours.value = ?
ORDER BY page.title
"""
_WORKS: Final = """
SELECT work.name, status.name AS status, work.comment,
       EXISTS (SELECT FROM timesheet_work t WHERE t.origin = 'project.work,' || work.id) AS takes_time
FROM project_work work
JOIN project_work_status status ON status.id = work.status
LEFT JOIN project_work project ON project.id = work.parent
WHERE coalesce(project.number, work.number) = $1
ORDER BY work.parent NULLS FIRST, work.name
"""


@dataclass(frozen=True, slots=True)
class Books:
    """The databases of one run."""

    tryton: LocalTryton
    redmine: LocalRedmine

    async def rates(self) -> dict[Role, Decimal]:
        """What was sold: the rate of each role of each won opportunity."""
        return {(row["project"], row["role"]): row["rate"] for row in await self._ask("crm", _SOLD)}

    async def links(self) -> dict[str, str]:
        """What the CRM knows of each project."""
        return {row["project"]: row["comment"] for row in await self._ask("crm", _LINKED)}

    async def erp_projects(self) -> dict[str, int]:
        """The ERP's number of each project."""
        query = "SELECT number, id FROM project_work WHERE type = 'project'"
        return {row["number"]: row["id"] for row in await self._ask("erp", query)}

    async def erp_numbers(self) -> list[str]:
        """Our id of each of the ERP's projects; one that is there twice is listed twice."""
        query = "SELECT number FROM project_work WHERE type = 'project' AND number IS NOT NULL ORDER BY 1"
        return [row["number"] for row in await self._ask("erp", query)]

    async def erp_works(self, project: str) -> list[Work]:
        """The project in the ERP, then its tasks by name."""
        return [
            Work(row["name"], row["status"], row["takes_time"], row["comment"])
            for row in await self._ask("erp", _WORKS, project)
        ]

    async def lines(self) -> list[tuple[str, str | None]]:
        """Project and uuid of each of the ERP's time lines, also of those that were taken back."""
        return [(row["project"], row["uuid"]) for row in await self._ask("erp", _LINES)]

    async def customers(self, prefix: str) -> list[str]:
        """Codes of the ERP's parties that begin so; one that is there twice is listed twice."""
        rows = await self._ask("erp", "SELECT code FROM party_party WHERE code LIKE $1 || '%' ORDER BY 1", prefix)
        return [row["code"] for row in rows]

    async def booked(self) -> dict[Role, Time]:
        """Billable time in the ERP, priced at its tasks."""
        return {
            (row["project"], row["role"]): Time(row["lines"], row["hours"].quantize(CENT), row["money"])
            for row in await self._ask("erp", _BOOKED)
        }

    async def approved(self) -> dict[Role, Time]:
        """Approved time in the PSA, priced at what was sold."""
        made = self.redmine.made
        rates = await self.rates()
        found: dict[Role, Time] = {}
        rows = _look(self.redmine, _APPROVED, made.approval_field, made.project_fields["Gateway project id"])
        for project, role, spent in rows:
            hours = Decimal(str(spent)).quantize(CENT)
            money = (hours * rates[project, role]).quantize(CENT, rounding=ROUND_HALF_UP)
            so_far = found.get((project, role), Time(0, Decimal(), Decimal()))
            found[project, role] = Time(so_far.lines + 1, so_far.hours + hours, so_far.money + money)
        return found

    def psa_projects(self) -> list[tuple[str, int, str | None]]:
        """Each project of ours in the PSA: our id, its number, and the ERP's number that it knows."""
        return psa_projects(self.redmine)

    def psa_pages(self, project: str) -> list[Page]:
        """The pages of one of our projects in the PSA, by title."""
        found = _look(self.redmine, _PAGES, self.redmine.made.project_fields["Gateway project id"], project)
        return [Page(text, version) for text, version in found]

    async def _ask(self, role: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.tryton.database_url(role))
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


def psa_projects(redmine: LocalRedmine) -> list[tuple[str, int, str | None]]:
    """`Books.psa_projects`, where there are no other books."""
    fields = redmine.made.project_fields
    return _look(redmine, _IDS, fields["Gateway project id"], fields["ERP project id"])


def psa_closed(redmine: LocalRedmine) -> list[str]:
    """Our ids of the PSA's closed projects; one that is there twice is listed twice."""
    return [row[0] for row in _look(redmine, _CLOSED, redmine.made.project_fields["Gateway project id"])]


def psa_titles(redmine: LocalRedmine) -> list[str]:
    """Titles of all pages in the PSA; one that is there twice is listed twice."""
    return [row[0] for row in _look(redmine, "SELECT title FROM wiki_pages")]


def _look(redmine: LocalRedmine, query: str, *arguments: object) -> list[Any]:
    """Rows of Redmine's database, read without a lock of ours."""
    address = f"file:{redmine.database}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
        return database.execute(query, arguments).fetchall()

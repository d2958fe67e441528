"""Projects in Tryton: works of type project, whose `number` is our id and unique in the database."""

from __future__ import annotations

from typing import Final

from adapters.ports.system import Absent, Capability, Upsert
from adapters.tryton.client import Client
from adapters.tryton.companies import Companies, Company, mapping_missing, refused
from adapters.tryton.customers import LATE
from adapters.tryton.failures import Failed
from adapters.tryton.mapping import project_values
from adapters.tryton.rows import Row
from schemas.commands import Command, Confirmed, Outcome, Rejected
from schemas.operations.project import ProjectCreate

FIELDS: Final = ("type", "party", "company")


class Projects:
    """`project.create`: the project, and below it a task for each role, in one transaction."""

    capability = Capability(Upsert.ALTERNATE_KEY, key_window=None, unique_reference=True, look_up=True, late_bound=LATE)

    def __init__(self, client: Client, companies: Companies, product: str | None, cancelled: str) -> None:
        """`cancelled`: name of the status of a project that is taken back, which is not set up a second time."""
        self._client = client
        self._companies = companies
        self._product = product
        self._cancelled = cancelled

    async def send(self, command: Command) -> Outcome:
        """One attempt; raises `Failed`."""
        body = ProjectCreate.model_validate_json(command.body)
        company = await self._companies.of(body.legal_entity)
        if company.currency != body.currency:
            reason = f"the books of {body.legal_entity} are in {company.currency}; nothing is converted here"
            raise refused("currency_differs", reason, "currency")
        standing = await self._standing(body, company)
        if standing is not None:
            return standing
        values = project_values(body, _party(body), company.id, await self._product_number(company))
        try:
            return Confirmed(str(await self._client.create("project.work", values, context=company.context)))
        except Failed as failed:
            if not isinstance(failed.outcome, Rejected):
                raise
            # Perhaps its number is taken, by a copy of this very command.
            standing = await self._standing(body, company)
            if standing is None:
                raise
            return standing

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the project is there; raises `Failed`."""
        body = ProjectCreate.model_validate_json(command.body)
        standing = await self._standing(body, await self._companies.of(body.legal_entity))
        return Absent() if standing is None else standing

    async def _standing(self, body: ProjectCreate, company: Company) -> Confirmed | None:
        found = await self._client.find(
            "project.work", [["number", "=", body.project_id]], FIELDS, context=company.context
        )
        if not found:
            return None
        [work] = found
        if not _is_same(work, body, company):
            reason = f"work {work.id} has number {body.project_id} and is of another customer or company: settle which"
            raise refused("number_taken", reason, "project_id")
        closed = [["id", "=", work.id], ["status.name", "=", self._cancelled]]
        if await self._client.find("project.work", closed, (), context=company.context):
            reason = (
                f"work {work.id} has number {body.project_id} and is {self._cancelled}, as those of cancelled deals "
                "are: win the deal under a new project id, or open the work and its tasks again and give the step its "
                "number"
            )
            raise refused("project_cancelled", reason, "project_id")
        return Confirmed(str(work.id))

    async def _product_number(self, company: Company) -> int | None:
        if self._product is None:
            return None
        domain = [["code", "=", self._product]]
        found = await self._client.find("product.product", domain, (), limit=2, context=company.context)
        if len(found) != 1:
            how_many = "no" if not found else "more than one"
            raise mapping_missing(
                "product_unknown", f"Tryton has {how_many} product {self._product}: correct `product`", "roles"
            )
        return found[0].id


def _party(body: ProjectCreate) -> int:
    try:
        return int(body.customer)
    except ValueError:
        raise refused("customer_unknown", f"customer {body.customer} is no party of this Tryton", "customer") from None


def _is_same(work: Row, body: ProjectCreate, company: Company) -> bool:
    facts = (work.text("type"), work.number("party"), work.number("company"))
    return facts == ("project", _party(body), company.id)

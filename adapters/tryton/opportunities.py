"""Opportunities in Tryton as a CRM, which learn under which ids they are delivered and billed."""

from __future__ import annotations

from typing import Final

from adapters.ports.system import Absent, Capability, Upsert
from adapters.tryton.client import Client
from adapters.tryton.companies import refused
from adapters.tryton.customers import LATE
from adapters.tryton.mapping import link_changes
from adapters.tryton.rows import Row
from schemas.commands import Command, Confirmed, Outcome
from schemas.operations.project import ProjectLink

FIELDS: Final = ("reference", "comment", "company", "_timestamp")


class Opportunities:
    """`project.link`: a line of the opportunity's comment names the ids; its reference too, if it has none."""

    capability = Capability(
        Upsert.NATIVE_EXTERNAL_ID, key_window=None, unique_reference=True, look_up=True, late_bound=LATE
    )

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, command: Command) -> Outcome:
        """One attempt; raises `Failed`."""
        body = ProjectLink.model_validate_json(command.body)
        opportunity = await self._opportunity(body)
        if opportunity is None:
            reason = f"opportunity {body.opportunity_id} is not in this Tryton"
            raise refused("opportunity_unknown", reason, "opportunity_id")
        changes = link_changes(body, opportunity)
        if changes:
            context = {"company": opportunity.number("company")}
            await self._client.change("sale.opportunity", opportunity, changes, context=context)
        return Confirmed(str(opportunity.id))

    async def look_up(self, command: Command) -> Confirmed | Absent:
        """Whether the opportunity names the ids; raises `Failed`."""
        body = ProjectLink.model_validate_json(command.body)
        opportunity = await self._opportunity(body)
        if opportunity is None or link_changes(body, opportunity):
            return Absent()
        return Confirmed(str(opportunity.id))

    async def _opportunity(self, body: ProjectLink) -> Row | None:
        id = body.opportunity_id
        found = await self._client.find("sale.opportunity", [["id", "=", int(id) if id.isdecimal() else -1]], FIELDS)
        return found[0] if found else None

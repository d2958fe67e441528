"""The gateway, as it ships, between live systems: one process that serves, and one that reads for each system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp
import asyncpg
import yaml

from gateway.app import declare
from tests.integration.firm import API_TOKEN, Firm, GatewayProcess, Json
from tests.live.asked import Asked
from tests.live.made import RedmineMade
from tests.live.seeded import LEGAL_ENTITIES, password

TALLYSTICK: Final = ("-c", "from gateway.cli.main import main; main()")
CURRENCIES: Final = {"US01": "USD", "DE01": "EUR"}
CRM_SOURCE: Final = "urn:office:crm"
PSA_SOURCE: Final = "urn:office:psa"
ERP_SOURCE: Final = "urn:office:erp"
NOWHERE: Final = dict.fromkeys(
    (
        "contract.put", "contract.cancel", "expense.post", "expense.reverse", "cost.post", "cost.reverse",
        "assignment.put", "milestone.put", "delivery.put", "milestone.bill", "invoice.post", "invoice.put",
    )
)  # fmt: skip
"""What neither Tryton nor Redmine has a place for."""
WITHIN: Final = {"begins_on": date(2026, 1, 1), "every_seconds": 0.5, "settle_seconds": 1, "overlap_seconds": 30}


@dataclass(slots=True)
class Office:
    """An installation whose systems are the live ones."""

    firm: Firm

    async def open(self, readers: Sequence[str] = ("crm", "psa"), **settings: str) -> GatewayProcess:
        """Start the gateway, with further variables of its environment, and the readers; wait until it is ready."""
        gateway = await self.firm.start_ready(**settings)
        for system in readers:
            await self.firm.start(*TALLYSTICK, "read", system)
        return gateway

    async def ask(
        self, gateway: GatewayProcess, method: str, path: str, body: Json | None = None, *, version: int | None = None
    ) -> Json:
        """A call to the gateway's API as its operator, which must be answered with success.

        `version` is the one of the case that it is about, as it was seen.
        """
        headers = {"Authorization": f"Bearer {API_TOKEN}", "Idempotency-Key": uuid4().hex}
        headers |= {} if version is None else {"If-Match": f'"{version}"'}
        async with self.firm.session.request(method, f"{gateway.api}{path}", json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            found: Json = await answer.json()
        return found

    async def open_commands(self) -> int:
        """Commands that are neither settled nor parked."""
        return await self.firm.count("SELECT count(*) FROM tallystick.outbox WHERE state = 'open'")

    async def parked(self) -> list[str]:
        """Commands that wait for a person: operation, key, and why."""
        return [str(each) for each in await self.asked.parked()]

    @property
    def asked(self) -> Asked:
        """What its gateway was asked to do."""
        return Asked(self.firm.database)


@asynccontextmanager
async def office(
    database_url: str, amqp_url: str, folder: Path, tryton: str, redmine: str, made: RedmineMade
) -> AsyncIterator[Office]:
    """An installation with its topology declared, and no process yet; `tryton` and `redmine` are URLs."""
    policy = policy_for(tryton, redmine, made)
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    (folder / "api-token").write_text(API_TOKEN, encoding="utf-8")
    await declare(amqp_url)
    async with aiohttp.ClientSession() as session:
        database = await asyncpg.connect(database_url)
        firm = Firm(database_url, amqp_url, {}, folder, database, session)
        try:
            yield Office(firm)
        finally:
            for process in firm.started:
                await process.kill()
            await database.close()


def policy_for(tryton_url: str, redmine_url: str, made: RedmineMade) -> Json:
    """The policy of an installation between these systems."""
    tryton: Json = {
        "kind": "tryton",
        "url": tryton_url,
        "user": "gateway",
        "password": password("gateway"),
        "companies": LEGAL_ENTITIES,
        "timeout_seconds": 10,
        "concurrency": 8,
    }
    opportunities = {"source": CRM_SOURCE, "service_line": "consulting", "tax_profile": "standard", "country": "US"}
    fields = {
        "project_id": made.project_fields["Gateway project id"],
        "erp_id": made.project_fields["ERP project id"],
        "legal_entity": made.project_fields["Legal entity"],
        "currency": made.project_fields["Currency"],
        "approval": made.approval_field,
    }
    return {
        "legal_entities": {
            code: {"currency": currency, "tax_codes": {"standard": "Standard"}, "operations": NOWHERE}
            for code, currency in CURRENCIES.items()
        },
        "service_lines": ["consulting"],
        "sources": {
            CRM_SOURCE: {"users": ["guest"], "types": ["customer.*", "project.opportunity_won"], "system": "crm"},
            PSA_SOURCE: {"users": ["guest"], "types": ["timesheet.*"], "system": "psa"},
            ERP_SOURCE: {"users": ["guest"], "types": ["invoice.*"], "system": "erp"},
        },
        "systems": {
            "erp": {
                **tryton, "database": "erp", "product": "CONSULTING",
                "operations": [
                    "customer.put", "project.create", "project.cancel", "billable.post", "billable.reverse",
                ],
                "changes": {**WITHIN, "source": ERP_SOURCE, "reads": ["invoices"]},
            },
            "crm": {
                **tryton, "database": "crm", "operations": ["project.link"],
                "changes": {**WITHIN, **opportunities},
            },
            "psa": {
                "kind": "redmine", "url": redmine_url, "key": made.users["gateway"].key, "timeout_seconds": 10,
                "concurrency": 4, "fields": fields, "operations": ["project.put", "project.withdraw", "receivable.put"],
                "changes": {**WITHIN, "source": PSA_SOURCE},
            },
        },
        "retry_seconds": 0.5,
    }  # fmt: skip

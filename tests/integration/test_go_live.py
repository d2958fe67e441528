"""A legal entity goes live with ids that were imported: what its systems have is not made a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import orjson

from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import API_TOKEN, TOKEN, Firm, GatewayProcess, Json, until

KEEPER: Final = "somebody/before/1"


async def stands(installation: Firm, system: str, path: str, body: Mapping[str, str]) -> str:
    """Make a record in a system as somebody made it before there was a gateway; its id there."""
    headers = {
        "Authorization": f"Bearer {TOKEN}", "Idempotency-Key": f'"{system}{path}"',
        "Tallystick-Reference": f"{KEEPER}{path}", "Content-Type": "application/json",
    }  # fmt: skip
    url = f"{installation.sandboxes[system]}{path}"
    async with installation.session.post(url, data=orjson.dumps(body), headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["id"])


async def imported(installation: Firm, gateway: GatewayProcess, rows: list[Json], **asked: object) -> Json:
    """What the API answers to an import."""
    headers = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"}
    body = orjson.dumps({"reason": "wave 1", "rows": rows, "unknown_keys": True, **asked})
    async with installation.session.post(f"{gateway.api}/v1/bindings/import", data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        told: Json = await answer.json()
        return told


async def test_what_the_systems_have_is_brought_up_to_date_and_not_made_again(installation: Firm) -> None:
    # Given an ERP and a PSA that have a customer and its project from before
    firm = {"legal_entity": "US01"}
    old_customer = await stands(installation, "erp", "/customers", {"customer_id": "OLD", **firm})
    shell = {"project_id": "OLD", "customer": old_customer, "currency": "USD", **firm}
    old_project = await stands(installation, "erp", "/projects", shell)
    in_psa = {"project_id": "OLD", "erp_id": old_project, "currency": "USD", **firm}
    old_work = await stands(installation, "psa", "/projects", in_psa)
    rows: list[Json] = [
        {"entity": "customer", "key": "C1", "system": "erp", "external_id": old_customer, **firm},
        {"entity": "project", "key": "P1", "system": "erp", "external_id": old_project, **firm},
        {"entity": "project", "key": "P1", "system": "psa", "external_id": old_work, **firm},
    ]
    # When their ids are imported, at once by two people, then their events come, and time is written on the PSA's id
    gateway = await installation.start_ready()
    assert (await imported(installation, gateway, rows, dry_run=True))["counts"] == {"new": 3}
    first, second = await asyncio.gather(*(imported(installation, gateway, rows) for _ in range(2)))
    assert first["left"] == second["left"] == []
    assert (await imported(installation, gateway, rows, dry_run=True))["counts"] == {"same": 3}
    await installation.publish([customer("C1"), deal("P1", "C1"), customer("C2"), deal("P2", "C2")])
    await installation.publish([sheet("T1", Reference(system="psa", external_id=old_work))])

    async def is_billed() -> bool:
        return any(row["operation"] == "billable.post" for row in await installation.journal()) and (
            await installation.is_settled()
        )

    await until(is_billed, 60, "the time is billed")
    assert await gateway.stop() == 0
    # Then the ERP has one customer and one project more, those of the other deal
    ours = [row for row in await installation.journal() if not str(row["reference"]).startswith(KEEPER)]
    made = [(row["operation"], row["key"]) for row in ours if row["operation"] == "project.create"]
    assert made == [("project.create", "engagement/P2")]
    puts = {row["key"] for row in ours if row["operation"] == "customer.put"}
    assert puts == {"customer/C1", "customer/C2"}
    in_psa_now = await installation.journal("psa")
    assert {row["key"] for row in in_psa_now if row["operation"] == "project.put"} == {
        "somebody/before",
        "engagement/P2",
    }
    # And what is known of the customer and the project are the records from before
    known = await installation.database.fetch(
        "SELECT key, bound_entity || '/' || bound_key FROM tallystick.entity WHERE entity = 'external' AND bound_key IN"
        " ('C1', 'P1') ORDER BY key"
    )
    assert {tuple(row) for row in known} == {
        (f"erp/customer/{old_customer}", "customer/C1"),
        (f"erp/project/{old_project}", "project/P1"),
        (f"psa/project/{old_work}", "project/P1"),
    }
    audit = await installation.database.fetch("SELECT action FROM tallystick.audit WHERE actor = 'api-token'")
    assert sorted(row[0] for row in audit) == ["binding.import"] * 2 + ["binding.import.done"] * 2

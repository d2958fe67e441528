"""Which types each source sends, as the API and the command line show it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from adapters.ports.schema_uses import Use
from adapters.postgres.schema_uses import PostgresSchemaUses
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import Stand


async def test_it_is_shown_in_pages_with_what_is_deprecated(stand: Stand, database_url: str, token_file: Path) -> None:
    uses, old = PostgresSchemaUses(database_url), "project.opportunity_won.v1"
    try:
        await uses.add(
            [Use("urn:crm", old, 3, "project.opportunity_won.v2"), Use("urn:psa", "timesheet.approved.v1", 2)]
        )
    finally:
        await uses.close()
    first = await stand.get("/v1/schemas?limit=1")
    rest = await stand.get(f"/v1/schemas?limit=1&cursor={first.json['next']}")
    [crm], [psa] = first.items, rest.items
    assert (crm["source"], crm["type"], crm["seen"], crm["instead"]) == (
        "urn:crm",
        old,
        3,
        "project.opportunity_won.v2",
    )
    assert (crm["told_at"] is not None, psa["instead"], psa["told_at"]) == (True, None, None)
    assert (await stand.get("/v1/schemas?cursor=WzFd")).status == 400
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token_file)}
    told = await asyncio.to_thread(cli, "event", "uses", env=env)
    assert (told.exit_code, "project.opportunity_won.v2" in told.stdout) == (0, True)

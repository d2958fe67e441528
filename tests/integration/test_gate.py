"""A system that refuses our token, on real servers: it pauses with a case, others go on, and a resume drains it."""

from __future__ import annotations

from typing import Any

import aiohttp

from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import API_TOKEN, Firm, GatewayProcess, until

SHEETS = 20


async def ask(gateway: GatewayProcess, method: str, path: str, body: object = None) -> Any:  # JSON
    """A page of the API, which must answer."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{gateway.api}{path}", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_a_refused_token_pauses_the_system_until_somebody_resumes_it(installation: Firm) -> None:
    gateway, other = await installation.start_ready(), await installation.start_ready()
    await installation.publish([customer("C1"), deal("P1", "C1")])

    async def is_linked() -> bool:
        return len(await installation.journal("crm")) == 1

    await until(is_linked, 30, "the project is known everywhere")
    # Given an ERP that does not accept our token any more
    await installation.faults("erp", {"fault": "token_expired", "share": 1.0})
    await installation.publish([sheet(f"T{n}", Reference(id="P1")) for n in range(SHEETS)])

    async def is_paused() -> bool:
        return [hold["reason"] for hold in (await ask(other, "GET", "/v1/systems/erp"))["held"]] == ["paused"]

    await until(is_paused, 20, "both processes see the pause")
    cases = (await ask(gateway, "GET", "/v1/cases"))["items"]
    assert [(case["entity"], case["key"], case["failure_class"]) for case in cases] == [("system", "erp", "auth")]
    states = (await ask(gateway, "GET", "/v1/systems"))["items"]
    held = {state["system"]: bool(state["held"]) for state in states}
    assert held == {"crm": False, "psa": False, "erp": True, "self": False}
    attempts = await installation.count("SELECT count(*) FROM tallystick.attempt WHERE ending <> 'confirmed'")
    # When the token is renewed and somebody resumes
    await installation.faults("erp")
    await ask(gateway, "POST", "/v1/systems/erp/resume", {"reason": "token renewed"})
    await until(installation.is_settled, 30, "everything is sent")
    # Then every sheet is posted once, nothing is parked, and nothing was spent meanwhile
    journal = await installation.journal()
    assert sum(row["operation"] == "billable.post" for row in journal) == SHEETS
    assert attempts <= 64, "those in flight, and no more"
    assert (await ask(gateway, "GET", "/v1/cases"))["items"] == []
    assert [await process.stop() for process in (gateway, other)] == [0, 0]

"""A dead letter that comes back: refused under one policy, admitted under the next, and applied once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import yaml

from adapters.ports.broker import Outgoing
from tests.integration.events import CRM, customer
from tests.integration.firm import API_TOKEN, Firm, GatewayProcess, Json, until

LATE = "urn:example:late"


def of_late(id: str) -> Outgoing:
    """A customer's event of a source that the policy does not know yet."""
    event = customer(id)
    return replace(event, body=event.body.replace(CRM.encode(), LATE.encode()))


def mend(policy: Path) -> None:
    """Let that source send."""
    document = yaml.safe_load(policy.read_text(encoding="utf-8"))
    document["sources"][LATE] = document["sources"][CRM]
    policy.write_text(yaml.safe_dump(document), encoding="utf-8")


async def post(gateway: GatewayProcess, path: str) -> tuple[int, Json]:
    """An act through the API."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{gateway.api}{path}", json={"reason": "source added"}, headers=headers) as response,
    ):
        return response.status, await response.json(content_type=None)


async def test_a_letter_is_refused_until_the_policy_is_mended_and_then_applied_once(installation: Firm) -> None:
    gateway = await installation.start_ready()
    await installation.publish([of_late("C1")])
    await until(lambda: is_buried(installation), 20, "it is a dead letter")
    digest = await installation.database.fetchval("SELECT encode(digest, 'hex') FROM tallystick.dead_letter")
    path = f"/v1/dead-letters/{digest}/retry"
    status, problem = await post(gateway, path)
    assert (status, problem["type"]) == (409, "/problems/dead-letter-refused")
    assert LATE in str(problem["detail"])
    assert await gateway.stop() == 0
    # when: the policy is mended, and several ask at once
    await asyncio.to_thread(mend, installation.folder / "policy.yaml")
    gateway = await installation.start_ready()
    answers = await asyncio.gather(*(post(gateway, path) for _ in range(4)))
    assert {status for status, _ in answers} <= {200, 409}
    assert any(status == 200 for status, _ in answers)
    assert await installation.verdicts() == {"applied": 1}
    state = await installation.database.fetchrow("SELECT state, settled_by FROM tallystick.dead_letter")
    assert state is not None
    assert tuple(state) == ("admitted", "api-token")
    # when: the sender sends it once more
    await installation.publish([of_late("C1"), customer("C2")])
    await until(lambda: are_applied(installation), 20, "what came behind it is applied")
    assert await installation.count("SELECT count(*) FROM tallystick.dead_letter WHERE state = 'buried'") == 0
    assert await gateway.stop() == 0


async def is_buried(installation: Firm) -> bool:
    return await installation.count("SELECT count(*) FROM tallystick.dead_letter WHERE code = 'source_unknown'") == 1


async def are_applied(installation: Firm) -> bool:
    return await installation.verdicts() == {"applied": 2}

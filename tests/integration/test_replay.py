"""A replay of many messages on real servers. Its process is killed in the middle of it, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
import orjson
import pytest

from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import API_TOKEN, SILENT, Firm, GatewayProcess, until
from tests.integration.load import PROJECTS, prove_order

ROLE = "gardener"
"""Who works in it has no rate in any contract."""
KILLS = 3
CONTRACTS = "SELECT key, state::text FROM tallystick.entity WHERE entity = 'contract'"
PROGRESS = "SELECT phase, released, settled, failed FROM tallystick.replay WHERE started_at IS NOT NULL"
OUTCOMES = "SELECT outcome, verdict, count(*) FROM tallystick.replay_item GROUP BY 1, 2"


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.long)])
async def test_a_killed_process_leaves_a_replay_to_the_next_and_nothing_is_done_twice(
    installation: Firm, figures: Callable[[str], None], count: int
) -> None:
    # Given sheets that are parked for want of a rate, which the contracts have by now
    gateway = await installation.start_ready(**SILENT)
    await win_projects(installation)
    await installation.publish([sheet(f"T{n}", Reference(id=f"P{n % PROJECTS}"), role=ROLE) for n in range(count)])
    await until(lambda: has(installation, "parked", count), 60 + count / 100, "every sheet is parked", every=0.5)
    await add_rate(installation)
    # When they are planned and replayed
    plan = await ask(gateway, installation, "/v1/replays/plans", 202, filter={"class": "mapping"})
    while plan["phase"] != "ready":
        await asyncio.sleep(0.2)
        plan = await look(gateway, installation, f"/v1/replays/plans/{plan['id']}")
    assert (plan["messages"], plan["verdicts"]) == (count, {"applied": count})
    rate = max(100, count // 20)
    await ask(gateway, installation, "/v1/replays", 202, token=plan["token"], name="again", rate=rate, stop_share=None)
    # And whoever works on it is killed, again and again
    for kill in range(1, KILLS + 1):
        share = count * kill // (KILLS + 2)
        await until(partial(has_released, installation, share), 120, f"{share} messages go on")
        await gateway.kill()
        before = await progress(installation)
        gateway = await installation.start_ready(**SILENT)
        figures(f"killed with {before['released']} of {count} released and {before['settled']} settled")
    # Then it is done, and each message has the result that was predicted
    await until(lambda: is_done(installation), 120 + count / 50, "the replay is done", every=0.5)
    found = {(row[0], row[1]): row[2] for row in await installation.database.fetch(OUTCOMES)}
    assert found == {("as_planned", "applied"): count}
    assert tuple(await progress(installation)) == ("done", count, count, 0)
    # And each effect is there once
    await until(installation.is_settled, 60 + count / 50, "every command is settled", every=0.5)
    assert (await installation.verdicts())["applied"] == count + PROJECTS + 5
    posted = Counter(row["reference"] for row in await installation.journal() if row["operation"] == "billable.post")
    assert len(posted) == count
    assert set(posted.values()) == {1}
    assert not await installation.count("SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL")
    await prove_order(installation)
    assert await gateway.stop() == 0


async def win_projects(installation: Firm) -> None:
    """Projects that are open in the ERP, under contracts with a consultant's rate."""
    await installation.publish([customer(f"C{n}") for n in range(5)])
    await installation.publish([deal(f"P{n}", f"C{n % 5}") for n in range(PROJECTS)])
    await until(lambda: has(installation, "applied", PROJECTS + 5), 30, "deals are won")
    await until(installation.is_settled, 30, "their projects are open")


async def add_rate(installation: Firm) -> None:
    """Let each contract have a rate for the role, as if it had been changed."""
    for row in await installation.database.fetch(CONTRACTS):
        state = orjson.loads(row["state"])
        for version in state["history"]:
            if version.get("rates"):
                version["rates"][ROLE] = "80.00"
        await installation.database.execute(
            "UPDATE tallystick.entity SET state = $2::text::json, row_version = row_version + 1,"
            " entity_version = entity_version + 1 WHERE entity = 'contract' AND key = $1",
            row["key"], orjson.dumps(state).decode(),
        )  # fmt: skip


async def has(installation: Firm, verdict: str, count: int) -> bool:
    return (await installation.verdicts()).get(verdict, 0) >= count


async def progress(installation: Firm) -> asyncpg.Record:
    """How far it is: its phase, and messages that were let go on, are settled, and failed."""
    [found] = await installation.database.fetch(PROGRESS)
    return found


async def has_released(installation: Firm, count: int) -> bool:
    return bool((await progress(installation))["released"] >= count)


async def is_done(installation: Firm) -> bool:
    return bool((await progress(installation))["phase"] == "done")


async def ask(gateway: GatewayProcess, installation: Firm, path: str, expect: int, **asked: object) -> dict[str, Any]:
    """What the API answers to a request for a change."""
    headers = {"Authorization": f"Bearer {API_TOKEN}", "Idempotency-Key": path}
    body = {"reason": "rates are set", **asked}
    async with installation.session.post(f"{gateway.api}{path}", json=body, headers=headers) as response:
        assert response.status == expect, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer


async def look(gateway: GatewayProcess, installation: Firm, path: str) -> dict[str, Any]:
    """What the API shows."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with installation.session.get(f"{gateway.api}{path}", headers=headers) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer

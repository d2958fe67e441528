"""The ERP is restored from its own backup. What it has lost is planned, sent again once, and nothing else is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from gateway.local.ports import free_port
from schemas.values import Reference
from tests.integration.events import CURRENCIES, customer, deal, sheet
from tests.integration.firm import API_TOKEN, SILENT, TOKEN, Firm, GatewayProcess, until

LINES = 3
"""Of a sheet."""
KEPT, LOST = 2, 4
"""Sheets before and after the backup."""


@asynccontextmanager
async def erp(journal: Path, port: int) -> AsyncIterator[None]:
    """The ERP, with what its journal's file holds."""
    settings = SandboxSettings(Role.ERP, TOKEN, port=port, legal_entities=CURRENCIES, journal_file=journal)
    async with serve_sandboxes([settings]):
        yield


@pytest.mark.parametrize("kills", [False, True])
async def test_a_system_gets_what_it_has_lost_once(installation: Firm, *, kills: bool) -> None:
    firm, journal, port = installation, installation.folder / "erp.jsonl", free_port()
    policy = yaml.safe_load((firm.folder / "policy.yaml").read_text(encoding="utf-8"))
    policy["systems"]["erp"]["url"] = f"http://127.0.0.1:{port}"
    (firm.folder / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    gateway = await firm.start_ready(**SILENT)
    # Given an ERP of which a backup was made amid its work
    async with erp(journal, port):
        await work(firm, [customer("C0")], [deal("P0", "C0")], *([approved(n)] for n in range(KEPT)))
        backup = journal.read_bytes()
        backed_up: datetime = await firm.database.fetchval("SELECT now()")
        await work(firm, *([approved(n)] for n in range(KEPT, KEPT + LOST)))
        before = references(journal)
    # When it is restored from that backup
    journal.write_bytes(backup)
    async with erp(journal, port):
        began = await firm.database.fetchval("SELECT min(confirmed_at) FROM tallystick.sent")
        plan = await planned(gateway, firm, began)
        assert plan["verdicts"] == {"applied": LOST * LINES, "ignored": len(before) - LOST * LINES}
        assert [(each["operation"], each["count"]) for each in plan["commands"]] == [("billable.post", LOST * LINES)]
        assert references(journal) == references_of(backup)  # the plan has sent nothing
        # And what it has lost is sent again, though the process may die meanwhile
        started = await ask(gateway, firm, "/v1/replays", 202, token=plan["token"], name="restored", rate=5)
        if kills:
            await until(lambda: has_begun(journal, backup), 30, "the first is sent again")
            await gateway.kill()
            gateway = await firm.start_ready(**SILENT)
        await until(partial(is_over, gateway, firm, started["id"]), 90, "all of it is sent again", every=0.3)
        # Then it has everything as before, each once
        assert Counter(references(journal)) == Counter(before)
        assert set(Counter(before).values()) == {1}
        over = await look(gateway, firm, f"/v1/replays/{started['id']}")
        assert (over["phase"], over["settled"], over["failed"]) == ("done", len(before), 0)
        # But for the ids that the ERP gave this time, as it took the sheets in another order
        otherwise = await look(gateway, firm, f"/v1/replays/{started['id']}/items?outcome=otherwise")
        assert {item["result"]["code"] for item in otherwise["items"]} <= {"id_changed"}
        assert over["outcomes"].get("as_planned", 0) + len(otherwise["items"]) == len(before)
        assert not await firm.count("SELECT count(*) FROM tallystick.outbox")
        assert not await firm.count("SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL")
        # And another plan finds nothing to send
        again = await planned(gateway, firm, backed_up)
        assert again["verdicts"] == {"ignored": LOST * LINES}
        states = "SELECT count(*) FROM tallystick.timeline WHERE what = 'command_resent'"
        assert await firm.count(states) == LOST * LINES
    assert await gateway.stop() == 0


def approved(number: int) -> Any:
    return sheet(f"T{number}", Reference(id="P0"), lines=LINES)


async def work(firm: Firm, *steps: Sequence[Any]) -> None:
    """Publish, each after what the one before asked for is done: the ERP numbers its entries as they come."""
    for step in steps:
        published = sum((await firm.verdicts()).values()) + len(step)
        await firm.publish(step)
        await until(partial(is_done, firm, published), 30, "it is done")


async def is_done(firm: Firm, published: int) -> bool:
    return sum((await firm.verdicts()).values()) == published and await firm.is_settled()


def references(journal: Path) -> list[str]:
    """What the ERP has, in its order."""
    return references_of(journal.read_bytes())


def references_of(lines: bytes) -> list[str]:
    return [orjson.loads(line)["effect"]["reference"] for line in lines.splitlines()]


async def has_begun(journal: Path, backup: bytes) -> bool:
    return len(references(journal)) > len(references_of(backup))


async def planned(gateway: GatewayProcess, firm: Firm, since: datetime) -> dict[str, Any]:
    """A plan that is ready, of all that the ERP has confirmed since then."""
    plan = await ask(gateway, firm, "/v1/replays/plans/sent", 202, system="erp", since=since.isoformat())
    while plan["phase"] != "ready":
        await asyncio.sleep(0.2)
        plan = await look(gateway, firm, f"/v1/replays/plans/{plan['id']}")
    return plan


async def is_over(gateway: GatewayProcess, firm: Firm, id: int) -> bool:
    return (await look(gateway, firm, f"/v1/replays/{id}"))["phase"] in ("done", "paused")


async def ask(gateway: GatewayProcess, firm: Firm, path: str, expect: int, **asked: object) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    body = {"reason": "the ERP was restored", **asked}
    async with firm.session.post(f"{gateway.api}{path}", json=body, headers=headers) as response:
        assert response.status == expect, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer


async def look(gateway: GatewayProcess, firm: Firm, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with firm.session.get(f"{gateway.api}{path}", headers=headers) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json(content_type=None)
        return answer

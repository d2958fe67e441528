"""`tallystick entity`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, applied, asking, command, message
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening

STATE: Final = b'{"is": "new", "employee": {"id": "E-1", "name": "Robin"}}'
MANY: Final = 600
"""More than a page of the API."""
LINES: Final = """
    INSERT INTO tallystick.timeline (entity, key, entity_version, what)
    SELECT 'project', 'P-2', n, 'applied' FROM generate_series(1, $1::integer) n
"""
KEY: Final = "INSERT INTO tallystick.entity (entity, key, entity_version) VALUES ('project', 'P-2', $1)"


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody who asks a gateway about entities."""

    stand: Stand
    env: dict[str, str]

    async def show(self, *arguments: str) -> Result:
        return await asyncio.to_thread(cli, "entity", "show", *arguments, env=self.env)

    async def json(self, *arguments: str) -> Any:
        """What it prints as JSON, of a command that succeeds."""
        told = await self.show(*arguments, "-o", "json")
        assert told.exit_code == 0, told.output
        return orjson.loads(told.stdout)


@pytest.fixture
async def asking_it(database_url: str, tmp_path: Path) -> AsyncIterator[Asking]:
    """There is a project with three events, the second of which asks the ERP for something and binds an id."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        for n in range(3):
            turn = applied((await stand.commits.load([PROJECT]))[PROJECT], message(f"e{n}"), state=STATE)
            if n == 1:
                asking(turn, command(PROJECT))
                turn.binds.append(EXTERNAL_PROJECT)
            await stand.commit(turn)
        yield Asking(stand, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token)})


async def test_show(asking_it: Asking) -> None:
    shown = (await asking_it.show("project", "P-1")).stdout
    for part in ("psa/project/4711", '"is": "new"', "timesheet.approved.v1 psa e0", "asks erp", "project/P-1/1/1"):
        assert part in shown
    assert shown.index("psa e0") < shown.index("psa e1") < shown.index("asks erp") < shown.index("psa e2")
    told = await asking_it.json("project", "P-1", "--most", "2")
    assert (told["version"], told["state"]["is"], told["externals"]) == (3, "new", ["psa/project/4711"])
    assert [[each["message"]["id"], len(each["asked"])] for each in told["items"]] == [["e2", 0], ["e1", 1]]
    assert "--most shows more" in (await asking_it.show("project", "P-1", "--most", "2")).stderr
    bound = (await asking_it.show("external", "psa/project/4711")).stdout
    assert "bound to" in bound
    assert "project/P-1" in bound


async def test_what_is_about_people_is_shown_with_a_reason_alone(asking_it: Asking) -> None:
    assert "Robin" not in (await asking_it.show("project", "P-1")).stdout
    told = await asking_it.json("project", "P-1", "--reveal", "they asked for it")
    assert told["state"]["employee"]["name"] == "Robin"
    [act] = (await asking_it.stand.get("/v1/audit?action=entity.reveal")).items
    assert (act["by"], act["reason"]) == ("api-token", "they asked for it")
    assert (await asking_it.show("project", "P-1", "--reveal", " ")).exit_code == Exit.USAGE


async def test_a_long_story_is_told_page_after_page_and_revealed_once(asking_it: Asking, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(KEY, MANY)
    await connection.execute(LINES, MANY)
    await connection.close()
    told = await asking_it.json("project", "P-2", "--most", str(MANY - 1), "--reveal", "why not")
    assert [each["version"] for each in told["items"]] == list(range(MANY, 1, -1))
    assert told["next"] is not None
    assert len((await asking_it.stand.get("/v1/audit?action=entity.reveal")).items) == 1
    assert (await asking_it.json("project", "P-2", "--most", str(2 * MANY)))["next"] is None


async def test_what_nobody_named_is_not_found(asking_it: Asking) -> None:
    missing = await asking_it.show("project", "P-9")
    assert (missing.exit_code, "Nobody ever named project/P-9" in missing.stderr) == (Exit.NOT_FOUND, True)
    assert (await asking_it.show("a", "b", "--url", f"http://{NOBODY}")).exit_code == Exit.UNREACHABLE

"""`tallystick audit`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from tests.contracts.sealing import seal_all
from tests.contracts.tampering import tamper
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway, and the command line of somebody who asks it."""

    stand: Stand
    url: str
    env: dict[str, str]

    async def run(self, *arguments: str) -> Result:
        """One command, while the gateway goes on."""
        return await asyncio.to_thread(cli, "audit", *arguments, env=self.env)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk beside a gateway where two acts were done and sealed."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        for verb in ("pause", "resume"):
            await stand.post(f"/v1/lanes/timesheet/T-1/{verb}", {"reason": f"to {verb}"})
        await seal_all(stand.sealing, stand.audit)
        env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token)}
        yield Desk(stand, database_url, env)


async def test_what_was_done_is_listed(desk: Desk) -> None:
    table = await desk.run("list")
    assert [part in table.stdout for part in ("pause.end", "api-token", "to resume", "T-1")] == [True] * 4
    [item] = orjson.loads((await desk.run("list", "--action", "pause.begin", "-o", "json")).stdout)
    assert (item["by"], item["reason"], item["place"]) == ("api-token", "to pause", 1)


async def test_a_whole_chain_is_verified_against_a_note(desk: Desk) -> None:
    noted = (await desk.run("head")).stdout.strip()
    told = await desk.run("verify", "--head", noted)
    assert told.exit_code == 0, told.output
    assert [part in told.stdout for part in ("2 acts checked", "0 not sealed yet", noted)] == [True] * 3


async def test_tampering_ends_with_1_and_names_the_act(desk: Desk) -> None:
    noted = (await desk.run("head")).stdout.strip()
    await tamper(desk.url, "DELETE FROM tallystick.audit WHERE action = $1", "pause.begin")
    told = await desk.run("verify", "--head", noted, "-o", "json")
    assert told.exit_code == Exit.FAILED
    [finding] = orjson.loads(told.stdout)["findings"]
    assert (finding["wrong"], finding["place"]) == ("removed", 1)
    table = await desk.run("verify")
    assert (table.exit_code, "removed" in table.stdout, "tampered with" in table.output) == (Exit.FAILED, True, True)


@pytest.mark.parametrize("given", [("list", "--since", "yesterday"), ("verify", "--head", "17")])
def test_what_cannot_be_asked(given: tuple[str, ...]) -> None:
    assert cli("audit", *given, env={"TALLYSTICK_URL": f"http://{NOBODY}"}).exit_code == Exit.USAGE

"""`tallystick apikey`, asked of a real API; and what the command line does when it asks too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from gateway.cli.remote import Remote, TooMany
from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway, and the command line of somebody who asks it."""

    stand: Stand
    env: dict[str, str]

    async def run(self, *arguments: str) -> Result:
        """One command, while the gateway goes on."""
        return await asyncio.to_thread(cli, "apikey", *arguments, env=self.env)


@pytest.fixture
async def desk(database_url: str, token_file: Path) -> AsyncIterator[Desk]:
    """A desk with the one token."""
    async with listening(database_url, token_file) as stand:
        yield Desk(stand, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token_file)})


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


async def test_a_key_is_printed_once_and_revoked(desk: Desk) -> None:
    made = await desk.run("make", "export", "--permission", "read", "--entity", "timesheet", "--reason", "at night")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert (await desk.stand.asked_by(key, "GET", "/v1/status")).status == 200
    table = await desk.run("list")
    assert [part in table.stdout for part in ("export", "timesheet", "all", "api-token")] == [True] * 4
    [item] = orjson.loads((await desk.run("list", "-o", "json")).stdout)
    assert key not in table.stdout + str(item)
    revoked = await desk.run("revoke", str(item["id"]), "--reason", "it leaked")
    assert (revoked.exit_code, "export: revoked by api-token" in revoked.stdout) == (0, True)
    assert (await desk.stand.asked_by(key, "GET", "/v1/status")).status == 401
    again = await desk.run("make", "export", "--permission", "read", "--reason", "at night")
    assert (again.exit_code, "take another name" in again.stderr) == (Exit.CONFLICT, True)
    assert (await desk.run("revoke", "99999", "--reason", "none")).exit_code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    "given", [("make", "x", "--reason", "y"), ("make", "x", "--permission", "read"), ("revoke", "x", "--reason", "y")]
)
def test_what_cannot_be_asked(given: tuple[str, ...]) -> None:
    assert cli("apikey", *given, env={"TALLYSTICK_URL": f"http://{NOBODY}"}).exit_code == Exit.USAGE


async def test_it_waits_as_it_is_told_to_and_gives_up_in_the_end(token_file: Path) -> None:
    async with listening("postgresql://127.0.0.1:1/none", token_file, rate=5) as stand:
        patient, hasty = Remote(stand.addresses.api, TOKEN), Remote(stand.addresses.api, TOKEN, waits=())
        page = "/v1/systems?none=1"
        for _ in range(10):
            assert (await stand.get(page)).status == 400
        with pytest.raises(TooMany, match="wait"):
            await asyncio.to_thread(hasty.get, page)
        with pytest.raises(Exception, match="no such field"):
            await asyncio.to_thread(patient.get, page)

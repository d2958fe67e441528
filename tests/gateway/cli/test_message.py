"""`tallystick message`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from schemas.verdicts import Verdict
from tests.contracts.turns import SHEET, message, numbered
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import TOKEN, Stand, listening
from tests.gateway.http.test_acts import LANE
from tests.gateway.http.test_message_acts import HOURS, approved, ended

WHY = ("--reason", "a slip")


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        yield stand


async def run(stand: Stand, tmp_path: Path, act: str, ref: UUID, *arguments: str) -> Result:
    """One command, while the gateway goes on."""
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
    return await asyncio.to_thread(cli, "message", act, str(ref), *arguments, *WHY, env=env)


async def test_a_message_is_corrected(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, approved())
    changes = ("--changes", orjson.dumps(HOURS).decode())
    tried = await run(stand, tmp_path, "edit", approved().ref, *changes, "--dry-run")
    assert tried.exit_code == 0, tried.stderr
    assert all(said in tried.stdout for said in ("lines[0].hours", '"7.50"', '"5.00"', "Nothing is changed"))
    made = await run(stand, tmp_path, "edit", approved().ref, *changes, "-o", "json")
    assert made.exit_code == 0, made.stderr
    page = await stand.get(f"/v1/messages/{orjson.loads(made.stdout)['edited']}")
    assert page.json["verdict"] == "queued"
    again = await run(stand, tmp_path, "edit", approved().ref, *changes)
    assert orjson.loads(made.stdout)["edited"] in again.stdout


async def test_a_message_is_refused_as_it_would_be_at_the_door(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, approved())
    refused = await run(stand, tmp_path, "edit", approved().ref, "--changes", '{"lines": []}')
    assert (refused.exit_code, "lines" in refused.stderr) == (Exit.USAGE, True)
    wrong = await run(stand, tmp_path, "edit", approved().ref, "--changes", "lines")
    assert (wrong.exit_code, "not JSON" in wrong.stderr) == (Exit.USAGE, True)


async def test_a_discard_is_taken_back(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    await stand.post(f"{LANE}/discard", {"reason": "sent in error", "head": str(message("1").ref)})
    back = await run(stand, tmp_path, "undiscard", message("1").ref)
    assert (back.exit_code, "timesheet/T-1" in back.stdout) == (0, True), back.stderr
    assert (await stand.row(SHEET)).depth == 1
    again = await run(stand, tmp_path, "undiscard", message("1").ref)
    assert again.exit_code == Exit.CONFLICT
    assert (await run(stand, tmp_path, "undiscard", message("9").ref)).exit_code == Exit.NOT_FOUND


async def test_a_stale_message_is_forced(stand: Stand, tmp_path: Path) -> None:
    await ended(stand, SHEET, numbered(1), Verdict.STALE)
    assert (await run(stand, tmp_path, "force", numbered(1).ref)).exit_code == 0
    assert (await stand.row(SHEET)).depth == 1
    assert (await run(stand, tmp_path, "force", numbered(1).ref)).exit_code == Exit.CONFLICT

"""`tallystick mapping`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from gateway.policy_file import parse_policy
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import EXAMPLE, TOKEN, Stand, listening

CHANGED = f"{EXAMPLE}# changed\n"


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """A gateway that has started with the example."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        await stand.book.begin()
        yield stand


async def run(stand: Stand, tmp_path: Path, *arguments: str) -> Result:
    """One command, while the gateway goes on."""
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
    return await asyncio.to_thread(cli, "mapping", *arguments, env=env)


async def test_a_file_is_reloaded_and_rolled_back(stand: Stand, tmp_path: Path) -> None:
    before, after = (parse_policy(text, "x").hash for text in (EXAMPLE, CHANGED))
    stand.texts.text = CHANGED
    done = await run(stand, tmp_path, "reload", "--reason", "Norway joins")
    assert done.exit_code == 0
    assert done.stdout.endswith(f"Policy {after} is in force, by api-token: Norway joins\n")
    done = await run(stand, tmp_path, "rollback", before, "--reason", "not yet", "-o", "json")
    said = done.stdout[done.stdout.index("{") :]  # the gateway logs into the same stream here
    assert (orjson.loads(said)["policy"], stand.book.hash()) == (before, before)
    rows = orjson.loads((await run(stand, tmp_path, "list", "-o", "json")).stdout)
    assert [(row["policy"], row["how"], row["in_force"]) for row in rows] == [
        (before, "rollback", True), (after, "reload", False), (before, "start", False),
    ]  # fmt: skip
    table = (await run(stand, tmp_path, "list")).stdout
    assert table.count("in force") == 1


async def test_what_stands_still_is_left_to_a_replay(stand: Stand, tmp_path: Path) -> None:
    stand.texts.text = CHANGED
    told = await run(stand, tmp_path, "reload", "--no-retry", "--reason", "planned by hand")
    assert told.exit_code == 0
    rows = orjson.loads((await run(stand, tmp_path, "list", "-o", "json")).stdout)
    assert [row["retried"] for row in rows] == [False, True]
    assert (await run(stand, tmp_path, "rollback", rows[1]["policy"], "--no-retry", "--reason", "back")).exit_code == 0
    rows = orjson.loads((await run(stand, tmp_path, "list", "-o", "json")).stdout)
    assert [row["retried"] for row in rows] == [False, False, True]


async def test_refusals_are_told_with_their_exit_codes(stand: Stand, tmp_path: Path) -> None:
    stand.texts.text = EXAMPLE.replace("currency: EUR", "currency: EURO", 1)
    wrong = await run(stand, tmp_path, "reload", "--reason", "x")
    assert (wrong.exit_code, "legal_entities.DE01.currency" in wrong.stderr) == (Exit.USAGE, True)
    stand.texts.text = EXAMPLE.replace("http://127.0.0.1:18083", "http://127.0.0.1:18089", 1)
    moved = await run(stand, tmp_path, "reload", "--reason", "x")
    assert (moved.exit_code, "systems.erp" in moved.stderr) == (Exit.CONFLICT, True)
    unknown = await run(stand, tmp_path, "rollback", "0123456789ab", "--reason", "x")
    assert unknown.exit_code == Exit.NOT_FOUND

"""`tallystick approval`, asked of a real API by one person, and given by another."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import orjson
import pytest
import yaml

from gateway.callers import digest
from gateway.exits import Exit
from gateway.four_eyes import FourEyes
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, listening

RETRY: Final = ("dead-letter", "retry", "--class", "schema", "--reason", "mended")


async def test_a_large_act_is_allowed_by_another_person(database_url: str, tmp_path: Path) -> None:
    token, callers, anns = tmp_path / "token", tmp_path / "callers.yaml", tmp_path / "ann"
    token.write_text(TOKEN)
    anns.write_text("ann")
    entry = {"name": "ann", "token_sha256": digest(b"ann").hex(), "permissions": ["operator"]}
    callers.write_text(yaml.safe_dump([entry]))
    rule = FourEyes(items_above=0)
    async with listening(database_url, token, callers_file=callers, four_eyes=rule) as stand:
        await stand.bury("a")
        env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(anns)}
        refused = await asyncio.to_thread(cli, *RETRY, env=env)
        assert refused.exit_code == Exit.CONFLICT
        name = refused.stderr.partition("/v1/approvals/")[2][:64]
        own = await asyncio.to_thread(cli, "approval", "give", name, "--reason", "sure", env=env)
        assert (own.exit_code, "same person" in own.stderr) == (Exit.CONFLICT, True)
        other = env | {"TALLYSTICK_TOKEN_FILE": str(token)}
        given = await asyncio.to_thread(cli, "approval", "give", name, "--reason", "seen", "-o", "json", env=other)
        assert (given.exit_code, orjson.loads(given.stdout)["by"]) == (0, "api-token")
        done = await asyncio.to_thread(cli, *RETRY, env=env)
        assert (done.exit_code, "refused" in done.stdout) == (Exit.FAILED, True), "it was tried"


@pytest.mark.parametrize("name", ["../x", "a/b"])
def test_a_name_that_is_none(name: str) -> None:
    told = cli("approval", "give", name, "--reason", "x", env={"TALLYSTICK_URL": f"http://{NOBODY}"})
    assert told.exit_code == Exit.USAGE

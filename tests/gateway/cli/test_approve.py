"""`tallystick approve`: what is too large for one is done once another has allowed it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import yaml

from gateway.callers import digest
from gateway.exits import Exit
from gateway.four_eyes import FourEyes
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import listening

WAVE = "entity,key,system,external_id,legal_entity\ncustomer,C-1,erp,9001,US01\ncustomer,C-2,erp,9002,US01\n"
PEOPLE = ("ann", "ben")


async def test_a_large_import_takes_two(database_url: str, tmp_path: Path) -> None:
    callers, wave = tmp_path / "callers.yaml", tmp_path / "wave.csv"
    wave.write_text(WAVE)
    callers.write_text(
        yaml.safe_dump(
            [
                {"name": name, "token_sha256": digest(name.encode()).hex(), "permissions": ["operator"]}
                for name in PEOPLE
            ]
        )
    )
    for name in PEOPLE:
        (tmp_path / name).write_text(name)
    async with listening(database_url, None, callers_file=callers, four_eyes=FourEyes(items_above=1)) as stand:

        async def by(name: str, *arguments: str) -> tuple[int, str]:
            env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / name)}
            told = await asyncio.to_thread(cli, *arguments, env=env)
            return told.exit_code, told.output

        load = ("binding", "import", str(wave), "--unknown-keys", "--reason", "wave 1")
        code, told = await by("ann", *load)
        [what] = re.findall(r"/v1/approvals/([0-9a-f]{64})", told)
        assert code == Exit.CONFLICT
        # Who has asked may not allow it
        assert (await by("ann", "approve", what, "--reason", "mine"))[0] == Exit.CONFLICT
        assert await by("ben", "approve", what, "--reason", "I have seen the list") == (
            0, f"{what} is allowed once, within 24 hours of being asked for.\n",
        )  # fmt: skip
        assert (await by("ann", *load))[0] == 0

"""`tallystick binding`, over the API of a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, listening

HEADER = "entity,key,system,kind,external_id,legal_entity\n"
WAVE = f"{HEADER}customer,C-1,erp,,9001,US01\ncustomer,C-2,erp,,9002,US01\ncustomer,C-3,crm,,A-7,\n"


@dataclass(frozen=True)
class Desk:
    """Somebody at the command line, with a folder for files."""

    folder: Path
    env: dict[str, str]

    async def run(self, *arguments: str) -> Result:
        return await asyncio.to_thread(cli, "binding", *arguments, env=self.env)

    async def import_(self, content: str, *arguments: str) -> Result:
        file = self.folder / "wave.csv"
        file.write_text(content, encoding="utf-8")
        return await self.run("import", str(file), "--unknown-keys", *arguments)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        yield Desk(tmp_path, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token)})


async def test_a_dry_run_a_conflict_an_import_and_the_same_again(desk: Desk) -> None:
    shown = await desk.import_(WAVE, "--dry-run")
    assert (shown.exit_code, shown.stdout) == (0, "3 new\n")
    assert (await desk.run("list")).stdout.count("\n") == 1
    done = await desk.import_(WAVE, "--reason", "wave 1")
    assert (done.exit_code, done.stdout) == (0, "3 new\n")
    again = await desk.import_(WAVE, "--dry-run")
    assert (again.exit_code, again.stdout) == (0, "3 same\n")
    # And a file that takes an id from another customer changes nothing
    refused = await desk.import_(f"{HEADER}customer,C-9,erp,,9001,US01\ncustomer,C-8,erp,,9008,US01\n", "--reason", "x")
    assert refused.exit_code == Exit.CONFLICT
    assert "9001 means customer/C-1" in refused.stdout
    assert "1 rows are in conflict; nothing was imported" in refused.stderr
    assert "9008" not in (await desk.run("list")).stdout
    # Unless that is what is wanted
    some = await desk.import_(
        f"{HEADER}customer,C-9,erp,,9001,US01\ncustomer,C-8,erp,,9008,US01\n", "--reason", "x", "--skip-conflicts"
    )
    assert some.exit_code == 0
    assert "9008" in (await desk.run("list")).stdout


@pytest.mark.parametrize(("name", "form"), [("all.csv", "csv"), ("all.jsonl", "jsonl")])
async def test_what_is_exported_is_imported_as_the_same(desk: Desk, name: str, form: str) -> None:
    await desk.import_(WAVE, "--reason", "wave 1")
    file = desk.folder / name
    exported = await desk.run("export", str(file))
    assert exported.stdout == f"3 bindings written to {file}.\n"
    again = await desk.run("import", str(file), "--dry-run", "-o", "json")
    assert orjson.loads(again.stdout)["counts"] == {"same": 3}
    # And to standard output, a part of them
    some = await desk.run("export", "--format", form, "--key", "C-2")
    assert "9002" in some.stdout
    assert "9001" not in some.stdout


async def test_list_is_filtered_and_is_json_for_programs(desk: Desk) -> None:
    await desk.import_(WAVE, "--reason", "wave 1")
    [item] = orjson.loads((await desk.run("list", "--system", "crm", "-o", "json")).stdout)
    assert item == {
        "entity": "customer", "key": "C-3", "system": "crm", "kind": "customer", "external_id": "A-7",
        "legal_entities": [],
    }  # fmt: skip


async def test_mistakes_of_a_file_are_told_line_by_line(desk: Desk) -> None:
    wrong = await desk.import_(f"{HEADER}customer,,erp,,1,\ncustomer,C-2,ERP!,,1,\n", "--dry-run")
    assert wrong.exit_code == Exit.FAILED
    assert "wave.csv: line 2: key" in wrong.stderr
    assert "wave.csv: line 3: system" in wrong.stderr


async def test_an_import_needs_its_reason(desk: Desk) -> None:
    assert (await desk.import_(WAVE)).exit_code == Exit.USAGE


async def test_a_gateway_that_is_not_there_is_told(desk: Desk) -> None:
    desk.env["TALLYSTICK_URL"] = f"http://{NOBODY}"
    assert (await desk.run("list")).exit_code == Exit.UNREACHABLE

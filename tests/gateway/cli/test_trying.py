"""`tallystick event validate --decide`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening
from tests.schemas.messages import example

TYPE = "timesheet.approved.v1"


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """A gateway that answers whoever has the token."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    async with listening(database_url, file) as stand:
        yield stand


async def ask(stand: Stand, tmp_path: Path, *arguments: str, lines: bytes) -> Result:
    """The command, while the gateway goes on."""
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
    return await asyncio.to_thread(cli, "event", "validate", "--decide", *arguments, "-", env=env, stdin=lines)


async def test_each_event_is_shown_with_what_would_come_of_it(stand: Stand, tmp_path: Path) -> None:
    # Given a sheet whose project is not there, and a line that is no event
    said = orjson.dumps(example(TYPE) | {"source": "urn:psa"})
    shown = await ask(stand, tmp_path, lines=said + b"\n{}\n")
    # Then of both it is told what they would become, and the command fails
    assert shown.exit_code == Exit.FAILED
    for words in ("standard input:1", "timesheet/TS-2026-44-1042", "waiting", "standard input:2", "dead_letter"):
        assert words in shown.stdout
    rows = orjson.loads((await ask(stand, tmp_path, "-o", "json", lines=said)).stdout)
    assert [(row["line"], row["verdict"], row["policy"]) for row in rows] == [(1, "waiting", "a-policy")]


async def test_a_submitted_sheet_would_be_applied(stand: Stand, tmp_path: Path) -> None:
    said = orjson.dumps(example("timesheet.submitted.v1") | {"source": "urn:psa"})
    shown = await ask(stand, tmp_path, lines=said)
    assert (shown.exit_code, "applied" in shown.stdout) == (0, True)


def test_it_needs_a_gateway_and_no_intake() -> None:
    env = {"TALLYSTICK_URL": f"http://{NOBODY}"}
    assert cli("event", "validate", "--decide", "-", env=env, stdin=b"{}").exit_code == Exit.USAGE
    assert cli("event", "validate", "--decide", "--intake", "clock", "-", env=env, stdin=b"{}").exit_code == Exit.USAGE

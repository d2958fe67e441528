"""`tallystick message`, `lane`, and `dead-letter`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import Result

from gateway.exits import Exit
from tests.contracts.turns import SHEET, message
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import BODY, TOKEN, Stand, listening

REF = "8b1f64d8-2e9e-4a35-a1a3-1d84b07f4a4f"


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway, and the command line of somebody who asks it."""

    stand: Stand
    env: dict[str, str]

    async def run(self, *arguments: str) -> Result:
        """One command, while the gateway goes on."""
        return await asyncio.to_thread(cli, *arguments, env=self.env)

    async def json(self, *arguments: str) -> Any:
        """What it prints as JSON, of a command that succeeds."""
        told = await self.run(*arguments, "-o", "json")
        assert told.exit_code == 0, told.output
        return orjson.loads(told.stdout)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk beside a gateway where the lane of a sheet is parked behind its first message, and two letters lie."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        await stand.park(SHEET, message("e1"), message("e2"))
        await stand.bury("one", "two")
        yield Desk(stand, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token)})


async def test_messages_are_listed_and_shown(desk: Desk) -> None:
    items = await desk.json("message", "list")
    assert sorted(item["id"] for item in items) == ["e1", "e2"]
    [parked] = await desk.json("message", "list", "--verdict", "parked")
    assert (parked["id"], parked["key"]) == ("e1", SHEET.id)
    assert await desk.json("message", "list", "--id", "e1") == [parked]
    assert await desk.json("message", "show", parked["ref"]) == parked
    for told in (await desk.run("message", "list"), await desk.run("message", "show", parked["ref"])):
        assert "map the tax profile" in told.stdout


async def test_what_a_message_says_is_shown_with_a_reason_that_is_kept(desk: Desk) -> None:
    [item] = await desk.json("message", "list", "--id", "e1")
    assert (await desk.run("message", "payload", item["ref"])).exit_code == Exit.USAGE
    told = await desk.run("message", "payload", item["ref"], "--reason", "the PSA asks")
    assert told.exit_code == 0
    assert told.stdout.encode().strip() == message("e1").body.strip()
    [act] = await desk.json("audit", "list", "--action", "message")
    assert (act["reason"], act["ref"]) == ("the PSA asks", item["ref"])


async def test_a_message_that_is_not_there(desk: Desk) -> None:
    assert (await desk.run("message", "show", REF)).exit_code == Exit.NOT_FOUND
    assert (await desk.run("message", "show", "e1")).exit_code == Exit.USAGE


async def test_lanes_are_listed_shown_and_mended(desk: Desk) -> None:
    [lane] = await desk.json("lane", "list", "--state", "parked")
    assert (lane["key"], lane["depth"]) == (SHEET.id, 2)
    table = await desk.run("lane", "show", *SHEET)
    assert [part in table.stdout for part in ("map the tax profile", "e1", "e2")] == [True] * 3
    stale = await desk.run("lane", "discard", *SHEET, "--head", REF, "--reason", "no use")
    assert (stale.exit_code, "decide on what stands there now" in stale.output) == (Exit.CONFLICT, True)
    done = await desk.json("lane", "discard", *SHEET, "--head", lane["head"], "--reason", "no use")
    assert done["done"] == "discard"
    told = await desk.run("lane", "retry", *SHEET, "--reason", "mapped now")
    assert told.stdout == f"{SHEET}, retry: done.\n"
    assert (await desk.json("lane", "show", *SHEET))["lane"]["depth"] == 1
    acts = [act["action"] for act in await desk.json("audit", "list", "--action", "lane")]
    assert acts == ["lane.retry", "lane.discard"]


async def test_a_lane_is_paused_and_resumed(desk: Desk) -> None:
    paused = await desk.json("lane", "pause", *SHEET, "--reason", "disputed")
    assert (paused["entity"], paused["key"], paused["reason"]) == (*SHEET, "disputed")
    assert (await desk.json("lane", "resume", *SHEET, "--reason", "settled"))["pause"] == paused["id"]
    assert (await desk.run("lane", "resume", *SHEET, "--reason", "again")).exit_code == Exit.NOT_FOUND


async def test_what_cannot_be_done_to_a_lane(desk: Desk) -> None:
    gap = ("lane", "close-gap", *SHEET, "--series", "crm", "--through", "2", "--reason", "lost")
    assert (await desk.run(*gap)).exit_code == Exit.NOT_FOUND
    settle = ("lane", "settle", *SHEET, "--command", REF, "--attempts", "1", "--reason", "looked")
    assert (await desk.run(*settle)).exit_code == Exit.USAGE
    assert (await desk.run(*settle, "--not-done")).exit_code == Exit.NOT_FOUND


async def test_keys_go_into_paths_as_they_are(desk: Desk) -> None:
    told = await desk.run("lane", "show", "external", "psa/project/4711")
    assert (told.exit_code, "external/psa/project/4711" in told.output) == (Exit.NOT_FOUND, True)


async def test_dead_letters_are_listed_shown_and_discarded(desk: Desk) -> None:
    items = await desk.json("dead-letter", "list", "--code", "not_json")
    assert len(items) == 2
    one = await desk.json("dead-letter", "show", items[0]["digest"])
    assert (one["digest"], "headers" in one) == (items[0]["digest"], True)
    told = await desk.run("dead-letter", "discard", one["digest"], "--reason", "a test of the sender")
    assert told.exit_code == 0
    assert len(await desk.json("dead-letter", "list")) == 1
    assert (await desk.run("dead-letter", "discard", one["digest"], "--reason", "again")).exit_code == Exit.CONFLICT
    [settled] = await desk.json("dead-letter", "list", "--state", "discarded")
    assert settled["settled_reason"] == "a test of the sender"


async def test_what_came_as_a_dead_letter_is_shown_with_a_reason_that_is_kept(desk: Desk) -> None:
    [item, _] = await desk.json("dead-letter", "list")
    assert (await desk.run("dead-letter", "payload", item["digest"])).exit_code == Exit.USAGE
    told = await desk.run("dead-letter", "payload", item["digest"], "--reason", "the sender asks")
    assert (told.exit_code, told.stdout_bytes.strip()) == (0, BODY)
    [act] = await desk.json("audit", "list", "--action", "dead_letter")
    assert (act["action"], act["reason"]) == ("dead_letter.payload", "the sender asks")


async def test_dead_letters_that_still_are_no_messages_end_with_1(desk: Desk) -> None:
    told = await desk.run("dead-letter", "retry", "--class", "schema", "--reason", "mended", "-o", "json")
    assert told.exit_code == Exit.FAILED
    assert "2 of 2 dead letters still cannot become messages" in told.output
    [item, _] = await desk.json("dead-letter", "list")
    assert (await desk.run("dead-letter", "retry", item["digest"], "--reason", "mended")).exit_code == Exit.CONFLICT


@pytest.mark.parametrize(
    "given",
    [
        ("dead-letter", "retry", "--reason", "all"),
        ("dead-letter", "retry", "00", "--code", "x", "--reason", "both"),
        ("dead-letter", "show", "xyz"),
        ("lane", "retry", "timesheet", "T-1"),
    ],
)
def test_what_cannot_be_asked(given: tuple[str, ...], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    env = {"TALLYSTICK_URL": f"http://{NOBODY}", "TALLYSTICK_TOKEN_FILE": str(token)}
    assert cli(*given, env=env).exit_code == Exit.USAGE

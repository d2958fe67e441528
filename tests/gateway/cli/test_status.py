"""`tallystick status`, `me`, `pause`, and what `system` asks of a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import pytest
from click.testing import Result

from adapters.ports.inspection import NotInspected, Right
from gateway.exits import Exit
from tests.contracts.turns import SHEET, message
from tests.gateway.cli.conftest import NOBODY, cli
from tests.gateway.http.stand import TOKEN, Stand, listening
from tests.gateway.inspecting import Answers, inspection
from tests.integration.firm import until

STOPPED_REPLAY: Final = """
    INSERT INTO tallystick.replay (chosen, by, click, reason, phase, keys, messages, matched, settled, name, rate,
                                   started_by, started_at)
    VALUES ('{}', 'ann', '1', 'too much fails', 'paused', 2, 9, 9, 2, 'rates', 50, 'ann', now())
"""


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
    """A desk beside a gateway that has looked at its database."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        await until(lambda: is_ready(stand), 20, "it is ready")
        yield Desk(stand, {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(token)})


async def is_ready(stand: Stand) -> bool:
    return stand.health.is_ready


async def test_where_nothing_stands_open_it_says_so(desk: Desk) -> None:
    told = await desk.run("status")
    assert told.exit_code == 0
    assert ": ready\n" in told.stdout
    assert "Nothing stands open." in told.stdout


async def test_what_stands_open_is_told_with_the_command_that_shows_it(desk: Desk) -> None:
    await desk.stand.park(SHEET, message("e1"), message("e2"))
    await desk.stand.bury("one", "two")
    told = await desk.run("status")
    lines = [line.split() for line in told.stdout.splitlines()]
    assert ["cases", "mapping", "1", "case", "groups"] in lines
    assert "lanes timesheet, parked 1 with 2 messages lane list --state parked" in map(" ".join, lines)
    assert ["dead", "letters", "2", "dead-letter", "list"] in lines
    shown = await desk.json("status")
    assert (shown["ready"], shown["open"]["dead_letters"]) == (True, 2)
    assert {each["system"] for each in shown["systems"]} == {"erp", "crm"}


async def test_a_replay_that_stands_still_is_told(desk: Desk, database_url: str) -> None:
    assert [line for line in (await desk.run("status")).stdout.splitlines() if line.startswith("replays")] == []
    connection = await asyncpg.connect(database_url)
    await connection.execute(STOPPED_REPLAY)
    await connection.close()
    for name in ("status", "top"):
        lines = [" ".join(line.split()) for line in (await desk.run(name)).stdout.splitlines()]
        assert "replays paused 1 with 7 messages to go replay list" in lines
    assert (await desk.json("status"))["open"]["replays"] == [{"phase": "paused", "replays": 1, "messages": 7}]


async def test_what_a_system_holds_back_is_told(desk: Desk) -> None:
    await desk.run("system", "pause", "erp", "--reason", "they restore it")
    assert "by api-token: they restore it" in (await desk.run("status")).stdout


async def test_a_gateway_that_is_not_ready_ends_with_7_and_says_why(desk: Desk) -> None:
    desk.stand.health.is_draining = True
    told = await desk.run("status")
    assert told.exit_code == Exit.UNHEALTHY
    assert ": not ready\n" in told.stdout
    assert "it is not ready: draining: the process is shutting down" in told.stderr


async def test_it_is_watched(desk: Desk) -> None:
    await desk.stand.park(SHEET, message("e1"))
    told = await desk.run("top")
    assert told.exit_code == 0
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert lines[0].endswith(": ready")
    assert "lanes timesheet, parked 1 with 1 messages lane list --state parked" in lines
    assert (await desk.run("top", "--every", "0.5", "--times", "2")).stdout.count(": ready") == 2


async def test_who_asks_is_shown(desk: Desk) -> None:
    assert (await desk.json("me"))["name"] == "api-token"
    assert "reveal, settle, audit, operate, administer" in (await desk.run("me")).stdout


async def test_a_system_is_shown_paused_and_resumed(desk: Desk) -> None:
    assert [each["system"] for each in await desk.json("system", "show")] == ["erp", "crm"]
    done = await desk.json("system", "pause", "erp", "--reason", "they restore it")
    assert (done["done"], done["system"]) == ("pause", "erp")
    [shown] = await desk.json("system", "show", "erp")
    assert [each["reason"] for each in shown["held"]] == ["paused"]
    assert "paused: by api-token: they restore it" in (await desk.run("system", "show", "-o", "csv")).stdout
    told = await desk.run("system", "resume", "erp", "--reason", "it is back")
    assert told.stdout == "erp is resumed.\n"
    assert (await desk.json("system", "show", "erp"))[0]["held"] == []
    assert (await desk.run("system", "show", "none")).exit_code == Exit.NOT_FOUND
    assert (await desk.run("system", "pause", "none", "--reason", "x")).exit_code == Exit.NOT_FOUND


async def test_a_system_is_asked_by_the_gateway(desk: Desk) -> None:
    told = await desk.json("system", "test", "erp", "--by-gateway")
    assert (told["name"], told["ready"], told["inspection"]["version"]) == ("erp", True, "5.0.4")
    far = inspection(Right("post", "give the role post"), clock=datetime(2026, 3, 6, tzinfo=UTC))
    desk.stand.inspected["erp"] = Answers(far)
    shown = await desk.run("system", "test", "erp", "--by-gateway")
    assert shown.exit_code == Exit.UNHEALTHY
    for part in ("erp, as the gateway finds it", "missing: post", "give the role post", "behind ours"):
        assert part in shown.stdout
    desk.stand.inspected["erp"] = Answers(NotInspected("the key is refused", "renew it"))
    shown = await desk.run("system", "test", "erp", "--by-gateway")
    assert (shown.exit_code, "the key is refused" in shown.stdout) == (Exit.UNHEALTHY, True)
    assert (await desk.run("system", "test", "sap", "--by-gateway")).exit_code == Exit.NOT_FOUND


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (("--everything",), "everything"),
        (("--entity", "timesheet"), "timesheet"),
        (("--entity", "timesheet", "--key", "T-1"), "timesheet/T-1"),
        (("--legal-entity", "US01"), "US01"),
    ],
)
async def test_a_pause_is_begun_listed_and_ended(desk: Desk, what: tuple[str, ...], words: str) -> None:
    begun = await desk.json("pause", "begin", *what, "--reason", "the ERP is restored")
    assert words in begun["pauses"]
    assert [each["id"] for each in await desk.json("pause", "list")] == [begun["id"]]
    assert "the ERP is restored" in (await desk.run("pause", "list")).stdout
    told = await desk.run("pause", "end", str(begun["id"]), "--reason", "it is back")
    assert told.stdout == f"Pause {begun['id']} is ended.\n"
    assert await desk.json("pause", "list") == []
    assert (await desk.run("pause", "end", str(begun["id"]), "--reason", "again")).exit_code == Exit.NOT_FOUND


async def test_a_pause_of_nothing_is_wrong_usage(desk: Desk) -> None:
    told = await desk.run("pause", "begin", "--reason", "x")
    assert (told.exit_code, "Name what to pause" in told.stderr) == (Exit.USAGE, True)


def test_a_gateway_that_is_not_there_ends_with_6(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    env = {"TALLYSTICK_URL": f"http://{NOBODY}", "TALLYSTICK_TOKEN_FILE": str(token)}
    for name in ("status", "top", "me"):
        assert cli(name, env=env).exit_code == Exit.UNREACHABLE


async def test_every_pause_is_listed_however_many_there_are(desk: Desk) -> None:
    for number in range(51):  # one more than a page of the API holds, unless it is asked for more
        asked = {"entity": "timesheet", "key": f"T-{number}", "reason": "month end"}
        assert (await desk.stand.post("/v1/pauses", asked)).status == 200
    assert len(await desk.json("pause", "list")) == 51
    assert len(await desk.json("pause", "list", "--most", "3")) == 3

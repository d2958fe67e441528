"""`tallystick replay`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import asyncpg
import orjson
import pytest
from click.testing import Result

from adapters.ports.replays import Asked, Fate, Outcome, Outlook, Phase, Prediction, Progress
from gateway.exits import Exit
from schemas.verdicts import Verdict
from tests.contracts.turns import SHEET, message
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import TOKEN, Stand, listening, until
from tests.gateway.http.test_resend import CONFIRMED

WHY = ("--reason", "rates are set")
PREDICTION = Prediction(Verdict.APPLIED, None, None, (Asked("erp", "billable.post", "timesheet/T-1/l1/1"),))


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        yield stand


async def run(stand: Stand, tmp_path: Path, *arguments: str) -> Result:
    """One command, while the gateway goes on."""
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
    return await asyncio.to_thread(cli, "replay", *arguments, env=env)


async def _is_there(asked: Awaitable[object]) -> bool:
    return bool(await asked)


async def decided(stand: Stand) -> None:
    """Whoever works makes the plan."""
    await until(lambda: _is_there(stand.replay_work.deciding()), 10)
    made = await stand.replay_work.deciding()
    assert made is not None
    kept = await stand.replay_work.predicted(made, {1: PREDICTION}, [], decided=1)
    assert kept is not None
    await stand.replay_work.ready(kept, Outlook({Verdict.APPLIED: 1}), policy="p", token="1-a", seconds=60)


async def ended(stand: Stand, outcome: Outcome, failed: int) -> None:
    """Whoever works records the result of its one message."""
    await until(lambda: _is_there(stand.replay_work.started()), 10)
    found = await stand.replay_work.started()
    verdict = Verdict.PARKED if failed else Verdict.APPLIED
    after = await stand.replay_work.record(found[0], [Fate(1, outcome, verdict)], Progress(1, 1, failed, {outcome: 1}))
    assert after is not None
    await stand.replay_work.end(after)


async def test_a_plan_is_made_shown_and_started(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    made, _ = await asyncio.gather(
        run(stand, tmp_path, "plan", "--class", "mapping", "--since", "2020-01-01T00:00:00Z", *WHY), decided(stand)
    )
    assert made.exit_code == 0, made.stderr
    for said in ("Plan", "1 messages of 1 keys", "applied", "tallystick replay start 1-a"):
        assert said in made.stdout
    number = made.stdout.split()[1].rstrip(":")
    assert "1-a" in (await run(stand, tmp_path, "list", "--plans")).stdout
    assert "tallystick replay start 1-a" in (await run(stand, tmp_path, "show", number)).stdout
    assert "erp billable.post" in (await run(stand, tmp_path, "items", number)).stdout
    done, _ = await asyncio.gather(
        run(stand, tmp_path, "start", "1-a", "--name", "rates", *WHY, "--watch"),
        ended(stand, Outcome.AS_PLANNED, 0),
    )
    assert done.exit_code == 0, done.stderr
    assert "1 of 1 messages are settled, 0 failed" in done.stdout
    items = await run(stand, tmp_path, "items", number, "--outcome", "as_planned", "-o", "json")
    assert [item["result"]["verdict"] for item in orjson.loads(items.stdout)] == ["applied"]
    assert "done" in (await run(stand, tmp_path, "list")).stdout
    assert "would be" in (await run(stand, tmp_path, "show", number, "--plan")).stdout


async def test_failures_end_a_watch_with_1(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    await asyncio.gather(run(stand, tmp_path, "plan", *WHY), decided(stand))
    started = await run(stand, tmp_path, "start", "1-a", "--name", "n", *WHY, "--stop-share", "0", "-o", "json")
    number = str(orjson.loads(started.stdout)["id"])
    watched, _ = await asyncio.gather(run(stand, tmp_path, "watch", number), ended(stand, Outcome.OTHERWISE, 1))
    assert (watched.exit_code, "--outcome otherwise" in watched.stderr) == (Exit.FAILED, True)


async def test_a_failure_that_other_traffic_explains_is_shown_where_it_is(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    await asyncio.gather(run(stand, tmp_path, "plan", *WHY), decided(stand))
    watched, _ = await asyncio.gather(
        run(stand, tmp_path, "start", "1-a", "--name", "n", *WHY, "--watch"), ended(stand, Outcome.MOVED, 1)
    )
    assert (watched.exit_code, watched.stderr.strip().endswith("--outcome moved")) == (Exit.FAILED, True)


async def test_a_watch_of_what_was_cancelled_does_not_end_well(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    await asyncio.gather(run(stand, tmp_path, "plan", *WHY), decided(stand))
    started = await run(stand, tmp_path, "start", "1-a", "--name", "n", *WHY, "-o", "json")
    number = str(orjson.loads(started.stdout)["id"])
    await run(stand, tmp_path, "cancel", number, "--reason", "the wrong rates")
    [found] = await stand.replay_work.started()
    await stand.replay_work.end(found)
    watched = await run(stand, tmp_path, "watch", number)
    assert watched.exit_code == Exit.FAILED
    assert "was cancelled, 1 messages left alone: the wrong rates" in watched.stderr


async def test_what_a_system_has_lost_is_planned(stand: Stand, database_url: str, tmp_path: Path) -> None:
    since = ("--since", "2020-03-06T17:00:00Z")
    none = await run(stand, tmp_path, "plan-sent", "erp", *since, *WHY)
    assert (none.exit_code, "Nothing is kept that erp has confirmed" in none.stderr) == (Exit.NOT_FOUND, True)
    unknown = await run(stand, tmp_path, "plan-sent", "nowhere", *since, *WHY)
    assert (unknown.exit_code, "no system nowhere" in unknown.stderr) == (Exit.NOT_FOUND, True)
    assert (await run(stand, tmp_path, "plan-sent", "erp", *WHY)).exit_code == Exit.USAGE
    assert (await run(stand, tmp_path, "plan-sent", "erp", *since, "--key", "T-1", *WHY)).exit_code == Exit.USAGE
    connection = await asyncpg.connect(database_url)
    await connection.execute(CONFIRMED)
    await connection.close()
    made, _ = await asyncio.gather(run(stand, tmp_path, "plan-sent", "erp", *since, *WHY), decided(stand))
    assert made.exit_code == 0, made.stderr
    for said in ("1 messages of 1 keys", "applied", "tallystick replay start 1-a"):
        assert said in made.stdout
    other = await run(stand, tmp_path, "plan-sent", "erp", *since, *WHY, "--entity", "timesheet", "--no-wait")
    assert (other.exit_code, "0 of them decided so far" in other.stdout) == (0, True)
    again = await run(stand, tmp_path, "plan-sent", "erp", *since, *WHY, "--no-wait", "-o", "json")
    assert orjson.loads(again.stdout)["filter"] == {"system": "erp", "since": "2020-03-06T17:00:00Z", "mode": "sent"}


async def test_it_is_paused_resumed_and_cancelled(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    made, _ = await asyncio.gather(run(stand, tmp_path, "plan", *WHY, "-o", "json"), decided(stand))
    number = str(orjson.loads(made.stdout)["id"])
    await run(stand, tmp_path, "start", "1-a", "--name", "n", *WHY)
    for act, phase in (("pause", Phase.PAUSED), ("resume", Phase.RUNNING), ("pause", Phase.PAUSED)):
        assert phase in (await run(stand, tmp_path, act, number, "--reason", "close")).stdout
    assert (await run(stand, tmp_path, "watch", number)).exit_code == Exit.UNDER_WAY
    await run(stand, tmp_path, "cancel", number, "--reason", "close")
    refused = await run(stand, tmp_path, "resume", number, "--reason", "close")
    assert (refused.exit_code, "is cancelling" in refused.stderr) == (Exit.CONFLICT, True)


async def test_it_is_resumed_under_another_policy(stand: Stand, tmp_path: Path) -> None:
    await stand.park(SHEET, message("1"))
    made, _ = await asyncio.gather(run(stand, tmp_path, "plan", *WHY, "-o", "json"), decided(stand))
    number = str(orjson.loads(made.stdout)["id"])
    await run(stand, tmp_path, "start", "1-a", "--name", "n", *WHY)
    await run(stand, tmp_path, "pause", number, *WHY)
    stand.in_force[0] = "abcdefabcdef"
    refused = await run(stand, tmp_path, "resume", number, *WHY)
    assert (refused.exit_code, "(--policy)" in refused.stderr) == (Exit.CONFLICT, True)
    assert "running" in (await run(stand, tmp_path, "resume", number, *WHY, "--policy", "abcdefabcdef")).stdout


@pytest.mark.parametrize(("most", "told"), [(1, "There are more than these 1: give a larger --most"), (2, "")])
async def test_a_list_that_is_cut_says_so(stand: Stand, tmp_path: Path, most: int, told: str) -> None:
    await stand.park(SHEET, message("1"), message("2"))
    made, _ = await asyncio.gather(run(stand, tmp_path, "plan", *WHY, "-o", "json"), decided(stand))
    number = str(orjson.loads(made.stdout)["id"])
    items = await run(stand, tmp_path, "items", number, "--most", str(most), "-o", "json")
    assert (items.exit_code, len(orjson.loads(items.stdout)), items.stderr.startswith(told)) == (0, most, True)
    assert bool(items.stderr) is bool(told)


async def test_what_is_not_there_says_so(stand: Stand, tmp_path: Path) -> None:
    assert (await run(stand, tmp_path, "plan", *WHY)).exit_code == Exit.NOT_FOUND
    assert (await run(stand, tmp_path, "show", "9")).exit_code == Exit.NOT_FOUND
    assert (await run(stand, tmp_path, "plan")).exit_code == Exit.USAGE

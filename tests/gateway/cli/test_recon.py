"""`tallystick recon`, asked of a real API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from click.testing import Result

from adapters.ports.recon import Difference, Kind
from gateway.exits import Exit
from tests.contracts.test_store_recon import EUR, FOREIGN, OURS, TALLY
from tests.gateway.cli.conftest import cli
from tests.gateway.http.stand import TOKEN, Stand, listening, until

MARCH = ("--from", "2026-03-01", "--through", "2026-03-31")
FOUND = (
    Difference(Kind.MISSING, OURS.name, OURS, None, (), {EUR: Decimal("-720.00")}),
    Difference(Kind.EXTRA, FOREIGN.name, None, FOREIGN),
)


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    async with listening(database_url, token) as stand:
        yield stand


async def run(stand: Stand, tmp_path: Path, *arguments: str) -> Result:
    """One command, while the gateway goes on."""
    env = {"TALLYSTICK_URL": stand.addresses.api, "TALLYSTICK_TOKEN_FILE": str(tmp_path / "token")}
    return await asyncio.to_thread(cli, "recon", *arguments, env=env)


async def started(stand: Stand, tmp_path: Path, *found: Difference) -> str:
    """The number of a run that has found this."""
    done = await run(stand, tmp_path, "start", "erp", *MARCH, "-o", "json")
    assert done.exit_code == 0, done.stderr
    begun = await stand.work.next()
    assert begun is not None
    assert begun.id == orjson.loads(done.stdout)["id"]
    await stand.work.found(begun, found, TALLY, cursor="x")
    await stand.work.end(replace(begun, cursor="x"))
    return str(begun.id)


async def test_a_run_is_begun_listed_and_shown(stand: Stand, tmp_path: Path) -> None:
    number = await started(stand, tmp_path, *FOUND)
    listed = (await run(stand, tmp_path, "list", "--system", "erp")).stdout
    assert (number in listed, "done" in listed) == (True, True)
    shown = (await run(stand, tmp_path, "show", number)).stdout
    for said in (f"Reconciliation {number} of erp, 2026-03-01 to 2026-03-31", "-719.90", "2 missing (timesheet)",
                 "timesheet/T-1/l1.r1", "-720.00 EUR", "1 on their way"):  # fmt: skip
        assert said in shown
    only = orjson.loads((await run(stand, tmp_path, "show", number, "--kind", "extra", "-o", "json")).stdout)
    assert [each["name"] for each in only["found"]] == [FOREIGN.name]


async def test_who_waits_hears_whether_it_is_clean(stand: Stand, tmp_path: Path) -> None:
    waiting = asyncio.create_task(run(stand, tmp_path, "start", "erp", *MARCH, "--wait"))

    async def has_begun() -> bool:
        return await stand.work.next() is not None

    await until(has_begun, 30)
    begun = await stand.work.next()
    assert begun is not None
    await stand.work.found(begun, FOUND, TALLY, cursor="x")
    await stand.work.end(replace(begun, cursor="x"))
    done = await waiting
    assert (done.exit_code, f"tallystick recon show {begun.id}" in done.stderr) == (Exit.FAILED, True)


async def test_two_runs_are_compared(stand: Stand, tmp_path: Path) -> None:
    earlier, later = await started(stand, tmp_path, FOUND[0]), await started(stand, tmp_path, FOUND[1])
    compared = (await run(stand, tmp_path, "compare", later, earlier)).stdout
    assert [line for line in compared.splitlines() if line.endswith((": 0", ": 1"))] == [
        "new: 1", "gone: 1", "still: 0",
    ]  # fmt: skip


async def test_a_repair_is_shown_and_planned(stand: Stand, tmp_path: Path) -> None:
    number = await started(stand, tmp_path, *FOUND)
    shown = (await run(stand, tmp_path, "plan", number, "--dry-run")).stdout
    assert f"not repaired: 2 {FOREIGN.name}: it does not carry a reference of ours" in shown
    assert stand.told_plans.plans == []
    planned = (await run(stand, tmp_path, "plan", number, "--reason", "as found")).stdout
    assert f"Plan {number}.1 waits for finance" in planned
    assert len(stand.told_plans.plans) == 1


async def test_a_run_is_cancelled(stand: Stand, tmp_path: Path) -> None:
    begun = orjson.loads((await run(stand, tmp_path, "start", "erp", *MARCH, "-o", "json")).stdout)
    assert (await run(stand, tmp_path, "cancel", str(begun["id"]))).exit_code == Exit.USAGE
    cancelled = await run(stand, tmp_path, "cancel", str(begun["id"]), "--reason", "its pages have no end")
    assert (cancelled.exit_code, "cancelled by api-token: its pages have no end" in cancelled.stdout) == (0, True)


async def test_refusals_are_told_with_their_exit_codes(stand: Stand, tmp_path: Path) -> None:
    wrong = await run(stand, tmp_path, "start", "crm", *MARCH)
    assert (wrong.exit_code, "postings" in wrong.stderr) == (Exit.CONFLICT, True)
    assert (await run(stand, tmp_path, "show", "99")).exit_code == Exit.NOT_FOUND
    assert (await run(stand, tmp_path, "plan", "1")).exit_code == Exit.USAGE

"""Losing PostgreSQL: readiness says so within seconds, the process lives, the API answers, and all comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.postgres.migrations.upgrade import upgrade
from gateway.local.postgres import LocalPostgres
from tests.contracts.turns import SHEET, message
from tests.gateway.http.stand import Stand, listening, until

NOTICED = 5.0
"""Seconds within which readiness must turn false."""


@pytest.fixture
def server() -> Iterator[LocalPostgres]:
    """A PostgreSQL of this test's own, to be stopped and started."""
    with LocalPostgres() as server:
        upgrade(server.url)
        yield server


async def status_is(stand: Stand, status: int, seconds: float) -> None:
    """Wait until `/readyz` answers `status`."""

    async def is_so() -> bool:
        return (await stand.ops("/readyz")).status == status

    await until(is_so, seconds)


@pytest.mark.parametrize("immediate", [False, True], ids=["stopped", "crashed"])
async def test_a_loss_is_told_and_mended_without_help(
    server: LocalPostgres, token_file: Path, *, immediate: bool
) -> None:
    async with listening(server.url, token_file) as stand:
        # given a ready process that has answered
        await status_is(stand, 200, 10)
        await stand.park(SHEET, message("e1"))
        assert (await stand.get("/v1/lanes/timesheet/T-1")).status == 200
        # when PostgreSQL goes
        await asyncio.to_thread(server.stop, immediate=immediate)
        # then it is told, with the reason, and nothing else is
        await status_is(stand, 503, NOTICED)
        page = await stand.ops("/readyz")
        assert page.text.startswith("[-]postgresql failed: PostgreSQL: ")
        assert page.text.count("\n") == 1
        assert (await stand.ops("/livez")).status == 200
        assert (await stand.ops("/metrics")).status == 200
        page = await stand.get("/v1/lanes/timesheet/T-1")
        assert (page.status, page.headers["Retry-After"]) == (503, "2")
        assert (await stand.post("/v1/lanes/timesheet/T-1/retry", {"reason": "try"})).status == 503
        assert (await stand.get("/v1/none")).status == 404
        # and when it comes back, all does
        await asyncio.to_thread(server.start)
        await status_is(stand, 200, 10)
        assert (await stand.get("/v1/lanes/timesheet/T-1")).status == 200
        assert (await stand.post("/v1/lanes/timesheet/T-1/retry", {"reason": "try"})).status == 200
        assert stand.looked_at == [SHEET]

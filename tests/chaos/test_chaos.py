"""Chaos in the test suite: a short run always, a longer one among the long tests. `make chaos` runs for minutes."""

from __future__ import annotations

import asyncio
import logging
import random
from pathlib import Path

import pytest

from tests.chaos.run import Plan, chaos
from tests.chaos.verdict import judge
from tests.checker.check import check

pytestmark = pytest.mark.rabbitmq


async def every_promise_is_kept(plan: Plan, folder: Path) -> None:
    """Run it; the failure shows the report, and before it what was done when."""
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    told: list[str] = []
    evidence = await chaos(plan, folder, told.append)
    verdict = judge(plan, await asyncio.to_thread(check, evidence))
    assert verdict.is_good, "\n".join([*told, verdict.text()])


async def test_every_promise_is_kept_for_a_minute_of_faults(tmp_path: Path) -> None:
    await every_promise_is_kept(Plan(seconds=60, seed=1), tmp_path)


@pytest.mark.long
async def test_every_promise_is_kept_for_three_minutes(tmp_path: Path) -> None:
    await every_promise_is_kept(Plan(seconds=180, seed=random.randrange(1 << 31)), tmp_path)

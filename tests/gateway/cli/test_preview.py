"""The preview predicts what the same messages do in a fresh database under the changed policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from gateway.cli.mapping import past_of
from gateway.cli.preview.hurry import hurried
from gateway.cli.preview.play import play
from gateway.cli.preview.played import Ending, Kind, Played, differences
from schemas.verdicts import Verdict
from tests.fixtures.apart import apart
from tests.gateway.cli.past import CHANGED, POLICY, Live, past, policy


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)


@pytest.fixture
def fresh_url(database_url: str, template_database: str) -> Iterator[str]:
    """Another fresh database."""
    name = f"{template_database}_{uuid4().hex[:8]}"
    apart(_execute(database_url, f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"'))
    yield urlsplit(database_url)._replace(path=f"/{name}").geturl()
    apart(_execute(database_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


def same(one: Played, other: Played) -> None:
    """Two outcomes are the same to the last line and cent."""
    assert differences(one, other) == []
    assert one.endings == other.endings
    assert one.commands == other.commands


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_preview_predicts_what_a_fresh_database_does(database_url: str, fresh_url: str, count: int) -> None:
    # Given messages that were taken under one policy
    messages = past(count)
    before = asyncio.run(Live(database_url, policy(POLICY)).take(messages))
    # When the preview plays them under another one
    found = asyncio.run(past_of(database_url, None, None, 100_000))
    assert len(found.messages) == count
    now, then = (
        hurried(play(each, found.messages, found.given, lambda: None)) for each in (found.active, policy(CHANGED))
    )
    # Then it tells what happened, and what the same messages do in a fresh database under the other one
    same(now, before)
    same(then, asyncio.run(Live(fresh_url, policy(CHANGED), found.given).take(messages)))
    # And the two differ in what was changed
    assert differences(now, then)
    assert now.endings[Ending(Verdict.PARKED, "legal_entity_unmapped")] > 0
    assert then.endings[Ending(Verdict.PARKED, "legal_entity_unmapped")] == 0
    assert then.endings[Ending(Verdict.IGNORED, "shadow")] > 0
    assert then.commands[Kind("north", "billable.post", "USD")].money > 0
    assert Kind("north", "billable.post", "USD") not in now.commands

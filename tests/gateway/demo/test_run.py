"""A small play from start to end, in both shapes: on real servers with a gateway process, and inside this one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import orjson
import pytest
from rich.console import Console

from adapters.rabbitmq.administration import RabbitAdministration
from gateway.app import the_topology
from gateway.demo.run import Options, play_demo
from gateway.local.found import Found
from tests.fixtures.rabbitmq import Vhost

SECONDS = 150
"""For two plays of a tenth of the firm, most of which is starting and people."""


async def play(options: Options, environment: Mapping[str, str], seconds: float = SECONDS) -> str:
    """What a play printed whose numbers agreed."""
    printed = io.StringIO()
    async with asyncio.timeout(seconds):
        agrees = await play_demo(options, environment, Console(file=printed, width=160))
    assert agrees, printed.getvalue()
    return printed.getvalue()


async def databases(postgres: Found) -> list[str]:
    connection = await asyncpg.connect(postgres.url)
    try:
        return [row[0] for row in await connection.fetch("SELECT datname FROM pg_database WHERE datname ~ '_demo_'")]
    finally:
        await connection.close()


def agrees(summary: Path) -> bool:
    """What the JSON says."""
    document = orjson.loads(summary.read_bytes())
    return document["agrees"] is True and document["wrong"] == [] and document["twice"] == []


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.json"


async def test_on_found_servers_the_numbers_agree_and_nothing_is_left(
    postgres: Found, vhost: Vhost, summary: Path
) -> None:
    environment = {"TALLYSTICK_DATABASE_URL": postgres.url, "TALLYSTICK_AMQP_URL": vhost.url}
    printed = await play(Options(seed=7, scale=0.1, once=True, json=summary, pace=0.1), environment)
    assert "The numbers agree, to the cent" in printed
    assert "as a process of its own" in printed
    assert "frieda (finance) $ tallystick case approve" in printed
    assert "samira (sales-ops) $ tallystick case approve" in printed
    assert agrees(summary)
    assert await databases(postgres) == []
    administration = RabbitAdministration(vhost.url)
    try:
        assert f"queue {the_topology().queues[0].name}" in await administration.missing(the_topology())
    finally:
        await administration.close()


async def test_without_rabbitmq_the_numbers_agree_too(postgres: Found, summary: Path) -> None:
    environment = {"TALLYSTICK_DATABASE_URL": postgres.url}
    options = Options(seed=8, scale=0.1, once=True, json=summary, in_process_broker=True, pace=0.1)
    printed = await play(options, environment)
    assert "a broker inside this process" in printed
    assert agrees(summary)
    assert await databases(postgres) == []


@pytest.mark.long
async def test_the_whole_firm_reconciles(postgres: Found, vhost: Vhost, summary: Path) -> None:
    environment = {"TALLYSTICK_DATABASE_URL": postgres.url, "TALLYSTICK_AMQP_URL": vhost.url}
    printed = await play(Options(seed=1, once=True, json=summary), environment, seconds=600)
    assert "The numbers agree, to the cent: DE01 in EUR, UK01 in GBP, US01 in USD" in printed
    assert agrees(summary)

"""Losing PostgreSQL or the broker: readiness says so, the process lives and answers, and comes back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from adapters.postgres.migrations.upgrade import upgrade
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ
from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import API_TOKEN, Firm, GatewayProcess, firm, until

NOTICED = 5.0
"""Seconds within which readiness must turn false."""
FROZEN_NOTICED = 10.0
"""The same where the broker keeps its connections and does not answer."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Servers of these tests' own, to be stopped and started."""

    postgres: LocalPostgres
    rabbitmq: LocalRabbitMQ


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A private PostgreSQL with the schema, and a private RabbitMQ node."""
    with LocalPostgres() as postgres, LocalRabbitMQ() as rabbitmq:
        upgrade(postgres.url)
        yield Servers(postgres, rabbitmq)


async def test_each_loss_is_told_within_five_seconds_and_mended_without_help(servers: Servers, tmp_path: Path) -> None:
    async with firm(servers.postgres.url, servers.rabbitmq.url, tmp_path) as installation:
        gateway = await installation.start_ready()
        await asyncio.to_thread(servers.postgres.stop, immediate=True)
        await until(lambda: is_unready(gateway), NOTICED, "not ready without PostgreSQL")
        assert await gateway.status("/livez") == 200
        problem = await api(gateway, "/v1/status")
        assert (problem.status, problem.content_type) == (503, "application/problem+json")
        await asyncio.to_thread(servers.postgres.start)
        await until(gateway.is_ready, 20, "ready again with PostgreSQL")
        assert (await api(gateway, "/v1/status")).status == 200

        await asyncio.to_thread(servers.rabbitmq.stop)
        await until(lambda: is_unready(gateway), NOTICED, "not ready without the broker")
        assert await gateway.status("/livez") == 200
        assert (await api(gateway, "/v1/status")).status == 200
        await asyncio.to_thread(servers.rabbitmq.start)
        await until(gateway.is_ready, 60, "ready again with the broker")
        await works(installation, "lost")
        assert await gateway.stop() == 0


async def test_a_frozen_broker_is_told_within_ten_seconds_and_mended_without_help(
    servers: Servers, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    async with firm(servers.postgres.url, servers.rabbitmq.url, tmp_path) as installation:
        gateway = await installation.start_ready()
        loop = asyncio.get_running_loop()
        node = int((servers.rabbitmq._folder / "pid").read_text())
        frozen = loop.time()
        os.kill(node, signal.SIGSTOP)
        try:
            await until(lambda: is_unready(gateway), 60, "not ready with a frozen broker")
            noticed = loop.time() - frozen
            assert await gateway.status("/livez") == 200
        finally:
            os.kill(node, signal.SIGCONT)
        thawed = loop.time()
        await until(gateway.is_ready, 60, "ready again with the broker")
        figures(f"not ready after {noticed:.1f} s, ready {loop.time() - thawed:.1f} s after the broker went on")
        assert noticed < FROZEN_NOTICED
        await works(installation, "frozen")
        assert await gateway.stop() == 0


async def works(installation: Firm, place: str) -> None:
    """The main job still runs after a loss, for a customer that is new."""
    project = f"P-{place}"
    sheets = [sheet(f"T-{place}", Reference(id=project))]
    await installation.publish([customer(f"C-{place}"), deal(project, f"C-{place}"), *sheets])

    async def is_posted() -> bool:
        return any(row["operation"] == "billable.post" for row in await installation.journal())

    await until(is_posted, 20, "a sheet is posted")


async def is_unready(gateway: GatewayProcess) -> bool:
    """Whether the process answers that it is not ready."""
    return await gateway.status("/readyz") == 503


async def api(gateway: GatewayProcess, path: str) -> aiohttp.ClientResponse:
    """A page of the API, read to its end."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with aiohttp.ClientSession() as session, session.get(f"{gateway.api}{path}", headers=headers) as response:
        await response.read()
        return response

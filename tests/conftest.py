"""What holds for every test: uvloop as in production, and the shared fixtures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop

pytest_plugins = [
    "tests.fixtures.figures",
    "tests.fixtures.live",
    "tests.fixtures.postgres",
    "tests.fixtures.rabbitmq",
    "tests.fixtures.without_live",
    "tests.fixtures.without_rabbitmq",
]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run asynchronous tests on the loop that the gateway runs on."""
    return {"uvloop": uvloop.new_event_loop}

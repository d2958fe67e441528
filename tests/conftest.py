"""What holds for every test: uvloop as in production, and the shared fixtures."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Generator, Mapping

import pytest
import uvloop

from gateway.garbage import nothing_collected

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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Find ten thousand tests without looking for cycles among them, and never look at them again."""
    with nothing_collected():
        found = yield
    gc.freeze()
    return found

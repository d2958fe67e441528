"""A gateway process of its own kind: everything that it reaches, it reaches through proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from gateway.local.ports import LOOPBACK
from tests.integration.firm import policy_for
from tests.proxy.dialects import Amqp, Http, Postgres, Posting
from tests.proxy.proxy import Proxy, proxy

POLICY = "policy-through-proxies.yaml"
GATE = {"breaker": {"failures": 5, "open_seconds": 1, "longest_seconds": 2}}
"""Systems misbehave all the time here, so what keeps off them comes back soon."""
ANSWER_SECONDS = 5.0
"""How long such a process waits for the answer of a system: the least that a policy may say."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """What stands between one process and its servers, and the environment that leads it there."""

    database: Proxy
    broker: Proxy
    systems: Mapping[str, Proxy]
    environment: Mapping[str, str]

    @property
    def all(self) -> tuple[Proxy, ...]:
        """Every one of them."""
        return (self.database, self.broker, *self.systems.values())


@asynccontextmanager
async def proxies(
    database_url: str,
    amqp_url: str,
    sandboxes: Mapping[str, str],
    folder: Path,
    heard: Callable[[str, Posting], None] = lambda _system, _posting: None,
) -> AsyncIterator[Proxies]:
    """Proxies before these servers, and in `folder` the policy of who goes through them, while the context lasts.

    `heard` is told of each posting to a system.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(proxy(port_of(database_url), Postgres))
        broker = await stack.enter_async_context(proxy(port_of(amqp_url), Amqp))
        systems = {
            name: await stack.enter_async_context(proxy(port_of(url), partial(Http, partial(heard, name))))
            for name, url in sandboxes.items()
        }
        urls = {name: through(url, systems[name]) for name, url in sandboxes.items()}
        content = policy_for(urls, timeout=ANSWER_SECONDS, gate=GATE)
        (folder / POLICY).write_text(yaml.safe_dump(content), encoding="utf-8")
        environment = {
            "TALLYSTICK_DATABASE_URL": through(database_url, database),
            "TALLYSTICK_AMQP_URL": through(amqp_url, broker),
            "TALLYSTICK_POLICY": str(folder / POLICY),
        }
        yield Proxies(database, broker, systems, environment)


def port_of(url: str) -> int:
    """The port that a URL names."""
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url} names no port")
    return port


def through(url: str, proxy: Proxy) -> str:
    """The same URL with the proxy's address."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{LOOPBACK}:{proxy.port}").geturl()

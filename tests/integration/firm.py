"""A whole installation for a test: a database, a broker, sandbox systems, and gateway processes to start and kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
import yaml

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.sandbox.operations import Role, operations_of
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from gateway.app import declare
from gateway.local.ports import free_port
from tests.integration.events import CLOCKS, CRM, CURRENCIES, EXPORTS, PSA

TOKEN: Final = "sandbox-token"
API_TOKEN: Final = "api-token-of-this-test"
PUBLISH_BATCH: Final = 1000
SERVE: Final = ("-c", "from gateway.cli.main import main; main()", "serve")
NO_GATE: Final[Mapping[str, object]] = {}
SILENT: Final[Mapping[str, str]] = {"TALLYSTICK_SILENT_SECONDS": "4"}
"""Settings for tests that kill: the leases of a dead process lapse sooner than as it ships, for they are waited for."""
BATCH: Final[Mapping[str, int]] = {"size": 20, "wait_ms": 20, "in_order": True}
TOGETHER: Final = frozenset({"billable.post", "billable.reverse"})
"""Operations whose commands travel together."""
Json = dict[str, object]

LEGACY: Final[Json] = {
    "routing_keys": [EXPORTS],
    "source": CRM,
    "type": "customer.upserted.v1",
    "id": {"join": [{"value": "legacy"}, "/nr"], "with": "-"},
    "subject": "/nr",
    "data": {
        "name": "/name",
        "country": {"value": "US"},
        "tax_profile": {"value": "standard"},
        "legal_entities": {"value": ["US01"]},
        "currency": {"path": "/cur", "map": {"$": "USD"}},
    },
}
"""The intake of an old system that exports customers and speaks no CloudEvents."""


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float, what: str, *, every: float = 0.05) -> None:
    """Return as soon as `is_so`; fails the test when it has not become so in `seconds`.

    It is looked at `every` so many seconds: give more where a look is work for the servers.
    """
    async with asyncio.timeout(seconds) as limit:
        while not await is_so():
            deadline = limit.when()
            assert deadline is not None
            if asyncio.get_running_loop().time() > deadline - 0.2:
                raise AssertionError(f"not within {seconds} s: {what}")
            await asyncio.sleep(every)


@dataclass(slots=True)
class GatewayProcess:
    """One `tallystick serve`, as it ships."""

    process: asyncio.subprocess.Process
    ops: str
    api: str
    log: Path

    async def status(self, path: str) -> int:
        """HTTP status of a page of the operations port; 0 if it does not answer."""
        return await _status(f"{self.ops}{path}", {})

    async def page(self, path: str) -> str:
        """Text of a page of the operations port."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.ops}{path}") as response:
            return await response.text()

    async def metric(self, name: str) -> int:
        """What its metrics page gives for `name` with its labels; 0 where it has not counted yet."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.ops}/metrics") as response:
            lines = (await response.text()).splitlines()
        return next((int(float(line.rpartition(" ")[2])) for line in lines if line.rpartition(" ")[0] == name), 0)

    def memory(self) -> int:
        """Bytes of it that are in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def is_ready(self) -> bool:
        """Whether `/readyz` says so. A process that has ended fails the test with its log."""
        assert self.process.returncode is None, self.log.read_text(encoding="utf-8")[-4000:]
        return await self.status("/readyz") == 200

    async def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 40)


@dataclass(slots=True)
class Firm:
    """The servers of one test. `sandboxes` maps crm, psa, erp to their URLs."""

    database_url: str
    amqp_url: str
    sandboxes: Mapping[str, str]
    folder: Path
    database: asyncpg.Connection[asyncpg.Record]
    session: aiohttp.ClientSession
    started: list[GatewayProcess] = field(default_factory=list)

    async def start(self, *arguments: str, **settings: str) -> GatewayProcess:
        """Start a gateway process, or a program of a test's own by Python's `arguments`; returns before it is ready.

        `settings` are further variables of its environment.
        """
        ops, api = free_port(), free_port()
        log = self.folder / f"gateway-{len(self.started)}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")} | {
            "TALLYSTICK_DATABASE_URL": self.database_url,
            "TALLYSTICK_AMQP_URL": self.amqp_url,
            "TALLYSTICK_POLICY": str(self.folder / "policy.yaml"),
            "TALLYSTICK_OPS_BIND": f"127.0.0.1:{ops}",
            "TALLYSTICK_API_BIND": f"127.0.0.1:{api}",
            "TALLYSTICK_API_TOKEN_FILE": str(self.folder / "api-token"),
            **settings,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *(arguments or SERVE),
                env=environment,
                stdout=output,
                stderr=output,
            )
        gateway = GatewayProcess(process, f"http://127.0.0.1:{ops}", f"http://127.0.0.1:{api}", log)
        self.started.append(gateway)
        return gateway

    async def start_ready(self, **settings: str) -> GatewayProcess:
        """Start a gateway process and wait until it is ready."""
        gateway = await self.start(**settings)
        await until(gateway.is_ready, 30, "the gateway is ready")
        return gateway

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish in order; each must be confirmed."""
        publishing = RabbitPublishing(self.amqp_url, report=lambda _report: None)
        try:
            for first in range(0, len(events), PUBLISH_BATCH):
                results = await publishing.publish(events[first : first + PUBLISH_BATCH])
                assert set(results) == {Published.CONFIRMED}
        finally:
            await publishing.close()

    async def journal(self, system: str = "erp") -> list[Json]:
        """All effects that a sandbox has, oldest first."""
        async with self.session.get(f"{self.sandboxes[system]}/journal") as response:
            rows: list[Json] = await response.json()
        return rows

    async def faults(self, system: str, *faults: Json) -> None:
        """Replace the faults of a sandbox."""
        async with self.session.post(f"{self.sandboxes[system]}/faults", json=list(faults)) as response:
            assert response.status < 300, await response.text()

    async def hits(self, system: str) -> list[int]:
        """How many requests, or lines, each present fault of a sandbox has hit."""
        async with self.session.get(f"{self.sandboxes[system]}/faults") as response:
            return [fault["hits"] for fault in await response.json()]

    async def by_hand(self, *hands: Json) -> list[str]:
        """Do to the ERP's books what somebody does there by hand; the ids of the entries."""
        async with self.session.post(f"{self.sandboxes['erp']}/by-hand", json=list(hands)) as response:
            assert response.status == 200, await response.text()
            done: list[str] = await response.json()
            return done

    async def verdicts(self) -> dict[str, int]:
        """Messages of the sources by verdict; what actors tell each other counts for itself."""
        rows = await self.database.fetch(
            "SELECT verdict, count(*) FROM tallystick.inbox WHERE source NOT LIKE 'tallystick:%' GROUP BY verdict"
        )
        return {row[0]: row[1] for row in rows}

    async def count(self, query: str, *arguments: object) -> int:
        """A number from the database."""
        value: int = await self.database.fetchval(query, *arguments)
        return value

    async def is_settled(self) -> bool:
        """Whether no command is open and no lane can move."""
        return not await self.count(
            "SELECT (SELECT count(*) FROM tallystick.outbox WHERE state = 'open')"
            " + (SELECT count(*) FROM tallystick.entity WHERE lane_depth > 0 AND lane_state = 'open')"
        )


@asynccontextmanager
async def firm(database_url: str, amqp_url: str, folder: Path) -> AsyncIterator[Firm]:
    """An installation with its topology declared and no gateway process yet; ends what a test started."""
    settings = [SandboxSettings(role, TOKEN, legal_entities=CURRENCIES) for role in Role]
    async with serve_sandboxes(settings) as urls, aiohttp.ClientSession() as session:
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy_for(urls)), encoding="utf-8")
        (folder / "api-token").write_text(API_TOKEN, encoding="utf-8")
        await declare(amqp_url)
        database = await asyncpg.connect(database_url)
        made = Firm(database_url, amqp_url, urls, folder, database, session)
        try:
            yield made
        finally:
            for gateway in made.started:
                await gateway.kill()
            await made.database.close()


def policy_for(urls: Mapping[str, str], *, timeout: float = 30, gate: Mapping[str, object] = NO_GATE) -> Json:
    """The policy of an installation whose systems stand at `urls`, behind a gate each; `timeout` is in seconds."""
    systems = {
        role.value: {
            "url": urls[role.value],
            "token": TOKEN,
            "timeout_seconds": timeout,
            "gate": dict(gate),
            "concurrency": 64,
            **({"postings": "/postings"} if role is Role.ERP else {}),
            "operations": {
                row.name: {
                    "path": row.path,
                    "upsert": row.capability.upsert.value,
                    "key_window_seconds": row.capability.key_window,
                    "unique_reference": row.capability.unique_reference,
                    "look_up": row.capability.look_up,
                    "late_bound_seconds": row.capability.late_bound,
                    **({"batch": dict(BATCH)} if row.name in TOGETHER else {}),
                }
                for row in operations_of(role)
            },
        }
        for role in Role
    }
    everything = {"users": ["guest"], "types": ["*"]}
    return {
        "legal_entities": {"US01": {"currency": "USD", "tax_codes": {"standard": "T1"}}},
        "service_lines": ["consulting"],
        "sources": {
            CRM: {**everything, "system": "crm"},
            PSA: {**everything, "system": "psa", "external": ["project"]},
            CLOCKS: {**everything, "sequence": "contiguous"},
        },
        "intakes": {"legacy": LEGACY},
        "systems": systems,
        "retry_seconds": 0.5,
    }


async def _status(url: str, headers: Mapping[str, str]) -> int:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.get(url, headers=headers) as response,
        ):
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return 0

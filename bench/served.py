"""Processes as they ship, on loopback: `tallystick serve` with its relay on, and the sandbox ERP it sends to."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import yaml

from adapters.sandbox.operations import Role, operations_of
from bench import load
from bench.checks import WrongRound
from bench.servers import Place
from gateway.local.ports import LOOPBACK, free_port
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCreate

COMMAND: Final = ("-c", "from gateway.cli.main import main; main()")
ANSWER_SECONDS: Final = 0.005
IN_FLIGHT: Final = 64
TOKEN: Final = "sandbox"  # noqa: S105  # a sandbox keeps nothing that is worth a secret
FOUNDING: Final = (
    (
        "customer/BENCH",
        "/customers",
        CustomerPut(customer_id="BENCH", legal_entity="US01", name="Benchmarked", currency="USD", country="US",
                    tax_code="T1", on_hold=False),
    ),
    (
        "project/BENCH",
        "/projects",
        ProjectCreate(project_id=load.ERP_PROJECT.removeprefix("P-"), customer="C-BENCH", legal_entity="US01",
                      currency="USD", name="Seeded", service_line="consulting", billing_method="time_and_materials",
                      contract_reference="SOW-1", starts_on=date(2026, 1, 1)),
    ),
)  # fmt: skip
"""Reference, path, and body of what the ERP needs before lines can be billed."""
GRACE_SECONDS: Final = 40.0
LOG_TAIL: Final = 2000


@dataclass(frozen=True, slots=True)
class Running:
    """One process. `log` takes all that it says, or None where it is read."""

    process: asyncio.subprocess.Process
    log: Path | None

    @property
    def memory(self) -> int:
        """Bytes of it that are in memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used, its own and the kernel's for it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def until(self, is_so: Callable[[], Awaitable[bool]], seconds: float, what: str, every: float = 0.1) -> None:
        """Wait for a state. Raises `WrongRound` if the process ends, or it does not come."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not await is_so():
            if self.process.returncode is not None:
                raise WrongRound(f"the process ended before {what}: {self._said()}")
            if loop.time() > deadline:
                raise WrongRound(f"not within {seconds:.0f} s: {what}: {self._said()}")
            await asyncio.sleep(every)

    def _said(self) -> str:
        return "" if self.log is None else self.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]


@dataclass(frozen=True, slots=True)
class Erp:
    """A sandbox ERP that takes `ANSWER_SECONDS` for each posting."""

    url: str
    running: Running

    async def effects(self) -> int:
        """How many it has beside those of its founding."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health") as response:
            said: dict[str, int] = await response.json()
        return said["effects"] - len(FOUNDING)


@asynccontextmanager
async def sandbox_erp() -> AsyncIterator[Erp]:
    """A sandbox ERP for as long as the block runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *COMMAND, "sandbox", "--crm-port=0", "--psa-port=0", "--erp-port=0", f"--token={TOKEN}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with _ending(Running(process, None)) as running:
        url = await _announced(process)
        await _found(url)
        yield Erp(url, running)


@asynccontextmanager
async def served(place: Place, erp: Erp, batch: Mapping[str, int] | None = None) -> AsyncIterator[Running]:
    """`tallystick serve` for as long as the block runs; it is not ready yet when the block begins.

    With `batch` commands of each operation travel together.
    """
    with TemporaryDirectory(prefix="tallystick-bench-") as name:
        folder = Path(name)
        (folder / "policy.yaml").write_text(yaml.safe_dump(_policy(erp.url, batch)), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("TALLYSTICK_")} | {
            "TALLYSTICK_DATABASE_URL": place.database_url,
            "TALLYSTICK_AMQP_URL": place.amqp_url,
            "TALLYSTICK_POLICY": str(folder / "policy.yaml"),
            "TALLYSTICK_API_BIND": f"{LOOPBACK}:{free_port()}",
            "TALLYSTICK_OPS_BIND": f"{LOOPBACK}:{free_port()}",
        }
        log = folder / "log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *COMMAND, "serve", env=environment, stdout=output, stderr=output
            )
        async with _ending(Running(process, log)) as running:
            yield running


@asynccontextmanager
async def _ending(running: Running) -> AsyncIterator[Running]:
    try:
        yield running
    finally:
        process = running.process
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _announced(process: asyncio.subprocess.Process) -> str:
    """The ERP's URL, which the sandbox prints. Raises `WrongRound`."""
    if process.stdout is None:
        raise WrongRound("the sandbox's output is not read")
    async with asyncio.timeout(GRACE_SECONDS):
        while line := (await process.stdout.readline()).decode():
            name, _, url = line.strip().partition(" ")
            if name == Role.ERP:
                return url
    raise WrongRound("the sandbox ended before it said where it listens")


async def _found(url: str) -> None:
    """Let there be the project that all sheets are billed on, and then let each posting take its time."""
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for name, path, body in FOUNDING:
            headers = {
                "Authorization": f"Bearer {TOKEN}", "Idempotency-Key": f'"{name}"', "Tallystick-Reference": name,
            }  # fmt: skip
            async with session.post(url + path, data=body.to_json(), headers=headers):
                pass
        slow = [{"fault": "slow", "share": 1.0, "seconds": ANSWER_SECONDS}]
        async with session.post(f"{url}/faults", json=slow):
            pass


def _policy(erp_url: str, batch: Mapping[str, int] | None) -> dict[str, object]:
    operations = {
        operation.name: {
            "path": operation.path,
            "key_window_seconds": 86_400,
            "unique_reference": True,
            "look_up": True,
            "late_bound_seconds": 10,
            **({} if batch is None else {"batch": dict(batch)}),
        }
        for operation in operations_of(Role.ERP)
    }
    return {
        "legal_entities": {"US01": {"currency": "USD", "erp": "erp", "psa": "erp", "crm": "erp"}},
        "sources": {"urn:example:psa": {"users": ["guest"], "types": ["timesheet.*"]}},
        "systems": {"erp": {"url": erp_url, "token": TOKEN, "concurrency": IN_FLIGHT, "operations": operations}},
    }

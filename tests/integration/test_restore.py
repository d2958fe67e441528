"""The drill of docs/restore.md on real servers: a base is taken, load, the base comes back, and nothing is done twice.

The systems' journals are the judges: one effect for each reference, and all of them once the sources have published
again.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import yaml

from adapters.ports.broker import Outgoing
from adapters.postgres.migrations.upgrade import upgrade
from adapters.rabbitmq.topology import WATERMARK
from gateway.local.postgres import LocalPostgres
from schemas.values import Reference
from tests.fixtures.rabbitmq import Vhost
from tests.gateway.cli.conftest import cli
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import Firm, GatewayProcess, firm, until

LATE: Final = 3.0
"""Seconds that an attempt may be late, in the policy of this test."""


@dataclass(frozen=True, slots=True)
class Drill:
    """An installation with a database server of its own, and a place for the base."""

    postgres: LocalPostgres
    firm: Firm
    base: Path

    async def take_base(self) -> None:
        """Copy the files of the stopped server."""
        await self._stopped(lambda: shutil.copytree(self.postgres.data, self.base, copy_function=shutil.copy2))

    async def restore(self) -> None:
        """Put the base in place of what stands there."""

        def back() -> None:
            owner = self.postgres.data.stat()
            shutil.rmtree(self.postgres.data)
            shutil.copytree(self.base, self.postgres.data, copy_function=shutil.copy2)
            for path in (self.postgres.data, *self.postgres.data.rglob("*")):
                shutil.chown(path, owner.st_uid, owner.st_gid)

        await self._stopped(back)

    async def _stopped(self, act: Callable[[], object]) -> None:
        await self.firm.database.close()
        await asyncio.to_thread(self.postgres.stop)
        await asyncio.to_thread(act)
        await asyncio.to_thread(self.postgres.start)
        self.firm.database = await asyncpg.connect(self.firm.database_url)

    async def cli(self, *arguments: str) -> None:
        """A command as the documentation has it, on this database."""
        env = {"TALLYSTICK_DATABASE_URL": self.firm.database_url}
        ended = await asyncio.to_thread(lambda: cli(*arguments, env=env))
        assert ended.exit_code == 0, ended.output

    async def phase(self) -> str | None:
        """How far the newest restore was taken."""
        row = await self.firm.database.fetchrow("SELECT * FROM tallystick.restore ORDER BY id DESC LIMIT 1")
        if row is None:
            return None
        return "ended" if row["ended_at"] else "released" if row["released_at"] else "held"

    async def work(self, events: Sequence[Outgoing], gateway: GatewayProcess) -> None:
        """Publish, and wait until everything is settled."""
        before = sum((await self.firm.verdicts()).values())
        known = await self.firm.database.fetch("SELECT event_id FROM tallystick.inbox")
        new = {event.message_id for event in events} - {row[0] for row in known}
        await self.firm.publish(events)

        async def is_done() -> bool:
            assert gateway.process.returncode is None, gateway.log.read_text()[-3000:]
            return await self.is_over(before + len(new))

        await until(is_done, 60, "everything is settled")

    async def is_over(self, messages: int) -> bool:
        """Whether so many messages are there, all applied, and no command is left."""
        return await self.firm.verdicts() == {"applied": messages} and await self.firm.is_settled()

    async def effects(self) -> Counter[tuple[str, str, str]]:
        """Every effect in every journal by its system, operation, and our reference."""
        found: Counter[tuple[str, str, str]] = Counter()
        for system in self.firm.sandboxes:
            for row in await self.firm.journal(system):
                found[system, str(row["operation"]), str(row["reference"])] += 1
        return found


@asynccontextmanager
async def drill(folder: Path, vhost: Vhost) -> AsyncIterator[Drill]:
    with LocalPostgres() as postgres:
        await asyncio.to_thread(upgrade, postgres.url)
        async with firm(postgres.url, vhost.url, folder) as installation:
            policy = yaml.safe_load((folder / "policy.yaml").read_text())
            for system in policy["systems"].values():
                for operation in system["operations"].values():
                    operation["late_bound_seconds"] = LATE
            (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
            yield Drill(postgres, installation, folder / "base")


def firm_of(number: int) -> list[Outgoing]:
    """A customer with a project and two sheets."""
    project = Reference(id=f"P{number}")
    sheets = [sheet(f"T{number}-{each}", project, lines=2) for each in "ab"]
    return [customer(f"C{number}"), deal(f"P{number}", f"C{number}"), *sheets]


def load(numbers: range) -> list[Outgoing]:
    return [event for number in numbers for event in firm_of(number)]


@pytest.mark.parametrize("noticed", ["detected", "declared"])
async def test_after_a_restore_nothing_is_done_twice_and_nothing_is_lost(
    tmp_path: Path, vhost: Vhost, noticed: str
) -> None:
    async with drill(tmp_path, vhost) as stage:
        # given: a base, and load after it
        gateway = await stage.firm.start_ready()
        await stage.work(load(range(2)), gateway)
        assert await gateway.stop() == 0
        await stage.take_base()
        gateway = await stage.firm.start_ready()
        await stage.work(load(range(2, 5)), gateway)
        done = await stage.effects()
        assert set(done.values()) == {1}
        assert await gateway.stop() == 0

        # when: the base comes back
        await stage.restore()
        if noticed == "declared":
            await asyncio.to_thread(vhost.node.control, "purge_queue", "-p", vhost.name, WATERMARK)
            point = await stage.firm.database.fetchval("SELECT at FROM tallystick.watermark")
            await stage.cli("restore", "declare", "--since", point.isoformat(), "--reason", "the base of the drill")
        gateway = await stage.firm.start()
        await until(lambda: _is(stage, "held"), 40, "everything is held")
        await until(gateway.is_ready, 40, "held, and ready all the same")
        if noticed == "detected":
            assert '"event":"database_went_back"' in gateway.log.read_text()

        # then: messages are taken and decided, and nothing is sent
        await stage.firm.publish([*load(range(2, 5)), *load(range(5, 6))])
        await until(lambda: _has(stage, 24), 40, "all was taken")
        assert await stage.effects() == done
        assert await stage.firm.count("SELECT count(*) FROM tallystick.attempt WHERE ending IS NULL") == 0

        # when: released, everything asks first
        await stage.cli("restore", "release", "--reason", "no process of before runs")
        await until(lambda: stage.is_over(24), 90, "everything is settled")
        again = await stage.effects()

        # then: one effect for each reference, those of before and those of the new load
        assert set(again.values()) == {1}
        assert set(done) < set(again)
        assert len(again) == len(done) // 5 * 6
        assert await stage.firm.count("SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL") == 0

        # and: it ends, and life goes on
        await stage.cli("restore", "end", "--reason", "all is published again")
        await stage.work(load(range(6, 7)), gateway)
        last = await stage.effects()
        assert set(last.values()) == {1}
        assert len(last) == len(done) // 5 * 7
        assert await gateway.stop() == 0


async def test_a_running_process_whose_database_goes_back_holds_everything_and_ends(
    tmp_path: Path, vhost: Vhost
) -> None:
    async with drill(tmp_path, vhost) as stage:
        gateway = await stage.firm.start_ready()
        await stage.work(load(range(1)), gateway)
        assert await gateway.stop() == 0
        await stage.take_base()
        gateway = await stage.firm.start_ready()
        await stage.work(load(range(1, 2)), gateway)
        done = await stage.effects()
        await stage.restore()
        assert await asyncio.wait_for(gateway.process.wait(), 60) == 1
        assert '"event":"database_went_back"' in gateway.log.read_text()
        assert await stage.phase() == "held"
        assert await stage.effects() == done


async def _is(stage: Drill, phase: str) -> bool:
    return await stage.phase() == phase


async def _has(stage: Drill, messages: int) -> bool:
    return sum((await stage.firm.verdicts()).values()) == messages

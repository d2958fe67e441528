"""A steady load of sheets, each revision adding one line to be posted, and the proof that none was lost or doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.publishing import RabbitPublishing
from schemas.values import Reference
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import Firm, GatewayProcess, until

PROJECTS = 10
ROUND_SECONDS = 0.5


class Load:
    """Publishes one revision of some of `keys` sheets every round, in turn, until it is stopped."""

    def __init__(self, installation: Firm, *, keys: int = 150, per_round: int = 25) -> None:
        self._installation = installation
        self._keys = keys
        self._per_round = per_round
        self.published = 0

    async def prepare(self) -> None:
        """Let there be projects; needs no gateway."""
        await self._installation.publish([customer(f"C{n}") for n in range(5)])
        await self._installation.publish([deal(f"P{n}", f"C{n % 5}") for n in range(PROJECTS)])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish for as long as the block lasts."""
        stop = asyncio.Event()
        task = asyncio.create_task(self._run(stop), name="load")
        try:
            yield
        finally:
            stop.set()
            await task

    async def is_done(self) -> bool:
        """Whether everything published was applied and every command settled."""
        return await self.applied() >= self.published and await self._installation.is_settled()

    async def applied(self) -> int:
        """Sheets applied so far."""
        return await self._installation.count(
            "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied' AND entity = 'timesheet'"
        )

    async def prove(self, seconds: float = 60.0) -> None:
        """Wait until all is done: each key applied in order without a gap, each line posted once, in order."""
        await until(self.is_done, seconds, "every sheet applied and every command settled")
        assert await self.applied() == self.published
        await prove_order(self._installation)
        posted = [row["reference"] for row in await self._installation.journal() if row["operation"] == "billable.post"]
        doubled = [reference for reference, count in Counter(posted).items() if count > 1]
        assert doubled == []
        assert len(posted) == self.published
        per_key: dict[str, list[int]] = {}
        for reference in posted:
            _, key, line, _ = str(reference).split("/")
            per_key.setdefault(key, []).append(int(line.partition(".")[0][1:]))
        assert all(lines == list(range(1, len(lines) + 1)) for lines in per_key.values()), "posted out of order"

    async def burst(self) -> None:
        """Publish one round now."""
        await self._installation.publish(self._round())

    def _round(self) -> list[Outgoing]:
        events = []
        for number in range(self.published, self.published + self._per_round):
            revision, key = divmod(number, self._keys)
            project = Reference(id=f"P{key % PROJECTS}")
            events.append(sheet(f"T{key}", project, lines=revision + 1, revision=revision + 1, only_last=True))
        self.published += len(events)
        return events

    async def _run(self, stop: asyncio.Event) -> None:
        publishing = RabbitPublishing(self._installation.amqp_url, report=lambda _report: None)
        try:
            while not stop.is_set():
                await publishing.publish(self._round())
                await asyncio.sleep(ROUND_SECONDS)
        finally:
            await publishing.close()


async def prove_order(installation: Firm) -> None:
    """Sheets were applied in the order of their revisions, and entity versions have no gap.

    That a month has heard of a sheet makes no version of it.
    """
    out_of_order = await installation.count(
        """
        SELECT count(*) FROM (
            SELECT event_id, row_number() OVER (PARTITION BY t.key ORDER BY t.seq) AS place
            FROM tallystick.timeline t JOIN tallystick.inbox i ON i.ref = t.ref
            WHERE t.entity = 'timesheet' AND t.what = 'applied') applied
        WHERE split_part(event_id, '-r', 2)::bigint <> place
        """
    )
    assert out_of_order == 0
    gaps = await installation.count(
        """
        SELECT count(*) FROM tallystick.entity e WHERE entity = 'timesheet' AND entity_version <> (
            SELECT count(*) FROM tallystick.timeline t
            WHERE t.entity = e.entity AND t.key = e.key AND t.what IN ('applied', 'command_done')
            AND NOT EXISTS (
                SELECT FROM tallystick.attempt a WHERE a.command_id = t.command_id AND a.system = 'self'))
        """
    )
    assert gaps == 0


async def metric(gateway: GatewayProcess, installation: Firm, name: str) -> float:
    """The sum of a metric over its labels."""
    async with installation.session.get(f"{gateway.ops}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)

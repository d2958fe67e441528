"""Who is poisoned, and what is down, holds up nobody else: poisoned keys, and a system that refuses or hangs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Literal

import pytest
import yaml

from adapters.ports.broker import Outgoing
from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from schemas.values import Reference
from tests.adapters.rabbitmq.wire import Wire, wire_to
from tests.fixtures.rabbitmq import Vhost
from tests.integration.events import customer, deal, sheet
from tests.integration.firm import TOKEN, Firm, GatewayProcess, until
from tests.integration.load import PROJECTS, Load, metric, prove_order

KEYS = 200
REVISIONS = 5
POISONED = 60
"""30 % of the keys."""
WAYS = ("refuses", "hangs")
Way = Literal["refuses", "hangs"]
DEALS_PER_SECOND = 8
PROBES = 1.0
"""Requests without an answer that may be spent in each second of an outage, once it is known."""
CONCURRENCY = 64
LANES = """
    SELECT e.key, e.lane_state, e.lane_depth, e.row_version, array_agg(i.event_id ORDER BY i.position) AS events,
           array_agg(i.attempts ORDER BY i.position) AS attempts
    FROM tallystick.entity e JOIN tallystick.inbox i ON i.entity = e.entity AND i.key = e.key
    WHERE e.lane_depth > 0 GROUP BY e.entity, e.key ORDER BY e.entity, e.key
"""
LATENCY = """
    SELECT EXTRACT(epoch FROM l.ended_at - t.at)::double precision
    FROM tallystick.attempt l
    JOIN tallystick.attempt p ON p.entity = l.entity AND p.key = l.key AND p.operation = 'project.opened'
    JOIN tallystick.timeline t ON t.command_id = p.command_id AND t.what = 'command_done'
    WHERE l.operation = 'project.link' AND l.ending = 'confirmed' AND p.ending = 'confirmed' AND l.key LIKE $1
"""
"""From the decision that asks for a CRM command to its confirmation, in seconds."""
SPENT = """
    SELECT count(*) FROM (
        SELECT DISTINCT token, request FROM tallystick.attempt
        WHERE system = 'erp' AND ending IS DISTINCT FROM 'confirmed') each
"""
"""Requests to the ERP without an answer that counts, however many commands travelled in each."""


# ------------------------------------------------------------------------------------------------------- poisoned keys


def events_of(poisoned: int) -> list[Outgoing]:
    """Revisions of all sheets in turn; the first `poisoned` sheets begin with one that cannot be billed."""
    return [
        sheet(
            f"T{key}", Reference(id=f"P{key % PROJECTS}"), lines=revision, revision=revision, only_last=True,
            role="gardener" if key < poisoned and revision == 1 else "consultant",
        )
        for revision in range(1, REVISIONS + 1)
        for key in range(KEYS)
    ]  # fmt: skip


async def test_poisoned_keys_hold_nothing_but_their_own_messages(
    installation: Firm, vhost: Vhost, figures: Callable[[str], None]
) -> None:
    load = Load(installation)
    await load.prepare()
    gateway = await installation.start_ready()
    await until(lambda: has(installation, "applied", PROJECTS + 5), 30, "deals are won")
    await until(installation.is_settled, 30, "their projects are open, so that no sheet waits for one")
    await installation.publish(events_of(POISONED))
    healthy = (KEYS - POISONED) * REVISIONS
    await until(lambda: has(installation, "applied", healthy + PROJECTS + 5), 60, "every healthy sheet applied")
    await until(installation.is_settled, 60, "every command settled")
    assert await installation.verdicts() == {
        "applied": healthy + PROJECTS + 5, "parked": POISONED, "queued": POISONED * (REVISIONS - 1),
    }  # fmt: skip
    await prove_order(installation)

    # They stand in order, behind their first.
    lanes = await installation.database.fetch(LANES)
    assert len(lanes) == POISONED
    for key, state, depth, row_version, events, attempts in lanes:
        assert (state, depth) == ("parked", REVISIONS)
        assert events == [f"{key}-r{revision}" for revision in range(1, REVISIONS + 1)]
        assert attempts == [1] + [0] * (REVISIONS - 1)
        assert row_version <= REVISIONS, "no turn but those that took its messages in"
    # They hold no credit of the broker, and so no place in a mailbox.
    await until(lambda: is_all_acked(vhost), 30, "everything acked, as the broker counts it every few seconds")
    # And later work of others gives them no turn.
    last = REVISIONS + 1
    turns = await metric(gateway, installation, "tallystick_commit_turns_total")
    await installation.publish(
        [
            sheet(f"T{key}", Reference(id=f"P{key % PROJECTS}"), lines=last, revision=last, only_last=True)
            for key in range(POISONED, KEYS)
        ]
    )
    more = healthy + PROJECTS + 5 + KEYS - POISONED
    await until(lambda: has(installation, "applied", more), 60, "later sheets applied")
    await until(installation.is_settled, 60, "their commands settled")
    taken = await metric(gateway, installation, "tallystick_commit_turns_total") - turns
    assert taken <= 2 * (KEYS - POISONED), "one turn for each sheet, and one for its answer"
    assert lanes == await installation.database.fetch(LANES)
    figures(
        f"{POISONED} of {KEYS} keys poisoned: {healthy} healthy sheets applied, 0 unacked, {len(lanes)} lanes in "
        f"order behind their parked heads, {taken:.0f} turns for {KEYS - POISONED} later sheets and their answers"
    )
    assert await gateway.stop() == 0


async def has(installation: Firm, verdict: str, count: int) -> bool:
    return (await installation.verdicts()).get(verdict, 0) >= count


async def is_all_acked(vhost: Vhost) -> bool:
    """Whether no message is given out and not acked."""
    told = await asyncio.to_thread(
        vhost.node.control, "list_queues", "-q", "--no-table-headers", "-p", vhost.name, "messages_unacknowledged"
    )
    return not any(int(line) for line in told.split())


# ------------------------------------------------------------------------------------------------------- a system down


@dataclass
class Outage:
    """An installation with the ERP of US01 behind a wire, and a second legal entity with an ERP of its own."""

    installation: Firm
    erp: Wire
    gateway: GatewayProcess
    deals: int = 0

    async def begin(self, way: Way) -> None:
        """Refuse connections, or take them and keep what is sent."""
        if way == "refuses":
            await self.erp.shut()
        else:
            self.erp.stall()

    async def end(self, way: Way) -> None:
        if way == "refuses":
            await self.erp.open()
        else:
            self.erp.resume()

    async def win_deals(self, phase: str, seconds: float) -> None:
        """Publish deals of DE01 evenly over a time; each ends with a command to the CRM."""
        for _ in range(round(seconds)):
            deals = range(self.deals, self.deals + DEALS_PER_SECOND)
            await self.installation.publish([deal(f"{phase}{n}", "D1", firm="DE01") for n in deals])
            self.deals += DEALS_PER_SECOND
            await asyncio.sleep(1.0)

    async def linked(self, phase: str) -> list[float]:
        """The latencies of the CRM commands of a phase."""
        return [row[0] for row in await self.installation.database.fetch(LATENCY, f"{phase}%")]


@asynccontextmanager
async def outage(installation: Firm, folder: Path) -> AsyncIterator[Outage]:
    """A ready gateway, with customers and projects."""
    policy_file = folder / "policy.yaml"
    policy = yaml.safe_load(policy_file.read_text(encoding="utf-8"))
    other = SandboxSettings(Role.ERP, TOKEN, name="erp-de", legal_entities={"DE01": "EUR"})
    async with wire_to(installation.sandboxes["erp"]) as erp, serve_sandboxes([other]) as urls:
        policy["systems"]["erp-de"] = policy["systems"]["erp"] | {"url": urls["erp-de"]}
        policy["systems"]["erp"] |= {"url": f"http://127.0.0.1:{erp.port}", "timeout_seconds": 5}
        policy["legal_entities"]["DE01"] = {"currency": "EUR", "tax_codes": {"standard": "T1"}, "erp": "erp-de"}
        policy_file.write_text(yaml.safe_dump(policy), encoding="utf-8")
        load = Load(installation)
        await load.prepare()
        await installation.publish([customer("D1", firm="DE01")])
        gateway = await installation.start_ready()
        await until(lambda: has(installation, "applied", PROJECTS + 6), 30, "deals are won")
        await until(installation.is_settled, 30, "their projects are open")
        try:
            yield Outage(installation, erp, gateway)
            assert await gateway.stop() == 0
        finally:
            erp.resume()


@pytest.mark.parametrize("way", WAYS)
async def test_an_erp_that_is_down_for_10_s_delays_only_its_own_commands(
    installation: Firm, tmp_path: Path, figures: Callable[[str], None], way: Way
) -> None:
    await survive(installation, tmp_path, figures, way, 10.0)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
async def test_an_erp_that_is_down_for_60_s_delays_only_its_own_commands(
    installation: Firm, tmp_path: Path, figures: Callable[[str], None], way: Way
) -> None:
    await survive(installation, tmp_path, figures, way, 60.0)


async def survive(installation: Firm, folder: Path, figures: Callable[[str], None], way: Way, seconds: float) -> None:
    """An outage of `seconds`, with more keys waiting for the ERP than it takes at once."""
    async with outage(installation, folder) as stage:
        await stage.win_deals("before", 5.0)
        await until(lambda: all_linked(stage, "before", 5), 30, "the CRM has the deals before")
        await stage.begin(way)
        waiting = [
            sheet(f"T{key}", Reference(id=f"P{key % PROJECTS}"), lines=revision, revision=revision, only_last=True)
            for revision in range(1, 4)
            for key in range(2 * CONCURRENCY)
        ]
        await installation.publish(waiting)
        await stage.win_deals("during", seconds - 2)
        await until(lambda: all_linked(stage, "during", seconds - 2), 5, "the CRM has the deals while the ERP is down")
        posted = await posts(installation)
        assert posted == []
        await stage.end(way)
        loop = asyncio.get_running_loop()
        ended = loop.time()
        await until(installation.is_settled, 90, "everything drained")
        drained = loop.time() - ended
        before, during = await stage.linked("before"), await stage.linked("during")
        spent = await installation.count(SPENT)
        p50, p99 = (percentile(during, place) / percentile(before, place) for place in (50, 99))
        figures(
            f"{way} for {seconds:.0f} s: CRM p50 {1000 * percentile(before, 50):.0f} -> "
            f"{1000 * percentile(during, 50):.0f} ms ({p50:.2f}), p99 {1000 * percentile(before, 99):.0f} -> "
            f"{1000 * percentile(during, 99):.0f} ms ({p99:.2f}); {len(waiting)} commands drained in {drained:.1f} s; "
            f"{spent} requests spent"
        )
        assert percentile(during, 99) < max(1.0, 5 * percentile(before, 99)), "a real stall takes seconds"
        assert await installation.count("SELECT count(*) FROM tallystick.cases") == 0
        posted = await posts(installation)
        assert Counter(posted) == Counter(
            f"timesheet/T{key}/L{line}.r{line}/1" for key in range(2 * CONCURRENCY) for line in range(1, 4)
        )
        for key in range(2 * CONCURRENCY):
            assert [ref for ref in posted if ref.startswith(f"timesheet/T{key}/")] == [
                f"timesheet/T{key}/L{line}.r{line}/1" for line in range(1, 4)
            ]
        # Where nothing was sent nothing is spent; where answers fail to come, what was on its way, and then a probe.
        assert spent <= (0 if way == "refuses" else 2 * CONCURRENCY + PROBES * seconds)


async def all_linked(stage: Outage, phase: str, seconds: float) -> bool:
    return len(await stage.linked(phase)) >= round(seconds) * DEALS_PER_SECOND


async def posts(installation: Firm) -> list[str]:
    """References of the ERP's postings, in order."""
    return [str(row["reference"]) for row in await installation.journal() if row["operation"] == "billable.post"]


def percentile(values: list[float], place: int) -> float:
    return quantiles(values, n=100, method="inclusive")[place - 1]

"""The composition root: settings and policy become concrete adapters, and those a running process.

Long, since it names every part of the process once.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol, TypeVar

from actors.registry import ACTORS
from adapters.ports.broker import Consuming, Keepsakes, Publishing, Topology
from adapters.ports.restores import Remembered
from adapters.postgres.api_keys import PostgresApiKeys
from adapters.postgres.approvals import PostgresApprovals
from adapters.postgres.audit import PostgresAudit, PostgresSealing
from adapters.postgres.bindings import PostgresBindings
from adapters.postgres.cases import PostgresCases
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.gates import PostgresGates
from adapters.postgres.kpis import PostgresBooks, PostgresKpis
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.lanes import PostgresLanes
from adapters.postgres.looks import PostgresLooks
from adapters.postgres.message_acts import PostgresMessageActs
from adapters.postgres.migrations.upgrade import check
from adapters.postgres.outbox import PostgresNotices, PostgresOutbox
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.pauses import PostgresPauses
from adapters.postgres.policies import PostgresPolicies, PostgresUnmapped
from adapters.postgres.positions import PostgresReaders
from adapters.postgres.reads import PostgresReads
from adapters.postgres.recon import PostgresHoldings, PostgresRuns, PostgresRunWork
from adapters.postgres.recon_plans import PostgresPlans
from adapters.postgres.replay_work import PostgresReplayWork
from adapters.postgres.replays import PostgresReplays
from adapters.postgres.restores import PostgresRestores
from adapters.postgres.retention import PostgresRetention
from adapters.postgres.reveals import PostgresReveals
from adapters.postgres.schema_uses import PostgresSchemaUses
from adapters.postgres.server import refuse_unsafe
from adapters.postgres.suspects import PostgresSuspects
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.consuming import RabbitConsuming
from adapters.rabbitmq.keepsakes import RabbitKeepsakes
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Report
from adapters.rabbitmq.topology import topology
from gateway import telemetry
from gateway.app_systems import systems
from gateway.app_tokens import signed_tokens
from gateway.backoff import Backoff
from gateway.bindings.importing import Importing
from gateway.garbage import spare_the_long_lived
from gateway.hangup import Hangup
from gateway.http.acts import Acts
from gateway.http.api import Operators
from gateway.http.api_keys import ApiKeyActs
from gateway.http.approvals import SecondPerson
from gateway.http.audit import AuditViews
from gateway.http.bindings import BindingActs
from gateway.http.case_acts import CaseActing
from gateway.http.cases import CaseViews
from gateway.http.entities import EntityViews
from gateway.http.kpis import KpiViews
from gateway.http.letter_acts import LetterActs
from gateway.http.mappings import Mappings
from gateway.http.message_acts import MessageActing
from gateway.http.message_payloads import MessagePayloads
from gateway.http.pauses import Pausing
from gateway.http.readings import Readings
from gateway.http.reconciliations import Reconciliations
from gateway.http.replays import ReplayRoutes
from gateway.http.restores import RestoreActs
from gateway.http.schemas import SchemaViews
from gateway.http.scopes import Scopes
from gateway.http.servers import serve_http
from gateway.http.systems import Systems
from gateway.http.trials import Trials
from gateway.ids import time_ordered_id
from gateway.intakes.routes import bindings
from gateway.metrics import Counts
from gateway.policy_disk import PolicyDisk
from gateway.policy_file import PolicyFile, read_policy
from gateway.recon.parts import ReconPorts
from gateway.recon.repairs import Telling
from gateway.replay.parts import ReplayPorts
from gateway.runtime import Counting, Ports, Runtime, Sources, Tuning, Upkeep
from gateway.settings import Settings
from gateway.starting import Patience


class _Closes(Protocol):
    async def close(self) -> None: ...


Client = TypeVar("Client", bound=_Closes)


def the_topology(policy: PolicyFile | None = None) -> Topology:
    """All that must stand in the broker; with the routing keys of the policy's intakes."""
    return topology(tuple(ACTORS), {} if policy is None else bindings(policy.intakes))


async def serve(settings: Settings) -> bool:
    """Run until SIGTERM or SIGINT, then drain; whether everything in flight was finished.

    Waits for a database and a broker that are away; the probes answer meanwhile. Raises what the start refuses with:
    `PolicyInvalid`, `ServerUnsafe`, `SchemaBehind`, `TopologyDiffers`, `SettingsInvalid` for the token file, OSError
    for an address that cannot be had.
    """
    policy = read_policy(settings.policy)
    spare_the_long_lived()
    counts = Counts(version("tallystick"))
    async with ports(settings, policy, *rabbit(settings)) as outside:
        runtime = Runtime(
            outside, ACTORS, policy, Sources(lambda: datetime.now(UTC), time_ordered_id), counts,
            Tuning(prefetch=settings.prefetch, silent_seconds=settings.silent_seconds),
            texts=PolicyDisk(settings.policy),
        )  # fmt: skip
        async with listening(settings, runtime, outside, counts):
            try:
                await _signalled(runtime, _start(settings, policy, runtime))
            except Exception:
                await runtime.drain(0)
                raise
            telemetry.draining()
            clean = await runtime.drain(settings.grace_seconds) and runtime.health.alive.ok
    telemetry.stopped(clean=clean)
    return clean


async def _start(settings: Settings, policy: PolicyFile, runtime: Runtime) -> None:
    """Wait for what is not there yet, then start."""
    runtime.begin()
    patience = Patience(Backoff(longest=5.0))
    await patience.until_done("postgresql", lambda: _refuse(settings.database_url))
    await patience.until_done("rabbitmq", lambda: declare(settings.amqp_url, policy))
    await runtime.start()
    telemetry.started(version("tallystick"), runtime.instance, str(settings.policy))


async def _refuse(database_url: str) -> None:
    """Raise what is wrong with the database: that it is away, or what only a person mends."""
    await refuse_unsafe(database_url)
    await check(database_url)


async def declare(amqp_url: str, policy: PolicyFile | None = None) -> None:
    """Declare the topology, with the routing keys of the policy's intakes; idempotent.

    Raises `TopologyDiffers` or `BrokerUnavailable`.
    """
    administration = RabbitAdministration(amqp_url)
    try:
        await administration.apply(the_topology(policy))
    finally:
        await administration.close()


def rabbit(settings: Settings) -> tuple[Consuming, Publishing, Keepsakes]:
    """Connections to consume on and to publish on, which come up by themselves, and one to read what is kept."""
    publishing = RabbitPublishing(settings.amqp_url, report=_report)
    publishing.start()
    consuming = RabbitConsuming(settings.amqp_url, report=_report, most_bytes=settings.unacked_bytes)
    return consuming, publishing, RabbitKeepsakes(settings.amqp_url)


@asynccontextmanager
async def ports(
    settings: Settings, policy: PolicyFile, consuming: Consuming, publishing: Publishing, keepsakes: Keepsakes
) -> AsyncIterator[Ports]:
    """The concrete adapters around a broker, all closed at the end, the broker first."""
    url, remembered = settings.database_url, Remembered()
    async with AsyncExitStack() as closing:

        def closed(client: Client) -> Client:
            closing.push_async_callback(client.close)
            return client

        adapters = {name: closed(system) for name, system in systems(policy).items()}
        yield Ports(
            commits=[closed(PostgresCommits(url, settings.commit_seconds)) for _ in range(settings.committers)],
            lanes=closed(PostgresLanes(url)),
            acts=closed(PostgresLaneActs(url)),
            pauses=closed(PostgresPauses(url)),
            outbox=closed(PostgresOutbox(url, remembered)),
            overdue=closed(PostgresOverdue(url)),
            cases=closed(PostgresCases(url)),
            notices=closed(PostgresNotices(url)),
            dead_letters=closed(PostgresDeadLetters(url)),
            suspects=closed(PostgresSuspects(url)),
            looks=closed(PostgresLooks(url)),
            entities=closed(PostgresEntities(url)),
            reads=closed(PostgresReads(url)),
            gates=closed(PostgresGates(url)),
            systems=adapters,
            inspected=adapters,
            consuming=closed(consuming),
            publishing=closed(publishing),
            upkeep=Upkeep(closed(PostgresRestores(url)), closed(PostgresRetention(url)), closed(keepsakes), remembered),
            policies=closed(PostgresPolicies(url)),
            unmapped=closed(PostgresUnmapped(url)),
            reconciliation=ReconPorts(
                closed(PostgresRuns(url)),
                closed(PostgresRunWork(url)),
                closed(PostgresHoldings(url)),
                closed(PostgresPlans(url)),
                closed(PostgresGates(url)),
            ),
            counting=Counting(closed(PostgresBooks(url)), closed(PostgresKpis(url))),
            sealing=closed(PostgresSealing(url)),
            schema_uses=closed(PostgresSchemaUses(url)),
            replays=_replay_ports(
                closed(PostgresReplayWork(url)), closed(PostgresCommits(url, settings.commit_seconds))
            ),
        )


def _replay_ports(work: PostgresReplayWork, rows: PostgresCommits) -> ReplayPorts:
    """One of its connections holds the lock of the one that works."""
    return ReplayPorts(work, work, rows)


@asynccontextmanager
async def listening(settings: Settings, runtime: Runtime, outside: Ports, counts: Counts) -> AsyncIterator[None]:
    """Both listeners, for as long as the block runs."""
    acts, pausing = Acts(outside.acts, runtime.look_at), Pausing(outside.pauses, runtime.pauses.hint)
    restores = PostgresRestores(settings.database_url)
    # Not the reminder's: whoever asks for metrics would wait until its look at a large backlog has ended.
    overdue = PostgresOverdue(settings.database_url)
    readers = PostgresReaders(settings.database_url)
    readings = Readings(readers, runtime.read_systems)
    systems = Systems(
        outside.gates, overdue, restores, readings, runtime.gates, runtime.look_at_system, outside.inspected
    )
    approvals = PostgresApprovals(settings.database_url)
    second_person = SecondPerson(approvals, runtime.policies.four_eyes)
    letters = LetterActs(outside.dead_letters, runtime.readmission, second_person)
    mappings = Mappings(runtime.policies, second_person)
    # Each has connections of its own: what is shown, however slowly, never keeps what is done waiting.
    entities = PostgresEntities(settings.database_url)
    cases, acted_on = PostgresCases(settings.database_url), PostgresCases(settings.database_url)
    bindings, imported = PostgresBindings(settings.database_url), PostgresBindings(settings.database_url)
    kpis, audit = PostgresKpis(settings.database_url), PostgresAudit(settings.database_url)
    reveals = PostgresReveals(settings.database_url)
    acting = CaseActing(acted_on, acted_on, outside.acts, runtime.people, runtime.look_at)
    importing = Importing(imported, runtime.inner, time_ordered_id)
    imports = BindingActs(bindings, importing, runtime.policies.named, second_person)
    rows = PostgresCommits(settings.database_url, settings.commit_seconds)
    trials = Trials(runtime.trial(rows, entities), runtime.policies.hash)
    runs, plans = PostgresRuns(settings.database_url), PostgresPlans(settings.database_url)
    reconciliations = _reconciliations(runtime, outside, runs, plans)
    keys, uses = PostgresApiKeys(settings.database_url), PostgresSchemaUses(settings.database_url)
    replays, messages = PostgresReplays(settings.database_url), PostgresMessageActs(settings.database_url)
    replaying = ReplayRoutes(
        replays,
        second_person,
        lambda: None if runtime.replayer is None else runtime.replayer.hint(),
        runtime.policies.hash,
        outside.systems,
        sent_days=runtime.policies.sent_days,
    )
    operators = Operators(
        Scopes(entities, cases, outside.reads), acts, pausing, systems, letters, RestoreActs(restores),
        EntityViews(entities, outside.reads, reveals), mappings, CaseViews(cases), acting, imports, trials,
        reconciliations, KpiViews(kpis, runtime.policies.objectives), AuditViews(audit), MessagePayloads(reveals),
        second_person, replaying, MessageActing(messages, trials, runtime.look_at), ApiKeyActs(keys), SchemaViews(uses),
    )  # fmt: skip
    try:
        async with (
            signed_tokens(settings) as tokens,
            serve_http(settings, runtime.health, counts, outside.reads, restores, operators, tokens, keys),
        ):
            yield
    finally:
        shown = (
            entities, cases, acted_on, bindings, imported, rows, runs, plans, kpis, audit, reveals, approvals, replays,
            messages, keys, uses,
        )  # fmt: skip
        for each in shown:
            await each.close()
        await readers.close()
        await overdue.close()
        await restores.close()


def _reconciliations(runtime: Runtime, outside: Ports, runs: PostgresRuns, plans: PostgresPlans) -> Reconciliations:
    """What operators do about reconciliations, over connections of its own."""
    made = runtime.reconciliation
    telling = Telling(runtime.inner)
    if made is None:
        return Reconciliations(runs, plans, telling, outside.systems, (), outside.gates, lambda: None)
    return Reconciliations(runs, plans, telling, outside.systems, made.readable, outside.gates, made.reconciler.hint)


async def _signalled(runtime: Runtime, start: Coroutine[None, None, None]) -> None:
    """Start, and wait for a signal, or for the end of a task that should never end. Raises what the start refuses."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    starting = asyncio.create_task(start, name="start")
    hangup = Hangup(runtime.policies)
    loop.add_signal_handler(signal.SIGHUP, hangup)
    waits = [asyncio.create_task(asked.wait()), asyncio.create_task(runtime.ended())]
    try:
        await asyncio.wait([starting, *waits], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (starting, *waits):
            each.cancel()
        await asyncio.gather(starting, *waits, return_exceptions=True)


def _report(report: Report) -> None:
    telemetry.broker_changed(report.change, f"{report.subject}: {report.reason}")

"""Both listeners on real sockets over PostgreSQL, and what tests ask of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import orjson
from yarl import URL

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.memory.store import MemoryStore
from adapters.ports.audit import Audit, Sealing
from adapters.ports.bindings import External
from adapters.ports.entities import Entities
from adapters.ports.inspection import Inspects
from adapters.ports.letters import DeadLetter, DeadLetters
from adapters.ports.recon import RunWork
from adapters.ports.recon_plans import Plan, Plans
from adapters.ports.store import Commits
from adapters.ports.turns import Answer, Committed, Lane, Message, Opened, Turn
from adapters.postgres.api_keys import PostgresApiKeys
from adapters.postgres.approvals import PostgresApprovals
from adapters.postgres.audit import PostgresAudit, PostgresSealing
from adapters.postgres.bindings import PostgresBindings
from adapters.postgres.cases import PostgresCases
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.gates import PostgresGates
from adapters.postgres.kpis import PostgresKpis
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.message_acts import PostgresMessageActs
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.pauses import PostgresPauses
from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.positions import PostgresReaders
from adapters.postgres.reads import PostgresReads
from adapters.postgres.recon import PostgresRuns, PostgresRunWork
from adapters.postgres.recon_plans import PostgresPlans
from adapters.postgres.replay_work import PostgresReplayWork
from adapters.postgres.replays import PostgresReplays
from adapters.postgres.restores import PostgresRestores
from adapters.postgres.reveals import PostgresReveals
from adapters.postgres.schema_uses import PostgresSchemaUses
from gateway.activation import Entry
from gateway.activations import Bounds
from gateway.backoff import Backoff
from gateway.bindings.importing import Importing
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.door import Door
from gateway.four_eyes import FourEyes
from gateway.gate import SystemGate
from gateway.gate_policy import GatePolicy
from gateway.health import Health
from gateway.http.acts import Acts
from gateway.http.api import Operators
from gateway.http.api_keys import ApiKeyActs
from gateway.http.approvals import SecondPerson
from gateway.http.audit import AuditViews
from gateway.http.bindings import BindingActs
from gateway.http.case_acts import CaseActing, People, Told
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
from gateway.http.servers import Addresses, serve_http
from gateway.http.systems import Systems
from gateway.http.tokens import Tokens
from gateway.http.trials import Trials
from gateway.ids import time_ordered_id
from gateway.inner import InnerEvent
from gateway.metrics import Counts
from gateway.policies import PolicyBook
from gateway.policy_file import PolicyFile, parse_policy
from gateway.readmission import Readmission
from gateway.references import References
from gateway.settings import Settings
from gateway.source_policy import Source
from gateway.suspicion import Suspicion
from gateway.trial import Trial
from gateway.world import World
from schemas.acts import Acted
from schemas.bound import Bound
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from schemas.vocabulary import VOCABULARY
from tests.contracts.turns import applied, batch, message, queued
from tests.gateway.deliveries import USER
from tests.gateway.http.fitting import misfit
from tests.gateway.inspecting import Answers, inspection
from tests.gateway.recon.books import Books

TOKEN: Final = "a-token-for-one-test"
SOURCES: Final = {"urn:psa": Source(users=(USER,), types=("timesheet.*",))}
BODY: Final = b'{"secret": "body"}'
FAILURE: Final = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile", "tax_profile")

NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A Saturday."""
EXAMPLE: Final = (Path(__file__).parents[3] / "examples" / "policy.yaml").read_text()
MOST_REPLAYED: Final = 5
"""Messages of one plan."""
SYSTEMS: Final = {"erp": Books(), "crm": Books(name="crm")}
GATES: Final = {
    "erp": SystemGate(GatePolicy(rate_per_second=2, daily_quota=100), 16, lambda: datetime.now(UTC)),
    "crm": SystemGate(GatePolicy(windows=("mon-fri 08:00-18:00",)), 4, lambda: NOON),
}


class Nobody:
    """No key takes acts."""

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> Told:
        raise LookupError(f"{key.entity} takes no act on {acted.topic} ({id})")


NOBODY: Final = Nobody()
TWO_EYES: Final = FourEyes()
"""Nothing needs a second person."""


@dataclass(frozen=True, slots=True)
class PlansTold:
    """Plans that were told to their entities."""

    plans: list[Plan] = field(default_factory=list)

    async def tell(self, plan: Plan) -> None:
        self.plans.append(plan)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> dict[str, object]:
        """The object that it holds."""
        value = orjson.loads(self.content)
        assert isinstance(value, dict)
        return value

    @property
    def items(self) -> list[dict[str, object]]:
        """The rows of a list."""
        rows = self.json["items"]
        assert isinstance(rows, list)
        return rows

    @property
    def detail(self) -> str:
        """What a problem says, after a look at its form."""
        assert self.headers["Content-Type"] == "application/problem+json"
        members = self.json
        assert set(members) == {"type", "title", "status", "detail", "instance"}
        assert members["status"] == self.status
        return str(members["detail"])


@dataclass(slots=True)
class Texts:
    """The policy file of the process: `text` is what stands in it now."""

    text: str = EXAMPLE

    async def read(self) -> PolicyFile:
        return parse_policy(self.text, "policy.yaml")

    async def parse(self, text: str, name: str) -> PolicyFile:
        return parse_policy(text, name)


@dataclass(slots=True)
class Stand:
    """A gateway's listeners without the rest of it. `looked_at`: the keys that it was told to go on with."""

    session: aiohttp.ClientSession
    addresses: Addresses
    health: Health
    commits: PostgresCommits
    dead_letters: PostgresDeadLetters
    outbox: PostgresOutbox
    overdue: PostgresOverdue
    book: PolicyBook
    texts: Texts
    looked_at: list[ActorKey] = field(default_factory=list)
    hints: list[None] = field(default_factory=list)
    """One for each change of a pause."""
    systems_looked_at: list[str] = field(default_factory=list)
    audit: Audit = field(kw_only=True)
    sealing: Sealing = field(kw_only=True)
    work: RunWork = field(kw_only=True)
    plans: Plans = field(kw_only=True)
    told_plans: PlansTold = field(kw_only=True)
    replay_work: PostgresReplayWork = field(kw_only=True)
    in_force: list[str] = field(kw_only=True)
    """The policy that replays find in force."""
    inspected: dict[str, Inspects] = field(kw_only=True)
    """Systems as they are asked about themselves."""

    async def ops(self, path: str, **headers: str) -> Page:
        """GET on the operations listener."""
        return await self._ask("GET", f"{self.addresses.operations}{path}", headers, None)

    async def get(self, path: str) -> Page:
        """GET on the API, with the token."""
        return await self.api("GET", path, Authorization=f"Bearer {TOKEN}")

    async def post(self, path: str, body: object) -> Page:
        """POST of JSON on the API, with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        return await self._ask("POST", f"{self.addresses.api}{path}", headers, orjson.dumps(body))

    async def asked_by(self, token: str, method: str, path: str, body: object = None, /, **headers: str) -> Page:
        """A request of somebody with another token; a body goes out as JSON."""
        written = None if body is None else orjson.dumps(body)
        return await self.api(
            method, path, written, Authorization=f"Bearer {token}", Content_Type="application/json", **headers
        )

    async def api(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Page:
        """Any request on the API; `_` in a header's name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self._ask(method, f"{self.addresses.api}{path}", named, body)

    async def park(self, key: ActorKey, *messages: Message, failure: Failure = FAILURE) -> None:
        """Put messages into the lane of `key`, the first of them parked with a case."""
        turn = queued((await self.commits.load([key]))[key], *messages)
        first = turn.judged[0]
        turn.judged[0] = type(first)(first.message, Verdict.PARKED, 0, position=first.position, reason=failure.reason)
        turn.lane = Lane(LaneState.PARKED, turn.lane.depth, turn.lane.tail, failure.reason)
        turn.opened.append(Opened(Case(failure), messages[0].ref))
        await self.commit(turn)

    async def commit(self, *turns: Turn) -> list[Answer]:
        """Commit turns."""
        return await self.commits.commit(batch(*turns))

    async def row(self, key: ActorKey) -> Lane:
        """The lane of `key` as the store has it."""
        return (await self.commits.load([key]))[key].lane

    async def bury(self, *names: str) -> None:
        """Make a dead letter of each name, one after the other."""
        for name in names:
            letter = DeadLetter(
                name.encode(), "tallystick.timesheet", "timesheet.approved", FailureClass.SCHEMA, "not_json",
                "the body is not valid JSON", "application/json", {}, BODY,
            )  # fmt: skip
            await self.dead_letters.bury([letter])

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Page:
        # `encoded`: the path goes out as the test has written it.
        async with self.session.request(method, URL(url, encoded=True), headers=headers, data=body) as answer:
            content = await answer.read()
        told = misfit(method, url, answer.status, answer.headers, content)
        assert told is None, f"{method} {url}: {told}"
        return Page(answer.status, answer.headers, content)


@asynccontextmanager
async def listening(
    url: str,
    token_file: Path | None,
    *,
    patience: float = 5.0,
    callers_file: Path | None = None,
    people: People = NOBODY,
    tokens: Tokens | None = None,
    four_eyes: FourEyes = TWO_EYES,
    rate: float = 100_000,
) -> AsyncIterator[Stand]:
    """Both listeners over the database at `url`, with a health that asks it; `patience` is for one read."""
    reads, acts, pauses = PostgresReads(url, timeout=patience), PostgresLaneActs(url), PostgresPauses(url)
    restores, cases = PostgresRestores(url), PostgresCases(url)
    commits, dead_letters = PostgresCommits(url), PostgresDeadLetters(url)
    outbox, gates, overdue = PostgresOutbox(url), PostgresGates(url), PostgresOverdue(url)
    systems_looked_at: list[str] = []
    readers, entities = PostgresReaders(url), PostgresEntities(url)
    bindings, kpis, audit = PostgresBindings(url), PostgresKpis(url), PostgresAudit(url)
    reveals, sealing = PostgresReveals(url), PostgresSealing(url)
    runs, plans, work = PostgresRuns(url), PostgresPlans(url), PostgresRunWork(url)
    keys, uses = PostgresApiKeys(url), PostgresSchemaUses(url)
    replays, replay_work = PostgresReplays(url), PostgresReplayWork(url)
    message_acts = PostgresMessageActs(url)
    importing = Importing(bindings, Customers(commits), time_ordered_id)
    inspected: dict[str, Inspects] = {name: Answers(inspection()) for name in GATES}
    readings = Readings(readers, ["crm"])
    systems = Systems(gates, overdue, restores, readings, GATES, systems_looked_at.append, inspected)
    broker = MemoryBroker()
    health = Health(reads, MemoryPublishing(broker))
    looked_at: list[ActorKey] = []
    hints: list[None] = []
    told_plans, in_force = PlansTold(), ["p"]
    policies, texts = PostgresPolicies(url), Texts()
    book = PolicyBook(parse_policy(texts.text, "policy.yaml"), policies, Backoff(), texts)
    approvals = PostgresApprovals(url)
    second_person = SecondPerson(approvals, lambda: four_eyes)
    trials = Trials(trial(commits, entities), lambda: "a-policy")
    settings = Settings(
        database_url=url, amqp_url="", policy=Path(), api_bind="127.0.0.1:0", ops_bind="127.0.0.1:0",
        api_token_file=token_file, callers_file=callers_file, api_rate=rate,
    )  # fmt: skip
    tasks = [asyncio.create_task(health.run(), name="health")]
    try:
        again = readmission(dead_letters)
        tasks.append(asyncio.create_task(again.run(), name="readmission"))
        async with (
            serve_http(
                settings,
                health,
                Counts("1.2.3"),
                reads,
                restores,
                Operators(
                    Scopes(entities, cases, reads),
                    Acts(acts, looked_at.append),
                    Pausing(pauses, lambda: hints.append(None)),
                    systems,
                    LetterActs(dead_letters, again, second_person),
                    RestoreActs(restores),
                    EntityViews(entities, reads, reveals),
                    Mappings(book, second_person),
                    CaseViews(cases),
                    CaseActing(cases, cases, acts, people, looked_at.append),
                    BindingActs(bindings, importing, lambda: (("erp", "crm"), {"US01": ("erp",)}), second_person),
                    trials,
                    Reconciliations(runs, plans, told_plans, SYSTEMS, ("erp",), gates, lambda: hints.append(None)),
                    KpiViews(kpis, book.objectives),
                    AuditViews(audit),
                    MessagePayloads(reveals),
                    second_person,
                    ReplayRoutes(
                        replays,
                        second_person,
                        lambda: hints.append(None),
                        lambda: in_force[0],
                        {"erp"},
                        sent_days=36_500,
                        most=MOST_REPLAYED,
                    ),
                    MessageActing(message_acts, trials, looked_at.append),
                    ApiKeyActs(keys),
                    SchemaViews(uses),
                ),
                tokens,
                keys,
            ) as addresses,  # fmt: skip
            aiohttp.ClientSession() as session,
        ):
            consuming = MemoryConsuming(broker, on_error=_raise)
            health.consuming(await consuming.subscribe([], prefetch=1, on_delivery=lambda _: None))
            yield Stand(
                session, addresses, health, commits, dead_letters, outbox, overdue, book, texts, looked_at, hints,
                systems_looked_at, audit=audit, sealing=sealing, work=work, plans=plans, told_plans=told_plans,
                replay_work=replay_work, in_force=in_force, inspected=inspected,
            )  # fmt: skip
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stores = (
            reads, acts, pauses, restores, commits, dead_letters, outbox, overdue, gates, readers, entities, policies,
            cases, bindings, runs, plans, work, kpis, audit, reveals, sealing, approvals, replays, replay_work,
            message_acts, keys, uses,
        )  # fmt: skip
        for store in stores:
            await store.close()


@dataclass(frozen=True, slots=True)
class Customers:
    """Does what a customer's actor does of an import, and no more."""

    commits: Commits

    async def deliver(self, event: InnerEvent) -> None:
        """Take the id."""
        data = event.data
        assert isinstance(data, Bound)
        turn = applied((await self.commits.load([event.key]))[event.key], message(event.id))
        record = {"legal_entity": data.legal_entity, "system": data.system, "external_id": data.external_id}
        turn.state = orjson.dumps({"records": [record]})
        turn.binds.append(External(data.system, data.kind, data.external_id).key)
        assert await self.commits.commit(batch(turn)) == [Committed()]


def trial(commits: Commits, entities: Entities) -> Trial:
    """Tries events under the example's policy."""
    file = parse_policy(EXAMPLE, "policy.yaml")
    world = World(
        ACTORS, References(ACTORS, capacity=1), lambda message: VOCABULARY.decode_stored(message.body),
        lambda: datetime.now(UTC), time_ordered_id, lambda: file.policy, lambda: file.rules, lambda: (),
        file.retry_rules.next_try(lambda: 0.5), Bounds(),
    )  # fmt: skip
    return Trial(Door(lambda: SOURCES, time_ordered_id), lambda: SOURCES, world, commits, entities)


class Durable(Bus):
    """A bus whose messages are durable at once."""

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        entry.receipt.ack()


def readmission(letters: DeadLetters) -> Readmission:
    """What retries dead letters, with nothing but a door behind it."""
    door, bus = Door(lambda: SOURCES, time_ordered_id), Durable()
    burial = Burial(letters, Backoff())
    suspicion = Suspicion(MemoryStore(time.monotonic).clients().suspects, bus, burial, Backoff(), lambda *_: None)
    return Readmission(letters, door, bus, suspicion, Backoff())


def _raise(_: str, error: Exception) -> None:
    raise error


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Return as soon as `is_so`; fails the test when it has not become so in `seconds`."""
    async with asyncio.timeout(seconds):
        while not await is_so():  # noqa: ASYNC110  # nothing of another process sets an event here
            await asyncio.sleep(0.02)

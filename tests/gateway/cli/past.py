"""A firm's past for the tests of the preview: mixed events, and the runtime on PostgreSQL that decides them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import asyncpg

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from adapters.ports.history import GivenId, PastMessage
from adapters.sandbox.bodies import BODIES
from adapters.sandbox.books import Books, Written
from adapters.sandbox.operations import Role
from adapters.sandbox.settings import SandboxSettings
from gateway.app import ports
from gateway.cli.preview.obliging import KnownIds, Obliging
from gateway.cli.preview.played import Played
from gateway.cli.preview.replayed import Hand, replayed, said_inside
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile, parse_policy
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import Settings
from schemas.codec import encode
from schemas.commands import Command, Confirmed
from schemas.envelope import Attributes
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.registry import EVENTS
from schemas.values import Reference
from schemas.verdicts import Verdict
from tests.actors.firm import approved, corrected, credit, customer, deal, line, part

CRM, PSA, FINANCE = "urn:crm", "urn:psa", "urn:finance"
BEGAN: Final = datetime(2026, 3, 6, 8, 0, tzinfo=UTC)
POLICY: Final = """\
legal_entities:
  DE01: {currency: EUR, tax_codes: {standard: D19}}
  US01: {currency: USD, tax_codes: {standard: US0}}
service_lines: [advisory]
sources:
  urn:crm: {users: [crm], types: ["customer.*", "project.*"], system: crm}
  urn:psa: {users: [psa], types: ["timesheet.*"], system: psa}
  urn:finance: {users: [finance], types: [customer.credit_changed]}
systems:
  erp: {url: "http://127.0.0.1:1", token: x, operations: {
    customer.put: {path: /c, look_up: true}, project.create: {path: /p, look_up: true},
    contract.put: {path: /k, look_up: true},
    billable.post: {path: /b, look_up: true}, billable.reverse: {path: /r, look_up: true}}}
  north: {url: "http://127.0.0.1:2", token: x, operations: {
    customer.put: {path: /c, look_up: true}, project.create: {path: /p, look_up: true},
    contract.put: {path: /k, look_up: true},
    billable.post: {path: /b, look_up: true}, billable.reverse: {path: /r, look_up: true}}}
  psa: {url: "http://127.0.0.1:3", token: x, operations: {project.put: {path: /p, look_up: true}}}
  crm: {url: "http://127.0.0.1:4", token: x, operations: {project.link: {path: /l, look_up: true}}}
"""
CHANGED: Final = (
    POLICY.replace("US01: {currency: USD,", "US01: {currency: USD, erp: north,")
    .replace("  DE01:", "  NO01: {currency: NOK, tax_codes: {standard: N25}, flows: {time: shadow}}\n  DE01:")
    .replace("{standard: D19}", "{standard: D20, reduced: D7}")
    .replace("service_lines: [advisory]", "service_lines: [advisory, audit]")
)
"""A region more, another ERP for one, another tax code, a service line more, and a flow in shadow."""


def policy(text: str) -> PolicyFile:
    return parse_policy(text, "policy.yaml")


def past(count: int, seed: int = 1) -> list[PastMessage]:
    """So many mixed messages in the order in which they came: customers, deals, sheets, and what is wrong with some."""
    chance = Random(seed)
    return [
        came(number, source, key, data)
        for number, (source, key, data) in zip(range(count), _facts(chance), strict=False)
    ]


def _facts(chance: Random) -> Iterator[tuple[str, ActorKey, Record]]:
    projects: list[tuple[int, str, str]] = []
    sheets: dict[int, tuple[int, int]] = {}
    for number in range(10**9):
        entity, currency = chance.choice([("DE01", "EUR"), ("DE01", "EUR"), ("US01", "USD"), ("NO01", "NOK")])
        who = ActorKey("customer", f"C-{chance.randrange(number // 20 + 1)}")
        match chance.choices(["customer", "hold", "deal", "sheet", "correction"], [4, 1, 2, 8, 2])[0]:
            case "customer":
                profile = chance.choice(["standard", "standard", "standard", "reduced"])
                others = [entity] if chance.random() < 0.7 else ["DE01", "US01"]
                yield CRM, who, customer(*others, tax_profile=profile, name=f"N{number}")
            case "hold":
                yield FINANCE, who, credit(on_hold=chance.random() < 0.3)
            case "deal":
                line_of_service = chance.choice(["advisory", "advisory", "audit"])
                billed = part(entity, service_line=line_of_service, currency=currency)
                signed = billed.contract.model_copy(update={"reference": f"SOW-{number}"})
                sold = deal(billed.model_copy(update={"contract": signed}))
                projects.append((number, entity, currency))
                reference = Reference(id=who.id)
                yield (
                    CRM,
                    ActorKey("project", f"P-{number}"),
                    sold.model_copy(update={"customer": reference, "opportunity_id": f"O-{number}"}),
                )
            case "sheet" if projects:
                project, code, money = chance.choice(projects)
                theirs = Reference(system="psa", external_id=f"psa-P-{project}")
                reference = chance.choice([Reference(id=f"P-{project}"), theirs])
                sheets[number] = (project, 1)
                work = approved(
                    line("1", "7.50"), line("2", "1.25"), project=reference, legal_entity=code, currency=money
                )
                yield PSA, ActorKey("timesheet", f"T-{number}"), work
            case "correction" if sheets:
                sheet = chance.choice(list(sheets))
                project, revision = sheets[sheet]
                sheets[sheet] = (project, revision + 1)
                better = corrected(line("1", "6"), corrects=revision)
                yield (
                    PSA,
                    ActorKey("timesheet", f"T-{sheet}"),
                    better.model_copy(update={"project": Reference(id=f"P-{project}")}),
                )


def came(number: int, source: str, key: ActorKey, data: Record) -> PastMessage:
    """A message as it came, the `number`-th of all."""
    names = [name for name in EVENTS.names if EVENTS.latest(name).model is type(data)]
    name = next((name for name in names if name.startswith(f"{key.entity}.")), names[0])
    at = BEGAN + timedelta(seconds=number)
    body = encode(Attributes(source, f"e{number}", EVENTS.latest(name).type, key.id, time=at), data)
    return PastMessage(time_ordered_id(), key, body, at)


class Real(Obliging):
    """A system as it was: it gave ids of its own."""

    async def send(self, command: Command) -> Confirmed:
        self.asked.append(command)
        own = command.id if command.operation.startswith("billable") else command.key.id
        return Confirmed(f"{self.name}-{own}")


class Kept(Obliging):
    """A system with the books of a sandbox: it makes ids of its own, one for each record, and takes nothing unknown."""

    def __init__(self, name: str, taken: Collection[str], projects: Mapping[str, str]) -> None:
        super().__init__(name, taken, KnownIds(()))
        self._books = Books(SandboxSettings(Role.ERP, "token"))
        for project, currency in projects.items():
            self._books.record("project.create", project, "", currency)

    async def send(self, command: Command) -> Confirmed:
        self.asked.append(command)
        entry = self._books.check(BODIES[command.operation].model_validate_json(command.body), len(self.asked))
        assert isinstance(entry, Written), entry
        self._books.record(command.operation, entry.external_id, command.reference, entry.currency)
        return Confirmed(entry.external_id)


@dataclass
class Live:
    """The runtime on a database, whose systems do what they are asked, with ids that are known or their own.

    `kept`: the systems keep books instead, in which these projects, with their currency, stand from before.
    """

    url: str
    policy: PolicyFile
    given: Sequence[GivenId] | None = None
    kept: Mapping[str, str] | None = None
    hand: Hand = field(default_factory=Hand)
    time: datetime = BEGAN

    async def take(self, messages: Sequence[PastMessage]) -> Played:
        """Take each message once nothing goes on by itself, and tell what became of all of them."""
        systems = {name: self._system(name, entry.taken) for name, entry in self.policy.systems.items()}
        sources = Sources(lambda: self.time, time_ordered_id)
        broker = MemoryBroker()
        publishing, keepsakes = MemoryPublishing(broker), MemoryKeepsakes(broker)
        settings = Settings(database_url=self.url, amqp_url="", policy=Path())
        connection = await asyncpg.connect(self.url)
        try:
            async with ports(settings, self.policy, self.hand, publishing, keepsakes) as outside:
                # What is retried for a new policy, and when, is no matter of messages alone.
                inside = replace(outside, systems=systems, upkeep=None, unmapped=None)
                runtime = Runtime(inside, ACTORS, self.policy, sources, Counts("test"), Tuning(notices=False))
                await runtime.start()
                assert self.hand.on_delivery is not None
                for message in messages:
                    delivery = replayed(message, self.policy.sources)
                    self.time = message.received_at
                    said = said_inside(message, runtime.inner.vocabulary)
                    if said is None:
                        self.hand.on_delivery(delivery)
                    else:
                        await runtime.inner.deliver(said)
                        delivery.ack()
                    async with asyncio.timeout(30):
                        while not delivery.is_done or await _goes_on(connection, list(runtime.gates)):  # noqa: ASYNC110
                            await asyncio.sleep(0.001)
                assert await runtime.drain(30)
            return await _outcome(connection, systems.values())
        finally:
            await connection.close()

    def _system(self, name: str, taken: Collection[str]) -> Obliging:
        if self.kept is not None:
            return Kept(name, taken, self.kept)
        made = Real if self.given is None else Obliging
        return made(name, taken, KnownIds(self.given or ()))


_GOES_ON: Final = """
    SELECT EXISTS (SELECT FROM tallystick.wake)
        OR EXISTS (SELECT FROM tallystick.outbox WHERE state = 'open' AND system = ANY ($1::text[]))
        OR EXISTS (SELECT FROM tallystick.entity WHERE lane_depth > 0 AND lane_state IN ('open', 'backoff'))
"""
_OPEN: Final = "SELECT * FROM tallystick.outbox"
_MESSAGES: Final = """
    SELECT i.entity, i.key, i.type, i.source, i.event_id, i.verdict, i.reason,
           (SELECT c.code FROM tallystick.cases c WHERE c.ref = i.ref AND c.topic IS NULL
            ORDER BY c.id DESC LIMIT 1) AS code
    FROM tallystick.inbox i ORDER BY i.ref
"""


async def _goes_on(connection: asyncpg.Connection[asyncpg.Record], systems: Sequence[str]) -> bool:
    return bool(await connection.fetchval(_GOES_ON, systems))


async def _outcome(connection: asyncpg.Connection[asyncpg.Record], systems: Iterable[Obliging]) -> Played:
    played = Played()
    for row in await connection.fetch(_MESSAGES):
        name = f"{row['type']} {row['source']} {row['event_id']}"
        key = ActorKey(row["entity"], row["key"])
        played.message(key, name, Verdict(row["verdict"]), row["reason"], row["code"])
    for system in systems:
        for command in system.asked:
            played.command(command)
    for row in await connection.fetch(_OPEN):
        key = ActorKey(row["entity"], row["key"])
        identity = (row["id"], row["system"], row["operation"], key, row["line"], row["generation"])
        played.command(Command(*identity, row["body"], row["reference"]), is_open=True)
    return played

"""The systems that take part in the contract suite for systems, and what it needs of each.

To join, add an `Entrant` to `ENTRANTS`: what it promises, and how to start it with the means to make it misbehave and
to count its effects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol
from uuid import NAMESPACE_OID, uuid5

import aiohttp
import orjson

from adapters.http.settings import HttpOperation, HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.ports.adapter import Adapter
from adapters.ports.system import Capability
from adapters.sandbox.operations import OPERATIONS, SandboxOperation, operations_of
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from schemas.commands import Command, Confirmed, command_reference
from schemas.keys import ActorKey

TOKEN: Final = "contract-token"
KEY: Final = ActorKey("timesheet", "S/ü 1")
LATE: Final = 0.05
"""Seconds by which a late effect comes late here; far inside every bound."""


class Misbehaviour(Protocol):
    """How a subject is made to go wrong for the next request alone."""

    async def apply_unanswered(self) -> None:
        """It makes the effect, and the answer does not say so."""

    async def apply_late(self) -> None:
        """It loses the connection, and makes the effect `LATE` seconds later."""

    async def fail(self) -> None:
        """It makes no effect, and the answer does not say so."""

    async def ask_to_come_back(self) -> None:
        """It makes no effect and says so, for now."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A running system and one operation of it. `sound` is a body that it accepts, `unsound` one that it refuses.

    `other`: a body with another effect, where the effect is known by its body and not by the command's reference.
    """

    system: Adapter
    operation: str
    sound: bytes
    unsound: bytes
    misbehave: Misbehaviour
    effects: Callable[[], AbstractAsyncContextManager[list[str]]]
    """The names of all effects of the operation, from the system's own records."""
    effect_of: Callable[[Command], str] = lambda command: command.reference
    """The name that the effect of a command has there."""
    other: bytes | None = None
    key: ActorKey = KEY

    @property
    def promise(self) -> Capability:
        return self.system.capability(self.operation)

    def command(self, *, generation: int = 1, body: bytes | None = None) -> Command:
        reference = command_reference(self.key, "L+1", generation)
        return Command(
            id=uuid5(NAMESPACE_OID, f"{self.operation} {reference}"),
            system=self.system.name,
            operation=self.operation,
            key=self.key,
            line="L+1",
            generation=generation,
            body=self.sound if body is None else body,
            reference=reference,
        )

    def another(self) -> Command:
        """A command of the same key whose effect is another one."""
        return self.command(generation=2) if self.other is None else self.command(generation=2, body=self.other)

    async def count(self, command: Command) -> int:
        """How many effects the system has for the command."""
        async with self.effects() as references:
            return references.count(self.effect_of(command))


BODIES: Final[Mapping[str, dict[str, object]]] = MappingProxyType(
    {
        "customer.put": {"customer_id": "A1", "legal_entity": "DE01", "name": "Northwind Advisory", "currency": "EUR"},
        "project.create": {"project_id": "E1", "customer": "C-A1", "legal_entity": "DE01", "currency": "EUR"},
        "billable.post": {
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "1200.50",
            "work_date": "2026-11-02",
        },
        "billable.reverse": {
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "1200.50",
            "work_date": "2026-11-02",
            "reverses": "set-up/2/_/1",
        },
        "expense.post": {
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "84.20",
            "incurred_on": "2026-11-02",
        },
        "expense.reverse": {
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "-84.20",
            "incurred_on": "2026-11-02",
            "reverses": "set-up/2/_/1",
        },
        "cost.post": {"cost_centre": "4100", "legal_entity": "DE01", "incurred_on": "2026-11-02"},
        "cost.reverse": {
            "cost_centre": "4100",
            "legal_entity": "DE01",
            "incurred_on": "2026-11-02",
            "reverses": "set-up/0/_/1",
        },
        "project.put": {"project_id": "E1", "erp_id": "P-E1", "legal_entity": "DE01", "currency": "EUR"},
        "project.link": {"opportunity_id": "O1", "project_id": "E1", "erp_id": "P-E1", "psa_id": "psa-E1"},
        "contract.put": {
            "contract_id": "K1",
            "customer": "C-A1",
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
        },
        "contract.cancel": {"billing_id": "K-K1", "legal_entity": "DE01"},
        "project.cancel": {"erp_id": "P-E1", "legal_entity": "DE01"},
        "project.withdraw": {"psa_id": "psa-E1", "legal_entity": "DE01"},
        "forecast.put": {"forecast_id": "K1", "legal_entity": "DE01", "currency": "EUR"},
        "milestone.put": {"project_id": "E1", "milestone_id": "M1"},
        "assignment.put": {"assignment_id": "E1-7", "project": "P-E1", "legal_entity": "DE01"},
        "delivery.put": {"assignment_id": "E1-7", "project_id": "E1"},
        "milestone.bill": {
            "contract_id": "K1",
            "milestone_id": "M1",
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "12000.00",
        },
        "invoice.post": {
            "invoice_id": "INV-1",
            "customer": "C-A1",
            "project": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "119.00",
        },
        "invoice.put": {"invoice_id": "INV-1", "customer_id": "A1"},
        "receivable.put": {"invoice_id": "INV-1", "project_id": "E1"},
        "workspace.create": {"project_id": "E1", "legal_entity": "DE01"},
        "workspace.archive": {"workspace_id": "W-E1", "legal_entity": "DE01"},
    }
)
UNSOUND: Final[Mapping[str, dict[str, object]]] = MappingProxyType(
    {
        "customer.put": {"legal_entity": "ZZ99"},
        "project.create": {"customer": "C-nobody"},
        "billable.post": {"currency": "CHF"},
        "billable.reverse": {"reverses": "set-up/9/_/1"},
        "expense.post": {"currency": "CHF"},
        "expense.reverse": {"reverses": "set-up/9/_/1"},
        "cost.post": {"cost_centre": ""},
        "cost.reverse": {"reverses": "set-up/9/_/1"},
        "project.put": {"currency": "CHF"},
        "project.link": {"project_id": ""},
        "contract.put": {"customer": "C-nobody"},
        "contract.cancel": {"billing_id": "K-none"},
        "project.cancel": {"erp_id": "P-none"},
        "project.withdraw": {"psa_id": "psa-none"},
        "forecast.put": {"currency": "CHF"},
        "milestone.put": {"milestone_id": ""},
        "assignment.put": {"project": "P-none"},
        "delivery.put": {"assignment_id": ""},
        "milestone.bill": {"project": "P-none"},
        "invoice.post": {"customer": "C-nobody"},
        "invoice.put": {"customer_id": ""},
        "receivable.put": {"project_id": ""},
        "workspace.create": {"legal_entity": "ZZ99"},
        "workspace.archive": {"workspace_id": "W-none"},
    }
)


CHAINS: Final = (
    ("customer.put", "project.create", "billable.post", "billable.reverse"),
    ("customer.put", "project.create", "expense.post", "expense.reverse"),
    ("customer.put", "project.create", "contract.put", "contract.cancel"),
    ("customer.put", "project.create", "project.cancel"),
    ("customer.put", "project.create", "assignment.put"),
    ("customer.put", "project.create", "milestone.bill"),
    ("customer.put", "project.create", "invoice.post"),
    ("cost.post", "cost.reverse"),
    ("project.put", "project.withdraw"),
    ("workspace.create", "workspace.archive"),
)
"""Operations that refer to what those before them made."""


class SandboxMisbehaviour:
    """Faults of a sandbox system, each for one request."""

    def __init__(self, client: aiohttp.ClientSession, operation: str) -> None:
        self._client = client
        self._operation = operation

    async def apply_unanswered(self) -> None:
        await self._set("apply_then_500")

    async def apply_late(self) -> None:
        await self._set("late_apply")

    async def fail(self) -> None:
        await self._set("error")

    async def ask_to_come_back(self) -> None:
        await self._set("throttle")

    async def spoil_a_batch(self, fault: str) -> None:
        """One of the faults that only a batch can have."""
        await self._set(fault)

    async def _set(self, fault: str) -> None:
        faults = [{"fault": fault, "count": 1, "seconds": LATE, "operation": self._operation}]
        async with self._client.post("/faults", json=faults) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def sandbox_subject(played: SandboxOperation) -> AsyncIterator[Subject]:
    """A sandbox system behind the HTTP adapter, with what the operation refers to in its books."""
    role, operation, promise = played.role, played.name, played.capability
    settings = SandboxSettings(role, TOKEN, legal_entities={"DE01": "EUR"}, unique_reference=promise.unique_reference)
    async with serve_sandboxes([settings]) as urls:
        url = urls[role]
        operations = {each.name: HttpOperation(each.path, each.capability) for each in operations_of(role)}
        operations[operation] = HttpOperation(played.path, promise)
        system = HttpSystem(HttpSystemSettings(role, url, TOKEN, operations, timeout=5))
        async with aiohttp.ClientSession(url) as client:

            @asynccontextmanager
            async def effects() -> AsyncIterator[list[str]]:
                async with client.get("/journal") as response:
                    rows = orjson.loads(await response.read())
                yield [row["reference"] for row in rows if row["operation"] == operation]

            subject = Subject(
                system=system,
                operation=operation,
                sound=orjson.dumps(BODIES[operation]),
                unsound=orjson.dumps(BODIES[operation] | UNSOUND[operation]),
                misbehave=SandboxMisbehaviour(client, operation),
                effects=effects,
            )
            await _prepare(subject)
            yield subject
            await system.close()


async def _prepare(subject: Subject) -> None:
    """Put what the operation refers to into the system's books, in order."""
    before = next((chain[: chain.index(subject.operation)] for chain in CHAINS if subject.operation in chain), ())
    for number, operation in enumerate(before):
        prepared = replace(subject, operation=operation).command(body=orjson.dumps(BODIES[operation]))
        outcome = await subject.system.send(prepared._replace(reference=f"set-up/{number}/_/1"))
        assert isinstance(outcome, Confirmed), outcome


@dataclass(frozen=True, slots=True)
class Entrant:
    """A system that takes part: what it promises, and how it is started."""

    promise: Capability
    start: Callable[[], AbstractAsyncContextManager[Subject]]


def sandbox_entrant(operation: str, *, unique_reference: bool | None = None) -> Entrant:
    """An operation as the sandbox offers it, or with another promise about references."""
    played = next(each for each in OPERATIONS if each.name == operation)
    if unique_reference is not None:
        played = replace(played, capability=replace(played.capability, unique_reference=unique_reference))
    return Entrant(played.capability, lambda: sandbox_subject(played))


ENTRANTS: Final[Mapping[str, Entrant]] = MappingProxyType(
    {
        "http billable.post": sandbox_entrant("billable.post"),
        "http billable.reverse": sandbox_entrant("billable.reverse"),
        "http expense.post": sandbox_entrant("expense.post"),
        "http expense.reverse": sandbox_entrant("expense.reverse"),
        "http cost.post": sandbox_entrant("cost.post"),
        "http cost.reverse": sandbox_entrant("cost.reverse"),
        "http customer.put": sandbox_entrant("customer.put"),
        "http project.create": sandbox_entrant("project.create"),
        "http project.put": sandbox_entrant("project.put"),
        "http contract.put": sandbox_entrant("contract.put"),
        "http contract.cancel": sandbox_entrant("contract.cancel"),
        "http project.cancel": sandbox_entrant("project.cancel"),
        "http project.withdraw": sandbox_entrant("project.withdraw"),
        "http forecast.put": sandbox_entrant("forecast.put"),
        "http milestone.put": sandbox_entrant("milestone.put"),
        "http assignment.put": sandbox_entrant("assignment.put"),
        "http delivery.put": sandbox_entrant("delivery.put"),
        "http milestone.bill": sandbox_entrant("milestone.bill"),
        "http invoice.post": sandbox_entrant("invoice.post"),
        "http invoice.put": sandbox_entrant("invoice.put"),
        "http receivable.put": sandbox_entrant("receivable.put"),
        "http workspace.create": sandbox_entrant("workspace.create"),
        "http workspace.archive": sandbox_entrant("workspace.archive"),
        "http project.link": sandbox_entrant("project.link"),
        "http billable.post, reference not unique": sandbox_entrant("billable.post", unique_reference=False),
        "http project.put, reference unique": sandbox_entrant("project.put", unique_reference=True),
    }
)

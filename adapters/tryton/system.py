"""A Tryton as a system: the table of what it can be asked to do, and every failed call as an outcome."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Protocol

from adapters.http.redaction import without_secrets
from adapters.ports.declarations import Declaration
from adapters.ports.inspection import Inspection
from adapters.ports.system import Absent, Capability, UnknownOperation
from adapters.tryton.billables import Bookings, Reversals
from adapters.tryton.cancellations import Cancellations
from adapters.tryton.client import Client
from adapters.tryton.companies import Companies
from adapters.tryton.customers import Customers
from adapters.tryton.declarations import declarations
from adapters.tryton.failures import Failed
from adapters.tryton.inspecting import inspect
from adapters.tryton.opportunities import Opportunities
from adapters.tryton.projects import Projects
from adapters.tryton.settings import TrytonSettings
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown


class Operation(Protocol):
    """One operation: it reads what it needs, and ends with one writing call. Raises `Failed`."""

    capability: Capability

    async def send(self, command: Command) -> Outcome: ...

    async def look_up(self, command: Command) -> Confirmed | Absent: ...


class Tryton:
    """One database of a Tryton server, as one user. Make it inside the running event loop.

    `reads`: what is read of it (`opportunities`, `invoices`), which needs rights too.
    """

    def __init__(self, settings: TrytonSettings, *, reads: Collection[str] = ()) -> None:
        self._settings = settings
        self._reads = reads
        self._client = client = Client(settings)
        self._companies = companies = Companies(client, settings.companies)
        table: Mapping[str, Operation] = {
            "customer.put": Customers(client, companies, dict(settings.identifier_types)),
            "project.create": Projects(client, companies, settings.product, settings.cancelled_status),
            "project.cancel": Cancellations(client, companies, settings.cancelled_status),
            "billable.post": Bookings(client, companies),
            "billable.reverse": Reversals(client, companies),
            "project.link": Opportunities(client),
        }
        self._operations = {name: operation for name, operation in table.items() if name in settings.operations}

    def __repr__(self) -> str:
        return f"Tryton({self._settings.name!r}, {self._settings.url!r}, {self._settings.database!r})"

    @property
    def name(self) -> str:
        """The name under which the policy file lists it."""
        return self._settings.name

    def capability(self, operation: str) -> Capability:
        """What it promises for this operation; raises `UnknownOperation`."""
        return self._operation(operation).capability

    async def send(self, command: Command) -> Outcome:
        """One attempt, bounded in time for each of its calls; raises `UnknownOperation` alone."""
        try:
            return await self._operation(command.operation).send(command)
        except Failed as failed:
            return self._cleaned(failed.outcome, command)

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        """Ask whether the effect is there; raises `UnknownOperation` alone."""
        try:
            return await self._operation(command.operation).look_up(command)
        except Failed as failed:
            outcome = self._cleaned(failed.outcome, command)
            # What keeps us from asking proves nothing about the effect.
            return outcome if isinstance(outcome, Deferred) else Unknown(outcome.failure)

    def declarations(self) -> tuple[Declaration, ...]:
        """One for each kind of record that its operations write, or that is read."""
        promises = {name: operation.capability for name, operation in self._operations.items()}
        return declarations(promises, reads=self._reads)

    async def inspect(self) -> Inspection:
        """Ask what it is, and what our user may do with its records; raises `NotInspected`."""
        asked = [*self._operations, *self._reads]
        return await inspect(self._client, self._companies, self._settings.user, asked)

    async def close(self) -> None:
        """Close connections; nothing may be sent afterwards."""
        await self._client.close()

    def _operation(self, name: str) -> Operation:
        found = self._operations.get(name)
        if found is None:
            raise UnknownOperation(f"system {self.name} is not configured for operation {name}")
        return found

    def _cleaned(self, outcome: Rejected | Deferred | Unknown, command: Command) -> Rejected | Deferred | Unknown:
        failure = without_secrets(outcome.failure, token=self._settings.password, body=command.body)
        return replace(outcome, failure=failure)

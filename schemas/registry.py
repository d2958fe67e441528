"""The table of event types: each version's model, and how it becomes the next version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic.json_schema import JsonSchemaValue

from schemas import acts
from schemas.awaited import v1 as awaited_v1
from schemas.billed_month import v1 as billed_month_v1
from schemas.bound import Bound
from schemas.contract import v1 as contract_v1
from schemas.customer import v1 as customer_v1
from schemas.directory import v1 as directory_v1
from schemas.employee import v1 as employee_v1
from schemas.engagement import v1 as engagement_v1
from schemas.envelope import Undecodable
from schemas.expense import v1 as expense_v1
from schemas.invoice import told as invoice_told
from schemas.invoice import v1 as invoice_v1
from schemas.json_schema import json_schema
from schemas.ledger import v1 as ledger_v1
from schemas.project import v1 as project_v1
from schemas.project import v2 as project_v2
from schemas.rate_card import v1 as rate_card_v1
from schemas.record import Record
from schemas.refusals import refused, refused_data, shown
from schemas.repair import v1 as repair_v1
from schemas.resource import v1 as resource_v1
from schemas.timesheet import v1 as timesheet_v1

Upcast = Callable[[Any], Record]
"""A version's record -> the next version's. `Any` because the table erases the versions' own types."""


@dataclass(frozen=True, slots=True)
class Version:
    """A row of the table. `name` is `<entity>.<fact>`; `upcast` is None for the latest version alone.

    `actor` is the entity whose actor decides on it, None: that of the name. The facts of a name have one actor.
    `inner`: the gateway itself says it, one actor to another or for a person; nobody else may send it.
    """

    name: str
    number: int
    model: type[Record]
    upcast: Upcast | None = None
    actor: str | None = None
    inner: bool = False

    @property
    def type(self) -> str:
        """The CloudEvents type, `<entity>.<fact>.v<N>`."""
        return f"{self.name}.v{self.number}"


@dataclass(frozen=True, slots=True)
class EventType:
    """A known CloudEvents type, with all that leads from what was sent to the latest version."""

    entity: str
    fact: str
    actor: str
    """The entity whose actor decides on it."""
    model: type[Record]
    upcasts: tuple[Upcast, ...]
    inner: bool = False

    def read(self, data: object) -> Record:
        """`data` checked against the version that was sent, then brought to the latest. Raises `Undecodable`."""
        try:
            record: Record = self.model.__pydantic_validator__.validate_python(data)
        except ValidationError as error:
            raise refused_data(error) from error
        for upcast in self.upcasts:
            record = upcast(record)
        return record


class Registry:
    """All event types that are understood. Versions of a name must be 1..n, each but the last with its upcast.

    Either all versions of a name are inner or none is.
    """

    def __init__(self, versions: Iterable[Version]) -> None:
        self._versions: dict[str, list[Version]] = {}
        for version in versions:
            rows = self._versions.setdefault(version.name, [])
            if version.number != len(rows) + 1 or (rows and rows[-1].upcast is None):
                raise ValueError(f"{version.type}: list versions from 1 on, and give each but the last its upcast")
            if version.inner != (rows or [version])[0].inner:
                raise ValueError(f"{version.type}: let all versions of {version.name} be inner, or none")
            rows.append(version)
        self._types = {row.type: _event_type(rows, row) for rows in self._versions.values() for row in rows}

    @property
    def types(self) -> tuple[str, ...]:
        """All types, in the order of the table."""
        return tuple(self._types)

    @property
    def names(self) -> tuple[str, ...]:
        """All types without their version, which are also the routing keys."""
        return tuple(self._versions)

    @property
    def offered_types(self) -> tuple[str, ...]:
        """The types that sources may send: all but the inner ones."""
        return tuple(type_ for type_, entry in self._types.items() if not entry.inner)

    @property
    def offered_names(self) -> tuple[str, ...]:
        """The same without their version."""
        return tuple(name for name, rows in self._versions.items() if not rows[0].inner)

    def find(self, type: str) -> EventType:
        """The entry of `<entity>.<fact>.v<N>`. Raises `Undecodable`, which tells a new version from a wrong type."""
        found = self._types.get(type)
        if found is None:
            raise self._unknown(type)
        return found

    def latest(self, name: str) -> Version:
        """The latest version of `<entity>.<fact>`. Raises `KeyError`."""
        return self._versions[name][-1]

    def inner_versions(self, name: str) -> tuple[Version, ...]:
        """The versions of an inner `<entity>.<fact>`, oldest first; none if there is no such inner type."""
        return tuple(row for row in self._versions.get(name, ()) if row.inner)

    def json_schema(self, type: str) -> JsonSchemaValue:
        """JSON Schema (2020-12) of the `data` of a type. Raises `Undecodable` for a type that is not known."""
        return json_schema(self.find(type).model, type)

    def _unknown(self, type: str) -> Undecodable:
        parts = _TYPE.fullmatch(type)
        if parts is None:
            return refused("type_invalid", f'type: "{shown(type)}" is not of the form entity.fact.v1', "type")
        rows = self._versions.get(parts["name"])
        if rows is None:
            known = ", ".join(self.offered_names)
            return refused("type_unknown", f'type: "{shown(type)}" is not known; known are {known}', "type")
        known = ", ".join(row.type for row in rows)
        return refused(
            "version_unknown",
            f'type: this version of "{parts["name"]}" is not known here; send {known}, or upgrade this gateway first',
            "type",
        )


_TYPE: Final = re.compile(r"(?P<name>[a-z][a-z_]{0,49}\.[a-z][a-z_]{0,49})\.v[1-9][0-9]{0,3}", re.ASCII)


def _event_type(rows: list[Version], version: Version) -> EventType:
    entity, fact = version.name.split(".")
    later = rows[version.number - 1 : -1]
    upcasts = tuple(row.upcast for row in later if row.upcast is not None)
    return EventType(entity, fact, rows[-1].actor or entity, version.model, upcasts, version.inner)


EVENTS: Final = Registry(
    (
        Version("customer.upserted", 1, customer_v1.Upserted),
        Version("customer.credit_changed", 1, customer_v1.CreditChanged),
        Version("customer.tax_profile_changed", 1, customer_v1.TaxProfileChanged),
        Version("customer.merged", 1, customer_v1.Merged),
        Version("customer.bound", 1, Bound, inner=True),
        Version("customer.trade", 1, customer_v1.Trade, inner=True),
        Version("customer.resembles", 1, customer_v1.Resembles, inner=True),
        Version("customer.absorbed", 1, customer_v1.Absorbed, inner=True),
        Version("customer.acted", 1, acts.ActedV1, acts.from_v1, inner=True),
        Version("customer.acted", 2, acts.Acted, inner=True),
        Version("directory.listed", 1, directory_v1.Listed, inner=True),
        Version("directory.unlisted", 1, directory_v1.Unlisted, inner=True),
        Version("project.opportunity_forecast", 1, project_v1.OpportunityForecast, actor="engagement"),
        Version("project.opportunity_won", 1, project_v1.OpportunityWon, project_v2.from_v1, actor="engagement"),
        Version("project.opportunity_won", 2, project_v2.OpportunityWon, actor="engagement"),
        Version("project.opened", 1, project_v1.Opened, inner=True),
        Version("project.withdrawn", 1, project_v1.Withdrawn, inner=True),
        Version("project.bound", 1, Bound, inner=True),
        Version("project.activated", 1, project_v1.Activated),
        Version("project.status_changed", 1, project_v1.StatusChanged),
        Version("project.milestone_completed", 1, project_v1.MilestoneCompleted),
        Version("project.margin_threshold_breached", 1, project_v1.MarginThresholdBreached),
        Version("project.closed", 1, project_v1.Closed),
        Version("project.terms_changed", 1, project_v1.TermsChanged, inner=True),
        Version("project.repaired", 1, repair_v1.Repaired, inner=True),
        Version("project.acted", 1, acts.ActedV1, acts.from_v1, inner=True),
        Version("project.acted", 2, acts.Acted, inner=True),
        Version("contract.activated", 1, contract_v1.Activated),
        Version("contract.change_order_approved", 1, contract_v1.ChangeOrderApproved),
        Version("contract.renewed", 1, contract_v1.Renewed),
        Version("contract.terminated", 1, contract_v1.Terminated),
        Version("contract.opened", 1, contract_v1.Opened, inner=True),
        Version("contract.withdrawn", 1, contract_v1.Withdrawn, inner=True),
        Version("contract.acted", 1, acts.ActedV1, acts.from_v1, inner=True),
        Version("contract.acted", 2, acts.Acted, inner=True),
        Version("resource.assigned", 1, resource_v1.Assigned),
        Version("resource.unassigned", 1, resource_v1.Unassigned),
        Version("employee.upserted", 1, employee_v1.Upserted),
        Version("rate_card.published", 1, rate_card_v1.Published),
        Version("engagement.customer_ready", 1, engagement_v1.CustomerReady, inner=True),
        Version("engagement.customer_refused", 1, engagement_v1.CustomerRefused, inner=True),
        Version("engagement.customer_moved", 1, engagement_v1.CustomerMoved, inner=True),
        Version("engagement.acted", 1, acts.ActedV1, acts.from_v1, inner=True),
        Version("engagement.acted", 2, acts.Acted, inner=True),
        Version("timesheet.submitted", 1, timesheet_v1.Submitted),
        Version("timesheet.approved", 1, timesheet_v1.Approved),
        Version("timesheet.corrected", 1, timesheet_v1.Corrected),
        Version("timesheet.rejected", 1, timesheet_v1.Rejected),
        Version("timesheet.withdrawn", 1, timesheet_v1.Withdrawn),
        Version("timesheet.invoiced", 1, invoice_told.Invoiced, inner=True),
        Version("timesheet.rates_changed", 1, timesheet_v1.RatesChanged, inner=True),
        Version("timesheet.repaired", 1, repair_v1.Repaired, inner=True),
        Version("timesheet.acted", 1, acts.Acted, inner=True),
        Version("billed_month.listed", 1, billed_month_v1.Listed, inner=True),
        Version("billed_month.amended", 1, billed_month_v1.Amended, inner=True),
        Version("expense.approved", 1, expense_v1.Approved),
        Version("expense.corrected", 1, expense_v1.Corrected),
        Version("expense.rejected", 1, expense_v1.Rejected),
        Version("expense.withdrawn", 1, expense_v1.Withdrawn),
        Version("expense.invoiced", 1, invoice_told.Invoiced, inner=True),
        Version("expense.acted", 1, acts.Acted, inner=True),
        Version("expense.repaired", 1, repair_v1.Repaired, inner=True),
        Version("invoice.issued", 1, invoice_v1.Issued),
        Version("invoice.posted", 1, invoice_v1.Posted),
        Version("invoice.posting_rejected", 1, invoice_v1.PostingRejected),
        Version("invoice.sent", 1, invoice_v1.Sent),
        Version("invoice.payment_received", 1, invoice_v1.PaymentReceived),
        Version("invoice.credit_memo_issued", 1, invoice_v1.CreditMemoIssued),
        Version("invoice.written_off", 1, invoice_v1.WrittenOff),
        Version("invoice.disputed", 1, invoice_v1.Disputed),
        Version("invoice.bound", 1, Bound, inner=True),
        Version("invoice.repaired", 1, repair_v1.Repaired, inner=True),
        Version("invoice.acted", 1, acts.Acted, inner=True),
        Version("awaited.invoice", 1, awaited_v1.Invoice, inner=True),
        Version("repair.planned", 1, repair_v1.Planned, inner=True),
        Version("repair.verified", 1, repair_v1.Verified, inner=True),
        Version("repair.unanswered", 1, repair_v1.Unanswered, inner=True),
        Version("repair.acted", 1, acts.Acted, inner=True),
        Version("ledger.revenue_posted", 1, ledger_v1.RevenuePosted),
        Version("ledger.journal_posted", 1, ledger_v1.JournalPosted),
    )
)

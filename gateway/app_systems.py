"""The composition root of systems: what the policy file says of each becomes its adapter and its feeds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, assert_never

from adapters.http.postings import HttpBooks
from adapters.http.settings import HttpOperation, HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.ports.adapter import Adapter
from adapters.ports.changes import Feed
from adapters.ports.system import Capability
from adapters.redmine.changes import TimeEntryFeed
from adapters.redmine.settings import RedmineFeedSettings, RedmineFields, RedmineSettings
from adapters.redmine.system import Redmine
from adapters.tryton.changes import OpportunityFeed
from adapters.tryton.invoice_changes import InvoiceFeed
from adapters.tryton.postings import TrytonBooks
from adapters.tryton.settings import TrytonFeedSettings, TrytonSettings
from adapters.tryton.system import Tryton
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import AnySystem, PolicyFile
from gateway.redmine_policy import RedmineChanges, RedminePolicy
from gateway.tryton_policy import TrytonChanges, TrytonPolicy


def systems(policy: PolicyFile) -> dict[str, Adapter]:
    """The systems that the policy lists."""
    to_even = frozenset(code for code, each in policy.legal_entities.items() if each.rounding == "half_even")
    return {name: system_of(name, entry, to_even) for name, entry in policy.systems.items()}


def system_of(name: str, entry: AnySystem, to_even: frozenset[str] = frozenset()) -> Adapter:
    """One system. Make it inside the running event loop, and close it. Raises `PolicyInvalid` for its secret.

    `to_even` are the legal entities that round half to even, as amounts in its books are worked out.
    """
    match entry:
        case HttpSystemPolicy():
            settings = _http(name, entry)
            return HttpSystem(settings) if entry.postings is None else HttpBooks(settings, entry.postings)
        case TrytonPolicy():
            kind = TrytonBooks if entry.has_books else Tryton
            return kind(replace(_tryton(name, entry), round_to_even=to_even), reads=entry.reads)
        case RedminePolicy():
            return Redmine(_redmine(name, entry), reads_changes=entry.changes is not None)
        case _:
            assert_never(entry)


def feeds(name: str, entry: AnySystem) -> tuple[Feed, ...]:
    """What is read of a system that has `changes`: one feed for each kind of record.

    Make them inside the running event loop, and close them. Raises `PolicyInvalid` for the system's secret.
    """
    match entry:
        case TrytonPolicy(changes=TrytonChanges() as changes):
            return tuple(_tryton_feed(what, _tryton(name, entry), changes) for what in changes.reads)
        case RedminePolicy(changes=RedmineChanges() as changes):
            told = RedmineFeedSettings(
                changes.approved, changes.withdrawn, changes.roles, changes.not_billable, changes.days
            )
            return (TimeEntryFeed(_redmine(name, entry), told, lambda: datetime.now(UTC)),)
        case HttpSystemPolicy() | TrytonPolicy() | RedminePolicy():
            return ()
        case _:
            assert_never(entry)


def _tryton_feed(what: Literal["opportunities", "invoices"], settings: TrytonSettings, changes: TrytonChanges) -> Feed:
    match what:
        case "opportunities":
            # The policy file has checked that it says all three.
            mapped = TrytonFeedSettings(changes.service_line or "", changes.tax_profile or "", changes.country or "")
            return OpportunityFeed(settings, mapped)
        case "invoices":
            return InvoiceFeed(settings)
        case _:
            assert_never(what)


def _http(name: str, entry: HttpSystemPolicy) -> HttpSystemSettings:
    operations = {
        operation: HttpOperation(
            row.path,
            Capability(row.upsert, row.key_window_seconds, row.unique_reference, row.look_up, row.late_bound_seconds),
        )
        for operation, row in entry.operations.items()
    }
    return HttpSystemSettings(
        name, entry.url, entry.secret(), operations, timeout=entry.timeout_seconds, connections=entry.concurrency,
        retry_after_cap=entry.gate.longest_retry_after_seconds,
    )  # fmt: skip


def _tryton(name: str, entry: TrytonPolicy) -> TrytonSettings:
    return TrytonSettings(
        name, entry.url, entry.database, entry.user, entry.secret(), entry.companies, entry.taken,
        identifier_types=entry.identifier_types, product=entry.product, cancelled_status=entry.cancelled_status,
        acknowledge=entry.acknowledge,
        timeout=entry.timeout_seconds, connections=entry.concurrency,
        retry_after_cap=entry.gate.longest_retry_after_seconds,
    )  # fmt: skip


def _redmine(name: str, entry: RedminePolicy) -> RedmineSettings:
    return RedmineSettings(
        name, entry.url, entry.secret(), RedmineFields(**entry.fields.model_dump()), entry.taken,
        timeout=entry.timeout_seconds, connections=entry.concurrency,
        retry_after_cap=entry.gate.longest_retry_after_seconds, late_bound=entry.late_bound_seconds,
    )  # fmt: skip

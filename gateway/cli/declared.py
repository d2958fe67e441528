"""What `tallystick system list` shows of a configured system: what its adapter declares, and what the policy uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from adapters.ports.declarations import Declaration, Declares
from adapters.ports.system import Capability
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import AnySystem

UNTRIED: Final = "only sandboxes"
NONE: Final = "-"


@dataclass(frozen=True, slots=True)
class Configured:
    """A system of the policy. `problem` says why its adapter cannot be made; nothing is declared then."""

    name: str
    entry: AnySystem
    declared: tuple[Declaration, ...] = ()
    problem: str | None = None

    @property
    def reads(self) -> str | None:
        """The source under which its changes are published; None where they are not read."""
        if isinstance(self.entry, HttpSystemPolicy) or self.entry.changes is None:
            return None
        return self.entry.changes.source

    @property
    def promises(self) -> Iterator[tuple[str, str, Capability]]:
        """Record, operation, and what is promised, for each operation that the policy sends to it."""
        for each in self.declared:
            for operation, promise in each.operations.items():
                if operation in self.entry.taken:
                    yield each.record, operation, promise


def configured(name: str, entry: AnySystem, system: Declares) -> Configured:
    """A system whose adapter can be made."""
    return Configured(name, entry, system.declarations())


def as_json(system: Configured) -> Mapping[str, object]:
    """Everything, for programs; times in seconds."""
    return {
        "name": system.name,
        "kind": system.entry.kind,
        "url": system.entry.url,
        "problem": system.problem,
        "changes_published_as": system.reads,
        "operations": [
            {
                "operation": operation,
                "record": record,
                "upsert": promise.upsert,
                "key_window_seconds": promise.key_window,
                "unique_reference": promise.unique_reference,
                "look_up": promise.look_up,
                "late_bound_seconds": promise.late_bound,
            }
            for record, operation, promise in system.promises
        ],
        "records": [
            {field.name: getattr(each, field.name) for field in fields(each)} | {"operations": list(each.operations)}
            for each in system.declared
        ],
    }


SYSTEMS: Final = ("system", "kind", "url", "operations", "changes published as", "tried against")


def system_row(system: Configured) -> tuple[str, ...]:
    """A row under `SYSTEMS`."""
    tried = dict.fromkeys(each.tried_against or UNTRIED for each in system.declared)
    return (
        system.name,
        system.entry.kind,
        system.entry.url,
        "\n".join(sorted(system.entry.taken)),
        system.reads or NONE,
        "\n".join(tried) or NONE,
    )


PROMISES: Final = (
    "system",
    "operation",
    "record",
    "upsert",
    "remembers a key",
    "unique reference",
    "look-up",
    "late by",
)


def promise_rows(system: Configured) -> Iterator[tuple[str, ...]]:
    """Rows under `PROMISES`, one for each operation."""
    for record, operation, promise in system.promises:
        yield (
            system.name,
            operation,
            record,
            promise.upsert.value,
            NONE if promise.key_window is None else f"{promise.key_window:g} s",
            _yes(promise.unique_reference),
            _yes(promise.look_up),
            f"{promise.late_bound:g} s",
        )


RECORD: Final = ("system", "record", "", "")


def record_rows(system: Configured) -> Iterator[tuple[str, ...]]:
    """Rows under `RECORD`, one for each thing that is declared; records that are declared alike stand together."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for each in system.declared:
        alike.setdefault(tuple(_declared(each)), []).append(each.record)
    for declared, records in alike.items():
        place = (system.name, ", ".join(records))
        for what, found in declared:
            yield (*place, what, found)
            place = ("", "")


def _declared(each: Declaration) -> Iterator[tuple[str, str]]:
    yield "looked up by", each.look_up_by or NONE
    yield "two under one key", each.ambiguous.value
    yield "write tied to what was read", each.precondition.value
    yield "part of a list can fail", _yes(each.partial_success)
    yield "asks us to send less by", ", ".join(each.throttle) or NONE
    yield "bounds", each.limit_shape.value
    yield "idempotency key", each.idempotency_key or NONE
    yield "changes are read by", each.changes.value
    yield "a deleted record leaves", each.deletes.value
    yield "session", each.session
    yield "its id of an answer", each.request_id or NONE
    yield "tried against", each.tried_against or UNTRIED


def _yes(value: bool) -> str:  # noqa: FBT001 - it is what is shown
    return "yes" if value else "no"

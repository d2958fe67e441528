"""What Tryton is like, object by object; figures and words of errors were seen on series 8.0."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from adapters.ports.declarations import (
    Ambiguity,
    ChangeReading,
    Declaration,
    Deletes,
    LimitShape,
    Precondition,
)
from adapters.ports.system import Capability

TRIED_AGAINST: Final = "Tryton 8.0.12 on PostgreSQL 15"
THROTTLE: Final = ("429 at login", "503 while another posting holds a number sequence")
SESSION: Final = "password login; the session is renewed once for all who need it, and the call made again, on 401"

RECORDS: Final[Mapping[str, tuple[tuple[str, ...], str | None]]] = {
    "party.party": (("customer.put",), "code"),
    "project.work": (("project.create", "project.cancel"), "number"),
    "timesheet.line": (("billable.post", "billable.reverse"), "uuid"),
    "sale.opportunity": (("project.link",), "id"),
    "account.invoice": ((), None),
}
"""Record -> the operations that write it, and the field by which it is found."""
READ: Final[Mapping[str, str]] = {"opportunities": "sale.opportunity", "invoices": "account.invoice"}
"""What is read of it -> the record."""


def declarations(operations: Mapping[str, Capability], *, reads: Collection[str]) -> tuple[Declaration, ...]:
    """One for each kind of record that these operations write, or that is read for changes."""
    read = {READ[what] for what in reads}
    found = []
    for record, (names, field) in RECORDS.items():
        taken = {name: operations[name] for name in names if name in operations}
        is_read = record in read
        if taken or is_read:
            found.append(
                Declaration(
                    record=record,
                    operations=taken,
                    look_up_by=field,
                    ambiguous=Ambiguity.NEVER,
                    precondition=Precondition.TIMESTAMP,
                    partial_success=False,
                    throttle=THROTTLE,
                    limit_shape=LimitShape.CONCURRENCY,
                    idempotency_key=None,
                    changes=ChangeReading.WATERMARK if is_read else ChangeReading.NONE,
                    deletes=Deletes.NOTHING,
                    session=SESSION,
                    request_id=None,
                    tried_against=TRIED_AGAINST,
                )
            )
    return tuple(found)

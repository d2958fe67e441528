"""The table of what the sandbox systems can do: operation, role, path, and what is promised for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.ports.system import Capability, Upsert


class Role(StrEnum):
    """What kind of system a sandbox plays."""

    CRM = "crm"
    PSA = "psa"
    ERP = "erp"


KEY_WINDOW: Final = 86_400.0
"""Seconds for which idempotency keys are promised to be remembered. (They are kept for as long as the effects are.)"""

LATE_BOUND: Final = 10.0
"""Seconds; no fault can delay an effect for longer, so an attempt cannot land later than this after it ended."""


@dataclass(frozen=True, slots=True)
class SandboxOperation:
    """One operation of one role: the path of its collection, and its promise."""

    name: str
    role: Role
    path: str
    capability: Capability


def _capability(role: Role, upsert: Upsert) -> Capability:
    return Capability(
        upsert=upsert,
        key_window=KEY_WINDOW,
        unique_reference=role is Role.ERP,
        look_up=True,
        late_bound=LATE_BOUND,
    )


OPERATIONS: Final = (
    SandboxOperation("customer.put", Role.ERP, "/customers", _capability(Role.ERP, Upsert.ALTERNATE_KEY)),
    SandboxOperation("project.create", Role.ERP, "/projects", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("assignment.put", Role.ERP, "/assignments", _capability(Role.ERP, Upsert.ALTERNATE_KEY)),
    SandboxOperation("project.cancel", Role.ERP, "/project-cancellations", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("contract.put", Role.ERP, "/contracts", _capability(Role.ERP, Upsert.ALTERNATE_KEY)),
    SandboxOperation("contract.cancel", Role.ERP, "/contract-cancellations", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("billable.post", Role.ERP, "/billables", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("billable.reverse", Role.ERP, "/reversals", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("expense.post", Role.ERP, "/expenses", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("expense.reverse", Role.ERP, "/expense-reversals", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("cost.post", Role.ERP, "/costs", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("cost.reverse", Role.ERP, "/cost-reversals", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("milestone.bill", Role.ERP, "/milestone-billings", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("invoice.post", Role.ERP, "/invoices", _capability(Role.ERP, Upsert.NONE)),
    SandboxOperation("project.put", Role.PSA, "/projects", _capability(Role.PSA, Upsert.ALTERNATE_KEY)),
    SandboxOperation("project.withdraw", Role.PSA, "/project-withdrawals", _capability(Role.PSA, Upsert.NONE)),
    SandboxOperation("receivable.put", Role.PSA, "/receivables", _capability(Role.PSA, Upsert.ALTERNATE_KEY)),
    SandboxOperation("project.link", Role.CRM, "/project-links", _capability(Role.CRM, Upsert.NONE)),
    SandboxOperation("milestone.put", Role.CRM, "/milestones", _capability(Role.CRM, Upsert.ALTERNATE_KEY)),
    SandboxOperation("delivery.put", Role.CRM, "/deliveries", _capability(Role.CRM, Upsert.ALTERNATE_KEY)),
    SandboxOperation("invoice.put", Role.CRM, "/invoices", _capability(Role.CRM, Upsert.ALTERNATE_KEY)),
    # The CRM plays the planning system too.
    SandboxOperation("forecast.put", Role.CRM, "/forecasts", _capability(Role.CRM, Upsert.ALTERNATE_KEY)),
    # The CRM plays the workspace system too: one server less to start.
    SandboxOperation("workspace.create", Role.CRM, "/workspaces", _capability(Role.CRM, Upsert.NONE)),
    SandboxOperation("workspace.archive", Role.CRM, "/workspace-archivals", _capability(Role.CRM, Upsert.NONE)),
)


def operations_of(role: Role) -> tuple[SandboxOperation, ...]:
    """The operations that a system of this role takes."""
    return tuple(operation for operation in OPERATIONS if operation.role is role)

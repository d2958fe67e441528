"""The policy file of the simulation."""

from __future__ import annotations

from typing import Final

from gateway.gate_policy import BreakerPolicy, GatePolicy
from gateway.policy_file import PolicyFile
from tests.runtime.firm import CRM, PSA

BREAKER: Final = BreakerPolicy(failures=3, open_seconds=2, longest_seconds=10)
CLOCKS: Final = "urn:example:clocks"
"""Numbers its events without gaps."""
LEDGER: Final = "urn:example:ledger"
"""Numbers its events, with gaps."""
PALS: Final = "urn:example:pals"
"""Lets actors talk to each other."""
GAP_SECONDS: Final = 600.0
"""How long a number may be missing: longer than any story is told, shorter than the leap at its end."""
TOGETHER: Final = {
    name: {"path": "/", "look_up": True, "batch": {"size": 3, "wait_ms": 200, "in_order": True}}
    for name in ("billable.post", "billable.reverse")
}
"""Operations whose commands travel together; what is left out of the policy is as every `Outside` has it."""
SIM_POLICY: Final = PolicyFile.model_validate(
    {
        "legal_entities": {"DE01": {"currency": "EUR", "tax_codes": {"standard": "D19"}}},
        "service_lines": ["advisory"],
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*"]},
            PSA: {
                "users": ["guest"], "types": ["timesheet.*", "project.*"], "system": "psa", "external": ["project"],
            },
            CLOCKS: {
                "users": ["guest"], "types": ["timesheet.*", "project.*"], "system": "psa", "external": ["project"],
                "sequence": "contiguous", "gap_seconds": GAP_SECONDS,
            },
            LEDGER: {"users": ["guest"], "types": ["customer.*"], "sequence": "monotonic"},
            PALS: {"users": ["guest"], "types": ["pal.*"]},
        },
        "systems": {
            name: {
                "url": "http://127.0.0.1:1", "token": "none", "concurrency": 4, "operations": operations,
                "gate": GatePolicy(breaker=BREAKER),
            }
            for name, operations in (("erp", TOGETHER), ("psa", {}), ("crm", {}))
        },
        "retry_seconds": 1,
    }
)  # fmt: skip

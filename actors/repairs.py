"""What every entity asks of an approved repair before it does what that says."""

from __future__ import annotations

from actors.decision import Context, Ignore
from actors.policy import Flow, Mode, Policy
from schemas.repair.v1 import LASTS, Repaired


def outdated_look(told: Repaired, context: Context) -> Ignore | None:
    """Why what the system has said is not gone by any more; None where it is."""
    if context.now - told.checked_at <= LASTS:
        return None
    asked = f"{told.system} was asked at {told.checked_at:%Y-%m-%d %H:%M} UTC, which is too long ago to go by"
    return Ignore(f"{asked}: begin another reconciliation")


def not_live(code: str, policy: Policy, flow: Flow) -> str | None:
    """Why nothing may be sent for a legal entity; None where its flow is live."""
    legal_entity = policy.legal_entities.get(code)
    if legal_entity is None or legal_entity.mode(flow) is Mode.LIVE:
        return None
    return f"the policy has {flow} of {code} in mode {legal_entity.mode(flow)}, so that nothing is sent"

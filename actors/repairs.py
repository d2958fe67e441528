"""What every entity asks of an approved repair before it does what that says."""

from __future__ import annotations

from datetime import date

from actors.decision import Context, Ignore
from actors.policy import Flow, Mode, Policy
from schemas.repair.v1 import LASTS, Repaired


def outdated_look(told: Repaired, context: Context) -> Ignore | None:
    """Why what the system has said is not gone by any more; None where it is."""
    if context.now - told.checked_at <= LASTS:
        return None
    asked = f"{told.system} was asked at {told.checked_at:%Y-%m-%d %H:%M} UTC, which is too long ago to go by"
    return Ignore(f"{asked}: begin another reconciliation")


def barred(code: str, day: date, policy: Policy, flow: Flow) -> str | None:
    """Why nothing may be sent that is of a legal entity and a day: its flow is not live, or its books are closed."""
    legal_entity = policy.legal_entities.get(code)
    if legal_entity is None:
        return None
    if legal_entity.mode(flow) is not Mode.LIVE:
        return f"the policy has {flow} of {code} in mode {legal_entity.mode(flow)}, so that nothing is sent"
    if legal_entity.is_closed(day):
        return f"it is of {day}, and the books of {code} are closed through {legal_entity.closed_through}"
    return None

"""Repairs: each plan is told to its entity, and once somebody has approved it the system is asked a last time.

What is not as it was planned any more is left alone: somebody may have mended it by hand meanwhile, and mending it
twice would be once too often. The rest goes through the entities that own it, which look once more at what they hold.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from adapters.ports.entities import Entities
from adapters.ports.postings import PostingsUnreadable
from adapters.ports.recon_plans import Plan, Plans
from gateway import telemetry
from gateway.inner import Inner, InnerEvent
from gateway.recon.checks import Checks
from schemas.commands import OURS
from schemas.keys import ActorKey
from schemas.repair.entity import Repair
from schemas.repair.v1 import Planned, Verified

SOURCE: Final = f"{OURS}:recon"
PLANNED: Final = "repair.planned.v1"
VERIFIED: Final = "repair.verified.v1"


class Telling:
    """Tells plans to their entities."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner

    async def tell(self, plan: Plan) -> None:
        """Tell the plan's entity of it, once however often it is told; return when that is durable."""
        planned = Planned.model_validate_json(plan.body)
        await self._inner.deliver(InnerEvent(SOURCE, f"{plan.id}-planned", PLANNED, key_of_plan(plan.id), planned))

    async def tell_verified(self, plan: Plan, verified: Verified) -> None:
        """Tell it what the last look has found; return when that is durable."""
        # What was found is part of the id: found otherwise after a crash it is another message, which comes late.
        digest = sha256(verified.to_json()).hexdigest()[:8]
        id_ = f"{plan.id}-verified-{digest}"
        await self._inner.deliver(InnerEvent(SOURCE, id_, VERIFIED, key_of_plan(plan.id), verified))


class Repairs:
    """Looks after plans that are not ended."""

    def __init__(self, plans: Plans, entities: Entities, checks: Checks, telling: Telling) -> None:
        self._plans = plans
        self._entities = entities
        self._checks = checks
        self._telling = telling

    async def go_on(self) -> bool:
        """Take each plan as far as it goes; whether any was ended.

        Raises `StoreUnavailable`, and `PostingsUnavailable` where the system shall be asked again.
        """
        ended = False
        for plan in await self._plans.open():
            if await self._is_over(plan):
                await self._plans.end(plan.id)
                ended = True
        return ended

    async def _is_over(self, plan: Plan) -> bool:
        row = await self._entities.entity(key_of_plan(plan.id))
        if row is None or row.state is None:
            await self._telling.tell(plan)
            return False
        state = Repair.model_validate_json(row.state)
        if state.status == "approved" and state.plan is not None:
            try:
                changed = await self._checks.changed(state.plan)
            except PostingsUnreadable as error:
                telemetry.recon_waits(str(error))
                return False
            await self._telling.tell_verified(plan, Verified(changed=tuple(changed)))
            return False
        return state.status in ("rejected", "sent")


def key_of_plan(id: str) -> ActorKey:
    """The entity of a plan."""
    return ActorKey("repair", id)

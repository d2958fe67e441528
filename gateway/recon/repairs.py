"""Repairs: each plan is told to its entity, and once somebody has approved it the system is asked a last time.

What is not as it was planned any more is left alone: somebody may have mended it by hand meanwhile, and mending it
twice would be once too often. The rest goes through the entities that own it, which look once more at what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from adapters.ports.entities import Entities
from adapters.ports.pauses import Pause
from adapters.ports.postings import PostingsUnavailable, PostingsUnreadable
from adapters.ports.recon_plans import Plan, Plans
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.inner import Delivers, InnerEvent
from gateway.recon.checks import Checks
from gateway.recon.notes import note_of
from gateway.recon.tries import TRIES, Tries
from schemas.commands import OURS
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.repair.entity import Repair
from schemas.repair.v1 import LASTS, Planned, Unanswered, Verified

SOURCE: Final = f"{OURS}:recon"
PLANNED: Final = "repair.planned.v1"
VERIFIED: Final = "repair.verified.v1"
UNANSWERED: Final = "repair.unanswered.v1"


class Telling:
    """Tells plans to their entities."""

    def __init__(self, inner: Delivers) -> None:
        self._inner = inner

    async def tell(self, plan: Plan) -> None:
        """Tell the plan's entity of it, once however often it is told; return when that is durable."""
        planned = Planned.model_validate_json(plan.body)
        await self._inner.deliver(InnerEvent(SOURCE, f"{plan.id}-planned", PLANNED, key_of_plan(plan.id), planned))

    async def tell_verified(self, plan: Plan, verified: Verified) -> None:
        """Tell it what the last look has found; return when that is durable."""
        await self._tell(plan, VERIFIED, "verified", verified)

    async def tell_unanswered(self, plan: Plan, unanswered: Unanswered) -> None:
        """Tell it that its system cannot be asked; return when that is durable."""
        await self._tell(plan, UNANSWERED, "unanswered", unanswered)

    async def _tell(self, plan: Plan, type: str, what: str, data: Record) -> None:
        # What is told is part of the id: told otherwise after a crash it is another message, which comes late.
        digest = sha256(data.to_json()).hexdigest()[:8]
        await self._inner.deliver(InnerEvent(SOURCE, f"{plan.id}-{what}-{digest}", type, key_of_plan(plan.id), data))


class Repairs:
    """Looks after plans that are not ended, each for itself. `now` is the wall clock, `pauses` are those in force."""

    def __init__(
        self,
        plans: Plans,
        entities: Entities,
        checks: Checks,
        telling: Telling,
        pauses: Callable[[], Sequence[Pause]],
        now: Callable[[], datetime],
    ) -> None:
        self._plans = plans
        self._entities = entities
        self._checks = checks
        self._telling = telling
        self._pauses = pauses
        self._now = now
        self._tries: dict[str, Tries] = {}
        """By plan, of those whose system was asked."""

    async def go_on(self, paused: Collection[str] = ()) -> bool:
        """Take each plan as far as it goes; whether any was ended. Raises `StoreUnavailable`.

        No system in `paused` is asked.
        """
        ended = False
        plans = await self._plans.open()
        self._tries = {plan.id: self._tries[plan.id] for plan in plans if plan.id in self._tries}
        for plan in plans:
            try:
                ended |= await self._goes_on(plan, paused)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # one that nobody can take further keeps no other one waiting
                telemetry.recon_failed(f"plan {plan.id}", error)
        return ended

    async def _goes_on(self, plan: Plan, paused: Collection[str]) -> bool:
        is_over = await self._is_over(plan, paused)
        if is_over:
            await self._plans.end(plan.id)
        return is_over

    async def _is_over(self, plan: Plan, paused: Collection[str]) -> bool:
        row = await self._entities.entity(key_of_plan(plan.id))
        if row is None or row.state is None:
            await self._telling.tell(plan)
            return False
        state = Repair.model_validate_json(row.state)
        if state.status == "approved" and state.plan is not None and state.plan.system not in paused:
            await self._check(plan, state.plan)
        return state.status in ("rejected", "sent")

    async def _check(self, plan: Plan, planned: Planned) -> None:
        """Ask the system, if that is due, and tell the plan's entity what came of it."""
        now = self._now()
        if now < self._tries.get(plan.id, Tries(now)).again_at or self._is_paused(plan, planned):
            return
        try:
            changed = await self._checks.changed(planned)
        except StoreUnavailable:
            raise
        except (PostingsUnavailable, PostingsUnreadable) as error:
            telemetry.recon_waits(str(error))
            await self._has_failed(plan, now, note_of(error))
            return
        except Exception as error:  # noqa: BLE001  # what a system says must not end a process that moves money
            telemetry.recon_failed(f"plan {plan.id}", error)
            reason = f"{planned.system} answers what nobody expected: the gateway's log says what"
            await self._has_failed(plan, now, reason)
            return
        # What is told may be decided on later than one would think: it is not asked again as long as it may count.
        self._tries[plan.id] = Tries(now + LASTS)
        await self._telling.tell_verified(plan, Verified(checked_at=now, changed=tuple(changed)))

    async def _has_failed(self, plan: Plan, began: datetime, reason: str) -> None:
        """A person hears of it once that was so again and again."""
        now = self._now()
        before = self._tries.get(plan.id, Tries(now))
        self._tries[plan.id] = failed = before.failed(now, now - began)
        if before.count < TRIES <= failed.count:
            await self._telling.tell_unanswered(plan, Unanswered(reason=reason))

    def _is_paused(self, plan: Plan, planned: Planned) -> bool:
        """Whether what the system says now could be decided on only after a pause."""
        scopes = [pause.scope for pause in self._pauses()]
        if any(scope.covers(key_of_plan(plan.id), None) for scope in scopes):
            return True
        items = {(ActorKey(item.entity, item.key), item.legal_entity) for item in planned.items}
        return any(scope.covers(*item) for scope in scopes for item in items)


def key_of_plan(id: str) -> ActorKey:
    """The entity of a plan."""
    return ActorKey("repair", id)

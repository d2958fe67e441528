"""Repairs: each plan is told to its entity, and once somebody has approved it the system is asked a last time.

What is not as it was planned any more is left alone: somebody may have mended it by hand meanwhile, and mending it
twice would be once too often. The rest goes through the entities that own it, which look once more at what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from actors.standing import day_of, sort_of
from adapters.ports.entities import Entities
from adapters.ports.postings import PostingsUnavailable, PostingsUnreadable
from adapters.ports.recon_plans import Plan, Plans
from adapters.ports.system import Absent, System, UnknownOperation
from gateway import telemetry
from gateway.inner import Inner, InnerEvent
from gateway.recon.steps import books_of, days_read
from schemas.commands import OURS, Command, Confirmed, command_id, command_reference
from schemas.keys import ActorKey
from schemas.repair.entity import Repair
from schemas.repair.v1 import Item, Planned, Verified
from schemas.standing import Standing, name_of

SOURCE: Final = f"{OURS}:recon"
PLANNED: Final = "repair.planned.v1"
VERIFIED: Final = "repair.verified.v1"


class Repairs:
    """Looks after plans that are not ended. `systems` by name."""

    def __init__(self, plans: Plans, entities: Entities, systems: Mapping[str, System], inner: Inner) -> None:
        self._plans = plans
        self._entities = entities
        self._systems = systems
        self._inner = inner

    async def tell(self, plan: Plan) -> None:
        """Tell the plan's entity of it, once however often it is told; return when that is durable."""
        planned = Planned.model_validate_json(plan.body)
        await self._inner.deliver(InnerEvent(SOURCE, f"{plan.id}-planned", PLANNED, key_of_plan(plan.id), planned))

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
            await self.tell(plan)
            return False
        state = Repair.model_validate_json(row.state)
        if state.status == "approved" and state.plan is not None:
            try:
                changed = await self._changed(state.plan)
            except PostingsUnreadable as error:
                telemetry.recon_waits(str(error))
                return False
            verified = Verified(changed=tuple(changed))
            # What was found is part of the id: found otherwise after a crash it is another message, which comes late.
            digest = sha256(verified.to_json()).hexdigest()[:8]
            id_ = f"{plan.id}-verified-{digest}"
            await self._inner.deliver(InnerEvent(SOURCE, id_, VERIFIED, key_of_plan(plan.id), verified))
            return False
        return state.status in ("rejected", "sent")

    async def _changed(self, plan: Planned) -> list[int]:
        """The items that are not as they were planned any more."""
        there = await self._read(plan)
        return [item.number for item in plan.items if not await self._is_as_planned(plan.system, item, there)]

    async def _read(self, plan: Planned) -> Mapping[str, Sequence[Standing]]:
        """What stands now under the names that the plan is about, by name."""
        names = {name for item in plan.items if (name := _name(item)) is not None}
        first, last = days_read(plan.first, plan.last)
        there: dict[str, list[Standing]] = {name: [] for name in names}
        books, start = books_of(self._systems, plan.system), None
        while True:
            page = await books.postings(first, last, start)
            for each in page.standings:
                if each.name in there:
                    there[each.name].append(each)
            if page.next is None or page.next == start:
                return there
            start = page.next

    async def _is_as_planned(self, system: str, item: Item, there: Mapping[str, Sequence[Standing]]) -> bool:
        standing = there.get(_name(item) or "", ())
        if item.stands is None:
            return not standing and await self._is_absent(system, item)
        stands = item.stands
        said = (item.external_id, sort_of(stands), stands.amount, day_of(stands))
        return any((each.external_id, each.sort, each.amount, each.day) == said for each in standing)

    async def _is_absent(self, system: str, item: Item) -> bool:
        """Whether the system has nothing under the reference that we hold, wherever it may have booked it."""
        asked = self._systems[system]
        for operation in ("billable.post", "expense.post", "cost.post"):
            try:
                if not asked.capability(operation).look_up:
                    continue
            except UnknownOperation:
                continue
            match await asked.look_up(_command(system, operation, item)):
                case Absent():
                    continue
                case Confirmed():
                    return False
                case refused:
                    raise PostingsUnavailable(f"{system}: {refused.failure.reason}")
        return True


def key_of_plan(id: str) -> ActorKey:
    """The entity of a plan."""
    return ActorKey("repair", id)


def _name(item: Item) -> str | None:
    return name_of(item.holds or item.reference)


def _command(system: str, operation: str, item: Item) -> Command:
    """The command that booked what is missing, as a question: its reference alone is asked for."""
    key = ActorKey(item.entity, item.key)
    generation = int((item.holds or "/1").rpartition("/")[2])
    id_ = command_id(system, operation, key, item.booking, generation)
    reference = item.holds or command_reference(key, item.booking, generation)
    return Command(id_, system, operation, key, item.booking, generation, b"{}", reference)

"""A gateway process that dies of one message: `python -m tests.integration.deadly decide|door`.

Everything is as in `tallystick serve`, but for the actor of customers, or the door, which ends the process at once when
it meets the customer `KILLER`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime

from actors.decision import Context, Decision, Event
from actors.registry import ACTORS
from adapters.ports.broker import Delivery
from gateway import telemetry
from gateway.activation import Entry
from gateway.app import ports, rabbit
from gateway.door import Door
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import read_policy
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import read_settings
from schemas.keys import ActorKey

KILLER = "killer"
DIED = 86
"""Exit code of such an end."""


class DeadlyDoor(Door):
    """Dies as soon as it looks at the killer."""

    def admit(self, delivery: Delivery) -> tuple[ActorKey, Entry]:
        if f'"{KILLER}"'.encode() in delivery.body:
            os._exit(DIED)
        return super().admit(delivery)


def deadly_decide(state: object, event: Event, context: Context) -> Decision:
    """Dies as soon as it is to decide on the killer."""
    if context.key.id == KILLER:
        os._exit(DIED)
    return ACTORS["customer"].decide(state, event, context)


async def live(mode: str) -> None:
    settings = read_settings()
    policy = read_policy(settings.policy)
    actors = {**ACTORS, "customer": replace(ACTORS["customer"], decide=deadly_decide)} if mode == "decide" else ACTORS
    async with ports(settings, policy, *rabbit(settings)) as outside:
        sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
        runtime = Runtime(outside, actors, policy, sources, Counts("test"), Tuning(prefetch=settings.prefetch))
        if mode == "door":
            door = runtime._consumer._door
            runtime._consumer._door = DeadlyDoor(door._sources, door._refs)
        await runtime.start()
        await runtime.ended()


if __name__ == "__main__":
    telemetry.configure("info")
    asyncio.run(live(sys.argv[1]))

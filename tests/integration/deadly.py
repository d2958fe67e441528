"""A gateway process that dies of one message: `python -m tests.integration.deadly decide|door|lane`.

Everything is as in `tallystick serve`, but for the actor of customers, or the door, which ends the process at once when
it meets the customer `KILLER`; or for the actor of projects, which does when the project `KILLER` could go on, with
which it had waited.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from actors.decision import Accept, Actor, Context, Decision, Event
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


def deadly_engagement(state: object, event: Event, context: Context) -> Decision:
    """Dies as soon as the killer has what it waited for."""
    decision = ACTORS["engagement"].decide(state, event, context)
    if context.key.id == KILLER and isinstance(decision, Accept):
        os._exit(DIED)
    return decision


def actors_of(mode: str) -> Mapping[str, Actor]:
    match mode:
        case "decide":
            return {**ACTORS, "customer": replace(ACTORS["customer"], decide=deadly_decide)}
        case "lane":
            return {**ACTORS, "engagement": replace(ACTORS["engagement"], decide=deadly_engagement)}
        case _:
            return ACTORS


async def live(mode: str) -> None:
    settings = read_settings()
    policy = read_policy(settings.policy)
    actors = actors_of(mode)
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

"""A gateway process whose actors talk to each other: `python -m tests.integration.talkative`.

Everything is as in `tallystick serve`, but for one more actor, the pal of the simulation.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import topology
from gateway import telemetry
from gateway.app import ports, rabbit
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import read_policy
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import read_settings
from tests.sim.pals import SIM_ACTORS, SIM_VOCABULARY


async def live() -> None:
    """Run until it is killed."""
    settings = read_settings()
    policy = read_policy(settings.policy)
    administration = RabbitAdministration(settings.amqp_url)
    await administration.apply(topology(tuple(SIM_ACTORS)))
    await administration.close()
    async with ports(settings, policy, *rabbit(settings)) as outside:
        sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
        tuning = Tuning(prefetch=settings.prefetch, silent_seconds=settings.silent_seconds)
        runtime = Runtime(outside, SIM_ACTORS, policy, sources, Counts("test"), tuning, SIM_VOCABULARY)
        await runtime.start()
        await runtime.ended()


if __name__ == "__main__":
    telemetry.configure("info")
    asyncio.run(live())

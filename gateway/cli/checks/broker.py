"""Whether RabbitMQ can be reached, and everything stands there as the gateway needs it. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adapters.ports.broker import BrokerUnavailable, Topology, TopologyDiffers
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import DEAD
from gateway.cli.checks.finding import Finding, Level, failed

PART: Final = "rabbitmq"


async def look_at_broker(url: str, wanted: Topology) -> list[Finding]:
    """Findings on the broker, or the one that it cannot be asked."""
    administration = RabbitAdministration(url, name="tallystick doctor")
    try:
        missing = await administration.missing(wanted)
        return [
            Finding(PART, Level.OK, "reachable"),
            *[
                Finding(PART, Level.WARN, f"{what} is missing", "run `tallystick topology apply`, or the gateway")
                for what in missing
            ],
            *await _what_stands(administration, _present(wanted, missing)),
            *([] if missing else [Finding(PART, Level.OK, "topology complete")]),
        ]
    except BrokerUnavailable as error:
        return [failed(PART, error)]
    finally:
        await administration.close()


def _present(wanted: Topology, missing: list[str]) -> Topology:
    """What stands, without bindings: declaring it again then proves its arguments and makes nothing new."""
    return Topology(
        tuple(each for each in wanted.exchanges if f"exchange {each.name}" not in missing),
        tuple(replace(each, routing_keys=()) for each in wanted.queues if f"queue {each.name}" not in missing),
    )


async def _what_stands(administration: RabbitAdministration, present: Topology) -> list[Finding]:
    try:
        await administration.apply(present)
    except TopologyDiffers as differs:
        return [failed(PART, differs)]
    if DEAD not in {queue.name for queue in present.queues}:
        return []
    dead = await administration.depth(DEAD)
    if not dead:
        return []
    return [
        Finding(
            PART,
            Level.WARN,
            f"{dead} messages in {DEAD}",
            "a consumer lost its channel over and over: find out why, then move them back to their queues",
        )
    ]

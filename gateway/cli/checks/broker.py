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
        differing = await _what_stands(administration, _present(wanted, missing))
    except BrokerUnavailable as error:
        return [failed(PART, error)]
    finally:
        await administration.close()
    change = "run `tallystick topology apply`, or start the gateway"
    findings = [Finding(PART, Level.FAIL, f"{what} is missing", change) for what in missing] + differing
    complete = [Finding(PART, Level.OK, "reachable, topology complete")]
    return findings if any(each.level is Level.FAIL for each in findings) else complete + findings


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
        change = "let it run empty, delete it, and run `tallystick topology apply`"
        return [Finding(PART, Level.FAIL, str(differs).partition(". Arguments")[0], change)]
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

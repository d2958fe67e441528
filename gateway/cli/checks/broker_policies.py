"""Whether a policy in RabbitMQ takes from our queues what they promise: policies hold beside their arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from adapters.ports.broker import Queue, Topology
from adapters.rabbitmq.management import ManagementUnavailable, QueuePolicy, queue_policies
from gateway.cli.checks.finding import Finding, Level
from gateway.cli.options import MANAGEMENT_URL

PART: Final = "rabbitmq policies"

_TAKES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delivery-limit": "what comes back more often is taken out of the queue",
        "message-ttl": "what waits longer, in milliseconds, is gone",
        "expires": "a queue that nobody consumes for so long, in milliseconds, is deleted with what is in it",
        "max-length": "more messages are refused, or the oldest are dropped",
        "max-length-bytes": "more bytes are refused, or the oldest messages are dropped",
    }
)
"""What a policy may say, and what that does."""


async def look_at_policies(url: str | None, amqp_url: str, wanted: Topology) -> list[Finding]:
    """Findings on policies that are in the way; without the URL of a management API nobody can tell."""
    if url is None:
        told = f"not looked at, as AMQP does not tell of them: set {MANAGEMENT_URL} to RabbitMQ's management API"
        return [Finding(PART, Level.OK, told)]
    try:
        policies = {policy.queue: policy for policy in await queue_policies(url, amqp_url)}
    except ManagementUnavailable as error:
        change = f"correct {MANAGEMENT_URL}, and give its user the tag monitoring"
        return [Finding(PART, Level.WARN, f"they cannot be looked at: {error}", change)]
    found = [
        finding
        for queue in wanted.queues
        if (policy := policies.get(queue.name)) is not None
        for finding in _in_the_way(queue, policy)
    ]
    return found or [Finding(PART, Level.OK, "none is in the way")]


def _in_the_way(queue: Queue, policy: QueuePolicy) -> Iterator[Finding]:
    for name, effect in _TAKES.items():
        said, own = policy.definition.get(name), queue.arguments.get(f"x-{name}")
        if not isinstance(said, int) or (isinstance(own, int) and said >= own):
            continue
        yield Finding(
            PART,
            Level.FAIL,
            f"{queue.name}: {' and '.join(policy.names)} set {name} to {said}: {effect}",
            r"take it out of the policy, or let its pattern leave out ^tallystick\. (`rabbitmqctl list_policies`,"
            " `list_operator_policies`)",
        )

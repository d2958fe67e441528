"""`tallystick topology`: show what must stand in RabbitMQ and what of it is missing, and declare it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
import uvloop

from actors.registry import ACTORS
from adapters.ports.broker import BrokerUnavailable, Topology
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.topology import topology as topology_of
from gateway.cli.options import JSON, amqp_option, no_dry_run, optional_policy_option, output_option, required_broker
from gateway.cli.output import show_json, show_table
from gateway.exits import explain
from gateway.intakes.routes import bindings
from gateway.policy_file import read_policy


@click.group()
def topology() -> None:
    """Show and declare what stands in RabbitMQ."""


@topology.command()
@amqp_option
@optional_policy_option
@output_option
def show(amqp_url: str, policy: Path | None, output: str) -> None:
    """Print exchanges, queues, bindings, and arguments, and what is missing if the broker can be asked.

    The routing keys of intakes are among the bindings if a policy file is named.
    """
    wanted = the_topology(policy)
    missing: list[str] | None = None
    if amqp_url:
        try:
            missing = uvloop.run(_missing(amqp_url, wanted))
        except BrokerUnavailable as error:
            click.echo(f"tallystick: what is missing is not known: {explain(error)}", err=True)
    if output == JSON:
        show_json(_as_json(wanted, missing))
    else:
        _show(wanted, missing)


@topology.command()
@amqp_option
@optional_policy_option
@no_dry_run
def apply(amqp_url: str, policy: Path | None) -> None:
    """Declare what is missing. What is there stays as it is; code 5 if it has other arguments.

    The queues are bound to the routing keys of the policy file's intakes too, if one is named. What the file no longer
    has stays bound: such messages become dead letters.
    """
    wanted = the_topology(policy)
    made = uvloop.run(_apply(required_broker(amqp_url), wanted))
    for name in made:
        click.echo(f"Declared {name}.")
    for queue in wanted.queues:
        for routing_key in queue.routing_keys[1:]:
            click.echo(f"Bound {queue.name} to {routing_key}.")
    click.echo("Everything stands.")


def the_topology(policy: Path | None = None) -> Topology:
    """What the gateway declares when it starts with this policy file. Raises `PolicyInvalid`."""
    return topology_of(tuple(ACTORS), {} if policy is None else bindings(read_policy(policy).intakes))


async def _missing(amqp_url: str, wanted: Topology) -> list[str]:
    administration = RabbitAdministration(amqp_url)
    try:
        return await administration.missing(wanted)
    finally:
        await administration.close()


async def _apply(amqp_url: str, wanted: Topology) -> list[str]:
    """Declare everything; what was not there before."""
    administration = RabbitAdministration(amqp_url)
    try:
        missing = await administration.missing(wanted)
        await administration.apply(wanted)
    finally:
        await administration.close()
    return missing


def _show(wanted: Topology, missing: list[str] | None) -> None:
    exchanges = [(each.name, each.kind, _arguments(each.arguments)) for each in wanted.exchanges]
    queues = [
        (each.name, f"{each.exchange} {' '.join(each.routing_keys)}".strip(), _arguments(each.arguments))
        for each in wanted.queues
    ]
    show_table(
        ["exchange", "type", "arguments", "state"],
        [(*row, _state(f"exchange {row[0]}", missing)) for row in exchanges],
    )
    click.echo()
    show_table(
        ["queue", "bound to", "arguments", "state"],
        [(*row, _state(f"queue {row[0]}", missing)) for row in queues],
    )


def _as_json(wanted: Topology, missing: list[str] | None) -> Mapping[str, object]:
    return {
        "exchanges": [
            {
                "name": each.name,
                "type": each.kind,
                "arguments": each.arguments,
                "state": _state(f"exchange {each.name}", missing),
            }
            for each in wanted.exchanges
        ],
        "queues": [
            {
                "name": each.name,
                "exchange": each.exchange,
                "routing_keys": each.routing_keys,
                "arguments": each.arguments,
                "state": _state(f"queue {each.name}", missing),
            }
            for each in wanted.queues
        ],
    }


def _state(what: str, missing: list[str] | None) -> str:
    if missing is None:
        return "unknown"
    return "missing" if what in missing else "present"


def _arguments(arguments: Mapping[str, object]) -> str:
    return "\n".join(f"{name}={value}" for name, value in arguments.items())

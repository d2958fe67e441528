"""`tallystick doctor`: look at the whole set-up, also when parts of it are down, and say what to change."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Final

import click
import uvloop

from gateway.cli.checks.broker import look_at_broker
from gateway.cli.checks.broker_policies import look_at_policies
from gateway.cli.checks.database import look_at_database
from gateway.cli.checks.finding import Finding, Level
from gateway.cli.checks.policy import look_at_policy
from gateway.cli.checks.secrets import look_at_secrets, roles_of_callers
from gateway.cli.checks.settings import Known, look_at_settings
from gateway.cli.checks.systems import look_at_systems
from gateway.cli.options import JSON, output_option
from gateway.cli.output import show_json, show_table
from gateway.cli.topology import the_topology
from gateway.exits import Exit
from gateway.policy_file import PolicyFile
from gateway.readable import read_systems

PATIENCE: Final = 30.0
"""Seconds for each part; the parts are looked at at the same time."""


@click.command()
@output_option
def doctor(output: str) -> None:
    """Check the whole set-up, and say what to change.

    Looks at settings, policy file, secret files, database, broker, systems, and clocks, in the environment that
    `tallystick serve` would have, and changes nothing. Ends with 7 if something must be changed.
    """
    findings = examine()
    broken = [each for each in findings if each.level is Level.FAIL]
    if output == JSON:
        show_json({"healthy": not broken, "findings": findings})
    else:
        show_table(
            ["", "part", "found", "what to change"],
            [(each.level.value, each.part, each.found, each.change) for each in findings],
        )
        click.echo(f"\n{len(broken)} to change." if broken else "\nHealthy.")
    if broken:
        raise click.exceptions.Exit(Exit.UNHEALTHY)


def examine() -> list[Finding]:
    """All findings, in the order in which things have to be put right."""
    findings, known = look_at_settings()
    policy: PolicyFile | None = None
    if known.policy is not None:
        found, policy = look_at_policy(known.policy, roles_of_callers())
        findings += found
    return findings + look_at_secrets(policy) + uvloop.run(_look_outside(known, policy))


async def _look_outside(known: Known, policy: PolicyFile | None) -> list[Finding]:
    """What is known of can be looked at; that the rest is not known is a finding already."""
    looks: list[Coroutine[None, None, list[Finding]]] = []
    if known.database_url is not None:
        systems, read, hash_ = (
            (None, {}, None) if policy is None else (policy.systems, read_systems(policy), policy.hash)
        )
        looks.append(_patiently("postgresql", look_at_database(known.database_url, systems, read, hash_)))
    if known.amqp_url is not None:
        topology = the_topology()
        looks.append(_patiently("rabbitmq", look_at_broker(known.amqp_url, topology)))
        looks.append(_patiently("policies", look_at_policies(known.management_url, known.amqp_url, topology)))
    if policy is not None:
        looks.append(_patiently("systems", look_at_systems(policy)))
    return [finding for found in await asyncio.gather(*looks) for finding in found]


async def _patiently(part: str, look: Coroutine[None, None, list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await look
    except TimeoutError:
        return [Finding(part, Level.FAIL, f"no answer within {PATIENCE:g} s", "find out what holds it up")]

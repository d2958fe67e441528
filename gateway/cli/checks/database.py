"""Whether PostgreSQL can be reached, takes writes, keeps what it confirms, and has the schema of this release."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from adapters.ports.policies import PolicyNotFound
from adapters.postgres.migrations.upgrade import SchemaBehind, check, head
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.server import Server, dangers, read_server
from gateway.changes_policy import ChangesPolicy
from gateway.cli.checks.clock import clock
from gateway.cli.checks.finding import Finding, Level, failed
from gateway.cli.checks.readers import look_at_readers
from gateway.cli.database import asking_database
from schemas.commands import SELF

PART: Final = "postgresql"
OLDEST: Final = 15
"""The oldest major version that the tests run on."""


async def look_at_database(
    url: str,
    systems: Collection[str] | None = None,
    read: Mapping[str, ChangesPolicy] = MappingProxyType({}),
    policy: str | None = None,
) -> list[Finding]:
    """Findings on the server, or the one that it cannot be asked.

    And on commands for others than these systems, on the reading of those whose changes are to be read, and on what is
    in force in place of the policy file with the hash `policy`.
    """
    try:
        server = await read_server(url)
        findings = list(_server(server, urlsplit(url).hostname))
    except Exception as error:  # noqa: BLE001 - `failed` raises again what it does not know
        return [failed(PART, error)]
    try:
        with asking_database():
            await check(url)
    except SchemaBehind as behind:
        return [*findings, Finding(PART, Level.FAIL, behind.found, behind.change)]
    except Exception as error:  # noqa: BLE001 - as above
        return [*findings, failed(PART, error)]
    findings.append(Finding(PART, Level.OK, f"schema at revision {head()}"))
    findings += await look_at_readers(url, read)
    findings += [] if policy is None else await _superseded(url, policy)
    return findings if systems is None else findings + await _unlisted(url, systems)


async def _unlisted(url: str, systems: Collection[str]) -> list[Finding]:
    """Commands that stand open for systems that the policy does not list: nobody sends them."""
    overdue = PostgresOverdue(url)
    try:
        found = await overdue.systems(but={*systems, SELF})
    except Exception as error:  # noqa: BLE001 - as above
        return [failed(PART, error)]
    finally:
        await overdue.close()
    return [
        Finding(
            f"system {each.system}",
            Level.FAIL,
            f"not in the policy file, and commands are open: {each.commands}, the oldest since"
            f" {each.oldest:%Y-%m-%d %H:%M} UTC",
            f"add {each.system} under systems in the policy file, at least until its commands are settled",
        )
        for each in found
    ]


async def _superseded(url: str, policy: str) -> list[Finding]:
    """The policy file, if it was loaded once and another one is in force now."""
    policies = PostgresPolicies(url)
    try:
        active = await policies.active()
        if active is None or active.hash == policy:
            return []
        await policies.text(policy)
    except PolicyNotFound:
        return []  # a changed file, which comes into force at a start or by a reload
    except Exception as error:  # noqa: BLE001 - as above
        return [failed(PART, error)]
    finally:
        await policies.close()
    return [
        Finding(
            "policy",
            Level.WARN,
            f"this file, {policy}, was superseded: {active.hash} is in force ({active.how} by {active.actor},"
            f" {active.at:%Y-%m-%d %H:%M} UTC)",
            "bring the file up to date; or, if it is the right one, have it read again: `tallystick mapping reload`",
        )
    ]


def _server(server: Server, host: str | None) -> Iterator[Finding]:
    found = f"version {server.version} on {host or 'a socket'}"
    if server.version_number < OLDEST * 10_000:
        yield Finding(PART, Level.WARN, found, f"tests run on {OLDEST} and later: upgrade PostgreSQL")
    else:
        yield Finding(PART, Level.OK, found)
    if server.is_read_only:
        yield Finding(PART, Level.FAIL, "it takes no writes", "point TALLYSTICK_DATABASE_URL at the primary")
    for danger in dangers(server):
        yield Finding(PART, Level.FAIL, danger.found, danger.change)
    if server.encoding != "UTF8":
        yield Finding(PART, Level.FAIL, f"its encoding is {server.encoding}", "create the database with UTF8")
    if server.forbidden:
        yield Finding(
            PART, Level.FAIL, f"its user may not read and insert in {server.forbidden}", "grant it what it lacks"
        )
    yield clock(PART, server.now, datetime.now(UTC))

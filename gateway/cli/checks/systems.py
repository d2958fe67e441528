"""Whether each system answers, lets us in, and lets us do what the gateway needs; nothing is written there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.ports.inspection import Inspection, Inspects, NotInspected
from gateway.app_systems import system_of
from gateway.cli.checks.clock import clock
from gateway.cli.checks.finding import Finding, Level
from gateway.policy_file import AnySystem, PolicyFile
from gateway.system_policy import PolicyInvalid

PATIENCE: Final = 20.0
"""Seconds for all questions to one system."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of one system. `inspection` is None where it could not be asked."""

    inspection: Inspection | None
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether nothing must be changed."""
        return all(each.level is not Level.FAIL for each in self.findings)

    @property
    def short(self) -> list[Finding]:
        """What is wrong, or else one finding that all is well; and what is doubtful."""
        amiss = [each for each in self.findings if each.level is not Level.OK]
        return [*self.findings[:1], *amiss] if self.is_ready else amiss


async def look_at_systems(policy: PolicyFile) -> list[Finding]:
    """Findings on all systems, asked at the same time."""
    looks = await asyncio.gather(*(look_at_system(name, entry) for name, entry in policy.systems.items()))
    return [finding for look in looks for finding in look.short]


async def look_at_system(name: str, entry: AnySystem) -> Look:
    """What is found of a system as the policy has it."""
    try:
        system = system_of(name, entry)
    except PolicyInvalid as error:
        change = f"correct systems.{name} in the policy file, or the file that it names"
        return Look(None, (Finding(_part(name), Level.FAIL, str(error), change),))
    try:
        return await look(name, system)
    finally:
        await system.close()


async def look(name: str, system: Inspects, patience: float = PATIENCE) -> Look:
    """Ask a system about itself, for `patience` seconds at most."""
    try:
        async with asyncio.timeout(patience):
            inspection = await system.inspect()
    except NotInspected as error:
        return refused(name, error.found, error.change)
    except TimeoutError:
        return refused(name, f"it did not answer all questions within {patience:g} s", "find out what holds it up")
    return answered(name, inspection, datetime.now(UTC))


def refused(name: str, found: str, change: str) -> Look:
    """What is found of a system that could not be asked."""
    change = change or f"put that right, then run `tallystick system test {name}`"
    return Look(None, (Finding(_part(name), Level.FAIL, found, change),))


def answered(name: str, inspection: Inspection, ours: datetime) -> Look:
    """What is found of a system that was asked at `ours`, by the clock of whoever asked."""
    return Look(inspection, tuple(_findings(_part(name), inspection, ours)))


def _part(name: str) -> str:
    return f"system {name}"


def _findings(part: str, inspection: Inspection, ours: datetime) -> Iterator[Finding]:
    version = f", version {inspection.version}" if inspection.version else ""
    yield Finding(part, Level.OK, f"answers{version}; who we are there: {inspection.identity}")
    for right in inspection.rights:
        if right.missing is None:
            yield Finding(part, Level.OK, right.name)
        else:
            yield Finding(part, Level.FAIL, f"missing: {right.name}", right.missing)
    if inspection.clock is None:
        yield Finding(part, Level.OK, "it does not tell the time, so its clock is not compared")
    else:
        yield clock(part, inspection.clock, ours)
    if inspection.limits:
        told = ", ".join(f"{name}: {value}" for name, value in inspection.limits.items())
        yield Finding(part, Level.OK, f"limits that it tells of: {told}")

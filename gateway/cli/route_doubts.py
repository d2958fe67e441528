"""Doubts about where operations go: to a system that does not take them, on a day from which on that is so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Final

from actors.policy import ROLES, LegalEntity
from gateway.policy_file import PolicyFile

ALWAYS: Final = date.min
"""Before every successor: what has no other system yet."""


def route_doubts(policy: PolicyFile, operations: Collection[str]) -> Iterator[str]:
    """Routes of every legal entity to systems that do not take the operation; `operations` are those that are sent."""
    taken = {name: system.taken for name, system in policy.systems.items()}
    for code, entity in policy.legal_entities.items():
        for operation in ROLES:
            if operation in operations:
                yield from _routes(f"legal_entities.{code}", entity, operation, taken)


def _routes(place: str, entity: LegalEntity, operation: str, taken: Mapping[str, Collection[str]]) -> Iterator[str]:
    told: set[str] = set()
    for day in _days(entity):
        system = entity.route(operation, day)
        if system is None or system in told or operation in taken[system]:
            continue
        told.add(system)
        since = "" if day == ALWAYS else f" from {day} on"
        yield (
            f"{place}: {operation} goes to {system}{since}, which does not take it, so its commands are parked: add it"
            f" to systems.{system}, or write where it goes under {place}.operations"
        )


def _days(entity: LegalEntity) -> list[date]:
    """The days on which a route may change."""
    return [ALWAYS, *sorted({successor.from_on for row in entity.successors.values() for successor in row})]

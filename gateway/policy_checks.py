"""What the parts of a policy file must say of each other: each mistake with the place where it stands. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, NamedTuple

from actors.policy import Approval, LegalEntity, Ownership, ServiceLine
from gateway.recon.schedule import ReconciliationPolicy
from gateway.rules import LanePolicy
from gateway.source_policy import Source
from gateway.system_policy import SystemPolicy
from schemas.commands import OURS, SELF
from schemas.customer.v1 import CreditChanged, Upserted
from schemas.record import Record
from schemas.sequence import SequenceKind

OUR_SOURCES: Final = ("conflict:", OURS)
"""How the sources begin that the gateway itself writes."""
UNOWNED: Final = frozenset({"reason"})
"""Fields of events that are not of the entity, but say why it changed."""


_CHANGES: Final[Mapping[str, tuple[type[Record], ...]]] = MappingProxyType({"customer": (Upserted, CreditChanged)})


class Mistake(NamedTuple):
    """What is wrong and what to change, at a path from the part that was checked."""

    place: tuple[str | int, ...]
    text: str


class Mistakes(ValueError):
    """All that is wrong between the parts of a file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, each.place))}: {each.text}" for each in mistakes))
        self.mistakes = tuple(mistakes)


def check_legal_entities(entities: Mapping[str, LegalEntity], systems: Collection[str]) -> Iterator[Mistake]:
    """Systems that are not listed, and two systems that would take over a role on one day."""
    for code, entity in entities.items():
        place = ("legal_entities", code)
        for path, system in _named_systems(entity):
            if system not in systems:
                yield Mistake((*place, *path), _unlisted(system, systems))
        for role, successors in entity.successors.items():
            days = Counter(successor.from_on for successor in successors)
            for day, count in days.items():
                if count > 1:
                    text = f"{count} systems take over on {day}: leave one of them"
                    yield Mistake((*place, "successors", role), text)


def check_reconciliations(
    schedules: Mapping[str, ReconciliationPolicy], entities: Collection[str], systems: Mapping[str, SystemPolicy]
) -> Iterator[Mistake]:
    """Systems and legal entities that are not listed, and systems whose books cannot be read."""
    for name, schedule in schedules.items():
        place = ("reconciliations", name)
        if schedule.system not in systems:
            yield Mistake((*place, "system"), _unlisted(schedule.system, systems))
        elif not systems[schedule.system].has_books:
            text = f"the books of {schedule.system} cannot be read: give it `postings`, or name one that has them"
            yield Mistake((*place, "system"), text)
        if schedule.legal_entity is not None and schedule.legal_entity not in entities:
            text = f"{schedule.legal_entity} is not listed in legal_entities: add it, or correct the code"
            yield Mistake((*place, "legal_entity"), text)


def check_systems(systems: Collection[str]) -> Iterator[Mistake]:
    """Names that are the gateway's own."""
    for name in systems:
        if name == SELF or name.startswith(OURS):
            yield Mistake(("systems", name), f"{SELF}, and names that begin with {OURS}, are ours, name it otherwise")


def check_service_lines(lines: Mapping[str, ServiceLine]) -> Iterator[Mistake]:
    """Work packages that could not be told apart."""
    for code, line in lines.items():
        for package, count in Counter(package.code for package in line.template).items():
            if count > 1:
                text = f"{count} work packages have the code {package}: give each its own"
                yield Mistake(("service_lines", code, "template"), text)


def check_sources(sources: Mapping[str, Source], lanes: Mapping[str, LanePolicy]) -> Iterator[Mistake]:
    """Names that are ours, and numbers that a lane policy would lose."""
    for name, source in sources.items():
        for prefix in OUR_SOURCES:
            if name.startswith(prefix):
                yield Mistake(("sources", name), f"sources that begin with {prefix} are ours, name it otherwise")
        for pattern in source.types if source.sequence is not SequenceKind.NONE else ():
            for skipped, policy in lanes.items():
                if policy is LanePolicy.SKIP and (fnmatchcase(pattern, skipped) or fnmatchcase(skipped, pattern)):
                    text = (
                        f"it is skip, but {name} numbers its events of type {pattern}: a number that is left out would"
                        " be a gap, so write park or supersede"
                    )
                    yield Mistake(("lanes", skipped), text)


def check_approvals(approvals: Mapping[str, Approval], entities: Collection[str]) -> Iterator[Mistake]:
    """Rules for legal entities that there are not."""
    for name, rule in approvals.items():
        yield from _unknown_entities(("approvals", name), rule.legal_entities, entities)


def check_ownership(
    ownership: Sequence[Ownership], entities: Collection[str], systems: Collection[str]
) -> Iterator[Mistake]:
    """Owners that are not listed, fields that do not exist, and legal entities that there are not."""
    for index, rule in enumerate(ownership):
        place = ("ownership", index)
        known = owned_fields(rule.entity)
        for number, field in enumerate(rule.fields):
            if field not in known:
                text = f"a {rule.entity} has no field {field}: choose from {', '.join(sorted(known))}"
                yield Mistake((*place, "fields", number), text)
        if rule.owner not in systems:
            yield Mistake((*place, "owner"), _unlisted(rule.owner, systems))
        yield from _unknown_entities(place, rule.legal_entities, entities)


def owned_fields(entity: str) -> frozenset[str]:
    """The fields that events of an entity may change."""
    return frozenset(field for model in _CHANGES[entity] for field in model.model_fields) - UNOWNED


def _named_systems(entity: LegalEntity) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each system that a legal entity names, and where."""
    for role in ("erp", "psa", "crm", "billing", "planning", "workspace"):
        system = getattr(entity, role)
        if system is not None:
            yield (role,), system
    for role, successors in entity.successors.items():
        for index, successor in enumerate(successors):
            yield ("successors", role, index, "system"), successor.system
    for operation, system in entity.operations.items():
        if system is not None:
            yield ("operations", operation), system


def _unknown_entities(
    place: tuple[str | int, ...], named: Sequence[str], entities: Collection[str]
) -> Iterator[Mistake]:
    for index, code in enumerate(named):
        if code not in entities:
            text = f"{code} is not under `legal_entities`: add it there, or choose from {', '.join(entities)}"
            yield Mistake((*place, "legal_entities", index), text)


def _unlisted(system: str, systems: Collection[str]) -> str:
    return f"{system!r} is not under `systems`: add it there, or choose from {', '.join(systems)}"

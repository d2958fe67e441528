"""What the gateway's own reconciliation of an ERP found, against what was planned. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.demo.expected import Expected

ZERO = Decimal(0)
Difference = tuple[str, str]
"""(kind, `entity/id`)."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A reconciliation. `theirs`: by (legal entity, currency), what the system's books come to.

    `on_its_way`: names of which nobody knows yet. `in_cases`: how many of the differences stand in an open case.
    """

    system: str
    phase: str
    theirs: Mapping[tuple[str, str], Decimal]
    on_its_way: int
    found: Sequence[Difference]
    in_cases: int


def planned(expected: Expected, system: str) -> Counter[Difference]:
    """The differences that must be there: each sheet that its ERP refuses is missing."""
    return Counter(("missing", key) for erp, key in expected.refused if erp == system)


def wrong_reconciled(expected: Expected, found: Sequence[Reconciled]) -> Iterator[str]:
    """What reconciliations say otherwise than was planned, in words: a sum, or a difference more or less."""
    for system in sorted(set(expected.erps.values()) - {each.system for each in found}):
        yield f"{system} was not reconciled"
    for each in found:
        if each.phase != "done" or each.on_its_way:
            yield f"the reconciliation of {each.system} is {each.phase}, with {each.on_its_way} on their way"
        yield from _wrong_sums(expected, each)
        wanted, seen = planned(expected, each.system), Counter(each.found)
        yield from (f"reconciled, {each.system} has {kind} {key}" for kind, key in sorted((seen - wanted).elements()))
        yield from (f"reconciled, {each.system} lacks {kind} {key}" for kind, key in sorted((wanted - seen).elements()))
        if each.in_cases != len(each.found):
            yield f"{len(each.found) - each.in_cases} differences of {each.system} stand in no case"


def _wrong_sums(expected: Expected, found: Reconciled) -> Iterator[str]:
    due: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for item, amount in expected.truth.at(found.system, expected.erps).items():
        due[item.legal_entity, item.currency] += amount
    for place in sorted(due.keys() | found.theirs.keys()):
        has, wanted = found.theirs.get(place, ZERO), due.get(place, ZERO)
        if has != wanted:
            yield f"reconciled, {found.system} has {has} for {place[0]} in {place[1]}, not {wanted}"

"""What differs between what we hold and what a system says, entry by entry, with its money. Pure.

For each legal entity and currency the effects of all differences, and of what is on its way, are exactly what the
system's total is more than ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.ports.recon import Difference, Kind, Place, RunAsked, Sums
from schemas.standing import Standing

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which entries count: of the days from `first` to `last`, of one legal entity or entity where these are named."""

    first: date
    last: date
    legal_entity: str | None = None
    entity: str | None = None

    @classmethod
    def of(cls, asked: RunAsked) -> Scope:
        """What a run is about."""
        return cls(asked.first, asked.last, asked.legal_entity, asked.entity)

    def has(self, standing: Standing) -> bool:
        """Whether an entry counts."""
        return (
            self.first <= standing.day <= self.last
            and self.legal_entity in (None, standing.legal_entity)
            and self.entity in (None, standing.entity)
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """One name on both sides: what counts of it, and what differs."""

    ours: Sums
    theirs: Sums
    differences: tuple[Difference, ...]

    @property
    def effect(self) -> Sums:
        """By how much the system has more."""
        return less(self.theirs, self.ours)


def judge(name: str, ours: Standing | None, theirs: Sequence[Standing], scope: Scope) -> Judged:
    """What differs under one name, as far as either side of it counts."""
    held = () if ours is None else (ours,)
    found = tuple(each for each in _differences(name, ours, theirs, scope) if _counts(each, scope))
    return Judged(sums(held, scope), sums(theirs, scope), found)


def sums(standings: Iterable[Standing], scope: Scope) -> Sums:
    """The money of what counts."""
    found: dict[Place, Decimal] = {}
    for each in standings:
        if each.amount is not None and each.currency is not None and scope.has(each):
            place = Place(each.legal_entity, each.currency)
            found[place] = found.get(place, ZERO) + each.amount
    return found


def more(one: Sums, other: Sums) -> Sums:
    """The sum of both, for each place of either."""
    return {place: one.get(place, ZERO) + other.get(place, ZERO) for place in {**one, **other}}


def less(one: Sums, other: Sums) -> Sums:
    """What the one has more than the other, where they are not the same."""
    found = {place: one.get(place, ZERO) - other.get(place, ZERO) for place in {**one, **other}}
    return {place: amount for place, amount in found.items() if amount}


def _differences(name: str, ours: Standing | None, theirs: Sequence[Standing], scope: Scope) -> Iterable[Difference]:
    if ours is None:
        yield from (Difference(Kind.EXTRA, name, None, each, (), sums((each,), scope)) for each in theirs)
        return
    held = sums((ours,), scope)
    if not theirs:
        yield Difference(Kind.MISSING, name, ours, None, (), less({}, held))
        return
    likest = min(range(len(theirs)), key=lambda place: _unlikeness(ours, theirs[place]))
    fields = _fields(ours, theirs[likest])
    if fields:
        effect = less(sums((theirs[likest],), scope), held)
        yield Difference(Kind.DIFFERENT, name, ours, theirs[likest], fields, effect)
    for place, each in enumerate(theirs):
        if place != likest:
            yield Difference(Kind.TWICE, name, ours, each, (), sums((each,), scope))


def _unlikeness(ours: Standing, theirs: Standing) -> tuple[int, bool]:
    """Of two entries that say the same, that of the generation that we hold is ours: the other one is taken back."""
    return len(_fields(ours, theirs)), theirs.reference != ours.reference


def _fields(ours: Standing, theirs: Standing) -> tuple[str, ...]:
    """What both know, and say otherwise."""
    said = {
        "sort": (ours.sort, theirs.sort),
        "legal_entity": (ours.legal_entity, theirs.legal_entity),
        "day": (ours.day, theirs.day),
        "amount": (ours.amount, theirs.amount),
        "currency": (ours.currency, theirs.currency),
    }
    known = {"account": (ours.account, theirs.account), "open": (ours.open, theirs.open)}
    said |= {name: both for name, both in known.items() if None not in both}
    return tuple(name for name, (one, other) in said.items() if one != other)


def _counts(difference: Difference, scope: Scope) -> bool:
    """Of what is there twice, the second entry alone is what differs."""
    ours = None if difference.kind is Kind.TWICE else difference.ours
    return any(each is not None and scope.has(each) for each in (ours, difference.theirs))

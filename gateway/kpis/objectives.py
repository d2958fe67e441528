"""The part `objectives` of the policy file: what service the firm expects, and how far it is reached. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.ports.kpis import Sum
from gateway.kpis.measures import BOUNDS, Measure

Bound = Literal["1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d", "3d", "7d", "30d"]


class Share(BaseModel):
    """How many of all, in per cent."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    share: Decimal = Field(gt=0, le=100)
    """At least so many, in per cent."""


class Within(Share):
    """How many of all within a time."""

    within: Bound
    """The longest time that is meant, one of those by which durations are counted."""


class Objectives(BaseModel):
    """What is left out is no objective."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    project_start: Within | None = None
    """Latency: from the won deal to the project that can be worked on."""
    billing: Within | None = None
    """Latency: from approved time to the booking in the ERP."""
    posting_accuracy: Share | None = None
    """Bookings that a system took, of all that it was asked for."""
    recovery: Within | None = None
    """From the opening of a case to its closing."""


DURATIONS: Final = {
    "project_start": Measure.PROJECTS_OPENED,
    "billing": Measure.LINES_BILLED,
    "recovery": Measure.CASES_CLOSED,
}


@dataclass(frozen=True, slots=True)
class Attained:
    """An objective and how far it is reached. `reached` is in per cent, None where nothing was counted; `of`: how many.

    `is_met` is None where nothing was counted.
    """

    objective: str
    within: str | None
    share: Decimal
    reached: Decimal | None
    of: int
    is_met: bool | None


def attained(objectives: Objectives, sums: Sequence[Sum]) -> list[Attained]:
    """How far each objective of the policy is reached over the period of some sums."""
    found: list[Attained] = []
    for name, objective in _named(objectives):
        within = objective.within if isinstance(objective, Within) else None
        good, every = _in_time(DURATIONS[name], within, sums) if within is not None else _accurate(sums)
        reached = Decimal(100 * good) / every if every else None
        is_met = None if reached is None else reached >= objective.share
        found.append(Attained(name, within, objective.share, reached, every, is_met))
    return found


def _named(objectives: Objectives) -> Iterator[tuple[str, Share]]:
    return ((name, each) for name, each in objectives if each is not None)


def _in_time(measure: Measure, within: str, sums: Sequence[Sum]) -> tuple[int, int]:
    fast = list(BOUNDS)[: list(BOUNDS).index(within) + 1]
    counts = [(each.count, each.label in fast) for each in sums if each.measure == measure]
    return sum(count for count, is_fast in counts if is_fast), sum(count for count, _ in counts)


def _accurate(sums: Sequence[Sum]) -> tuple[int, int]:
    posted = sum(each.count for each in sums if each.measure == Measure.POSTED)
    return posted, posted + sum(each.count for each in sums if each.measure == Measure.REFUSED)

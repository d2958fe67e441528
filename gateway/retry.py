"""How long until something is tried again, and when trying ends: a rule for each class of passing failure. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.verdicts import FailureClass

NextTry = Callable[[FailureClass, int], float | None]
"""The delay in seconds after so many tries that failed, the last one by this class; None: a person is asked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Delays that grow by `factor` from `first` to `longest`, in seconds; up to the share `jitter` is added to each.

    `deadline` bounds the sum of the delays without jitter, so only tries that were made bring it nearer, not the time
    in which nothing was tried.
    """

    first: float = 5.0
    factor: float = 2.0
    longest: float = 300.0
    jitter: float = 0.2
    deadline: float = 14_400.0

    def delay(self, tries: int, chance: float) -> float | None:
        """The delay after `tries` (1 or more) that failed; None once the delays before it have reached the deadline.

        `chance` is from 0 to 1 and picks the jitter.
        """
        if self._spent(tries) >= self.deadline:
            return None
        return self._nominal(tries) * (1 + self.jitter * chance)

    def _nominal(self, tries: int) -> float:
        return min(self.first * self.factor ** min(tries - 1, self._growing), self.longest)

    def _spent(self, tries: int) -> float:
        """The nominal delays between `tries` tries: a geometric series, and then the longest delay again and again."""
        before = tries - 1
        growing = min(before, self._growing)
        if self.factor == 1:
            series = self.first * growing
        else:
            series = self.first * (self.factor**growing - 1) / (self.factor - 1)
        return series + (before - growing) * min(self.first * self.factor**self._growing, self.longest)

    @property
    def _growing(self) -> int:
        """How many delays are below the longest."""
        if self.factor == 1 or self.first >= self.longest:
            return 0
        return math.ceil(math.log(self.longest / self.first, self.factor))


@dataclass(frozen=True, slots=True)
class Retries:
    """The rule of each failure class that has its own, and the one for all others."""

    default: Rule = field(default_factory=Rule)
    by_class: Mapping[FailureClass, Rule] = field(default_factory=dict)

    def of(self, failure_class: FailureClass | None) -> Rule:
        """The rule for failures of this class; None stands for an attempt that never got an end."""
        return self.default if failure_class is None else self.by_class.get(failure_class, self.default)

    def next_try(self, chance: Callable[[], float]) -> NextTry:
        """These rules, with the chance that picks each jitter."""
        return lambda failure_class, tries: self.of(failure_class).delay(tries, chance())

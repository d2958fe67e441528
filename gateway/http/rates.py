"""How often one caller may ask: a bucket for each, in the memory of the process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 2.0
"""What was not used for so long may be asked at once."""
MOST_KEPT: Final = 10_000
"""Callers that are remembered; of more, those who have not asked for longest are forgotten, which is to have waited."""


class Rates:
    """`per_second` requests of each on average. `clock` is in seconds, and only goes forward."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self._clock = clock
        self._used_up: dict[str, float] = {}
        """When what was asked has been paid for, by caller; who asked last stands last."""

    def wait(self, name: str) -> float:
        """0.0, and the request counts; or so many seconds until another may come."""
        now = self._clock()
        paid = max(self._used_up.pop(name, now), now)
        over = paid + 1 / self.per_second - now - max(BURST_SECONDS, 1 / self.per_second)
        self._used_up[name] = paid if over > _TINY else paid + 1 / self.per_second
        if len(self._used_up) > MOST_KEPT:
            del self._used_up[next(iter(self._used_up))]
        return over if over > _TINY else 0.0


_TINY: Final = 1e-9
"""Less than this is an error of rounding."""

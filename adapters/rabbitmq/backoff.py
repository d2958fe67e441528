"""How long to wait before a connection or a channel is opened again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

Delay = Callable[[int], float]
"""Seconds to wait before the next attempt, from the number of attempts that failed in a row (1, 2, …)."""

SETTLED: Final = 10.0
"""Seconds after which what was opened counts as a success, so that a flapping one still waits longer and longer."""


def growing(*, first: float, most: float) -> Delay:
    """Doubles from `first` up to `most` seconds, of which each wait is 50–100 %, so that processes spread out."""

    def delay(failures: int) -> float:
        whole = min(most, first * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + random.random() / 2)  # noqa: S311 - spreads reconnects, keeps no secret

    return delay


RECONNECT: Final = growing(first=0.1, most=5.0)
"""Readiness is promised to follow the broker within seconds, so even the longest wait is short."""


class Retry:
    """Counts failures in a row: waits grow while what is opened does not last, and start over once it did."""

    __slots__ = ("_delay", "_failures")

    def __init__(self, delay: Delay) -> None:
        self._delay = delay
        self._failures = 0

    def after(self, lasted: float) -> float:
        """Seconds to wait now that an attempt has ended that lasted for `lasted` seconds."""
        self._failures = 1 if lasted >= SETTLED else self._failures + 1
        return self._delay(self._failures)

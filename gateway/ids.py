"""Ids that sort by the time of their making: new rows go to the right-hand end of their index."""

from __future__ import annotations

import time
from random import Random
from typing import Final
from uuid import UUID

_CHANCE: Final = Random()  # noqa: S311  # ids must differ, not be secret; seeded by the operating system
_TICKS: Final = 4096
"""Parts of a millisecond, 12 bits."""


class TimeOrderedIds:
    """Version 7 UUIDs (RFC 9562, section 5.7, with the fractions of section 6.2, method 3).

    Those of one process sort in the order of their making, also when its clock goes back; a message's shows in which
    order messages came. Of two processes their clocks decide.
    """

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> UUID:
        """The next one."""
        self._last = max(time.time_ns() * _TICKS // 1_000_000, self._last + 1)
        high = self._last // _TICKS & 0xFFFF_FFFF_FFFF
        chance = _CHANCE.getrandbits(62)
        return UUID(int=high << 80 | 0x7000 << 64 | self._last % _TICKS << 64 | 0x8000 << 48 | chance)


time_ordered_id: Final = TimeOrderedIds()
"""The ids of this process."""

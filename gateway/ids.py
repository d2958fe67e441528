"""Ids that sort by the time of their making: new rows go to the right-hand end of their index."""

from __future__ import annotations

import time
from random import Random
from typing import Final
from uuid import UUID

_CHANCE: Final = Random()  # noqa: S311  # ids must differ, not be secret; seeded by the operating system


def time_ordered_id() -> UUID:
    """A version 7 UUID (RFC 9562, section 5.7). Nothing depends on its time being right, or on its order."""
    milliseconds = time.time_ns() // 1_000_000
    chance = _CHANCE.getrandbits(74)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    return UUID(int=high | 0x7000 << 64 | (chance >> 62 & 0xFFF) << 64 | 0x8000 << 48 | chance & 0x3FFF_FFFF_FFFF_FFFF)

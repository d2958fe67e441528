"""The collector of reference cycles, set for a process that keeps many objects for long and makes few cycles.

By default it walks thousands of messages and states in flight every 700 allocations, which took 30 % of the time of a
loaded process; hardly anything here is in a cycle, and what is, such as an exception with its traceback, can wait.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (10_000, 5, 10)
"""Objects made before the youngest are looked at; and how often, before those that were left are."""


@contextmanager
def nothing_collected() -> Iterator[None]:
    """For imports: what they make lives as long as the process. Walking it took a quarter of the time of an import."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def spare_the_long_lived() -> None:
    """Never again look at what the start has made, and seldom at the rest. Call it once, when all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

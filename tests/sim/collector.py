"""The garbage collector while stories are played."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_once() -> Iterator[None]:
    """The collector waits until the story is over, and then looks once at what the story has left.

    While a story runs it would walk the whole world again and again, and find next to nothing. What is made meanwhile
    stays in the youngest generation, so one look at that one alone finds all of it; memory holds one story at a time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        if was_enabled:
            gc.enable()

"""What a part of the bench finds, and how it says on the way what it is doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.servers import Servers
from bench.sizes import Sizes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """`rounds` holds each single round, `figures` what `bench.targets` compares; `notes` say what else was seen.

    A figure that could not be had honestly is left out, and a note says why.
    """

    rounds: Mapping[str, Sequence[float]]
    figures: Mapping[str, float]
    notes: Sequence[str] = field(default=())


Measure = Callable[[Servers, Sizes, Say], Awaitable[Found]]

"""The planted bugs: which part is wrong, which promise it breaks, and the first seed that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.checker.report import Invariant
from tests.runtime.wrong import AcksFirst, SpillsTheNewest
from tests.sim.planted.parts import ChangesTheKey, LetsFollowersThrough, SendsWhatIsAbsent, TakesUnknownForFailed
from tests.sim.planted.plant import Plant
from tests.sim.planted.store import (
    AlwaysRaisesTheGeneration,
    AppliesRedeliveries,
    NoDedupe,
    NoSweep,
    NoWake,
    ReferenceUnchecked,
    SecondHead,
    VersionsBelieved,
    VersionUnchecked,
    WaitsReadFirst,
    WaitUnchecked,
)

MOST_SEEDS: Final = 2000
"""Within so many seeds each bug must be found."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that is planted; `breaks` is the promise by which it must be found, `seed` the first that showed it."""

    name: str
    plant: Plant
    breaks: Invariant
    seed: int


BUGS: Final = (
    Bug("ack before commit", Plant(committer=AcksFirst), Invariant.ATOMIC, 0),
    Bug("no dedupe", Plant(commits=NoDedupe), Invariant.REPLAY, 2),
    Bug("state applied on a redelivery", Plant(commits=AppliesRedeliveries), Invariant.ATOMIC, 0),
    Bug("version check off", Plant(commits=VersionUnchecked), Invariant.ATOMIC, 9),
    Bug("reference unchecked", Plant(commits=ReferenceUnchecked), Invariant.ATOMIC, 27),
    Bug("unknown commit resolved by version", Plant(commits=VersionsBelieved), Invariant.ATOMIC, 219),
    Bug("lost wake-up: wait unchecked", Plant(commits=WaitUnchecked, lanes=NoSweep), Invariant.LIVE, 0),
    Bug("lost wake-up: no wake", Plant(commits=NoWake, lanes=NoSweep), Invariant.LIVE, 0),
    Bug("lost wake-up: waits read first", Plant(commits=WaitsReadFirst, lanes=NoSweep), Invariant.LIVE, 334),
    Bug("tail spill", Plant(committer=SpillsTheNewest), Invariant.ORDER, 0),
    Bug("lane follower let through", Plant(committer=LetsFollowersThrough), Invariant.ORDER, 0),
    Bug("second head sent", Plant(outbox=SecondHead), Invariant.ORDER, 1),
    Bug("key changed on retry", Plant(attempts=ChangesTheKey), Invariant.STABLE_KEYS, 3),
    Bug("generation raised on every retry", Plant(acts=AlwaysRaisesTheGeneration), Invariant.STABLE_KEYS, 19),
    Bug("unknown treated as failed", Plant(attempts=TakesUnknownForFailed), Invariant.ONE_EFFECT, 8),
    Bug("absent treated as permission", Plant(attempts=SendsWhatIsAbsent), Invariant.ONE_EFFECT, 82),
)

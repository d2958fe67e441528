"""The planted bugs: which part is wrong, which promise it breaks, and the first seed that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.checker.report import Invariant
from tests.runtime.wrong import AcksFirst, SpillsTheNewest
from tests.runtime.wrong_sequence import AtTheTail, EndedCounts, NoGaps, measuring_by
from tests.sim.planted.parts import (
    ChangesTheKey,
    CutsRuns,
    DoesNotWait,
    LetsFollowersThrough,
    SaysItUnderAnotherId,
    SendsWhatIsAbsent,
    TakesHalfABatchForAll,
    TakesUnknownForFailed,
)
from tests.sim.planted.plant import Plant
from tests.sim.planted.store import (
    AlwaysRaisesTheGeneration,
    AppliesRedeliveries,
    AsksNobody,
    MovedByRepeats,
    NoDeadline,
    NoDedupe,
    NoSweep,
    NoWake,
    QuotaOfEachProcess,
    ReferenceUnchecked,
    ReleasesNothing,
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
    """A bug that is planted; `seed` is the first that showed it.

    `breaks` is the promise by which it must be found, `shows` are words of the violation: a finding that says something
    else has found a side effect, or another bug.
    """

    name: str
    plant: Plant
    breaks: Invariant
    shows: str
    seed: int


BUGS: Final = (
    Bug("ack before commit", Plant(committer=AcksFirst), Invariant.ATOMIC, "acked before it was durable", 0),
    Bug("no dedupe", Plant(commits=NoDedupe), Invariant.REPLAY, "stands in the inbox", 0),
    Bug(
        "state applied on a redelivery",
        Plant(commits=AppliesRedeliveries),
        Invariant.ATOMIC,
        "nothing in the timeline made version",
        0,
    ),
    Bug("version check off", Plant(commits=VersionUnchecked), Invariant.ATOMIC, "was made 2 ×", 4),
    Bug("reference unchecked", Plant(commits=ReferenceUnchecked), Invariant.ATOMIC, "forbade it", 82),
    Bug(
        "unknown commit resolved by version",
        Plant(commits=VersionsBelieved),
        Invariant.ATOMIC,
        "acked before it was durable",
        36,
    ),
    Bug("lost wake-up: wait unchecked", Plant(commits=WaitUnchecked, lanes=NoSweep), Invariant.LIVE, "waits for", 0),
    Bug("lost wake-up: no wake", Plant(commits=NoWake, lanes=NoSweep), Invariant.LIVE, "waits for", 0),
    Bug(
        "lost wake-up: waits read first", Plant(commits=WaitsReadFirst, lanes=NoSweep), Invariant.LIVE, "waits for", 23
    ),
    Bug(
        "pause that does not end",
        Plant(pauses=ReleasesNothing),
        Invariant.LIVE,
        "its lane is paused, and no pause that holds it is in force",
        11,
    ),
    Bug("tail spill", Plant(committer=SpillsTheNewest), Invariant.ORDER, "overtook", 0),
    Bug("lane follower let through", Plant(committer=LetsFollowersThrough), Invariant.ORDER, "overtook", 29),
    Bug("gap ignored", Plant(committer=measuring_by(NoGaps)), Invariant.ORDER, "was applied before number", 2),
    Bug(
        "cursor moved on a redelivery",
        Plant(commits=MovedByRepeats),
        Invariant.ORDER,
        "was applied before number",
        51,
    ),
    Bug(
        "discard makes stale",
        Plant(committer=measuring_by(EndedCounts)),
        Invariant.ORDER,
        "is stale, and nothing newer was applied",
        477,
    ),
    Bug("number at the end of its lane", Plant(commits=AtTheTail), Invariant.LIVE, "and all are there", 2),
    Bug("deadline of a gap unheeded", Plant(lanes=NoDeadline), Invariant.LIVE, "past its deadline", 2),
    Bug(
        "second head sent",
        Plant(outbox=SecondHead),
        Invariant.ORDER,
        "was sent before the decision on the one before it",
        0,
    ),
    Bug(
        "run cut in two",
        Plant(attempts=CutsRuns),
        Invariant.ORDER,
        "was sent before the decision on the one before it",
        14,
    ),
    Bug("quota of each process", Plant(outbox=QuotaOfEachProcess), Invariant.LIMITS, "were claimed in a day of", 49),
    Bug(
        "key changed on retry",
        Plant(attempts=ChangesTheKey),
        Invariant.STABLE_KEYS,
        "came under a key that no command has",
        0,
    ),
    Bug(
        "generation raised on every retry",
        Plant(acts=AlwaysRaisesTheGeneration),
        Invariant.STABLE_KEYS,
        "nothing proves that the one before did nothing",
        5,
    ),
    Bug(
        "unknown treated as failed",
        Plant(attempts=TakesUnknownForFailed),
        Invariant.ONE_EFFECT,
        "took effect 2 times",
        17,
    ),
    Bug("sends without asking", Plant(outbox=AsksNobody), Invariant.ONE_EFFECT, "took effect 2 times", 6),
    Bug(
        "absent treated as permission",
        Plant(attempts=SendsWhatIsAbsent),
        Invariant.ONE_EFFECT,
        "took effect 2 times",
        82,
    ),
    Bug(
        "half a batch's missing line taken as done",
        Plant(attempts=TakesHalfABatchForAll),
        Invariant.TOTALS,
        "counts as done, but its system has no effect of it",
        950,
    ),
    Bug("asked anew under another id", Plant(inner=SaysItUnderAnotherId), Invariant.ONE_EFFECT, "took effect", 8),
    Bug(
        "asked and not waited for",
        Plant(inner=DoesNotWait),
        Invariant.TOTALS,
        "counts as done, but its system has no effect of it",
        21,
    ),
)

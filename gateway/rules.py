"""Rules of lanes and sequences, as the policy file sets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from schemas.sequence import SequenceKind

OVERDUE_SECONDS: Final = 14_400.0
"""How long a command may stand open before a person is told, unless the policy says otherwise."""


class LanePolicy(StrEnum):
    """What becomes of a message that was refused, and of those behind it."""

    PARK = "park"
    """It stops its key until a person acts."""
    SKIP = "skip"
    """It ends as rejected, with a case, and the next one is taken."""
    SUPERSEDE = "supersede"
    """It parks, until a newer one of its source and type arrives, which ends it and takes its own place."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """How a source numbers its events, and how many seconds a gap may last before a person is asked."""

    kind: SequenceKind
    patience: float


UNNUMBERED = Numbering(SequenceKind.NONE, 0.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """`numberings` by source; `lanes` from patterns of event types, without version, to policies: the first counts.

    `patience`: seconds that a message may wait for something before a person is asked.
    """

    numberings: Mapping[str, Numbering] = field(default_factory=dict)
    lanes: Mapping[str, LanePolicy] = field(default_factory=dict)
    patience: float = 86_400.0

    def numbering(self, source: str) -> Numbering:
        """How `source` numbers its events."""
        return self.numberings.get(source, UNNUMBERED)

    def lane(self, event_type: str) -> LanePolicy:
        """The policy for an event type, such as `timesheet.submitted.v1`."""
        name = without_version(event_type)
        return next((policy for pattern, policy in self.lanes.items() if fnmatchcase(name, pattern)), LanePolicy.PARK)


def without_version(event_type: str) -> str:
    """`timesheet.submitted` of `timesheet.submitted.v1`."""
    return event_type.rpartition(".v")[0] or event_type

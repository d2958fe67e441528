"""What the policy file says of a source of events: who may publish under it, what, and whose ids it uses."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.sequence import SequenceKind
from schemas.values import System


class Source(BaseModel):
    """What one CloudEvents `source` may send, and how its ids are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    users: tuple[str, ...] = Field(min_length=1)
    """AMQP users that may publish under this source; RabbitMQ proves the name."""
    types: tuple[str, ...] = Field(min_length=1)
    """Event types that it may send, without version; `*` stands for anything, as in `timesheet.*`."""
    system: System | None = None
    """The system whose ids `external` means."""
    external: tuple[str, ...] = ()
    """Entities whose subjects are ids of `system`, not ours; they are found by their binding."""
    unique_lines: bool = False
    """Whether its line ids are unique over all of its sheets, and over all of its reports of expenses: then a line that
    comes on two of them is booked by one alone."""
    sequence: SequenceKind = SequenceKind.NONE
    """What it promises of the CloudEvents attribute `sequence`, which numbers the events of one subject from 1.

    `contiguous`: an event waits for the one before it; `monotonic`: one that a newer has overtaken is stale.
    """
    gap_seconds: float = Field(default=3600, gt=0, le=31_536_000)
    """How long an event may wait for a missing number before a case is opened; it goes on waiting after that."""

    @model_validator(mode="after")
    def _named(self) -> Source:
        if self.external and self.system is None:
            raise ValueError("`external` needs `system`: name the system whose ids these are")
        return self

    def may_send(self, name: str) -> bool:
        """Whether events of type `name` (without version) are accepted from this source."""
        return _matches(name, self.types)


@lru_cache(maxsize=1000)
def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

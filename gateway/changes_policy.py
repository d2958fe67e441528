"""What the policy file says of reading a system's changes."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class ChangesPolicy(BaseModel):
    """How changed records of a system are read, and under which name they are published.

    A kind of system adds what it needs to know of its own records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: str = Field(min_length=1, max_length=200)
    """The CloudEvents source of the events; `sources` must allow it to the reader's AMQP user."""
    begins_on: date
    """What changed before this day (UTC) is not read: the day on which you go live. 1970-01-01 reads all there is."""
    every_seconds: float = Field(default=10, ge=0.1, le=3600)
    """Between two looks."""
    settle_seconds: float = Field(default=2, ge=0, le=3600)
    """A record that changed less than so long ago is left to the next look: it may be changing still."""
    overlap_seconds: float = Field(default=300, gt=0, le=86_400)
    """So far before the end of the last look the next one begins, for what is committed late: longer than any
    transaction there."""

    @property
    @abstractmethod
    def types(self) -> tuple[str, ...]:
        """Types of events, without version, that the records become."""

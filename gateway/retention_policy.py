"""What the policy file says of how long things are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.ports.retention import Old

_DAY: Final = 86_400.0


class RetentionPolicy(BaseModel):
    """How long what is final is kept, in days."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    replay_window_days: float = Field(default=90, gt=0, le=36_500)
    """The longest way by which a message can come back: kept in a queue, published again by its source, or after the
    restore of a backup as old as the oldest that you would restore."""
    inbox_days: float = Field(default=400, gt=0, le=36_500)
    """Messages; a duplicate of one that is removed is taken for a new message."""
    attempts_days: float = Field(default=400, gt=0, le=36_500)
    """The log of attempts at settled commands."""
    timeline_days: float = Field(default=800, gt=0, le=36_500)
    """What happened to each entity."""
    cases_days: float = Field(default=400, gt=0, le=36_500)
    """Closed cases."""
    dead_letters_days: float = Field(default=400, gt=0, le=36_500)
    """Dead letters that were admitted or discarded."""

    reconciliations_days: float = Field(default=400, gt=0, le=36_500)
    """Reconciliations that are over, with their differences and plans."""
    replays_days: float = Field(default=400, gt=0, le=36_500)
    """Replays that are over, with what became of each message."""

    sent_days: float = Field(default=60, gt=0, le=36_500)
    """What confirmed commands said: so old may the backup be from which a system is restored, to be sent again what it
    has lost."""

    @model_validator(mode="after")
    def _remembers_long_enough(self) -> RetentionPolicy:
        if self.replay_window_days >= self.inbox_days:
            raise ValueError(
                f"inbox_days ({self.inbox_days:g}) must be above replay_window_days ({self.replay_window_days:g}): a"
                " message that comes back after its row was removed would be applied again"
            )
        if self.attempts_days < self.sent_days:
            raise ValueError(
                f"attempts_days ({self.attempts_days:g}) must not be below sent_days ({self.sent_days:g}): where the"
                " log of attempts is gone, nobody is told that what was sent again has another id than before"
            )
        return self

    @property
    def seconds(self) -> Mapping[Old, float]:
        """The age at which each kind goes."""
        return {
            Old.INBOX: self.inbox_days * _DAY,
            Old.ATTEMPTS: self.attempts_days * _DAY,
            Old.TIMELINE: self.timeline_days * _DAY,
            Old.CASES: self.cases_days * _DAY,
            Old.DEAD_LETTERS: self.dead_letters_days * _DAY,
            Old.RECONCILIATIONS: self.reconciliations_days * _DAY,
            Old.REPLAYS: self.replays_days * _DAY,
            Old.SENT: self.sent_days * _DAY,
            Old.ABANDONED: _DAY,
        }

"""Misbehaviour on demand: which faults are active in a sandbox system, and whether one hits this request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from adapters.sandbox.operations import LATE_BOUND


class FaultKind(StrEnum):
    """The ways in which a system can misbehave."""

    THROTTLE = "throttle"
    """429 with Retry-After, no effect."""
    ERROR = "error"
    """500, no effect."""
    APPLY_THEN_500 = "apply_then_500"
    """The effect, then 500."""
    SLOW = "slow"
    """Work takes `seconds`; then the effect, then the answer."""
    LATE_APPLY = "late_apply"
    """The connection is dropped at once; the effect comes `seconds` later."""
    DOWN = "down"
    """503 with Retry-After, or the connection reset; no effect. Look-ups fail as well."""
    EXPIRED = "token_expired"
    """401, no effect. Look-ups fail as well."""
    REFUSE = "refuse"
    """422 after `seconds`, no effect: these books will not take it until somebody changes them."""
    IGNORE_KEY = "ignore_key"
    """The idempotency key is ignored. (A unique reference, where the system has it, still holds.)"""
    HALF_APPLIED = "half_applied"
    """Of a batch the first half has its effect; the connection is dropped `seconds` later."""
    LINES_LEFT_OUT = "lines_left_out"
    """Every line of a batch has its effect; the answer leaves out every second one."""
    SHUFFLED = "shuffled"
    """Every line of a batch has its effect; the answer has them in another order."""


LINE: Final = frozenset({FaultKind.ERROR, FaultKind.APPLY_THEN_500, FaultKind.REFUSE, FaultKind.IGNORE_KEY})
"""Faults that strike lines of a batch, one by one, and not the whole; there a refusal comes at once."""
BATCH: Final = frozenset({FaultKind.HALF_APPLIED, FaultKind.LINES_LEFT_OUT, FaultKind.SHUFFLED})
"""Faults that only a batch can have."""


class Fault(BaseModel):
    """One fault as it is asked for: a `share` of the requests, drawn from `seed`, or the next `count` of them.

    A batch is one request, but for what strikes single lines of it (see `LINE`), each of which counts as one.
    `seconds` is the duration of `slow`, `late_apply`, `refuse`, and `half_applied`, and the Retry-After of `throttle`
    and `down`.
    Without an `operation` all are hit, and without a `key` (`entity/id`, as the journal has it) those of every key.
    `reset`: `down` resets connections instead of answering.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    fault: FaultKind
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0, le=LATE_BOUND)] = 1.0
    operation: str | None = None
    key: str | None = None
    seed: int = 0
    reset: bool = False

    @model_validator(mode="after")
    def _either_share_or_count(self) -> Self:
        if (self.share is None) == (self.count is None):
            raise ValueError("give either share (above 0, at most 1) or count (1 or more)")
        return self


FAULTS: Final = TypeAdapter(Annotated[tuple[Fault, ...], Field(max_length=100)])


@dataclass(slots=True)
class ActiveFault:
    """A fault with its own sequence of random numbers and the count of its hits."""

    fault: Fault
    hits: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.fault.seed)  # noqa: S311 - a run must be repeatable, nothing secret hangs on it

    def strikes(self) -> bool:
        """Whether this request is hit; counts it if so."""
        if self.fault.share is not None:
            hit = self._random.random() < self.fault.share
        else:
            hit = self.fault.count is not None and self.hits < self.fault.count
        self.hits += hit
        return hit


class Faults:
    """The active faults, in the order in which they were given: the first that strikes is the one."""

    def __init__(self) -> None:
        self.active: tuple[ActiveFault, ...] = ()

    def replace(self, faults: Sequence[Fault]) -> None:
        """Let these be the active faults, and no others."""
        self.active = tuple(ActiveFault(fault) for fault in faults)

    def draw(self, operation: str, keys: Collection[str], kinds: Collection[FaultKind]) -> Fault | None:
        """The fault of one of these kinds that hits a request for this operation and these keys, if any."""
        for active in self.active:
            fault = active.fault
            is_meant = fault.operation in (None, operation) and (fault.key is None or fault.key in keys)
            if fault.fault in kinds and is_meant and active.strikes():
                return fault
        return None

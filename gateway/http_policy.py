"""What the policy file says of a system that is spoken to by plain HTTP and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.ports.system import Upsert
from gateway.batching import BatchRule, BatchRules
from gateway.system_policy import SystemPolicy


class BatchPolicy(BaseModel):
    """How commands of one operation travel together, those of each legal entity for themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    size: int = Field(ge=2, le=1000)
    """Commands in one request at most."""
    wait_ms: int = Field(default=50, ge=0, le=1000)
    """How long the first of them waits for the others."""
    in_order: bool = False
    """Whether the system does a line that follows another only if that one was done: then several may be of one key."""

    @property
    def rule(self) -> BatchRule:
        """As the relay knows it."""
        return BatchRule(self.size, self.wait_ms / 1000, self.in_order)


class Operation(BaseModel):
    """Where a system takes one operation, and what it promises for it (see `adapters.ports.system.Capability`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: str = Field(pattern=r'^/[!"$->@-~]*$')
    """Comes after the system's `url`: printable ASCII without `?` and `#`."""
    upsert: Upsert = Upsert.NONE
    key_window_seconds: float | None = Field(default=None, gt=0, le=315_360_000)
    """How long the system remembers an `Idempotency-Key`; left out where it takes none."""
    unique_reference: bool = False
    """Whether it refuses a second effect with the same reference of ours."""
    look_up: bool = False
    """Whether it can be asked by our reference."""
    late_bound_seconds: float = Field(default=300, gt=0, le=2_592_000)
    """How long after its end an attempt can still land."""
    batch: BatchPolicy | None = None
    """Send several in one request to `path` with `/batch` behind it; left out: one by one."""

    @model_validator(mode="after")
    def _batches_what_it_can_settle(self) -> Operation:
        # One lost answer leaves all of a batch in doubt; without a promise each of them would be a case for a person.
        if self.batch and not (self.look_up or self.unique_reference or self.key_window_seconds):
            raise ValueError(
                "batch needs look_up, unique_reference, or key_window_seconds, by which each line is settled "
                "when an answer is lost: add what the system promises, or leave batch out"
            )
        return self


class HttpSystemPolicy(SystemPolicy):
    """One system that is spoken to by plain HTTP and JSON."""

    credential: ClassVar[str] = "token"
    kind: Literal["http"] = "http"
    token_file: Path | None = None
    """File that holds the bearer token."""
    token: str | None = Field(default=None, repr=False)
    """The bearer token itself; only for a sandbox, a real one belongs into a file."""
    operations: Mapping[str, Operation]
    postings: str | None = Field(default=None, pattern=r'^/[!"$->@-~]*$')
    """Path at which its books are read, see docs/reconciliation.md; left out where they cannot be."""

    @property
    def has_books(self) -> bool:
        """Whether its books can be read."""
        return self.postings is not None

    @property
    def taken(self) -> frozenset[str]:
        """The operations that are sent to it."""
        return frozenset(self.operations)

    @property
    def batches(self) -> BatchRules:
        """Which of them travel together."""
        return {name: row.batch.rule for name, row in self.operations.items() if row.batch is not None}

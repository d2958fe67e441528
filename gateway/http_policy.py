"""What the policy file says of a system that is spoken to by plain HTTP and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.ports.system import Upsert
from gateway.system_policy import SystemPolicy


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


class HttpSystemPolicy(SystemPolicy):
    """One system that is spoken to by plain HTTP and JSON."""

    credential: ClassVar[str] = "token"
    kind: Literal["http"] = "http"
    token_file: Path | None = None
    """File that holds the bearer token."""
    token: str | None = Field(default=None, repr=False)
    """The bearer token itself; only for a sandbox, a real one belongs into a file."""
    operations: Mapping[str, Operation]

    @property
    def taken(self) -> frozenset[str]:
        """The operations that are sent to it."""
        return frozenset(self.operations)

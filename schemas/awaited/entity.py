"""What is awaited as the gateway keeps it, version 1: nothing, for the message that waits says it all."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Awaited(BaseModel):
    """Something that was told of before it was known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

"""What a sandbox system answers to a posting, before it becomes HTTP."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """The effect is there, now or from before; `external_id` is the system's own id."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was done. Becomes problem+json (RFC 9457) with `status`; `retry_after` is in whole seconds.

    `external_id` names what stands in the way, where that is an effect with the same reference.
    """

    status: int
    code: str
    detail: str
    field: str | None = None
    external_id: str | None = None
    retry_after: int | None = None
    type: str = "about:blank"

"""The part `gate` of a system in the policy file: what holds commands to it back."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from adapters.ports.gate import BreakerRule, Limits
from gateway.windows import Hours, resets, window


class BreakerPolicy(BaseModel):
    """When a system that fails is left alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    failures: int = Field(default=5, ge=1, le=1000)
    """After so many failures in a row that speak of the system; a refused command is none."""
    open_seconds: float = Field(default=10, gt=0, le=86_400)
    """For how long at first; then one command tries it, and each further failure makes it twice as long."""
    longest_seconds: float = Field(default=300, gt=0, le=86_400)
    """For how long at most."""

    @model_validator(mode="after")
    def _in_order(self) -> BreakerPolicy:
        if self.longest_seconds < self.open_seconds:
            raise ValueError("longest_seconds is below open_seconds: raise it, or lower the other")
        return self

    @property
    def rule(self) -> BreakerRule:
        """As the gates know it."""
        return BreakerRule(self.failures, self.open_seconds, self.longest_seconds)


class GatePolicy(BaseModel):
    """What holds commands to one system back; over all processes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rate_per_second: float | None = Field(default=None, gt=0, le=100_000)
    """Attempts per second on average; left out: no limit."""
    burst: int | None = Field(default=None, ge=1, le=100_000)
    """Attempts at once after a pause; left out: those of one second."""
    daily_quota: int | None = Field(default=None, ge=1)
    """Attempts per day; left out: no limit."""
    quota_resets_at: Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    """Time of day, in `time_zone`, at which the quota's day begins."""
    time_zone: str = "UTC"
    """IANA name, as in Europe/Berlin; for the quota, the windows, and the closed days."""
    windows: tuple[str, ...] = ()
    """When something may be posted, as in `mon-fri 08:00-18:00`; left out: always."""
    closed_on: tuple[date, ...] = ()
    """Days on which nothing is posted."""
    breaker: BreakerPolicy = BreakerPolicy()
    longest_retry_after_seconds: float = Field(default=900, ge=1, le=86_400)
    """The longest wait that the system may ask for."""

    @field_validator("windows")
    @classmethod
    def _readable(cls, windows: tuple[str, ...]) -> tuple[str, ...]:
        for text in windows:
            window(text)
        return windows

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            _zone(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{name}: no such time zone here: write an IANA name, as in Europe/Berlin") from error
        return name

    @model_validator(mode="after")
    def _burst_of_a_rate(self) -> GatePolicy:
        if self.burst is not None and self.rate_per_second is None:
            raise ValueError("burst counts only with rate_per_second: add it, or remove burst")
        return self

    @property
    def hours(self) -> Hours:
        """When something may be posted."""
        return Hours([window(text) for text in self.windows], frozenset(self.closed_on), _zone(self.time_zone))

    def limits(self, concurrency: int, now: datetime) -> Limits:
        """What may pass, as the store's gate asks it; `now` places the days of the quota."""
        rate = self.rate_per_second
        burst = self.burst or max(1, math.ceil(rate or 1))
        begins: list[datetime] = []
        if self.daily_quota is not None:
            begins = resets(now, time.fromisoformat(self.quota_resets_at), _zone(self.time_zone))
        return Limits(concurrency, rate, burst, self.daily_quota, begins)


def _zone(name: str) -> tzinfo:
    """UTC is there on machines without time zones, too."""
    return UTC if name == "UTC" else ZoneInfo(name)

"""The part `retries` of the policy file: when something that failed for a passing reason is tried again."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.retry import Retries, Rule
from schemas.verdicts import FailureClass


class RetryPolicy(BaseModel):
    """Delays between tries, and when a person is asked. What is left out is as in `default`, or as shipped."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    first_seconds: float | None = Field(default=None, gt=0, le=3600)
    """The delay after the first try."""
    factor: float | None = Field(default=None, ge=1, le=10)
    """Each delay is so many times the one before."""
    longest_seconds: float | None = Field(default=None, gt=0, le=86_400)
    """The longest delay."""
    jitter: float | None = Field(default=None, ge=0, le=1)
    """Up to this share is added to each delay by chance, so that what failed together is not tried again together."""
    deadline_seconds: float | None = Field(default=None, gt=0, le=2_592_000)
    """Once the delays, without jitter, add up to this, a person is asked."""

    @model_validator(mode="after")
    def _in_order(self) -> RetryPolicy:
        if self.first_seconds is not None and self.longest_seconds is not None:
            _check(self.rule(Rule()))
        return self

    def rule(self, base: Rule) -> Rule:
        """The rule, with what is left out taken from `base`."""
        given = {name.removesuffix("_seconds"): value for name, value in self if value is not None}
        return replace(base, **given)


class RetriesPolicy(BaseModel):
    """Retry rules by failure class."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    default: RetryPolicy = RetryPolicy()
    """For every class that has no rule of its own."""
    unavailable: RetryPolicy | None = None
    """The other side cannot be reached, or fails."""
    rate_limited: RetryPolicy | None = None
    """The other side asks for less, and does not say for how long."""
    timeout: RetryPolicy | None = None
    """No answer came in time."""

    def retries(self, first_seconds: float) -> Retries:
        """All rules; `first_seconds` counts where the default names none. Raises ValueError for a rule that shrinks."""
        default = self.default.rule(replace(Rule(), first=first_seconds))
        if self.default.longest_seconds is None:
            default = replace(default, longest=max(default.longest, default.first))
        _check(default)
        own = {
            FailureClass.UNAVAILABLE: self.unavailable,
            FailureClass.RATE_LIMITED: self.rate_limited,
            FailureClass.TIMEOUT: self.timeout,
        }
        by_class = {failure_class: policy.rule(default) for failure_class, policy in own.items() if policy is not None}
        for rule in by_class.values():
            _check(rule)
        return Retries(default, by_class)


def _check(rule: Rule) -> None:
    if rule.longest < rule.first:
        raise ValueError(
            f"longest_seconds ({rule.longest:g}) is below first_seconds ({rule.first:g}): raise it, or lower the other"
        )

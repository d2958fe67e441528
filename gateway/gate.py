"""The gate of one system as this process applies it: the policy's limits, and the hours by its own clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from adapters.ports.gate import Hold, HoldReason, Limits
from gateway.batching import SINGLY, BatchRules
from gateway.gate_policy import GatePolicy

MOST: Final = 4000
"""Attempts that run in one process, however many its requests could take: each is a task with a command."""


class SystemGate:
    """Asked by the relay. What all processes share, breaker, rate, and quota, stands in the store and is asked there.

    `room` is how many attempts may run in this process, `largest` how many of them can be one request.

    `now` is the wall clock; it counts for windows alone, and to tell the store which days of the quota are near.
    """

    def __init__(
        self, policy: GatePolicy, concurrency: int, now: Callable[[], datetime], batches: BatchRules = SINGLY
    ) -> None:
        self._concurrency = concurrency
        self._together = {operation: rule.size for operation, rule in batches.items()}
        self._in_order = frozenset(operation for operation, rule in batches.items() if rule.in_order)
        self.largest = max(self._together.values(), default=1)
        self.room = min(concurrency * self.largest, max(MOST, concurrency))
        self._policy = policy
        self._hours = policy.hours
        self._now = now

    def closed(self) -> Hold | None:
        """What holds all commands back by the policy's hours."""
        now = self._now()
        if self._hours.is_open(now):
            return None
        opens = self._hours.opens_at(now)
        return Hold(HoldReason.WINDOW, None if opens is None else (opens - now).total_seconds())

    def is_open_for(self, seconds: float) -> bool:
        """Whether the policy's hours let commands pass now, and did so many seconds ago, or a third of a window ago.

        A third of the shortest one: however short it is, some of it is left, in one of a minute more than a round of
        those who ask.
        """
        now, ago, shortest = self._now(), timedelta(seconds=seconds), self._hours.shortest
        if shortest is not None:
            ago = min(ago, shortest / 3)
        return self._hours.is_open(now) and self._hours.is_open(now - ago)

    def limits(self) -> Limits:
        """What the store's gate may let pass."""
        limits = self._policy.limits(self._concurrency, self._now())
        return replace(limits, together=self._together, in_order=self._in_order)

"""Port of plans of repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of repair, frozen. `body` is the JSON by which its entity is told of it.

    `ended_at` is by the store's clock. `id` is that of the run and, after a dot, the plan's number in it.
    """

    id: str
    run: int
    by: str
    at: datetime
    body: bytes
    click: str
    """The caller's own key of the request."""
    ended_at: datetime | None = None

    def is_of(self, run: int, by: str, click: str) -> bool:
        """Whether this request has made it."""
        return (self.run, self.by, self.click) == (run, by, click)


class PlanOpen(RuntimeError):
    """A plan of the same system is not ended: two of them would take the same entries back."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"plan {plan.id} is not ended")
        self.plan = plan


class Plans(Protocol):
    """Plans of repair, each kept before its entity hears of it. All verbs raise `StoreUnavailable`."""

    async def keep(self, run: int, body: bytes, *, by: str, click: str, reason: str) -> Plan:
        """A new plan; the same `click` of the same caller for the same run again is the first plan. Audited.

        Raises `PlanOpen` while another plan of the run's system is not ended.
        """
        ...

    async def of(self, run: int) -> list[Plan]:
        """The plans of a run, in their order."""
        ...

    async def open(self) -> list[Plan]:
        """Those that are not ended, the oldest first."""
        ...

    async def end(self, id: str) -> None:
        """Nothing more is to be done about it."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...

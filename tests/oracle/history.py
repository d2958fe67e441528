"""Random histories as steps, and how a stage plays them: what cannot be is left out, by what was said before alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from adapters.ports.broker import Outgoing
from tests.oracle.stage import DAYS, Stage, disputed, issued, new_customer, order, rejected, sheet, withdrawn, won

PROJECTS: Final = ("P0", "P1")
SHEETS: Final = ("S0", "S1", "S2")
HOURS: Final = (("7.50",), ("7.50", "4.25"), ("8.00", "4.25", "1.35"), ("0.25", "0.05"))
WHAT: Final = (
    "customer", "deal", "approve", "approve", "approve", "correct", "withdraw", "order", "plan", "again", "resend",
    "wrong", "refuse", "issue", "dispute", "reject", "repair",
)  # fmt: skip

Step = tuple[str, int, int]
"""What happens, to which thing, and how much."""

STEPS: Final = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 5), st.integers(0, 3)), min_size=4, max_size=14)


class History:
    """Plays steps, each to its end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._revisions: dict[str, int] = {}
        self._hours: dict[str, tuple[str, ...]] = {}
        self._withdrawn: set[str] = set()
        self._deals: set[str] = set()
        self._versions: dict[str, int] = {}
        self._has_customer = False
        self._invoices: dict[str, int] = {}

    async def play(self, steps: Sequence[Step]) -> None:
        """One after the other; in the end everything has what it waits for."""
        ending = [("customer", 0, 0), ("deal", 0, 0), ("deal", 1, 0)]
        for what, which, much in [*steps, *ending]:
            await self._step(what, which, much)
            await self._stage.discard_parked()
            await asyncio.sleep(1 + which * 7)

    async def _step(self, what: str, which: int, much: int) -> None:
        publish, project = self._stage.publish, PROJECTS[which % len(PROJECTS)]
        match what:
            case "customer":
                self._has_customer = True
                await publish(new_customer())
            case "deal":
                self._deals.add(project)
                await publish(won(project))
            case "order" if self._runs(project):
                version = self._versions[project] = self._versions.get(project, 1) + 1
                await publish(order(project, version, f"{130 + version}.10", DAYS[which % len(DAYS)]))
            case "plan":
                await self._stage.approve_plans()
            case "repair":
                await self._stage.repaired(SHEETS[which % len(SHEETS)], is_lost=much % 2 == 0)
            case "again" if self._stage.sent:
                await publish(self._stage.sent[which % len(self._stage.sent)])
            case "issue" | "dispute" | "reject":
                await self._invoice(what, f"I{which}", SHEETS[which % len(SHEETS)])
            case _:
                await self._sheet(what, SHEETS[which % len(SHEETS)], HOURS[much])

    async def _sheet(self, what: str, name: str, hours: tuple[str, ...]) -> None:
        publish, at, project = self._stage.publish, self._revisions.get(name, 0), _project_of(name)
        is_approved = at > 0 and name not in self._withdrawn
        tag = f"-{len(self._stage.sent)}"
        match what:
            case "approve":
                await publish(self._next(name, hours))
            case "refuse" if self._runs(project):
                await self._stage.refused(self._next(name, hours))
            case "correct" if is_approved:
                await publish(self._next(name, hours, correct=True))
            case "withdraw" if is_approved:
                self._withdrawn.add(name)
                await publish(withdrawn(name, project, at))
            case "resend" if at:
                await publish(sheet(name, project, at, self._hours[name], tag=tag))
            case "wrong" if is_approved and hours != self._hours[name]:
                await publish(sheet(name, project, at, hours, tag=tag))
            case _:
                pass

    async def _invoice(self, what: str, id: str, name: str) -> None:
        publish, project = self._stage.publish, _project_of(name)
        match what:
            case "issue" if self._runs(project):
                self._invoices.setdefault(id, 0)
                await publish(issued(id, project, name))
            case "dispute" if id in self._invoices:
                self._invoices[id] += 1
                await publish(disputed(id, self._invoices[id]))
            case "reject" if id in self._invoices:
                await publish(rejected(id))
            case _:
                pass

    def _next(self, name: str, hours: tuple[str, ...], *, correct: bool = False) -> Outgoing:
        at = self._revisions[name] = self._revisions.get(name, 0) + 1
        self._hours[name] = hours
        self._withdrawn.discard(name)
        return sheet(name, _project_of(name), at, hours, correct=correct)

    def _runs(self, project: str) -> bool:
        return self._has_customer and project in self._deals


def _project_of(name: str) -> str:
    return PROJECTS[SHEETS.index(name) % len(PROJECTS)]

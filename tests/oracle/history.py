"""Random histories as steps, and how a stage plays them: what cannot be is left out, by what was said before alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from adapters.ports.broker import Outgoing
from tests.oracle.facts import (
    DAYS,
    PAPERS,
    PROJECTS,
    Paper,
    Project,
    completed,
    disputed,
    issued,
    new_customer,
    order,
    rejected,
    revision,
    withdrawn,
    won,
)
from tests.oracle.stage import Stage

CONTENT: Final = {
    "timesheet": (("7.50",), ("7.50", "1.35"), ("8.00", "4.25", "1.30"), ("0.25", "0.05")),
    "expense": (("84.20",), ("84.20", "0.01"), ("19.99", "84.20", "7.00"), ("0.00", "19.99")),
}
"""Hours or amounts of the lines of a revision."""
AMOUNTS: Final = (None, "1000.00", "1000.00", "2500.50")
"""Of milestones."""
WHAT: Final = (
    "customer", "deal", "approve", "approve", "approve", "approve", "correct", "correct", "withdraw", "order", "plan",
    "again", "resend", "wrong", "foreign", "refuse", "issue", "dispute", "reject", "repair", "milestone", "milestone",
    "clash", "lose",
)  # fmt: skip

Step = tuple[str, int, int]
"""What happens, to which thing, and how much."""

STEPS: Final = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 5), st.integers(0, 3)), min_size=4, max_size=16)

RICH: Final[Sequence[Step]] = (
    ("approve", 0, 2), ("customer", 0, 0), ("deal", 0, 0), ("deal", 1, 0), ("approve", 1, 1), ("approve", 2, 2),
    ("approve", 3, 1), ("correct", 0, 1), ("withdraw", 3, 0), ("foreign", 0, 0), ("foreign", 2, 1), ("order", 0, 0),
    ("plan", 0, 0), ("milestone", 0, 1), ("milestone", 0, 3), ("milestone", 1, 1), ("milestone", 5, 1),
    ("refuse", 4, 2), ("issue", 0, 0), ("issue", 5, 0), ("issue", 1, 0), ("reject", 1, 0), ("dispute", 1, 0),
    ("dispute", 0, 0), ("resend", 2, 0), ("wrong", 2, 0), ("again", 0, 0), ("repair", 0, 0), ("repair", 2, 1),
    ("clash", 0, 3), ("lose", 0, 0), ("lose", 1, 0),
)  # fmt: skip
"""Has something of everything."""


class History:
    """Plays steps, each to its end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._revisions: dict[Paper, int] = {}
        self._content: dict[Paper, tuple[str, ...]] = {}
        self._withdrawn: set[Paper] = set()
        self._deals: set[Project] = set()
        self._versions: dict[Project, int] = {}
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
        publish, project, paper = self._stage.publish, PROJECTS[which % len(PROJECTS)], PAPERS[which % len(PAPERS)]
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
            case "milestone":
                await self._milestone(project, which, AMOUNTS[much])
            case "plan":
                await self._stage.approve_plans()
            case "repair":
                await self._stage.repaired(paper, is_lost=much % 2 == 0)
            case "lose":
                await self._stage.billed_anew(project, f"M{which % 3}")
            case "again" if self._stage.sent:
                await publish(self._stage.sent[which % len(self._stage.sent)])
            case "issue" | "dispute" | "reject":
                await self._invoice(what, f"I{which}", paper)
            case _:
                await self._paper(what, paper, CONTENT[paper.entity][much])

    async def _paper(self, what: str, paper: Paper, content: tuple[str, ...]) -> None:
        publish, at = self._stage.publish, self._revisions.get(paper, 0)
        is_approved = at > 0 and paper not in self._withdrawn
        tag = f"-{len(self._stage.sent)}"
        match what:
            case "approve":
                await publish(self._next(paper, content))
            case "refuse" if self._runs(paper.project):
                await self._stage.refused(self._next(paper, content))
            case "correct" if is_approved:
                await publish(self._next(paper, content, correct=True))
            case "withdraw" if is_approved:
                self._withdrawn.add(paper)
                await publish(withdrawn(paper, at))
            case "resend" if at:
                await publish(revision(paper, at, self._content[paper], tag=tag))
            case "wrong" if is_approved and content != self._content[paper]:
                await publish(revision(paper, at, content, tag=tag))
            case "clash" if at and content != self._content[paper]:
                await publish(revision(paper, at, content))
            case "foreign":
                await publish(revision(paper, at + 1, content, tag=tag, foreign=True))
            case _:
                pass

    async def _milestone(self, project: Project, which: int, amount: str | None) -> None:
        """The last of them is told in another currency."""
        id, told = f"M{which % 3}", len(self._stage.sent)
        currency = project.foreign if which == len(PAPERS) else project.currency
        await self._stage.publish(completed(project, id, amount, currency, told))

    async def _invoice(self, what: str, id: str, paper: Paper) -> None:
        publish = self._stage.publish
        match what:
            case "issue" if self._runs(paper.project):
                self._invoices.setdefault(id, 0)
                await publish(issued(id, paper))
            case "dispute" if id in self._invoices:
                self._invoices[id] += 1
                await publish(disputed(id, self._invoices[id]))
            case "reject" if id in self._invoices:
                await publish(rejected(id))
            case _:
                pass

    def _next(self, paper: Paper, content: tuple[str, ...], *, correct: bool = False) -> Outgoing:
        at = self._revisions[paper] = self._revisions.get(paper, 0) + 1
        self._content[paper] = content
        self._withdrawn.discard(paper)
        return revision(paper, at, content, correct=correct)

    def _runs(self, project: Project) -> bool:
        return self._has_customer and project in self._deals

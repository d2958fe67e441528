"""The reminder: which systems it looks at, how far in one round, and what it tells of those that nobody lists."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapters.ports.overdue import Looked, OpenCommands, Term
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.gate import SystemGate
from gateway.gate_policy import GatePolicy
from gateway.reminder import MOST_LOOKED_AT, PAGE, ROUND_SECONDS, Reminder
from gateway.rules import OVERDUE_SECONDS
from schemas.keys import ActorKey
from tests.runtime.virtual import run

FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = OpenCommands("old", 3, FRIDAY)


@dataclass
class FewCommands:
    """`Overdue` over a number of keys for each system, all of them overdue."""

    keys: dict[str, int]
    unlisted: list[OpenCommands] = field(default_factory=list)
    to_close: int = 0
    is_away: bool = False
    looks: list[tuple[str, Term, int]] = field(default_factory=list)
    """System, term, and the number of keys that the look was behind."""

    async def open_cases(self, system: str, term: Term, *, after: ActorKey | None, page: int) -> Looked:
        if self.is_away:
            raise StoreUnavailable("away")
        behind = int(after.id) if after else 0
        self.looks.append((system, term, behind))
        left = self.keys[system] - behind
        return Looked(min(left, page), ActorKey("timesheet", str(behind + page)) if left >= page else None)

    async def close_cases(self, *, page: int) -> int:
        closed = min(self.to_close, page)
        self.to_close -= closed
        return closed

    async def systems(self, *, but: Collection[str]) -> list[OpenCommands]:
        return [found for found in self.unlisted if found.system not in but]

    async def close(self) -> None:
        """Nothing to close."""


def reminded(
    few: FewCommands, *, rounds: int = 1, gate: GatePolicy | None = None, now: datetime = FRIDAY, age: float = 7200.0
) -> list[tuple[str, int, datetime]]:
    """What is told of unlisted systems in so many rounds."""
    told: list[tuple[str, int, datetime]] = []

    async def story() -> None:
        began = asyncio.get_running_loop().time()
        clock = lambda: now + timedelta(seconds=asyncio.get_running_loop().time() - began)  # noqa: E731
        gates = {"erp": SystemGate(gate or GatePolicy(), 4, clock)}
        reminder = Reminder(few, {"erp": age}, gates, Backoff(), lambda *found: told.append(found))
        task = asyncio.create_task(reminder.run())
        await asyncio.sleep((rounds - 0.5) * ROUND_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(story())
    return told


def test_it_looks_at_once_and_by_the_policys_term() -> None:
    few = FewCommands({"erp": 1})
    assert reminded(few) == []
    assert few.looks == [("erp", Term(7200.0, 900.0), 0)]


def test_a_short_term_has_a_grace_that_is_no_longer() -> None:
    few = FewCommands({"erp": 1})
    reminded(few, age=60.0)
    assert few.looks == [("erp", Term(60.0, 60.0), 0)]


def test_a_round_looks_at_a_part_and_the_next_goes_on_behind_it() -> None:
    few = FewCommands({"erp": MOST_LOOKED_AT + PAGE // 2})
    reminded(few, rounds=3)
    assert [behind for _, _, behind in few.looks] == [
        *range(0, MOST_LOOKED_AT + 1, PAGE),
        *range(0, MOST_LOOKED_AT, PAGE),
    ]


def test_many_cases_are_closed_in_pages_and_the_rest_in_the_next_round() -> None:
    few = FewCommands({"erp": 0}, to_close=MOST_LOOKED_AT + 1)
    reminded(few)
    assert few.to_close == 1
    reminded(few)
    assert few.to_close == 0


def test_while_the_hours_are_closed_and_shortly_after_nothing_is_told() -> None:
    gate = GatePolicy(windows=("fri 12:10-18:00",))
    few = FewCommands({"erp": 1})
    reminded(few, gate=gate, rounds=int(600 / ROUND_SECONDS) + int(900 / ROUND_SECONDS))
    assert few.looks == []
    reminded(few, gate=gate, rounds=int(600 / ROUND_SECONDS) + int(900 / ROUND_SECONDS) + 1)
    assert len(few.looks) == 1


@pytest.mark.parametrize(("window", "silent", "looks"), [("mon-fri 12:00-12:10", 7, 13), ("fri 12:00-12:01", 1, 1)])
def test_a_window_that_is_shorter_than_the_grace_has_its_looks(window: str, silent: int, looks: int) -> None:
    """`silent`: so many rounds of 30 s say nothing yet; `looks`: so many are made until the window closes."""
    gate = GatePolicy(windows=(window,))
    few = FewCommands({"erp": 1})
    reminded(few, gate=gate, rounds=silent)
    assert few.looks == []
    reminded(few, gate=gate, rounds=30)
    assert len(few.looks) == looks


def test_a_system_that_nobody_lists_is_told_once_and_looked_at_each_time() -> None:
    few = FewCommands({"erp": 0, "old": 1}, [OLD])
    assert reminded(few, rounds=3) == [("old", 3, FRIDAY)]
    assert [system for system, _, _ in few.looks] == ["erp", "old"] * 3
    assert few.looks[1] == ("old", Term(OVERDUE_SECONDS, 900.0, is_listed=False), 0)


def test_it_goes_on_when_the_database_is_back() -> None:
    few = FewCommands({"erp": 1}, is_away=True)

    async def story() -> None:
        gates = {"erp": SystemGate(GatePolicy(), 4, lambda: FRIDAY)}
        task = asyncio.create_task(Reminder(few, {"erp": 7200.0}, gates, Backoff()).run())
        await asyncio.sleep(600)
        assert not task.done()
        few.is_away = False
        await asyncio.sleep(2 * ROUND_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(story())
    assert few.looks

"""When the day is over, by state."""

from __future__ import annotations

import pytest

from adapters.ports.tally import Counted
from gateway.demo.settling import STEADY, Standing, settle

STILL = Counted({"applied": 3, "waiting": 1}, {"waiting": 1, "parked": 2}, {"parked": 1, "held": 1}, 1, 0)


def standing(counted: Counted = STILL, ready: int = 0, due: int = 5) -> Standing:
    return Standing(counted, ready, due)


def test_parked_and_waiting_do_not_move() -> None:
    assert standing().moving == []


@pytest.mark.parametrize(
    ("stands", "words"),
    [
        (standing(due=6), "1 messages are neither accepted nor dead letters"),
        (standing(ready=2), "2 messages stand in the broker"),
        (standing(Counted(STILL.verdicts, {"open": 1, "backoff": 2}, {}, 1, 0)), "3 lanes may run"),
        (standing(Counted(STILL.verdicts, {}, {"open": 4}, 1, 0)), "4 commands are open"),
        (standing(Counted(STILL.verdicts, {}, {}, 1, 7)), "7 wakes are not taken"),
    ],
)
def test_what_moves_is_told(stands: Standing, words: str) -> None:
    assert stands.moving == [words]


async def test_it_has_settled_when_nothing_moved_for_some_looks_in_a_row() -> None:
    looks = [standing(ready=1), standing(), standing(ready=1), *[standing()] * STEADY]
    seen = iter(looks)

    async def look() -> Standing:
        return next(seen)

    assert await settle(look) == []
    assert list(seen) == []


async def test_it_gives_up_in_time_and_says_what_moves() -> None:
    async def look() -> Standing:
        return standing(ready=1)

    assert await settle(look, seconds=0.0) == ["1 messages stand in the broker"]

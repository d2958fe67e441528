"""A figure is a ratio of what ran beside each other, so that a machine that slows down changes none."""

from __future__ import annotations

import pytest

from bench.checks import MessagesLeft
from bench.neighbours import in_turn, of_neighbours
from bench.throughput import TURNS, ratio, whole


def test_a_ratio_is_the_same_on_a_machine_that_gets_slower() -> None:
    speed = {"A": 400.0, "B": 200.0, "C": 50.0, "D": 20.0, "T": 100.0}
    names = [contender.name for contender in TURNS] * 3
    ran = [(name, speed[name] * (1 - 0.02 * place)) for place, name in enumerate(names)]
    assert [ratio(ran, name) for name in "ABCD"] == pytest.approx([0.25, 0.5, 2.0, 5.0], rel=0.06)


def test_each_contender_stands_beside_the_rounds_of_t_before_and_after_it() -> None:
    assert ratio([("D", 10.0), ("T", 50.0)], "D") == 5
    assert ratio([("T", 50.0), ("D", 10.0), ("T", 70.0), ("T", 1000.0)], "D") == 6
    assert ratio([("T", 50.0), ("D", 10.0), ("T", 70.0), ("D", 5.0), ("D", 7.0), ("T", 70.0)], "D") == 10


def test_of_two_beside_each_other_the_median_of_their_ratios_counts() -> None:
    assert of_neighbours([10.0, 100.0, 3.0], [5.0, 50.0, 1.0]) == 2
    with pytest.raises(ValueError, match="shorter"):
        of_neighbours([1.0, 2.0], [1.0])


def test_the_two_take_turns_in_going_first() -> None:
    assert [in_turn(number, ("x", "y"))[0] for number in (1, 2, 3)] == ["x", "y", "x"]


async def test_a_round_that_left_messages_is_taken_again_and_told_and_a_third_one_ends_the_run() -> None:
    notes: list[str] = []
    outcomes = iter([False, True, False, False])

    async def attempt() -> float:
        if not next(outcomes):
            raise MessagesLeft("5 messages are left in q")
        return 9.0

    assert await whole(attempt, "B", notes) == 9
    assert notes == ["a round of B was taken again: 5 messages are left in q"]
    with pytest.raises(MessagesLeft):
        await whole(attempt, "A", notes)
    assert len(notes) == 2

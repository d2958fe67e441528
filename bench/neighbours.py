"""Two things beside each other: which of them goes first, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TypeVar

Thing = TypeVar("Thing")


def in_turn(number: int, pair: tuple[Thing, Thing]) -> tuple[Thing, Thing]:
    """The pair of round `number`, from 1: in every second round the other one is first, as going first may count."""
    return pair if number % 2 else (pair[1], pair[0])


def of_neighbours(values: Sequence[float], beside: Sequence[float]) -> float:
    """The median of the rounds' ratios, each of the two that ran beside each other."""
    return median(value / other for value, other in zip(values, beside, strict=True))

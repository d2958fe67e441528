"""Which attempts of one claim are one request, as the gate counts them. The same rule stands in SQL, in the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.commands import Command
from schemas.operations.legal_entity import legal_entity_of

Group = tuple[str, str | None]
"""Operation and legal entity."""


class Requests:
    """Numbers requests from 1; the gate lets `most` pass. `together` has the most attempts in one by operation."""

    def __init__(self, together: Mapping[str, int], most: int) -> None:
        self._together = together
        self._most = most
        self._last = 0
        self._places: dict[Group, int] = {}
        """How many places of a group are taken, those that a run has left empty behind its cut, too."""
        self._numbers: dict[tuple[Group, int], int] = {}

    def place(self, run: Sequence[Command], *, alone: bool) -> tuple[int, int] | None:
        """The number of the request that takes a run, and how many of it fit; None if that were one too many."""
        size = 1 if alone else self._together.get(run[0].operation, 1)
        if size == 1:
            return self._passed(self._next(), 1)
        group = (run[0].operation, legal_entity_of(run[0].body))
        first = self._places.get(group, 0)
        self._places[group] = first + len(run)
        number = self._numbers.get((group, first // size))
        if number is None:
            number = self._numbers[group, first // size] = self._next()
        return self._passed(number, min(len(run), size - first % size))

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _passed(self, number: int, fitting: int) -> tuple[int, int] | None:
        return None if number > self._most else (number, fitting)

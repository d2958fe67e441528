"""Which attempts of one claim are one request, as the gate counts them. The same rule stands in SQL, in the claim."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.commands import Command
from schemas.operations.legal_entity import legal_entity_of

Group = tuple[str, str | None]
"""Operation and legal entity."""


class Requests:
    """Numbers from 1 to `most`; `together` has the most attempts in one request by operation."""

    def __init__(self, together: Mapping[str, int], most: int) -> None:
        self.count = 0
        self._together = together
        self._most = most
        self._open: dict[Group, tuple[int, int]] = {}
        """The newest request of each group, and how many more it takes."""

    def place(self, command: Command, *, alone: bool) -> int | None:
        """The number of the request that takes the attempt; None if that were one too many."""
        size = 1 if alone else self._together.get(command.operation, 1)
        if size == 1:
            return self._next()
        group = (command.operation, legal_entity_of(command.body))
        number, room = self._open.get(group, (0, 0))
        if room == 0:
            new = self._next()
            if new is None:
                return None
            number, room = new, size
        self._open[group] = (number, room - 1)
        return number

    def _next(self) -> int | None:
        if self.count == self._most:
            return None
        self.count += 1
        return self.count

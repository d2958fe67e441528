"""Dead letters in memory."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.memory.notices import letter_notice
from adapters.memory.tables import Tables
from adapters.ports.store import DeadLetter


class MemoryDeadLetters:
    """Port `DeadLetters`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        buried = self._tables.dead_letters
        new = {letter.digest: letter for letter in letters if letter.digest not in buried}
        for letter in letters:
            first, seen = buried.get(letter.digest, (letter, 0))
            buried[letter.digest] = (first, seen + 1)
        self._tables.tell([], (letter_notice(new[digest]) for digest in sorted(new)))

    async def close(self) -> None:
        """Nothing to close."""

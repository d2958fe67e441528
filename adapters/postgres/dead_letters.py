"""Dead letters on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson

from adapters.ports.store import DeadLetter
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_BURY = statement("bury")


class PostgresDeadLetters:
    """Port `DeadLetters`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        counts = Counter(letter.digest for letter in letters)
        once = {letter.digest: letter for letter in letters}
        rows = [
            (letter.digest, _plain(letter.queue), _plain(letter.routing_key), letter.failure_class,
             _plain(letter.code), _plain(letter.reason), letter.content_type and _plain(letter.content_type),
             orjson.dumps({_plain(name): _plain(value) for name, value in letter.headers.items()}).decode(),
             letter.body, counts[letter.digest])
            for letter in once.values()
        ]  # fmt: skip
        try:
            async with self._link as connection:
                await connection.execute(_BURY, *(list(column) for column in zip(*rows, strict=True)))
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _plain(text: str) -> str:
    """Text that PostgreSQL stores: no NUL, no lone surrogate."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()

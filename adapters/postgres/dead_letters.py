"""Dead letters on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import orjson

from adapters.ports.letters import (
    Admission,
    DeadLetter,
    Exhumed,
    HeaderValue,
    LetterFilter,
    LetterNotFound,
    LetterPlace,
    LetterSettled,
    LetterState,
    Purpose,
)
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.verdicts import Failure, FailureClass

_BURY = statement("bury")
_EXHUME = statement("exhume")
_CHOOSE = statement("choose_letters")
_REFUSE = statement("refuse_letter")
_ADMIT = statement("admit_letters")
_DISCARD = statement("discard_letter")


class PostgresDeadLetters:
    """Port `DeadLetters`: burying over a connection of its own, what persons do over another."""

    def __init__(self, url: str) -> None:
        self._burying = Link(url)
        self._asked = Link(url)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        counts = Counter(letter.digest for letter in letters)
        once = {letter.digest: letter for letter in letters}
        rows = [
            (letter.digest, _plain(letter.queue), _plain(letter.routing_key), letter.failure_class,
             _plain(letter.code), _plain(letter.reason), letter.content_type and _plain(letter.content_type),
             orjson.dumps({_plain(name): _plain_value(value) for name, value in letter.headers.items()}).decode(),
             letter.body, letter.user_id and _plain(letter.user_id), letter.is_cut, counts[letter.digest])
            for letter in once.values()
        ]  # fmt: skip
        await self._fetch(self._burying, _BURY, *(list(column) for column in zip(*rows, strict=True)))

    async def exhume(self, digest: bytes, purpose: Purpose, *, actor: str, reason: str) -> Exhumed:
        found = await self._fetch(self._asked, _EXHUME, digest, actor, purpose, reason)
        if not found:
            raise _not_found(digest)
        row = found[0]
        letter = DeadLetter(
            row["digest"], row["queue"], row["routing_key"], FailureClass(row["failure_class"]), row["code"],
            row["reason"], row["content_type"], orjson.loads(row["headers"]), row["body"], row["user_id"],
            row["is_cut"],
        )  # fmt: skip
        return Exhumed(letter, LetterState(row["state"]))

    async def choose(
        self, chosen: LetterFilter, *, after: LetterPlace | None, until: datetime | None, limit: int
    ) -> list[LetterPlace]:
        found = await self._fetch(
            self._asked, _CHOOSE, chosen.failure_class, chosen.code, chosen.queue,
            after and after.first_at, after and bytes.fromhex(after.digest), until, limit,
        )  # fmt: skip
        return [LetterPlace(row["first_at"], row["digest"]) for row in found]

    async def refused(self, digest: bytes, failure: Failure) -> None:
        values = (failure.failure_class, _plain(failure.code), _plain(failure.reason))
        await self._fetch(self._asked, _REFUSE, digest, *values)

    async def admitted(self, admissions: Sequence[Admission]) -> None:
        rows = [(admission.digest, admission.actor, admission.reason) for admission in admissions]
        if rows:
            await self._fetch(self._asked, _ADMIT, *(list(column) for column in zip(*rows, strict=True)))

    async def discard(self, digest: bytes, *, actor: str, reason: str) -> None:
        found = await self._fetch(self._asked, _DISCARD, digest, actor, reason)
        if not found:
            raise _not_found(digest)
        if found[0]["state"] != LetterState.BURIED:
            raise LetterSettled(f"dead letter {digest.hex()} is {found[0]['state']} already")

    async def close(self) -> None:
        """Close the connections."""
        await self._burying.close()
        await self._asked.close()

    async def _fetch(self, link: Link, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _not_found(digest: bytes) -> LetterNotFound:
    return LetterNotFound(f"there is no dead letter {digest.hex()}")


def _plain(text: str) -> str:
    """Text that PostgreSQL stores: no NUL, no lone surrogate."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def _plain_value(value: HeaderValue) -> HeaderValue:
    return _plain(value) if isinstance(value, str) else value

"""What operators may do with dead letters: see the bytes, retry, discard. Each names a reason and is audited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final, assert_never

from aiohttp import hdrs, web
from typing_extensions import TypedDict

from adapters.ports.letters import (
    ANY_LETTER,
    DeadLetters,
    LetterFilter,
    LetterNotFound,
    LetterSettled,
    Purpose,
)
from gateway.http.access import CALLER
from gateway.http.answers import cursor_of, json_answer, place_of
from gateway.http.approvals import SecondPerson
from gateway.http.problems import (
    LETTER_CUT,
    LETTER_NOT_FOUND,
    LETTER_REFUSED,
    LETTER_SETTLED,
    REQUEST_INVALID,
    RETRY_AFTER,
    SHUTTING_DOWN,
    Problem,
)
from gateway.http.requests import Because, Nothing, PayloadQuery, RetryMany, body, letter_digest, query
from gateway.http.views import letter_place
from gateway.readmission import MOST as MOST_RETRIED
from gateway.readmission import NotTaking, Outcome, Readmission, Retried

ACCEPTED: Final = 202


class LetterDone(TypedDict):
    """What was done to a dead letter, by whom and why."""

    done: str
    dead_letter: str
    by: str
    reason: str


class ToldRetry(TypedDict):
    """What came of the retry of one dead letter; `code` and `reason` say why it was refused."""

    digest: str
    outcome: Outcome
    code: str | None
    reason: str | None


class ManyRetried(TypedDict):
    """What came of each; `next` goes on behind the last of them, null: there are no more."""

    counts: Mapping[str, int]
    items: list[ToldRetry]
    next: str | None


class LetterActs:
    """Each method answers one route."""

    def __init__(self, letters: DeadLetters, readmission: Readmission, second_person: SecondPerson) -> None:
        self._letters = letters
        self._readmission = readmission
        self._second_person = second_person

    async def payload(self, request: web.Request) -> web.Response:
        """The bytes as they came; audited, for they may hold what not everybody should read."""
        asked, digest = query(request, PayloadQuery), letter_digest(request)
        actor = request[CALLER].name
        try:
            exhumed = await self._letters.exhume(digest, Purpose.PAYLOAD, actor=actor, reason=asked.reason)
        except LetterNotFound as error:
            raise _not_found(digest) from error
        headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{digest.hex()[:16]}.bin"'}
        return web.Response(body=exhumed.letter.body, content_type="application/octet-stream", headers=headers)

    async def retry(self, request: web.Request) -> web.Response:
        """Through the door again: 200 once its message is durable, 202 if that takes longer."""
        query(request, Nothing)
        digest, asked = letter_digest(request), await body(request, Because)
        try:
            retried = await self._readmission.retry(digest, actor=request[CALLER].name, reason=asked.reason)
        except NotTaking as error:
            raise _shutting_down(error) from error
        return _retried(request, retried, asked.reason)

    async def retry_many(self, request: web.Request) -> web.Response:
        """The same for a class, a code, or a queue, oldest first, a page at a time; with what came of each."""
        query(request, Nothing)
        asked = await body(request, RetryMany)
        chosen = LetterFilter(asked.failure_class, asked.code, asked.queue)
        if chosen == ANY_LETTER:
            raise Problem(REQUEST_INVALID, "Say which dead letters: write class, code, or queue, or several of them.")
        after = place_of(asked.cursor, letter_place)
        until = await self._expect_second_person(request, asked, chosen)
        try:
            done = await self._readmission.retry_many(
                chosen, after=after, until=until, limit=asked.limit,
                actor=request[CALLER].name, reason=asked.reason,
            )  # fmt: skip
        except NotTaking as error:
            raise _shutting_down(error) from error
        counts = Counter[str](each.outcome for each in done.items)
        last = None if done.last is None else cursor_of((done.last.first_at, done.last.digest))
        return json_answer(ManyRetried(counts=counts, items=[_told(each) for each in done.items], next=last))

    async def discard(self, request: web.Request) -> web.Response:
        """Settle it as of no use; it stays readable, with who did so and why."""
        query(request, Nothing)
        digest, asked = letter_digest(request), await body(request, Because)
        actor = request[CALLER].name
        try:
            await self._letters.discard(digest, actor=actor, reason=asked.reason)
        except LetterNotFound as error:
            raise _not_found(digest) from error
        except LetterSettled as error:
            raise _settled(digest) from error
        return _done("discard", digest, actor, asked.reason)

    async def _expect_second_person(
        self, request: web.Request, asked: RetryMany, chosen: LetterFilter
    ) -> datetime | None:
        """All that is chosen counts, wherever the cursor is, which anybody can make; what was allowed goes on by pages.

        Until when something must have been buried to be meant by what was allowed; None: nobody had to.
        """
        most = self._second_person.counts_to
        if not most:
            return None
        places = await self._letters.choose(chosen, after=None, until=None, limit=most)
        whole = asked.model_copy(update={"cursor": None, "limit": MOST_RETRIED})
        return await self._second_person.expect(
            request, whole, asked.reason, len(places), goes_on=asked.cursor is not None
        )


def _told(each: Retried) -> ToldRetry:
    code, reason = (None, None) if each.failure is None else (each.failure.code, each.failure.reason)
    return ToldRetry(digest=each.digest.hex(), outcome=each.outcome, code=code, reason=reason)


def _retried(request: web.Request, retried: Retried, reason: str) -> web.Response:
    digest, failure = retried.digest, retried.failure
    match retried.outcome:
        case Outcome.ADMITTED:
            return _done("retry", digest, request[CALLER].name, reason)
        case Outcome.UNDER_WAY:
            answer = _done("retry", digest, request[CALLER].name, reason)
            answer.set_status(ACCEPTED)
            return answer
        case Outcome.REFUSED:
            why = f"{failure.failure_class}, {failure.code}: {failure.reason}." if failure else ""
            raise Problem(LETTER_REFUSED, f"{why} Mend that, then retry.")
        case Outcome.CUT:
            raise Problem(
                LETTER_CUT,
                "It was cut when it was stored: its body was too large, or its headers or properties were too many, "
                "too long, or no text; or it was a message that the database did not take (`data_refused`), of which "
                "only its event was kept. Let its sender publish it again, then discard this one.",
            )
        case Outcome.SETTLED:
            raise _settled(digest)
        case Outcome.NOT_FOUND:
            raise _not_found(digest)
        case _:
            assert_never(retried.outcome)


def _done(act: str, digest: bytes, actor: str, reason: str) -> web.Response:
    return json_answer(LetterDone(done=act, dead_letter=digest.hex(), by=actor, reason=reason))


def _not_found(digest: bytes) -> Problem:
    return Problem(LETTER_NOT_FOUND, f"There is no dead letter {digest.hex()}: /v1/dead-letters lists them.")


def _settled(digest: bytes) -> Problem:
    detail = f"It was admitted or discarded before: /v1/dead-letters/{digest.hex()} says by whom, and why."
    return Problem(LETTER_SETTLED, detail)


def _shutting_down(error: NotTaking) -> Problem:
    text = str(error)
    return Problem(SHUTTING_DOWN, f"{text[:1].upper()}{text[1:]}.", {hdrs.RETRY_AFTER: RETRY_AFTER})

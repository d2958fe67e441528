"""What the API shows: counts, messages, lanes, dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.letters import LetterFilter, LetterPlace
from adapters.ports.restores import Phase, Restores
from adapters.ports.store import Reads
from adapters.ports.views import (
    DeadLetterRow,
    InLane,
    LaneRow,
    LanesInOrder,
    Letters,
    MessageRow,
    Newest,
    OneLane,
    OneLetter,
    OneMessage,
    SameId,
    StatusReport,
)
from gateway.health import Health
from gateway.http.answers import Page, json_answer, page_answer, place_of
from gateway.http.probes import ToldCheck, told
from gateway.http.problems import LANE_NOT_FOUND, LETTER_NOT_FOUND, MESSAGE_NOT_FOUND, Problem
from gateway.http.requests import (
    LanesQuery,
    LettersQuery,
    MessagesQuery,
    Nothing,
    in_utc,
    lane_key,
    letter_digest,
    message_ref,
    query,
)
from gateway.http.restores import ToldRestore, told_restore
from schemas.keys import ActorKey

LANE_MESSAGES: Final = 100
"""Messages shown of one lane."""


class Status(TypedDict):
    """How the process stands, and what stands open. `restore` is null unless one is under way."""

    version: str
    ready: bool
    checks: list[ToldCheck]
    restore: ToldRestore | None
    open: StatusReport


class LaneFile(TypedDict):
    """A lane and its first messages, from its head."""

    lane: LaneRow
    messages: list[MessageRow]


class Views:
    """Each method answers one route; all raise `Problem` and `StoreUnavailable`."""

    def __init__(self, reads: Reads, restores: Restores, health: Health, version: str) -> None:
        self._reads = reads
        self._restores = restores
        self._health = health
        self._version = version

    async def status(self, request: web.Request) -> web.Response:
        """Whether the process is ready, what stands open, and the restore that is not over."""
        query(request, Nothing)
        report = await self._reads.status()
        restore = (await self._restores.look()).newest
        return json_answer(
            Status(
                version=self._version,
                ready=self._health.is_ready,
                checks=told(self._health.checks),
                restore=None if restore is None or restore.phase is Phase.ENDED else told_restore(restore),
                open=report,
            )
        )

    async def messages(self, request: web.Request) -> web.Response:
        """Messages, newest first; with an id all that have it, which is one for each source at most."""
        asked = query(request, MessagesQuery)
        if asked.id is not None:
            same = SameId(asked.id, asked.source, asked.verdict)
            rows = await self._reads.messages(same, limit=asked.limit)
            return json_answer(Page[MessageRow](items=rows, next=None))
        newest = Newest(asked.source, asked.verdict, place_of(asked.cursor, _ref))
        rows = await self._reads.messages(newest, limit=asked.limit + 1)
        return page_answer(request, rows, asked.limit, _place_of_message)

    async def message(self, request: web.Request) -> web.Response:
        """One message, without its body."""
        query(request, Nothing)
        ref = message_ref(request)
        found = await self._reads.messages(OneMessage(ref), limit=1)
        if not found:
            raise Problem(MESSAGE_NOT_FOUND, f"There is no message {ref}: /v1/messages?id= finds it by its event id.")
        return json_answer(found[0])

    async def lanes(self, request: web.Request) -> web.Response:
        """Lanes that hold messages, or whose commands are stuck, in the order of their keys."""
        asked = query(request, LanesQuery)
        in_order = LanesInOrder(asked.state, place_of(asked.cursor, _key))
        rows = await self._reads.lanes(in_order, limit=asked.limit + 1)
        return page_answer(request, rows, asked.limit, _place_of_lane)

    async def lane(self, request: web.Request) -> web.Response:
        """One lane, its first messages, and the commands that hold its key."""
        query(request, Nothing)
        key = lane_key(request)
        found = await self._reads.lanes(OneLane(key), limit=1)
        if not found:
            raise Problem(LANE_NOT_FOUND, f"There is no {key}: look at its spelling, and at /v1/lanes.")
        messages = await self._reads.messages(InLane(key), limit=LANE_MESSAGES)
        return json_answer(LaneFile(lane=found[0], messages=messages))

    async def dead_letters(self, request: web.Request) -> web.Response:
        """Dead letters without headers and bodies, newest first; those that stand open unless asked otherwise."""
        asked = query(request, LettersQuery)
        chosen = LetterFilter(asked.failure_class, asked.code, asked.queue)
        letters = Letters(asked.state, chosen, place_of(asked.cursor, letter_place))
        rows = await self._reads.dead_letters(letters, limit=asked.limit + 1)
        return page_answer(request, rows, asked.limit, _place_of_letter)

    async def dead_letter(self, request: web.Request) -> web.Response:
        """One dead letter with its headers, without its body."""
        query(request, Nothing)
        digest = letter_digest(request)
        found = await self._reads.dead_letters(OneLetter(digest), limit=1)
        if not found:
            raise Problem(LETTER_NOT_FOUND, f"There is no dead letter {digest.hex()}: /v1/dead-letters lists them.")
        return json_answer(found[0])


def _place_of_message(row: MessageRow) -> UUID:
    return row.ref


def _ref(place: object) -> UUID:
    return UUID(_text(place))


def _place_of_lane(row: LaneRow) -> tuple[str, str]:
    return row.entity, row.key


def _key(place: object) -> ActorKey:
    return ActorKey(*_texts(place))


def _place_of_letter(row: DeadLetterRow) -> tuple[datetime, str]:
    return row.first_at, row.digest


def letter_place(place: object) -> LetterPlace:
    """The place of a dead letter in a cursor. Raises `ValueError` or `TypeError`."""
    first_at, digest = _texts(place)
    bytes.fromhex(digest)
    return LetterPlace(in_utc(datetime.fromisoformat(first_at)), digest)


def _text(place: object) -> str:
    if not isinstance(place, str) or "\x00" in place:
        raise TypeError(place)
    return place


def _texts(place: object) -> tuple[str, str]:
    if not isinstance(place, list) or len(place) != 2:
        raise TypeError(place)
    first, second = cast("list[object]", place)
    return _text(first), _text(second)

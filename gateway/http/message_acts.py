"""What operators may do about one message: let it run though it has ended, and correct it while it stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import NotRequired
from uuid import UUID

from aiohttp import web
from typing_extensions import TypedDict

from adapters.ports.message_acts import (
    ENDED,
    EditTaken,
    KeptMessage,
    MessageActs,
    MessageElsewhere,
    MessageNotFound,
    MessageOvertaken,
)
from gateway.callers import Permission
from gateway.editing import Edited, NothingChanged, SaidByUs, edited
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.case_requests import Changes
from gateway.http.problems import (
    EDIT_INVALID,
    MESSAGE_ELSEWHERE,
    MESSAGE_NOT_FOUND,
    MESSAGE_OVERTAKEN,
    REQUEST_INVALID,
    Problem,
)
from gateway.http.requests import Because, Nothing, Reason, Ref, body, lane_key, message_ref, query
from gateway.http.scopes import check_named
from gateway.http.trials import ToldTrial, Trials
from schemas.envelope import Undecodable
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.vocabulary import VOCABULARY, Vocabulary

_LOOK = "/v1/messages/{ref} says how it stands"


class Undiscard(Record):
    """The body of the taking back of a discard."""

    reason: Reason
    message: Ref
    """The message that was discarded, by its reference."""


class EditMessage(Record):
    """The body of an edit."""

    reason: Reason
    changes: Changes
    """A JSON merge patch of the event's data: null takes a field away, and a list is replaced as a whole."""
    dry_run: bool = False
    """Only check it, and show what would differ, and what would come of it."""


class ToldChange(TypedDict):
    """A field that differs, as JSON before and after."""

    path: str | None
    before: str | None
    after: str | None


class WouldEdit(TypedDict):
    """What an edit would change."""

    would: str
    message: UUID
    lane: ActorKey
    changes: list[ToldChange]
    predicted: ToldTrial | None
    """What it would come to as the head of its lane; null for callers without the permission `entities`."""


class MessageDone(TypedDict):
    """What was done to a message; of an edit also the message that it made, and what differs."""

    done: str
    message: UUID
    lane: ActorKey
    by: str
    reason: str
    edited: NotRequired[UUID]
    changes: NotRequired[list[ToldChange]]


class MessageActing:
    """Each method answers one route. `look_at` lets this process go on with a key at once, `trials` predict edits."""

    def __init__(
        self,
        acts: MessageActs,
        trials: Trials,
        look_at: Callable[[ActorKey], None],
        vocabulary: Vocabulary = VOCABULARY,
    ) -> None:
        self._acts = acts
        self._trials = trials
        self._look_at = look_at
        self._vocabulary = vocabulary

    async def undiscard(self, request: web.Request) -> web.Response:
        """Let a message that was discarded stand first in its lane again, unless something later was applied."""
        query(request, Nothing)
        lane, asked = lane_key(request), await body(request, Undiscard)
        kept = await self._acts.kept(asked.message)
        if kept is None or kept.key != lane:
            raise _not_found(asked.message)
        try:
            key = await self._acts.undiscard(asked.message, actor=request[CALLER].name, reason=asked.reason)
        except MessageNotFound as error:
            raise _not_found(asked.message) from error
        except MessageElsewhere as error:
            raise Problem(MESSAGE_ELSEWHERE, f"{_sentence(error)} Only a discarded one comes back: {_LOOK}.") from error
        except MessageOvertaken as error:
            advice = "Let its source publish what is still wanted as a new event."
            raise Problem(MESSAGE_OVERTAKEN, f"{_sentence(error)} {advice}") from error
        return self._done(request, "undiscard", asked.message, key, asked.reason)

    async def force(self, request: web.Request) -> web.Response:
        """Let a stale message be decided, though a newer one was applied."""
        query(request, Nothing)
        ref, asked = message_ref(request), await body(request, Because)
        try:
            key = await self._acts.force(ref, actor=request[CALLER].name, reason=asked.reason)
        except MessageNotFound as error:
            raise _not_found(ref) from error
        except MessageElsewhere as error:
            raise Problem(MESSAGE_ELSEWHERE, f"{_sentence(error)} Only a stale one is forced: {_LOOK}.") from error
        return self._done(request, "force", ref, key, asked.reason)

    async def edit(self, request: web.Request) -> web.Response:
        """Put a corrected message in the place of one that has done nothing yet; what differs is shown."""
        query(request, Nothing)
        ref, asked = message_ref(request), await body(request, EditMessage)
        kept = await self._acts.kept(ref)
        if kept is None:
            raise _not_found(ref)
        new = self._edited(kept, asked)
        # Its key lies within, and what it says may bring the key elsewhere.
        check_named(new.legal_entities, kept.key.entity, request[CALLER])
        shown: list[ToldChange] = [
            {"path": each.path, "before": each.before, "after": each.after} for each in new.changes
        ]
        if asked.dry_run:
            _must_be_editable(kept)
            may_see = Permission.ENTITIES in request[CALLER].permissions
            told = await self._trials.edit(kept.key, new.message) if may_see else None
            return json_answer(
                WouldEdit(would="edit", message=ref, lane=kept.key, changes=shown, predicted=told)
            )  # fmt: skip
        try:
            key = await self._acts.edit(ref, new.message, actor=request[CALLER].name, reason=asked.reason)
        except MessageNotFound as error:
            raise _not_found(ref) from error
        except MessageElsewhere as error:
            raise _settled(error) from error
        except MessageOvertaken as error:
            advice = "Let its source publish what is still wanted as a new event."
            raise Problem(MESSAGE_OVERTAKEN, f"{_sentence(error)} {advice}") from error
        except EditTaken as error:
            raise Problem(MESSAGE_ELSEWHERE, f"{_sentence(error)} Change something else of it.") from error
        self._look_at(key)
        by = request[CALLER].name
        return json_answer(
            MessageDone(
                done="edit", message=ref, lane=key, by=by, reason=asked.reason, edited=new.message.ref, changes=shown
            )
        )

    def _edited(self, kept: KeptMessage, asked: EditMessage) -> Edited:
        try:
            return edited(kept.message, asked.changes, self._vocabulary)
        except Undecodable as error:
            failure = error.failure
            raise Problem(EDIT_INVALID, f"{failure.code}: {failure.reason}.") from error
        except NothingChanged as error:
            raise Problem(REQUEST_INVALID, f"{_sentence(error)} Send in `changes` what is to differ.") from error
        except SaidByUs as error:
            advice = "It is not edited: discard it, and act anew."
            raise Problem(MESSAGE_ELSEWHERE, f"{_sentence(error)} {advice}") from error

    def _done(self, request: web.Request, act: str, ref: UUID, key: ActorKey, reason: str) -> web.Response:
        self._look_at(key)
        by = request[CALLER].name
        return json_answer(MessageDone(done=act, message=ref, lane=key, by=by, reason=reason))


def _must_be_editable(kept: KeptMessage) -> None:
    if not (kept.is_standing or kept.verdict in ENDED) or kept.key.is_external:
        raise _settled(MessageElsewhere(f"message {kept.message.ref} is {kept.verdict}"))


def _settled(error: Exception) -> Problem:
    advice = (
        "Only one that stands in a lane, or was discarded, rejected, or is stale, is edited; what was applied is"
        " corrected by an event of its source."
    )
    return Problem(MESSAGE_ELSEWHERE, f"{_sentence(error)} {advice}")


def _not_found(ref: UUID) -> Problem:
    return Problem(MESSAGE_NOT_FOUND, f"There is no message {ref} there: /v1/messages?id= finds it by its event id.")


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."

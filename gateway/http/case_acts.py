"""What people do about cases: take and note them, approve, reject, retry, edit, cancel, resolve. Everything is audited.

An act is written down before it is done, with what came of it afterwards; the same `Idempotency-Key` again is answered
with that, so a second click changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, assert_never

from aiohttp import hdrs, web
from typing_extensions import TypedDict

from adapters.ports.cases import (
    Begun,
    CaseActs,
    CaseChanged,
    CaseFile,
    CaseNotFound,
    CaseRow,
    Cases,
    CaseStands,
    Click,
    ClickReused,
    Closed,
    Edit,
    Outcome,
    act_id,
)
from adapters.ports.store import (
    CommandChanged,
    CommandInUse,
    CommandNotFound,
    LaneActs,
    LaneChanged,
    LaneKills,
    LaneNotFound,
    SeenCase,
)
from gateway.callers import Caller, Permission
from gateway.case_classes import owner_of
from gateway.case_offers import offers, settling
from gateway.http.access import CALLER
from gateway.http.answers import json_answer
from gateway.http.case_requests import ActOnCase, EditCase, case_id, click_key, must_have_seen, seen_version, unseen
from gateway.http.cases import etag, found_case, no_case, owned
from gateway.http.problems import (
    CASE_ACT_REFUSED,
    CASE_CHANGED,
    CLICK_REUSED,
    FORBIDDEN,
    REQUEST_INVALID,
    RETRY_AFTER,
    ROLE_MISSING,
    SHUTTING_DOWN,
    Problem,
)
from gateway.http.requests import Finding, Nothing, body, query
from gateway.readmission import NotTaking
from schemas.acts import Act, Acted
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

ACCEPTED: Final = 202
_JUDGES: Final = frozenset({Act.APPROVE, Act.REJECT})
"""Acts for the role of the case alone, whatever else its caller may do."""
_OWNERS: Final = frozenset({Act.EDIT_RETRY, Act.CANCEL, Act.RESOLVE})
"""Acts for the role of the case, and for who may operate."""
_CHANGING: Final = frozenset({Act.EDIT_RETRY, Act.CANCEL})
"""Acts that may say more: what is corrected, or what stays where a duplicate goes."""
_DECIDING: Final = _JUDGES | _CHANGING
"""Acts that count for the case as their author saw it alone: another amount may ask for another answer."""


_CLOSES: Final[Mapping[Act, Closed]] = MappingProxyType(
    {Act.RETRY: Closed.RETRIED, Act.CANCEL: Closed.DISCARDED, Act.RESOLVE: Closed.RESOLVED}
)
"""How an act closes a case about a message or a command."""


class EditedCase(TypedDict):
    """A case after it was edited."""

    case: CaseRow


class CaseDone(TypedDict):
    """What was done about a case, by whom and why, and what came of it; `done` is null while nobody knows."""

    done: str | None
    case: int
    by: str
    reason: str
    told: str


class Told(Protocol):
    """What became of an act that its key was told of."""

    @property
    def verdict(self) -> Verdict | None:
        """None: it was not durable in time."""
        ...

    @property
    def reason(self) -> str | None: ...


class People(Protocol):
    """The way of an act to the key whose decision settles it."""

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> Told:
        """Tell the key, once for each `id`, and return when that is durable.

        Raises `LookupError` for an entity that takes no acts, `NotTaking`, and `StoreUnavailable`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Came:
    """What came of an act; without an outcome that is not known yet."""

    outcome: Outcome | None
    told: str


class CaseActing:
    """Each method answers one route. `people` takes acts on topics; `look_at` lets this process go on with a key."""

    def __init__(
        self, cases: Cases, acts: CaseActs, lanes: LaneActs, people: People, look_at: Callable[[ActorKey], None]
    ) -> None:
        self._cases = cases
        self._acts = acts
        self._lanes = lanes
        self._people = people
        self._look_at = look_at

    async def edit(self, request: web.Request) -> web.Response:
        """Assign the case, or write a note; only as it was when the caller saw it."""
        query(request, Nothing)
        id, version, asked = case_id(request), must_have_seen(request), await body(request, EditCase)
        edit = Edit(asked.assigns, asked.assignee, asked.note)
        try:
            await self._acts.edit(id, edit, version=version, actor=request[CALLER].name)
        except CaseNotFound as error:
            raise no_case(id) from error
        except CaseChanged as error:
            raise _changed(id) from error
        case = (await found_case(self._cases, id)).case
        answer = json_answer(EditedCase(case=owned(case)))
        answer.headers[hdrs.ETAG] = etag(case)
        return answer

    async def act(self, request: web.Request) -> web.Response:
        """Do what the path names; with `If-Match`, which a decision needs, only on the case as the caller saw it."""
        query(request, Nothing)
        id, act = case_id(request), Act(request.match_info["act"])
        key, version = click_key(request), seen_version(request)
        asked = await body(request, ActOnCase)
        if asked.changes is None and act is Act.EDIT_RETRY:
            raise Problem(REQUEST_INVALID, "Send `changes` with edit-retry: the corrected fields.")
        if asked.changes is not None and act not in _CHANGING:
            raise Problem(REQUEST_INVALID, "Send `changes` with edit-retry or cancel, and with nothing else.")
        caller = request[CALLER]
        click = Click(act, caller.name, asked.reason, asked.changes, key, tuple(sorted(caller.roles)))
        begun = await self._begun(id, click, caller, version)
        if begun.outcome is None:
            # Read again: what was decided on before may have changed until the act was written down.
            came = await self._done(await found_case(self._cases, id), click, begun)
            if came.outcome is not None:
                await self._acts.end(begun, came.outcome, came.told)
        else:
            came = Came(begun.outcome, begun.told or "")
        return _answer(id, click, came)

    async def settle(self, request: web.Request) -> web.Response:
        """Record what a person has found out about the case's command: the system has its effect, or it has not.

        Only as they saw the case: the same word about a later attempt, or a later generation, could double the effect.
        """
        query(request, Nothing)
        id, version, asked = case_id(request), must_have_seen(request), await body(request, Finding)
        caller, file = request[CALLER], await found_case(self._cases, id)
        _check_may_end("settle", file, caller)
        why_not, command = settling(file), file.case.command_id
        if why_not is not None or command is None:
            raise _refused(why_not or "there is no command")
        key, is_there = ActorKey(file.case.entity, file.case.key), asked.outcome == "done"
        try:
            reference = await self._lanes.settle(
                key, command=command, seen=SeenCase(id, version), is_there=is_there, external_id=asked.external_id,
                actor=caller.name, reason=asked.reason,
            )  # fmt: skip
        except CommandChanged as error:
            detail = (
                f"Case {id} is not as you have seen it: read it, look in the system again, and say what is there now."
            )
            raise Problem(CASE_CHANGED, detail) from error
        except (CommandInUse, CommandNotFound) as error:
            raise _refused(_advice(error, key)) from error
        self._look_at(key)
        told = f"{reference} counts as done" if is_there else f"it is sent anew, as {reference}"
        return json_answer(CaseDone(done="settle", case=id, by=caller.name, reason=asked.reason, told=told))

    async def _begun(self, id: int, click: Click, caller: Caller, version: int | None) -> Begun:
        """The act as it is written down. The same click again was allowed when it came first, and goes by that."""
        try:
            again = await self._acts.again(id, click)
            if again is not None:
                return again
            _check_may(click, await found_case(self._cases, id), caller)
            if version is None and click.act in _DECIDING:
                raise unseen()
            return await self._acts.begin(id, click, version=version)
        except CaseNotFound as error:
            raise no_case(id) from error
        except CaseChanged as error:
            raise _changed(id) from error
        except ClickReused as error:
            detail = f"Idempotency-Key {click.key} belongs to another act on case {id}: send a new one."
            raise Problem(CLICK_REUSED, detail) from error

    async def _done(self, file: CaseFile, click: Click, begun: Begun) -> Came:
        topic, key = file.case.topic, ActorKey(file.case.entity, file.case.key)
        if begun.is_again and _is_closed_by(file.case, click):
            return Came(Outcome.DONE, _told_done(file.case, click.act))
        # The key may have taken it already, and closed the case, when nobody could write down that it had.
        why_not = None if topic is not None and begun.is_again else offers(file)[click.act]
        if why_not is not None:
            return Came(Outcome.REFUSED, why_not)
        if topic is not None:
            return await self._told_to_key(file, click, begun, topic)
        try:
            await self._do_here(file, click, key)
        except (LaneNotFound, LaneChanged, LaneKills, CaseStands) as error:
            return Came(Outcome.REFUSED, _advice(error, key))
        self._look_at(key)
        return Came(Outcome.DONE, _told_done(file.case, click.act))

    async def _do_here(self, file: CaseFile, click: Click, key: ActorKey) -> None:
        """An act on a message or a command. Raises what the store refuses with."""
        case, actor = file.case, click.actor
        match click.act:
            case Act.RETRY:
                await self._lanes.retry(key, actor=actor, reason=click.reason)
            case Act.CANCEL:
                if case.ref is None:
                    raise LaneNotFound(f"no message of case {case.id} stands in a lane")
                await self._lanes.discard(key, head=case.ref, actor=actor, reason=click.reason)
            case Act.RESOLVE:
                await self._acts.resolve(case.id, actor=actor)
            case Act.APPROVE | Act.REJECT | Act.EDIT_RETRY:
                raise CaseStands(f"case {case.id} has no topic")
            case _:
                assert_never(click.act)

    async def _told_to_key(self, file: CaseFile, click: Click, begun: Begun, topic: str) -> Came:
        """Let the key decide on the act. The same act has the same id, however often it is told."""
        acted = Acted(
            topic=topic, act=click.act, by=click.actor, roles=begun.roles, reason=click.reason, changes=click.changes,
            seen=begun.seen,
        )  # fmt: skip
        key = ActorKey(file.case.entity, file.case.key)
        try:
            told = await self._people.act(key, acted, id=act_id(file.case.id, begun.id))
        except LookupError as error:
            return Came(Outcome.REFUSED, str(error))
        except NotTaking as error:
            raise Problem(SHUTTING_DOWN, str(error), {hdrs.RETRY_AFTER: RETRY_AFTER}) from error
        if told.verdict is None:
            return Came(None, "it is on its way; ask again with the same Idempotency-Key")
        said = told.verdict if told.reason is None else f"{told.verdict}: {told.reason}"
        if not told.verdict.is_final:
            return Came(None, f"{said}; it is decided in its turn; ask again with the same Idempotency-Key")
        return Came(Outcome.DONE if told.verdict is Verdict.APPLIED else Outcome.IGNORED, said)


def _is_closed_by(case: CaseRow, click: Click) -> bool:
    """Whether a case about a message or a command was closed by this act, though nobody wrote down that it was."""
    how = _CLOSES.get(click.act)
    return case.topic is None and how is not None and (case.closed_how, case.closed_by) == (how, click.actor)


def _told_done(case: CaseRow, act: Act) -> str:
    """What is said of an act that closes cases, once it is done."""
    match act:
        case Act.RETRY:
            return f"{case.entity}/{case.key} runs again"
        case Act.CANCEL:
            return f"message {case.ref} is discarded"
        case Act.RESOLVE:
            return f"case {case.id} is resolved"
        case Act.APPROVE | Act.REJECT | Act.EDIT_RETRY:
            raise ValueError(f"{act} closes no case without a topic")
        case _:
            assert_never(act)


def _check_may(click: Click, file: CaseFile, caller: Caller) -> None:
    """Raise `Problem` unless the caller may do this about the case: see the table of permissions in the docs."""
    act = click.act
    if click.changes is not None and act is Act.CANCEL and file.case.topic is None:
        raise Problem(REQUEST_INVALID, "A message that is discarded has nothing to change: leave `changes` out.")
    has_topic = file.case.topic is not None
    if act is Act.CANCEL and not has_topic:
        if Permission.OPERATE not in caller.permissions:
            detail = (
                f"To cancel case {file.case.id} discards a message, which needs the permission {Permission.OPERATE}:"
                f" ask somebody who has it, or retry."
            )
            raise Problem(FORBIDDEN, detail)
    elif act in _JUDGES and has_topic:
        _check_role(act, file, caller)
        if act is Act.APPROVE and caller.person in file.editors:
            raise _refused(f"{caller.person} has changed what this is about, so somebody else must approve it")
    elif act in _OWNERS:
        _check_may_end(act, file, caller)


def _check_may_end(what: str, file: CaseFile, caller: Caller) -> None:
    """Raise `Problem` unless the caller has the role of the case, or may operate."""
    if Permission.OPERATE not in caller.permissions:
        _check_role(what, file, caller, f", or who has the permission {Permission.OPERATE},")


def _check_role(what: str, file: CaseFile, caller: Caller, others: str = "") -> None:
    role = owner_of(file.case.owner, file.case.failure_class)
    if role not in caller.roles:
        has = ", ".join(sorted(caller.roles)) or "none"
        detail = f"Only the role {role}{others} may {what} case {file.case.id}; {caller.name} has {has}."
        raise Problem(ROLE_MISSING, detail)


def _changed(id: int) -> Problem:
    return Problem(CASE_CHANGED, f"Case {id} is not as you have seen it: read it again, and decide on what it is now.")


def _refused(why: str) -> Problem:
    return Problem(CASE_ACT_REFUSED, f"{why[:1].upper()}{why[1:]}.")


def _answer(id: int, click: Click, came: Came) -> web.Response:
    shown = CaseDone(done=click.act, case=id, by=click.actor, reason=click.reason, told=came.told)
    match came.outcome:
        case Outcome.DONE:
            return json_answer(shown)
        case None:
            answer = json_answer(CaseDone(done=None, case=id, by=click.actor, reason=click.reason, told=came.told))
            answer.set_status(ACCEPTED)
            return answer
        case Outcome.IGNORED | Outcome.REFUSED:
            raise _refused(came.told)
        case _:
            assert_never(came.outcome)


def _advice(error: Exception, key: ActorKey) -> str:
    if isinstance(error, LaneKills):
        return f'{error}: discard it, or retry its lane with "force": true once a release can take it'
    return f"{error}; read the case and the lane of {key} again"

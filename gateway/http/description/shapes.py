"""The table of shapes: for each route of the API what it takes, gives, and refuses with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.ports.cases import CaseGroup, CaseRow
from adapters.ports.views import DeadLetterRow, LaneRow, MessageRow, ShownLetter
from gateway.http import problems as p
from gateway.http.acts import LaneDone
from gateway.http.answers import Page
from gateway.http.api_keys import MakeKey, NewKey, RevokeKey, ToldKey
from gateway.http.approvals import ApprovalDone
from gateway.http.audit import AuditQuery, CheckQuery, ToldAct, ToldChain, Verified
from gateway.http.bindings import BindingsQuery, Import, Imported, ToldBinding
from gateway.http.case_acts import CaseDone, EditedCase
from gateway.http.case_requests import ActOnCase, CasesQuery, EditCase
from gateway.http.cases import ToldCase
from gateway.http.description.shape import CLICK, SEEN, Json, Plain, Shape
from gateway.http.entities import EntityFile
from gateway.http.kpis import KpisQuery, ToldKpis
from gateway.http.letter_acts import LetterDone, ManyRetried
from gateway.http.mappings import ToldActivation
from gateway.http.me import Me
from gateway.http.message_acts import EditMessage, MessageDone, Undiscard, WouldEdit
from gateway.http.pauses import PauseDone, ToldPause
from gateway.http.recon_requests import CompareQuery, DifferencesQuery, PlanRepair, RunsQuery, StartRun
from gateway.http.recon_told import Drafted, RunFile, ToldDifference, ToldRun
from gateway.http.replay_requests import ItemsQuery, PlanReplay, PlanSent, Resume, StartReplay
from gateway.http.replay_told import ToldItem as ToldReplayItem
from gateway.http.replay_told import ToldReplay, ToldReplayPlan
from gateway.http.requests import (
    Because,
    BeginPause,
    CloseGap,
    Discard,
    EndPause,
    EntityQuery,
    Finding,
    LanesQuery,
    LettersQuery,
    MessagesQuery,
    PageQuery,
    PayloadQuery,
    Reload,
    RestorePoint,
    Retry,
    RetryMany,
    RollBack,
    Settle,
)
from gateway.http.restores import TheRestore
from gateway.http.schemas import ToldUse
from gateway.http.systems import SystemDone, SystemTested
from gateway.http.trials import ToldTrial
from gateway.http.views import LaneFile, Status
from gateway.system_state import SystemState
from schemas.codec import STRUCTURED

GET, POST, PATCH, DELETE = "GET", "POST", "PATCH", "DELETE"

_BEGUN: Final = (200, 202)
"""202: it was taken, and is not durable yet."""
_LANE: Final = "/v1/lanes/{entity}/{key}"
_MESSAGE: Final = "/v1/messages/{ref}"
_REPLAYS: Final = "/v1/replays"
_CASE: Final = "/v1/cases/{id}"
_LETTER: Final = "/v1/dead-letters/{digest}"
_RECON: Final = "/v1/reconciliations/{id}"
_CASES_FILE: Final = Plain("text/csv", "A line for each case, below one that names the columns.")
_EVENT: Final = Plain(STRUCTURED, "The event as it was taken in, in structured mode.")
_BYTES: Final = Plain("application/octet-stream", "The bytes as they came.")

SHAPES: Final[Mapping[tuple[str, str], Shape]] = MappingProxyType(
    {
        (GET, "/v1/status"): Shape(Json(Status)),
        (GET, "/v1/me"): Shape(Json(Me)),
        (POST, "/v1/events/validate/{type}"): Shape(Json(ToldTrial), body=STRUCTURED),
        (GET, "/v1/messages"): Shape(Json(Page[MessageRow]), MessagesQuery, is_page=True),
        (GET, "/v1/messages/{ref}"): Shape(Json(MessageRow), refuses=(p.MESSAGE_NOT_FOUND,)),
        (GET, "/v1/messages/{ref}/payload"): Shape(_EVENT, PayloadQuery, refuses=(p.MESSAGE_NOT_FOUND,)),
        (POST, f"{_MESSAGE}/edit"): Shape(
            Json(MessageDone | WouldEdit), body=EditMessage,
            refuses=(p.MESSAGE_NOT_FOUND, p.MESSAGE_ELSEWHERE, p.MESSAGE_OVERTAKEN, p.EDIT_INVALID),
        ),
        (POST, f"{_MESSAGE}/force"): Shape(
            Json(MessageDone), body=Because, refuses=(p.MESSAGE_NOT_FOUND, p.MESSAGE_ELSEWHERE)
        ),
        (GET, "/v1/lanes"): Shape(Json(Page[LaneRow]), LanesQuery, is_page=True),
        (GET, _LANE): Shape(Json(LaneFile), refuses=(p.LANE_NOT_FOUND,)),
        (POST, f"{_LANE}/retry"): Shape(Json(LaneDone), body=Retry, refuses=(p.LANE_NOT_FOUND, p.LANE_KILLS)),
        (POST, f"{_LANE}/discard"): Shape(Json(LaneDone), body=Discard, refuses=(p.LANE_NOT_FOUND, p.LANE_CHANGED)),
        (POST, f"{_LANE}/undiscard"): Shape(
            Json(MessageDone), body=Undiscard,
            refuses=(p.MESSAGE_NOT_FOUND, p.MESSAGE_ELSEWHERE, p.MESSAGE_OVERTAKEN),
        ),
        (POST, f"{_LANE}/close-gap"): Shape(Json(LaneDone), body=CloseGap, refuses=(p.LANE_NOT_FOUND, p.LANE_CHANGED)),
        (POST, f"{_LANE}/settle"): Shape(
            Json(LaneDone), body=Settle, refuses=(p.COMMAND_NOT_FOUND, p.COMMAND_CHANGED, p.COMMAND_IN_USE)
        ),
        (POST, f"{_LANE}/pause"): Shape(Json(ToldPause), body=Retry),
        (POST, f"{_LANE}/resume"): Shape(Json(PauseDone), body=Retry, refuses=(p.PAUSE_NOT_FOUND,)),
        (GET, "/v1/entities/{entity}/{key}"): Shape(
            Json(EntityFile), EntityQuery, refuses=(p.ENTITY_NOT_FOUND,), is_page=True
        ),
        (GET, "/v1/pauses"): Shape(Json(Page[ToldPause]), PageQuery, is_page=True),
        (POST, "/v1/pauses"): Shape(Json(ToldPause), body=BeginPause),
        (DELETE, "/v1/pauses/{id}"): Shape(Json(PauseDone), EndPause, refuses=(p.PAUSE_NOT_FOUND,)),
        (GET, "/v1/systems"): Shape(Json(Page[SystemState])),
        (GET, "/v1/systems/{name}"): Shape(Json(SystemState), refuses=(p.SYSTEM_NOT_FOUND,)),
        (POST, "/v1/systems/{name}/test"): Shape(
            Json(SystemTested), refuses=(p.SYSTEM_NOT_FOUND, p.SYSTEM_BUILT_IN)
        ),
        (POST, "/v1/systems/{name}/pause"): Shape(
            Json(SystemDone), body=Because, refuses=(p.SYSTEM_NOT_FOUND, p.SYSTEM_BUILT_IN)
        ),
        (POST, "/v1/systems/{name}/resume"): Shape(
            Json(SystemDone), body=Because, refuses=(p.SYSTEM_NOT_FOUND, p.SYSTEM_BUILT_IN)
        ),
        (GET, "/v1/cases"): Shape(Json(Page[CaseRow] | Page[CaseGroup]), CasesQuery, is_page=True),
        (GET, "/v1/cases.csv"): Shape(_CASES_FILE, CasesQuery),
        (GET, _CASE): Shape(Json(ToldCase), refuses=(p.CASE_NOT_FOUND,), has_etag=True),
        (PATCH, _CASE): Shape(
            Json(EditedCase), body=EditCase, headers=(SEEN,), has_etag=True,
            refuses=(p.CASE_NOT_FOUND, p.CASE_CHANGED, p.PRECONDITION_MISSING),
        ),
        (POST, f"{_CASE}/settle"): Shape(
            Json(CaseDone), body=Finding, headers=(SEEN,),
            refuses=(
                p.CASE_NOT_FOUND, p.CASE_CHANGED, p.CASE_ACT_REFUSED, p.PRECONDITION_MISSING, p.ROLE_MISSING,
            ),
        ),
        (POST, f"{_CASE}/{{act}}"): Shape(
            Json(CaseDone), body=ActOnCase, statuses=_BEGUN, headers=(SEEN, CLICK),
            refuses=(
                p.CASE_NOT_FOUND, p.CASE_CHANGED, p.CASE_ACT_REFUSED, p.PRECONDITION_MISSING, p.ROLE_MISSING,
                p.CLICK_REUSED, p.SHUTTING_DOWN,
            ),
        ),
        (GET, "/v1/dead-letters"): Shape(Json(Page[DeadLetterRow]), LettersQuery, is_page=True),
        (POST, "/v1/dead-letters/retry"): Shape(
            Json(ManyRetried), body=RetryMany, refuses=(p.SHUTTING_DOWN, p.APPROVAL_NEEDED)
        ),
        (GET, _LETTER): Shape(Json(ShownLetter), refuses=(p.LETTER_NOT_FOUND,)),
        (GET, f"{_LETTER}/payload"): Shape(_BYTES, PayloadQuery, refuses=(p.LETTER_NOT_FOUND,)),
        (POST, f"{_LETTER}/retry"): Shape(
            Json(LetterDone), body=Because, statuses=_BEGUN,
            refuses=(p.LETTER_NOT_FOUND, p.LETTER_REFUSED, p.LETTER_CUT, p.LETTER_SETTLED, p.SHUTTING_DOWN),
        ),
        (POST, f"{_LETTER}/discard"): Shape(
            Json(LetterDone), body=Because, refuses=(p.LETTER_NOT_FOUND, p.LETTER_SETTLED)
        ),
        (GET, "/v1/mappings"): Shape(Json(Page[ToldActivation]), PageQuery, is_page=True),
        (POST, "/v1/mappings/reload"): Shape(
            Json(ToldActivation), body=Reload, refuses=(p.POLICY_INVALID, p.POLICY_NEEDS_RESTART, p.APPROVAL_NEEDED)
        ),
        (POST, "/v1/mappings/rollback"): Shape(
            Json(ToldActivation), body=RollBack,
            refuses=(p.POLICY_NOT_FOUND, p.POLICY_INVALID, p.POLICY_NEEDS_RESTART, p.APPROVAL_NEEDED),
        ),
        (GET, "/v1/bindings"): Shape(Json(Page[ToldBinding]), BindingsQuery, is_page=True),
        (POST, "/v1/bindings/import"): Shape(
            Json(Imported), body=Import, refuses=(p.BINDINGS_CONFLICT, p.APPROVAL_NEEDED)
        ),
        (POST, "/v1/approvals/{what}"): Shape(Json(ApprovalDone), body=Because, refuses=(p.APPROVAL_REFUSED,)),
        (GET, "/v1/reconciliations"): Shape(Json(Page[ToldRun]), RunsQuery, is_page=True),
        (POST, "/v1/reconciliations"): Shape(
            Json(ToldRun), body=StartRun, statuses=(202,), headers=(CLICK,),
            refuses=(p.SYSTEM_NOT_FOUND, p.SYSTEM_UNREADABLE, p.CLICK_REUSED),
        ),
        (GET, _RECON): Shape(Json(RunFile), refuses=(p.RECON_NOT_FOUND,)),
        (GET, f"{_RECON}/differences"): Shape(
            Json(Page[ToldDifference]), DifferencesQuery, refuses=(p.RECON_NOT_FOUND,), is_page=True
        ),
        (GET, f"{_RECON}/compare"): Shape(
            Json(Page[ToldDifference]), CompareQuery, refuses=(p.RECON_NOT_FOUND,), is_page=True
        ),
        (POST, f"{_RECON}/cancel"): Shape(Json(ToldRun), body=Because, refuses=(p.RECON_NOT_FOUND, p.RECON_DONE)),
        (POST, f"{_RECON}/plan"): Shape(
            Json(Drafted), body=PlanRepair, statuses=_BEGUN, headers=(CLICK,),
            refuses=(
                p.RECON_NOT_FOUND, p.RECON_NOT_DONE, p.RECON_NOTHING, p.RECON_PLAN_OPEN, p.SYSTEM_NOT_FOUND,
                p.SYSTEM_UNREADABLE,
            ),
        ),
        (POST, f"{_REPLAYS}/plans"): Shape(
            Json(ToldReplayPlan), body=PlanReplay, statuses=(202,), headers=(CLICK,),
            refuses=(p.REPLAY_NOTHING, p.REPLAY_TOO_LARGE, p.CLICK_REUSED),
        ),
        (POST, f"{_REPLAYS}/plans/sent"): Shape(
            Json(ToldReplayPlan), body=PlanSent, statuses=(202,), headers=(CLICK,),
            refuses=(p.REPLAY_NOTHING, p.REPLAY_TOO_LARGE, p.CLICK_REUSED, p.SYSTEM_NOT_FOUND),
        ),
        (GET, f"{_REPLAYS}/plans"): Shape(Json(Page[ToldReplayPlan]), PageQuery, is_page=True),
        (GET, f"{_REPLAYS}/plans/{{id}}"): Shape(Json(ToldReplayPlan), refuses=(p.REPLAY_NOT_FOUND,)),
        (POST, _REPLAYS): Shape(
            Json(ToldReplay), body=StartReplay, statuses=(202,),
            refuses=(
                p.REPLAY_NOT_FOUND, p.REPLAY_EXPIRED, p.REPLAY_OVERTAKEN, p.REPLAY_ELSEWHERE, p.APPROVAL_NEEDED,
            ),
        ),
        (GET, _REPLAYS): Shape(Json(Page[ToldReplay]), PageQuery, is_page=True),
        (GET, f"{_REPLAYS}/{{id}}"): Shape(Json(ToldReplay), refuses=(p.REPLAY_NOT_FOUND,)),
        (GET, f"{_REPLAYS}/{{id}}/items"): Shape(
            Json(Page[ToldReplayItem]), ItemsQuery, refuses=(p.REPLAY_NOT_FOUND,), is_page=True
        ),
        **{
            (POST, f"{_REPLAYS}/{{id}}/{steer}"): Shape(
                Json(ToldReplay), body=Because, refuses=(p.REPLAY_NOT_FOUND, p.REPLAY_ELSEWHERE)
            )
            for steer in ("pause", "cancel")
        },
        (POST, f"{_REPLAYS}/{{id}}/resume"): Shape(
            Json(ToldReplay), body=Resume,
            refuses=(
                p.REPLAY_NOT_FOUND, p.REPLAY_NO_POLICY, p.REPLAY_OVERTAKEN, p.REPLAY_ELSEWHERE, p.APPROVAL_NEEDED,
            ),
        ),
        (GET, "/v1/kpis"): Shape(Json(ToldKpis), KpisQuery),
        (GET, "/v1/audit"): Shape(Json(Page[ToldAct]), AuditQuery, is_page=True),
        (GET, "/v1/audit/head"): Shape(Json(ToldChain)),
        (GET, "/v1/audit/verify"): Shape(Json(Verified), CheckQuery),
        (GET, "/v1/schemas"): Shape(Json(Page[ToldUse]), PageQuery, is_page=True),
        (GET, "/v1/api-keys"): Shape(Json(Page[ToldKey]), PageQuery, is_page=True),
        (POST, "/v1/api-keys"): Shape(
            Json(NewKey), body=MakeKey, statuses=(201,), refuses=(p.KEY_NAME_TAKEN, p.KEY_TOO_WIDE)
        ),
        (DELETE, "/v1/api-keys/{id}"): Shape(Json(ToldKey), RevokeKey, refuses=(p.KEY_NOT_FOUND,)),
        (GET, "/v1/restore"): Shape(Json(TheRestore)),
        (POST, "/v1/restore"): Shape(Json(TheRestore), body=RestorePoint, refuses=(p.RESTORE_CONFLICT,)),
        (POST, "/v1/restore/release"): Shape(Json(TheRestore), body=Because, refuses=(p.RESTORE_CONFLICT,)),
        (POST, "/v1/restore/end"): Shape(Json(TheRestore), body=Because, refuses=(p.RESTORE_CONFLICT,)),
    }
)  # fmt: skip

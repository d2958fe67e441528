"""What a person can do about a case as it stands, and for everything else, why not and what instead."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from adapters.ports.cases import CaseFile, CaseRow, Standing
from adapters.ports.overdue import COMMAND_OVERDUE
from gateway.settlement import UNPROVABLE
from schemas.acts import Act
from schemas.verdicts import Verdict

Offers = Mapping[Act, str | None]
"""None: it can be done; else a sentence that says why not."""

_ELSEWHERE = {
    "system": "this case ends when the system is resumed: POST /v1/systems/{key}/resume",
    "restore": "this case ends when the restore is released: POST /v1/restore/release",
}
_NO_TOPIC = "nothing of this case asks for an approval or for other values"


def offers(file: CaseFile) -> Offers:
    """Every act, and whether it can be done now."""
    case = file.case
    if case.closed_at is not None:
        return dict.fromkeys(Act, f"case {case.id} is closed ({case.closed_how}): nothing is left to do")
    if case.entity in _ELSEWHERE and case.topic is None:
        return dict.fromkeys(Act, _ELSEWHERE[case.entity].format(key=case.key))
    if case.topic is not None:
        return _of_topic(case)
    return {
        Act.APPROVE: _NO_TOPIC,
        Act.REJECT: _NO_TOPIC,
        Act.EDIT_RETRY: _NO_TOPIC,
        Act.RETRY: _retry(case, file.standing),
        Act.CANCEL: _cancel(file.standing),
        Act.RESOLVE: _resolve(file.standing),
    }


def _of_topic(case: CaseRow) -> Offers:
    can = ", ".join(case.acts) or "nothing but to wait for the event that settles it"
    refusal = f"{case.topic} of {case.entity}/{case.key} does not take this; what can be done: {can}"
    return {act: None if act in case.acts else refusal for act in Act}


def settling(file: CaseFile) -> str | None:
    """Why nobody can say of this case what became of its command; None: it can be said."""
    case = file.case
    if case.closed_at is not None:
        return f"case {case.id} is closed ({case.closed_how}): nothing is left to do"
    if case.topic is not None or case.command_id is None:
        return "it is not about a command: nothing is to be said of what a system did"
    if file.standing.command is None:
        return "its command is settled: nothing is left to say of it"
    if file.standing.command != "parked":
        key = f"{case.entity}/{case.key}"
        return f"its command may be sent at any time: pause {key}, then say it of the lane: POST /v1/lanes/{key}/settle"
    if case.code == COMMAND_OVERDUE:
        cases = f"/v1/cases?entity={quote(case.entity, safe='')}&key={quote(case.key, safe='')}"
        return f"its command is parked with a case of its own, which says what is known: settle that one of GET {cases}"
    return None


def _retry(case: CaseRow, standing: Standing) -> str | None:
    if standing.command == "parked" and case.code == UNPROVABLE:
        return "asking the system again comes to the same: look there yourself, and settle the case with what you find"
    if standing.position is not None or standing.command == "parked":
        return None
    if standing.command is not None:
        return "its command is sent again by itself as soon as its system takes it: see /v1/systems"
    if standing.verdict is Verdict.CONFLICT:
        return "its id stands for another content: let the right one be sent under a new id, then resolve the case"
    return "nothing of it is left to run: let its sender send it again under a new id, or resolve the case"


def _cancel(standing: Standing) -> str | None:
    if standing.is_head:
        return None
    if standing.position is not None:
        return "its message is not the head of its lane: settle what stands before it first"
    if standing.command is not None:
        return "a command is not taken back: settle the case with what became of it"
    return "no message of it stands in a lane: resolve the case"


def _resolve(standing: Standing) -> str | None:
    if standing.position is not None:
        return "its message still stands in its lane: retry or cancel it, and the case closes"
    if standing.command is not None:
        return "its command is not settled: retry it, or settle the case with what became of it"
    return None

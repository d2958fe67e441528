"""What an approved repair does of a sheet or a report: takes back what stands wrongly, books anew what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from actors.billing.bodies import operation_of, reversal
from actors.billing.booking import posting
from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.policy import Flow, Policy
from actors.repairs import barred, outdated_look
from actors.standing import day_of
from schemas.billed import Billed, BilledLine, Post, TakenBack
from schemas.commands import command_reference
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.repair.v1 import Item, Repaired

B = TypeVar("B", bound=Billed)


def repaired(state: B, told: Repaired, context: Context, flow: Flow) -> Decision:
    """Each item whose line is still held as it was planned; the others are left to the next reconciliation."""
    outdated = outdated_look(told, context)
    if outdated is not None:
        return outdated
    lines, taken_back = dict(state.lines), [*state.taken_back]
    requests: list[Request] = []
    remarks: list[str] = []
    for item in told.items:
        line = next((line for line in state.lines.values() if line.name == item.booking), None)
        entry = _entry(item, told)
        objection = (
            _objection(item, line, told)
            or _objection_to(entry, taken_back)
            or _barred(item, line, context.policy, flow)
        )
        if objection is not None:
            remarks.append(f"{objection}: it is left as it is")
            continue
        if entry is not None and item.stands is not None:
            taken_back.append(entry)
            requests.append(_taking_back(item, item.stands, entry, told))
        if item.books and line is not None:
            lines[line.body.line_id] = again = _again(line, context.key)
            requests.append(posting(again))
    if not requests:
        return Ignore("; ".join(remarks) or "nothing of it is to be repaired here")
    after = state.model_copy(update={"lines": lines, "taken_back": tuple(taken_back)})
    notice = Notice("repaired", {"plan": told.plan, "by": told.by})
    return Accept(after, tuple(requests), notices=(notice,), remarks=tuple(remarks))


def _entry(item: Item, told: Repaired) -> TakenBack | None:
    """What an item takes back; None where it only books anew."""
    if item.stands is None or item.reference is None:
        return None
    return TakenBack(system=told.system, reference=item.reference, external_id=item.external_id)


def _objection(item: Item, line: BilledLine | None, told: Repaired) -> str | None:
    """Why nothing may be done about an item, by what is held; None where it may."""
    if item.holds != (None if line is None else line.reference):
        return f"{item.booking} was booked otherwise since the repair was planned"
    if line is not None and line.system != told.system:
        return f"{item.booking} is not known to be of {told.system}"
    return None


def _objection_to(entry: TakenBack | None, taken_back: Sequence[TakenBack]) -> str | None:
    """Why an entry may not be taken back: its reversal is on its way, or somebody in the system let it stand again."""
    if entry is None or entry not in taken_back:
        return None
    return f"a repair has taken back {entry.external_id or entry.reference} of {entry.system} already"


def _barred(item: Item, line: BilledLine | None, policy: Policy, flow: Flow) -> str | None:
    """Why nothing may be sent for the legal entities and days that an item is of; None where it may."""
    bodies = (body for body in (item.stands, None if line is None else line.body) if body is not None)
    found = (barred(body.legal_entity, day_of(body), policy, flow) for body in bodies)
    return next((why for why in found if why is not None), None)


def _taking_back(item: Item, stands: Post, entry: TakenBack, told: Repaired) -> Request:
    """Under a line of its own: a reversal of the same booking may have been sent before, or be sent later."""
    line = f"{item.booking}.repair.{told.plan}.{item.number}"
    body = reversal(stands, entry.reference, entry.external_id)
    return Request(told.system, f"{operation_of(stands)}.reverse", line, body)


def _again(line: BilledLine, key: ActorKey) -> BilledLine:
    """The same, booked once more: under another reference, since the system may remember the former one."""
    again = line.model_copy(update={"turn": line.turn + 1, "posted": False})
    return again.model_copy(update={"reference": command_reference(key, again.name, 1)})

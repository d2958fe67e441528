"""What an approved repair does of a sheet or a report: takes back what stands wrongly, books anew what is missing."""

from __future__ import annotations

from typing import TypeVar

from actors.billing.bodies import operation_of, reversal
from actors.billing.booking import posting
from actors.decision import Accept, Context, Decision, Ignore, Request
from schemas.billed import Billed, BilledLine
from schemas.commands import command_reference
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.repair.v1 import Item, Repaired

B = TypeVar("B", bound=Billed)


def repaired(state: B, told: Repaired, context: Context) -> Decision:
    """Each item whose line is still held as it was planned; the others are left to the next reconciliation."""
    lines = dict(state.lines)
    requests: list[Request] = []
    remarks: list[str] = []
    for item in told.items:
        line = next((line for line in state.lines.values() if line.name == item.booking), None)
        if item.holds != (None if line is None else line.reference):
            remarks.append(f"{item.booking} was booked otherwise since the repair was planned: it is left as it is")
            continue
        if line is not None and line.system != told.system:
            remarks.append(f"{item.booking} is not known to be of {told.system}: it is left as it is")
            continue
        if item.stands is not None and item.reference is not None:
            requests.append(_taking_back(item, told))
        if item.books and line is not None:
            lines[line.body.line_id] = again = _again(line, context.key)
            requests.append(posting(again))
    if not requests:
        return Ignore("; ".join(remarks) or "nothing of it is to be repaired here")
    notice = Notice("repaired", {"plan": told.plan, "by": told.by})
    return Accept(state.model_copy(update={"lines": lines}), tuple(requests), notices=(notice,), remarks=tuple(remarks))


def _taking_back(item: Item, told: Repaired) -> Request:
    """Under a line of its own: a reversal of the same booking may have been sent before, or be sent later."""
    if item.stands is None or item.reference is None:
        raise ValueError(f"{item.booking}: nothing of it stands")
    line = f"{item.booking}.repair.{told.plan}.{item.number}"
    return Request(told.system, f"{operation_of(item.stands)}.reverse", line, reversal(item.stands, item.reference))


def _again(line: BilledLine, key: ActorKey) -> BilledLine:
    """The same, booked once more: under another reference, since the system may remember the former one."""
    again = line.model_copy(update={"turn": line.turn + 1, "posted": False})
    return again.model_copy(update={"reference": command_reference(key, again.name, 1)})

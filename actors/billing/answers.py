"""What the ERP answers about lines: booked, taken back, or refused.

A booking may be taken back while nobody knows yet what becomes of it. The reversal then names the reference under which
it was asked for. Should it be confirmed under another one, or refused, that is kept until the reversal is answered.
"""

from __future__ import annotations

from typing import Final, TypeVar, assert_never

from actors.billing.booking import LINE, posted
from actors.decision import Accept, Decision, Ignore, Reject, Request
from schemas.billed import Billed, BilledLine, line_of
from schemas.commands import Command, Confirmed, Rejected, Result, command_reference
from schemas.facts import Claim
from schemas.operations.table import read_body
from schemas.verdicts import Failure

AGAIN: Final = ".again"
"""Ends the line of a reversal that is asked for a second time, by the right reference."""

B = TypeVar("B", bound=Billed)


def answered(state: B, result: Result) -> Decision:
    """What an answer of the ERP means."""
    command = result.command
    is_reversal = command.operation.endswith(".reverse")
    match result.outcome:
        case Confirmed():
            return _taken_back(state, command) if is_reversal else _posted(state, command)
        case Rejected(failure):
            return _not_taken_back(state, command, failure) if is_reversal else _refused(state, command, failure)
        case _:
            assert_never(result.outcome)


def _posted(state: B, command: Command) -> Decision:
    line = _standing(state, command)
    if line is None:
        if command.reference == command_reference(command.key, command.line, 1):
            return Ignore("its reversal is on the way")
        remark = f"it is booked as {command.reference}: its reversal will name that"
        return Accept(_with_late(state, command.line, command.reference), remarks=(remark,))
    # A retry by a person may have raised the generation: what a reversal names is what was confirmed.
    booked = line.model_copy(update={"posted": True, "reference": command.reference})
    after = state.model_copy(update={"lines": {**state.lines, line.body.line_id: booked}})
    return Accept(after, notices=posted(after))


def _refused(state: B, command: Command, failure: Failure) -> Decision:
    """A person must act, unless the line is not wanted any more."""
    if _standing(state, command) is not None:
        return Reject(failure)
    remark = f"{command.system} refuses what is not wanted any more: nothing of it is to be taken back"
    return Accept(_with_late(state, command.line, None), remarks=(remark,))


def _taken_back(state: B, command: Command) -> Decision:
    name = command.line.removesuffix(AGAIN)
    if command.line not in state.releasing and name not in state.late:
        return Ignore("the ERP took the booking back")
    return _ended(state, command.line)


def _not_taken_back(state: B, command: Command, failure: Failure) -> Decision:
    """The ERP cannot take back what it refused; what it has under another reference is asked for by that."""
    if command.line not in state.late:
        return Reject(failure)
    reference = state.late[command.line]
    if reference is None:
        return _ended(state, command.line)
    body = read_body(command.operation, command.body).model_copy(update={"reverses": reference})
    again = f"{command.line}{AGAIN}"
    others = {line: value for line, value in state.releasing.items() if line != command.line}
    changed = {
        "late": {line: value for line, value in state.late.items() if line != command.line},
        "releasing": others | {again: state.releasing.get(command.line)},
    }
    return Accept(
        state.model_copy(update=changed),
        (Request(command.system, command.operation, again, body),),
        remarks=(f"it is booked as {reference}: that is taken back instead",),
    )


def _ended(state: B, reversal: str) -> Accept:
    """Nothing of the booking stands in the ERP any more, and what it claimed is free unless it is booked anew here."""
    releasing = {line: value for line, value in state.releasing.items() if line != reversal}
    claim = state.releasing.get(reversal)
    held = {*(line.claim for line in state.lines.values()), *releasing.values()}
    late = {line: value for line, value in state.late.items() if line != reversal.removesuffix(AGAIN)}
    after = state.model_copy(update={"releasing": releasing, "late": late})
    return Accept(
        after,
        notices=posted(after),
        releases=() if claim is None or claim in held else (Claim(LINE, claim),),
    )


def _standing(state: B, command: Command) -> BilledLine | None:
    """The line that a command booked, if it still stands for it."""
    line = state.lines.get(line_of(command.line))
    return line if line is not None and line.name == command.line else None


def _with_late(state: B, name: str, reference: str | None) -> B:
    return state.model_copy(update={"late": {**state.late, name: reference}})

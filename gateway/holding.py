"""The turn of an external key that nothing is bound to yet: its messages wait, in order, under it."""

from __future__ import annotations

from adapters.ports.turns import Lane
from gateway.activation import Activation, Memory
from gateway.draft import Draft, Drafting
from gateway.rules import Rules
from gateway.unreadable import Unreadable
from schemas.verdicts import LaneState, Verdict


def hold(activation: Activation, memory: Memory, rules: Rules) -> Draft:
    """A turn of an external key that nothing is bound to yet: its messages wait, in order, under it."""
    drafting = Drafting(activation, memory, 0, rules)
    if isinstance(memory.state, Unreadable):
        reason = memory.state.reason
    else:
        reason = f"no entity of ours is bound to {activation.key.id} yet"
    for entry in activation.mailbox:
        if drafting.is_full:
            drafting.stopped_short = True
            break
        if drafting.is_repeated(entry):
            continue
        if drafting.is_conflict(entry):
            drafting.conflict(entry)
        else:
            drafting.queue(entry, Verdict.QUEUED if drafting.lane.depth else Verdict.WAITING)
    if drafting.lane.depth:
        lane = drafting.lane
        drafting.lane = Lane(LaneState.WAITING, lane.depth, lane.tail, reason, patience=rules.patience)
    return drafting.draft()

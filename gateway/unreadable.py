"""A stored state that this release cannot read: it closes its own key, and no other."""

from __future__ import annotations

from typing import Final, TypeGuard

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.decision import Actor, Context, Decision, Event, Reject, no_references
from actors.upcasting import NotUpcast
from adapters.ports.turns import Row
from schemas.verdicts import Failure, FailureClass

OTHER_RELEASE: Final = "start the release that wrote it, or restore the row, then retry"


class Unreadable(BaseModel):
    """Stands in for the state. `reason` names the key, says why, and what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str


def is_unreadable(state: object) -> TypeGuard[Unreadable]:
    """Whether a state stands in for one. As cheap as `schemas.bindings.is_binding`."""
    return type(state) is Unreadable


def unreadable(row: Row, why: str) -> Unreadable:
    """The stand-in for the state of `row`. `why` ends with what to do."""
    return Unreadable(reason=f"the stored state of {row.key} (schema {row.schema}) cannot be read, {why}")


def why_unfit(error: Exception) -> str:
    """Why a state does not fit its model, without its values, and what to do."""
    if isinstance(error, NotUpcast):
        return str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'state'}: {first['msg']}: {OTHER_RELEASE}"
    return f"reading it raised {type(error).__name__}: {OTHER_RELEASE}"


def closed(row: Row) -> Actor:
    """Takes the place of the actor of an unreadable row: whatever comes is rejected, and the state stays as it is.

    A message is parked with a case. So is the command of a result: it is neither settled nor lost, because the sent log
    has the answer, which a retry reads back.
    """
    return Actor(row.key.entity, Unreadable, row.schema, _reject, no_references)


def reference_unreadable(state: Unreadable) -> Failure:
    """Why a decision that needs such a state is not made; it is tried again by itself."""
    return Failure(FailureClass.UNAVAILABLE, "reference_unreadable", f"it is needed, but {state.reason}")


def _reject(state: Unreadable, _event: Event, _context: Context) -> Decision:
    return Reject(Failure(FailureClass.INTERNAL, "state_unreadable", state.reason))

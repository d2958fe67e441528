"""Employee: reference data of the PSA or HR, for whoever needs a cost centre, a cost rate, or the last day."""

from __future__ import annotations

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, no_references
from schemas.employee.entity import Employee
from schemas.employee.v1 import Upserted
from schemas.envelope import Envelope
from schemas.facts import Notice


def decide(state: Employee, event: Event, _context: Context) -> Decision:
    """What an employee's event means; pure."""
    match event:
        case Envelope(data=Upserted() as profile):
            return _upserted(state, profile)
        case _:
            return Ignore("only employee.upserted concerns an employee")


def _upserted(state: Employee, profile: Upserted) -> Decision:
    if profile == state.profile:
        return Ignore("the employee is known like this already")
    leaves = profile.terminated_on is not None and (state.profile is None or state.profile.terminated_on is None)
    notices = (Notice("leaves", {"terminated_on": f"{profile.terminated_on}"}),) if leaves else ()
    return Accept(state.model_copy(update={"profile": profile}), notices=notices)


ACTOR = Actor("employee", Employee, 1, decide, no_references)

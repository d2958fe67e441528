"""What changes a running project: the terms of its contract, a margin that is too low, its end."""

from __future__ import annotations

from typing import Final

from actors.decision import Accept, Decision, Ignore
from actors.projects.billing import TOLD_TWICE
from schemas.acts import Act, Acted
from schemas.facts import Case, Notice
from schemas.project.entity import Project, Terms
from schemas.project.v1 import Closed, MarginThresholdBreached, TermsChanged
from schemas.verdicts import Failure, FailureClass

MARGIN: Final = "margin"
"""Topic of the case of a margin that is too low."""
MADE_TWICE: Final = "made_twice:"
"""Begins the topic of the case of a project that a system has twice."""


def made_twice(system: str, imported: str, made: str) -> Case:
    """An id was imported while the system was asked to make the project: it has two records of it now."""
    reason = (
        f"{system} has the project as {imported}, which was imported, and as {made}, which was made for its deal and "
        f"is used: close {imported} there, move what was booked on it, and resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "project_made_twice", reason, "external_id")
    return Case(failure, f"{MADE_TWICE}{system}", (Act.RESOLVE,))


def terms_changed(state: Project, change: TermsChanged) -> Decision:
    """The project's contract says what time is billed by from a day on; what is dated before keeps the old rates."""
    if state.contract not in (None, change.contract):
        return Ignore(f"the project is billed under contract {state.contract}, not under {change.contract}")
    terms = Terms(
        contract=change.contract,
        number=change.number,
        effective_on=change.effective_on,
        rates=None if change.rates is None else {rate.role: rate.hourly.decimal for rate in change.rates},
        ends_on=change.ends_on,
    )
    if terms in state.terms:
        return Ignore(f"change {change.number} of contract {change.contract} is known already")
    others = [each for each in state.terms if (each.contract, each.number) != (change.contract, change.number)]
    ordered = tuple(sorted((*others, terms), key=lambda each: each.number))
    value = None if change.value is None else change.value.decimal
    return Accept(
        state.model_copy(update={"terms": ordered, "value": value}),
        notices=(Notice("terms_changed", {"effective_on": change.effective_on.isoformat()}),),
    )


def margin_breached(state: Project, breach: MarginThresholdBreached) -> Decision:
    """Somebody must look at what the project earns. Told again, the case stays the same one."""
    reason = (
        f"the margin is {breach.margin} %, below {breach.threshold} % as of {breach.as_of}: look at rates, hours, and "
        "scope, then settle this case as resolved"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "margin_too_low", reason, "margin")
    return Accept(
        state.model_copy(update={"margin": breach.margin}),
        notices=(Notice("margin_breached", {"margin": str(breach.margin), "threshold": str(breach.threshold)}),),
        cases=(Case(failure, MARGIN, (Act.RESOLVE,)),),
    )


def closed(state: Project, end: Closed) -> Decision:
    """No time is billed on the project any more."""
    if state.status in {"closed", "withdrawn"}:
        return Ignore(f"the project is {state.status} already")
    return Accept(
        state.model_copy(update={"status": "closed", "closed_on": end.closed_on}),
        notices=(Notice("closed", {"closed_on": end.closed_on.isoformat()}),),
    )


def acted(state: Project, act: Acted) -> Decision:
    """A person has looked at the margin, at a project that was made twice, or at a milestone that differs."""
    is_told = act.topic == MARGIN or act.topic.startswith((MADE_TWICE, TOLD_TWICE))
    if not is_told or act.act is not Act.RESOLVE:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    return Accept(state, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))

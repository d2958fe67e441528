"""What of a sheet or a report is booked and what is taken back, so that each line stands in the ERP once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from actors.billing.bodies import billed, cost, operation_of, reversal, says_the_same
from actors.billing.checks import objection
from actors.billing.closing import closed
from actors.billing.ground import Ground, ground_of
from actors.billing.papers import Approved, Corrected, Line, Paper, Withdrawn, is_whole
from actors.billing.revisions import is_known, overtaken, said_after, with_revision
from actors.decision import Accept, Context, Decision, Ignore, Reject, Request, Wait
from schemas.billed import Billed, BilledLine
from schemas.commands import command_reference
from schemas.facts import Claim, Notice
from schemas.project.entity import Project
from schemas.verdicts import Failure, FailureClass

LINE: Final = "billed_line"
"""Scope of the claims on lines of sources that number them over all their sheets or reports."""

B = TypeVar("B", bound=Billed)


def approved(state: B, paper: Approved, source: str, context: Context) -> Decision:
    """A sheet or a report is approved, as a whole or some lines of it; `source` said so."""
    over = overtaken(state, paper.revision)
    if over is not None:
        return Ignore(over)
    return _bill(state, paper, paper.revision, source, context)


def corrected(state: B, paper: Corrected, source: str, context: Context) -> Decision:
    """An approved sheet or report was wrong; `source` said so."""
    if paper.corrects > state.revision:
        return Reject(_rule("revision_missing", f"approve revision {paper.corrects} before correcting it"))
    if paper.corrects == state.revision and not state.is_approved:
        return Reject(_rule("revision_withdrawn", f"revision {paper.corrects} was withdrawn: approve it again"))
    revision = paper.corrects + 1
    if paper.corrects <= state.withdrawn or revision < state.last_whole:
        return Ignore(f"revision {paper.corrects} was replaced by revision {state.revision} already")
    return _bill(state, paper, revision, source, context)


def sent_back(state: B, what: str) -> Decision:
    """A sheet or report went back to the employee."""
    if state.is_approved:
        return Reject(_rule("approved_already", f"the {what} was approved: send {what}.corrected instead"))
    return Accept(state.model_copy(update={"status": "rejected"}))


def withdrawn(state: B, end: Withdrawn, context: Context) -> Decision:
    """The approval was taken back: so is whatever is booked, but for lines that a revision after it came with."""
    if end.revision < state.last_whole or end.revision <= state.withdrawn:
        return _withdrawn_late(state, end)
    later = said_after(state, end.revision)
    leaving = {line_id: booked for line_id, booked in state.lines.items() if line_id not in later}
    at_project = context.find(end.project.key("project"))
    project = at_project.state
    erp = project.erp if isinstance(project, Project) else None
    if erp is None and any(line.system is None for line in leaving.values()):
        return Wait(at_project.key, "nobody knows yet which ERP has what was booked")
    shut = closed(end.legal_entity, (), leaving.values(), context.policy)
    if shut is not None:
        return Reject(shut)
    changed = {
        "status": state.status if later else "withdrawn",
        "withdrawn": end.revision,
        "said": {line_id: said for line_id, said in state.said.items() if line_id in later},
        "lines": {line_id: booked for line_id, booked in state.lines.items() if line_id in later},
        "releasing": releasing(state, leaving),
    }
    return Accept(
        state.model_copy(update=changed),
        requests=reversals(leaving, erp),
        notices=(Notice("withdrawn", {"revision": str(end.revision)}),),
    )


def _withdrawn_late(state: Billed, end: Withdrawn) -> Ignore | Reject:
    """A withdrawal of what is over; of what was corrected last, its sender may mean the correction."""
    if state.is_correction and state.withdrawn < end.revision == state.last_whole - 1:
        reason = (
            f"revision {end.revision} was corrected, which made it revision {state.last_whole}: cancel this, and have "
            f"revision {state.last_whole} withdrawn if nothing of the correction counts either"
        )
        return Reject(Failure(FailureClass.CONFLICT, "revision_corrected", reason, "revision"))
    latest = max(state.revision, state.withdrawn)
    return Ignore(f"revision {end.revision} is over: it is at revision {latest}")


class _Change(NamedTuple):
    """What becomes of the lines: those that are taken back, those that are booked as they are, those to be booked."""

    leaving: dict[str, BilledLine]
    stays: dict[str, BilledLine]
    new: list[Line]


def _bill(state: B, paper: Paper, revision: int, source: str, context: Context) -> Decision:
    """Book what is new or changed, take back what is gone or changed, but for what a later revision came with."""
    later = said_after(state, revision)
    if later:
        paper = paper.model_copy(update={"lines": tuple(line for line in paper.lines if line.line_id not in later)})
    if not paper.lines and not is_whole(paper):
        return Ignore(f"a revision after {revision} with the same lines is approved already")
    ground = ground_of(paper, context)
    if not isinstance(ground, Ground):
        return ground
    change = _change(state, later, ground)
    known = _known(state, paper, revision, change)
    if known is not None:
        return known
    leaving, stays, new = change
    shut = closed(paper.legal_entity, new, leaving.values(), context.policy)
    if shut is not None:
        return Reject(shut)
    booked = _booked(new, stays, revision, source, ground)
    if not isinstance(booked, dict):
        return booked
    changed = with_revision(state, paper, revision) | {
        "status": "approved",
        "lines": stays | booked,
        "releasing": releasing(state, leaving),
    }
    after = state.model_copy(update=changed)
    return Accept(
        after,
        requests=(*reversals(leaving, ground.erp), *map(posting, booked.values())),
        claims=_claims(state, booked.values()),
        notices=posted(after) if after.revision > state.revision else (),
    )


def _change(state: Billed, later: frozenset[str], ground: Ground) -> _Change:
    """What the sheet or report of the ground makes of the lines, but for those that a later revision came with."""
    said = {line.line_id: line for line in ground.paper.lines}
    concerned = said.keys() | (state.lines.keys() - later if is_whole(ground.paper) else set())
    leaving = {
        line_id: booked
        for line_id, booked in state.lines.items()
        if line_id in concerned and not _stays(said.get(line_id), ground, booked)
    }
    stays = {line_id: booked for line_id, booked in state.lines.items() if line_id not in leaving}
    # Where cost goes is asked of new lines alone: what is booked stays, whatever the policy takes by now.
    new = [line for line_id, line in said.items() if line_id not in stays and (line.billable or ground.takes_cost)]
    return _Change(leaving, stays, new)


def _known(state: Billed, paper: Paper, revision: int, change: _Change) -> Reject | Ignore | None:
    """What becomes of a revision that came before; None where it changes nothing of what it said then."""
    is_repeated = is_whole(paper) and is_known(state, revision)
    if is_repeated and isinstance(paper, Corrected) and (change.leaving or change.new):
        reason = (
            f"revision {revision} has other lines already: cancel this, and have it sent as a correction of revision "
            f"{state.revision} if these are right"
        )
        return Reject(Failure(FailureClass.CONFLICT, "correction_differs", reason, "corrects"))
    changed = (line_id for line_id, line in change.leaving.items() if is_repeated or line.revision == revision)
    early = next(changed, None)
    if early is not None:
        return Reject(_rule("line_changed", f"line {early} was approved already: raise the revision"))
    if is_repeated and not change.new and revision == state.last_whole:
        return Ignore(f"revision {revision} is approved already")
    return None


def _stays(line: Line | None, ground: Ground, booked: BilledLine) -> bool:
    """Whether what is booked is what a line asks for."""
    at = ground.erp_id if booked.project is None else ground.project_id
    was_at = getattr(booked.body, "project", None) if booked.project is None else booked.project
    return line is not None and at == was_at and says_the_same(line, ground, booked)


def _booked(
    new: Sequence[Line], stays: Mapping[str, BilledLine], revision: int, source: str, ground: Ground
) -> dict[str, BilledLine] | Wait | Reject:
    """The new lines as they are booked; what one of them waits for, or why a person must look at it."""
    failure = objection(ground, new, stays) if new else None
    if failure is not None:
        return Reject(failure)
    booked: dict[str, BilledLine] = {}
    for line in new:
        found = _booking(line, revision, _claim(line, source, ground.context), ground)
        if isinstance(found, Wait):
            return found
        if isinstance(found, Failure):
            return Reject(found)
        booked[line.line_id] = found
    return booked


def _booking(line: Line, revision: int, claim: Claim | None, ground: Ground) -> BilledLine | Wait | Failure:
    holder = None if claim is None else ground.context.taken.get(claim)
    if holder is not None:
        reason = f"line {line.line_id} is booked by {holder.entity} {holder.id} already: take it off one of them"
        return Failure(FailureClass.DUPLICATE, "line_booked", f"{reason}, then retry", f"lines.{line.line_id}")
    terms = ground.terms_of(line) if line.billable else None
    if isinstance(terms, Wait | Failure):
        return terms
    body = cost(line, ground) if terms is None else billed(line, terms, ground)
    if isinstance(body, Wait | Failure):
        return body
    operation = f"{operation_of(body)}.post"
    system = ground.taker(operation)
    if system is None:
        return _billed_by_nobody(operation, ground.paper.legal_entity)
    return BilledLine(
        revision=revision,
        body=body,
        reference=command_reference(ground.context.key, f"{line.line_id}.r{revision}", 1),
        project=ground.project_id,
        system=system,
        contract=None if terms is None else terms.contract,
        claim=None if claim is None else claim.value,
    )


def _billed_by_nobody(operation: str, code: str) -> Failure:
    """What nobody takes would be lost in silence: only cost may go nowhere."""
    reason = f"the policy sends {operation} nowhere: name a system for it under legal_entities.{code}.operations"
    return Failure(FailureClass.MAPPING, "nobody_bills", f"{reason}, then retry", "legal_entity")


def _claim(line: Line, source: str, context: Context) -> Claim | None:
    """What keeps the same line of a source off a second sheet.

    Where its line ids are those of one sheet alone, the sheet's own key does that.
    """
    if source not in context.policy.unique_lines:
        return None
    system = context.policy.systems_of.get(source, source)
    return Claim(LINE, f"{system}/{context.key.entity}/{line.line_id}")


def _claims(state: Billed, booked: Iterable[BilledLine]) -> tuple[Claim, ...]:
    """What is claimed by what is booked, and is not yet."""
    claims = [line.claim for line in booked if line.claim is not None]
    if not claims:
        return ()
    held = {*(line.claim for line in state.lines.values()), *state.releasing.values()}
    return tuple(Claim(LINE, claim) for claim in claims if claim not in held)


def posted(state: Billed) -> tuple[Notice, ...]:
    """The news that the ERP has confirmed all that the last revision asks of it, once it has."""
    return (Notice("posted", {"revision": str(state.revision)}),) if state.is_posted else ()


def posting(line: BilledLine) -> Request:
    """What books a line."""
    return Request(line.system or "", f"{operation_of(line.body)}.post", line.name, line.body)


def reversals(leaving: Mapping[str, BilledLine], erp: str | None = None) -> tuple[Request, ...]:
    """What takes lines back, each where it was booked; `erp` has those of which that was not kept."""
    return tuple(
        Request(
            line.system or erp or "",
            f"{operation_of(line.body)}.reverse",
            line.name,
            reversal(line.body, line.reference),
        )
        for line in leaving.values()
    )


def releasing(state: Billed, leaving: Mapping[str, BilledLine]) -> dict[str, str | None]:
    """The reversals that are to be confirmed once these lines are taken back, and what they claim."""
    return state.releasing | {line.name: line.claim for line in leaving.values()}


def _rule(code: str, reason: str) -> Failure:
    return Failure(FailureClass.BUSINESS_RULE, code, reason)

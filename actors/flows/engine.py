"""The engine of flows: what a part does next, and what an answer or a person's act does to a step. Pure.

A command of a step has the line `<legal entity>.<step>.<try>`, one that undoes it `<legal entity>.undo_<step>.<try>`.
An answer to another try than the one that stands is no news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from actors.decision import Request
from actors.flows.steps import Doing, Flow, Job, Stays, Step
from actors.policy import ROLES
from schemas.acts import Act
from schemas.engagement.entity import PartState, StepState
from schemas.facts import Case, Notice
from schemas.verdicts import Failure

PAST: Final = frozenset({"done", "skipped"})
UNDO: Final = "undo_"


@dataclass(frozen=True, slots=True)
class Move:
    """What one part comes to, and what is asked, opened, and closed because of it."""

    part: PartState
    requests: tuple[Request, ...] = ()
    cases: tuple[Case, ...] = ()
    settles: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()

    def then(self, later: Move) -> Move:
        """Both, one after the other."""
        return Move(
            later.part,
            self.requests + later.requests,
            self.cases + later.cases,
            self.settles + later.settles,
            self.notices + later.notices,
        )


class Line(NamedTuple):
    """What a command's line says."""

    legal_entity: str
    step: str
    is_undo: bool
    number: int


def read_line(line: str) -> Line:
    """The parts of a line that this engine wrote."""
    legal_entity, step, number = line.rsplit(".", 2)
    return Line(legal_entity, step.removeprefix(UNDO), step.startswith(UNDO), int(number))


def step_topic(legal_entity: str, step: str) -> str:
    """The topic of the case of a step that failed."""
    return f"step:{legal_entity}.{step}"


def undo_topic(legal_entity: str, step: str) -> str:
    """The topic of the case of a step that could not be undone."""
    return f"undo:{legal_entity}.{step}"


def advance(flow: Flow, job: Job) -> Move:
    """Ask for every step whose needs are met. A part in shadow asks for nothing, whatever happens."""
    part = job.state
    if part.is_shadow:
        return Move(part)
    if all(part.step(step.name).status == "todo" for step in flow):
        part = part.model_copy(update={"routes": _routes(flow, job.at(part.model_copy(update={"routes": {}})))})
        job = job.at(part)
    requests: list[Request] = []
    for step in flow:  # the needs of a step are earlier rows, so once through is enough
        state = part.step(step.name)
        if state.status != "todo" or any(part.step(name).status not in PAST for name in step.needs):
            continue
        system, standing = job.system(step.do.operation), step.ready(job.at(part))
        if standing is None and system is None:
            part = _changed(part, step, status="skipped", reason=f"the policy sends {step.do.operation} nowhere")
            continue
        number = state.tries
        if system is not None and (standing is None or step.awaits_reply):
            number += 1
            line = f"{part.legal_entity}.{step.name}.{number}"
            requests.append(Request(system, step.do.operation, line, step.do.body(job.at(part))))
        if standing is None:
            part = _changed(part, step, status="asked", tries=number, system=system)
        else:
            part = _changed(
                part, step, status="done", tries=number, system=system, external_id=standing, was_there=True
            )
    return Move(part, tuple(requests))


def shadow(flow: Flow, job: Job, lacks: str) -> PartState:
    """The part with what it would ask written down, and nothing asked. `lacks`: what it misses; empty: nothing."""
    part = job.state
    for step in flow:
        would = f"would not begin: {lacks}" if lacks else _would(job, step)
        part = _changed(part, step, status="shadowed", reason=would)
    return part


def _routes(flow: Flow, job: Job) -> dict[str, str | None]:
    """The systems that the part begins with, by operation. What undoes a step goes where the step was done."""
    operations = (operation for step in flow for operation in (step.do.operation, *step.relies))
    return {operation: job.system(operation) for operation in operations if operation in ROLES}


def _would(job: Job, step: Step) -> str:
    system = job.system(step.do.operation)
    return "would be skipped" if system is None else f"would ask {system} for {step.do.operation}"


def confirmed(flow: Flow, job: Job, step: Step, external_id: str | None) -> Move:
    """The system has done what was asked."""
    failure = step.verify(job, external_id)
    if failure is not None:
        return _stopped(job, _changed(job.state, step, status="failed", is_unverified=True), step, failure)
    return advance(flow, job.at(_changed(job.state, step, status="done", external_id=external_id)))


def failed(job: Job, step: Step, failure: Failure) -> Move:
    """The system refuses for good: the step stands still, and a person decides."""
    return _stopped(job, _changed(job.state, step, status="failed"), step, failure)


def again(flow: Flow, job: Job, step: Step) -> Move:
    """Try a failed step once more, as a new command."""
    part = _changed(job.state, step, status="todo")
    return _settled(part, step).then(advance(flow, job.at(part)))


def adopted(flow: Flow, job: Job, step: Step, external_id: str) -> Move:
    """A person found what a failed step was to make: it counts as done."""
    part = _changed(job.state, step, status="done", external_id=external_id)
    return _settled(part, step).then(advance(flow, job.at(part)))


def given_up(flow: Flow, job: Job, step: Step, why: str) -> Move:
    """A person lets the part go on without a failed step that does not matter."""
    state = job.state.step(step.name)
    # What was confirmed without an id is there, whatever a person says about going on.
    left: dict[str, object] = (
        {"status": "kept", "mend": _by_hand(state)} if state.is_unverified else {"status": "skipped"}
    )
    part = _changed(job.state, step, reason=why, **left)
    return _settled(part, step).then(advance(flow, job.at(part)))


def is_complete(flow: Flow, part: PartState) -> bool:
    """Whether every step that matters is done or skipped."""
    return all(part.step(step.name).status in PAST for step in flow if step.critical)


def compensate(flow: Flow, job: Job) -> Move:
    """Undo what is done, the last step first, one after the other; what is under way is awaited before."""
    move = _close(flow, job.state)
    if any(move.part.step(step.name).status in {"asked", "undoing"} for step in flow):
        return move
    for step in reversed(flow):
        if move.part.step(step.name).status == "done":
            move = move.then(_undo(job.at(move.part), step))
        if move.requests:
            break
    return move


def landed(flow: Flow, job: Job, step: Step, external_id: str | None) -> Move:
    """The system has done what was asked before the deal was cancelled: it is undone like the rest."""
    failure = step.verify(job, external_id)
    if failure is None:
        part = _changed(job.state, step, status="done", external_id=external_id)
    else:
        part = _changed(job.state, step, status="failed", reason=failure.reason, is_unverified=True)
    return compensate(flow, job.at(part))


def fell(flow: Flow, job: Job, step: Step, failure: Failure) -> Move:
    """The system refused what was asked before the deal was cancelled: that is one thing less to undo."""
    return compensate(flow, job.at(_changed(job.state, step, status="failed", reason=failure.reason)))


def undone(flow: Flow, job: Job, step: Step) -> Move:
    """The system has taken a step back."""
    part = _changed(job.state, step, status="undone")
    return Move(part, settles=(undo_topic(part.legal_entity, step.name),)).then(compensate(flow, job.at(part)))


def undo_failed(job: Job, step: Step, failure: Failure) -> Move:
    """The system refuses to take a step back: a person decides, and nothing before it is undone meanwhile."""
    part = _changed(job.state, step, code=failure.code, reason=failure.reason)
    case = Case(failure, undo_topic(part.legal_entity, step.name), (Act.RETRY, Act.RESOLVE), money=job.money)
    return Move(part, cases=(case,))


def undo_again(flow: Flow, job: Job, step: Step) -> Move:
    """Try once more to take a step back; where nobody takes that any more, go on without."""
    topic = undo_topic(job.state.legal_entity, step.name)
    move = Move(job.state, settles=(topic,)).then(_undo(job, step))
    return move.then(compensate(flow, job.at(move.part)))


def settled_by_hand(flow: Flow, job: Job, step: Step, why: str) -> Move:
    """A person has seen to what the system would not take back."""
    part = _changed(job.state, step, status="kept", reason=why)
    return Move(part, settles=(undo_topic(part.legal_entity, step.name),)).then(compensate(flow, job.at(part)))


def is_undone(flow: Flow, part: PartState) -> bool:
    """Whether nothing is left to undo."""
    return all(part.step(step.name).status not in {"asked", "done", "undoing", "failed"} for step in flow)


def _changed(part: PartState, step: Step, **changes: object) -> PartState:
    """The part with one step changed; why it stood before is forgotten, unless the changes say it again."""
    fresh: dict[str, object] = {"code": None, "reason": None, "mend": None, "is_unverified": False}
    state = part.step(step.name).model_copy(update=fresh | changes)
    return part.model_copy(update={"steps": {**part.steps, step.name: state}})


def _settled(part: PartState, step: Step) -> Move:
    return Move(part, settles=(step_topic(part.legal_entity, step.name),))


def _stopped(job: Job, part: PartState, step: Step, failure: Failure) -> Move:
    is_unverified = part.step(step.name).is_unverified
    part = _changed(part, step, code=failure.code, reason=failure.reason, is_unverified=is_unverified)
    acts: tuple[Act, ...] = (Act.EDIT_RETRY, Act.CANCEL if step.critical else Act.RESOLVE)
    if not is_unverified:
        acts = (Act.RETRY, *acts)
    topic = step_topic(part.legal_entity, step.name)
    attributes = {"legal_entity": part.legal_entity, "step": step.name, "code": failure.code}
    return Move(
        part,
        cases=(Case(failure, topic, acts, money=job.money if step.critical else {}),),
        notices=(Notice("step_failed", attributes),),
    )


def _close(flow: Flow, part: PartState) -> Move:
    """What failed is done with, and what only waits for a reply is not waited for."""
    settles: list[str] = []
    for step in flow:
        state = part.step(step.name)
        if state.status == "failed":
            settles.append(step_topic(part.legal_entity, step.name))
            part = _changed(part, step, **_closed(state))
        elif state.status == "asked" and step.awaits_reply:
            part = _changed(part, step, status="kept", reason="was asked for, and whatever comes of it stays")
    return Move(part, settles=tuple(settles))


def _closed(state: StepState) -> dict[str, object]:
    if not state.is_unverified:
        return {"status": "skipped", "reason": f"cancelled after it failed: {state.reason}"}
    return {"status": "kept", "reason": state.reason, "mend": _by_hand(state)}


def _by_hand(state: StepState) -> str:
    return f"look it up in {state.system} and take it back by hand"


def _undo(job: Job, step: Step) -> Move:
    state = job.state.step(step.name)
    if state.was_there and isinstance(step.undo, Doing):
        return Move(_changed(job.state, step, status="kept", reason="it was there before the deal was won"))
    match step.undo:
        case Stays(reason, mend):
            return Move(_changed(job.state, step, status="kept", reason=reason, mend=mend))
        case Doing(operation, body):
            if job.system(operation) is None:
                reason = f"the policy sends {operation} nowhere"
                mend = f"take it back in {state.system} by hand"
                return Move(_changed(job.state, step, status="kept", reason=reason, mend=mend))
            number = state.undo_tries + 1
            line = f"{job.state.legal_entity}.{UNDO}{step.name}.{number}"
            request = Request(state.system or "", operation, line, body(job))
            return Move(_changed(job.state, step, status="undoing", undo_tries=number), (request,))
        case never:
            assert_never(never)

"""The stages of a won deal: examined, approved, running, and, where a person says so, cancelled. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from actors.decision import Accept, Reject
from actors.flows import approvals, engine
from actors.flows.again import gone_topic
from actors.flows.engine import Move
from actors.flows.ids import with_ids, without_ids
from actors.flows.parts import Parts, asking_anew, begun, not_begun, redirected, to_ask_anew, unmapped
from actors.flows.scene import Scene, deal_of, job_of
from actors.flows.steps import Job
from actors.flows.validation import Examined, Miss, failure_of, misses
from actors.flows.won_deal import CUSTOMER, WON_DEAL
from actors.policy import Approval, Policy
from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement, PartState
from schemas.facts import Case, Notice
from schemas.project.v2 import OpportunityWon, Part
from schemas.verdicts import Failure, FailureClass

VALIDATE: Final = "validate"
LEFT_OVER: Final = "left_over"


def examine(state: Engagement, scene: Scene) -> Accept | Reject:
    """Validate, then ask for the approvals that are not given, then run. Nothing of a part is set up before.

    A part that is begun already goes on meanwhile, and is not looked at again. Rejects as `redirect`.
    """
    found = redirect(state, scene)
    if isinstance(found, Reject):
        return found
    if not isinstance(found.state, Engagement):
        raise TypeError("an engagement decides on engagements")
    accept = _examined(found.state, scene)
    both = replace(
        accept,
        requests=found.requests + accept.requests,
        cases=found.cases + accept.cases,
        settles=found.settles + accept.settles,
        notices=found.notices + accept.notices,
        remarks=found.remarks + accept.remarks,
    )
    return with_ids(state, both, scene.not_free)


def redirect(state: Engagement, scene: Scene) -> Accept | Reject:
    """The deal goes on with the customer of the scene, which may have taken the place of its own.

    What has no project yet asks for that one; what is made stays as it is. Rejects, naming what has left the policy,
    where that is needed to ask.
    """
    now = redirected(state, scene.customer_id)
    if now is state:
        return Accept(state)
    asks = to_ask_anew(now)
    remarks = tuple(
        f"{part.project_id} was begun with customer {state.customer}, and stays as it is"
        for part in state.parts
        if part.is_begun and part.legal_entity not in asks
    )
    if not asks:
        return Accept(now, remarks=remarks)
    failure = unmapped(now, scene.policy)
    if failure is not None:
        return Reject(failure)
    accept = move(asking_anew(now, asks), scene, asks, lambda job: engine.again(WON_DEAL, job, CUSTOMER))
    return replace(accept, remarks=remarks)


def _examined(state: Engagement, scene: Scene) -> Accept:
    deal, customer = deal_of(state), scene.customer
    if customer is None:
        raise ValueError("a deal is examined with its customer")
    parts = not_begun(state, deal, scene.policy)
    fresh = state.model_copy(
        update={
            "parts": (
                *(part for part in state.parts if part.is_begun),
                *(_begun(scene, deal, part, is_shadow=False) for part in parts.live),
                *(_begun(scene, deal, part, is_shadow=True) for part in parts.shadow),
            ),
            "left_out": tuple(part.legal_entity for part in parts.off),
            "has_new_customer": state.has_new_customer or _is_new(customer, parts.live),
        }
    )
    examined = Examined(
        scene.engagement, deal, state.customer or "", customer, scene.policy, scene.taken, scene.standing
    )
    found = misses(examined, parts.live, state.tax_codes) if parts.live else ()
    if found:
        return _blocked(fresh, parts, found)
    of_shadow = misses(examined, parts.shadow, state.tax_codes) if parts.shadow else ()
    remarks = (*_remarks(parts), *(f"shadow: {miss}" for miss in of_shadow))
    settles = (VALIDATE,) if state.status == "blocked" else ()
    pending = _pending(fresh, parts, scene.policy)
    if pending:
        return replace(_asking(fresh, parts, pending), settles=settles, remarks=remarks)
    running = fresh.model_copy(update={"status": "running", "misses": (), "pending": {}})
    accept = _run(running, scene, customer, of_shadow)
    return replace(accept, settles=settles + accept.settles, remarks=remarks)


def _pending(state: Engagement, parts: Parts, policy: Policy) -> dict[str, Approval]:
    """The rules by name that nobody has approved what is to begin by."""
    if not parts.live:
        return {}
    begins = {part.legal_entity for part in parts.live}
    granted = {grant.rule for grant in state.grants if begins <= set(grant.parts)}
    sold = begins | {part.legal_entity for part in parts.begun}
    return {name: rule for name, rule in approvals.rules_of(state, sold, policy).items() if name not in granted}


def _asking(state: Engagement, parts: Parts, pending: Mapping[str, Approval]) -> Accept:
    """The deal waits until each of these roles has approved it."""
    deal, sold = deal_of(state), (*parts.begun, *parts.live)
    asks = approvals.asked(deal, sold, state.tax_codes)
    roles = {name: rule.role for name, rule in pending.items()}
    return Accept(
        state.model_copy(update={"status": "approving", "misses": (), "pending": roles, "asks": asks}),
        cases=tuple(approvals.case_for(name, rule, deal, sold, asks) for name, rule in pending.items()),
        notices=tuple(Notice("approval_needed", {"rule": name, "role": role}) for name, role in roles.items()),
    )


def move(state: Engagement, scene: Scene, legal_entities: Collection[str], step: Callable[[Job], Move]) -> Accept:
    """These parts move, and the whole with them.

    A part that is begun asks for its customer and does not look itself: whether the customer may be traded with, under
    which id, and with which tax code are one answer.
    """
    asking = replace(scene, customer=None)
    moved = [(part, step(job_of(state, asking, part))) for part in state.parts if part.legal_entity in legal_entities]
    return _together(state, moved)


def cancel(state: Engagement, scene: Scene, why: str) -> Accept:
    """Undo what is done; what was never begun is let go at once."""
    ended = {"status": "cancelling", "cancelled_by": why, "pending": {}, "misses": (), "gone": ()}
    cancelling = state.model_copy(update=ended)
    moved = [
        (part, engine.compensate(WON_DEAL, job_of(cancelling, scene, part))) for part in state.parts if part.is_begun
    ]
    accept = _together(cancelling, moved)
    return replace(accept, settles=(*_open_topics(state), *map(gone_topic, state.gone), *accept.settles))


def refuse(state: Engagement, scene: Scene, why: str) -> Accept:
    """What is not begun is let go: the deal is cancelled, or, where parts of it run, goes on without the rest."""
    if not any(part.is_begun for part in state.parts):
        return cancel(state, scene, why)
    let_go = tuple(part.legal_entity for part in state.parts if not part.is_begun and not part.is_shadow)
    stays = state.model_copy(
        update={
            "status": "running", "pending": {}, "misses": (), "left_out": (*state.left_out, *let_go),
            "parts": tuple(part for part in state.parts if part.legal_entity not in let_go),
            "gone": tuple(code for code in state.gone if code not in let_go),
        }
    )  # fmt: skip
    accept = with_ids(state, _together(stays, ()), scene.not_free)
    remark = f"the part of {', '.join(let_go)} is left out, {why}"
    gone = (gone_topic(code) for code in state.gone if code in let_go)
    return replace(accept, settles=(*_open_topics(state), *gone), remarks=(remark,))


def _run(state: Engagement, scene: Scene, customer: Customer, of_shadow: tuple[Miss, ...]) -> Accept:
    shown: list[PartState] = []
    for part in state.parts:
        if part.is_begun:
            shown.append(part)
            continue
        code = tax_code(state, customer, scene.policy, part.legal_entity)
        shown.append(part.model_copy(update={"tax_code": code}))
    taxed = state.model_copy(update={"parts": tuple(shown)})
    moved = []
    for part in taxed.parts:
        if part.is_begun:
            continue
        job = job_of(taxed, scene, part)
        if part.is_shadow:
            lacks = "; ".join(str(miss) for miss in of_shadow if miss.legal_entity in (None, part.legal_entity))
            moved.append((part, Move(engine.shadow(WON_DEAL, job, lacks))))
        else:
            moved.append((part, engine.advance(WON_DEAL, job)))
    return _together(taxed, moved)


def _begun(scene: Scene, deal: OpportunityWon, part: Part, *, is_shadow: bool) -> PartState:
    """A part of which nothing is done yet, with what was there before the deal was won."""
    fresh = begun(scene.engagement, deal, part, is_shadow=is_shadow)
    standing = scene.standing.get(fresh.contract_id)
    agreed = None if standing is None else standing.billing_id
    return fresh.model_copy(update={"had": dict(scene.had.get(fresh.project_id, {})), "agreed": agreed})


def _open_topics(state: Engagement) -> tuple[str, ...]:
    """What a person was asked about the deal before it may run."""
    rules = tuple(approvals.topic_of(rule) for rule in state.pending)
    return (*rules, VALIDATE) if state.status == "blocked" else rules


def _blocked(state: Engagement, parts: Parts, found: tuple[Miss, ...]) -> Accept:
    failure = failure_of(found)
    acts = (Act.RETRY, Act.EDIT_RETRY, Act.CANCEL)
    return Accept(
        state.model_copy(update={"status": "blocked", "misses": tuple(str(miss) for miss in found), "pending": {}}),
        cases=(Case(failure, VALIDATE, acts, money=approvals.totals(parts.live)),),
        settles=tuple(approvals.topic_of(rule) for rule in state.pending),
        notices=(Notice("blocked", {"code": failure.code, "fields": ", ".join(miss.field for miss in found)}),),
        remarks=_remarks(parts),
    )


def _together(state: Engagement, moved: Iterable[tuple[PartState, Move]]) -> Accept:
    """The engagement after moves of its parts, with what their sum means."""
    moves = {before.legal_entity: each for before, each in moved}
    parts = tuple(moves[part.legal_entity].part if part.legal_entity in moves else part for part in state.parts)
    accept = Accept(
        state.model_copy(update={"parts": parts}),
        requests=tuple(request for each in moves.values() for request in each.requests),
        cases=tuple(case for each in moves.values() for case in each.cases),
        settles=tuple(topic for each in moves.values() for topic in each.settles),
        notices=tuple(notice for each in moves.values() for notice in each.notices),
    )
    return _concluded(state.model_copy(update={"parts": parts}), accept)


def _concluded(state: Engagement, accept: Accept) -> Accept:
    live = [part for part in state.parts if not part.is_shadow]
    if state.status == "running" and not live:
        return replace(accept, state=state.model_copy(update={"status": "shadowed"}))
    if state.status == "running" and all(engine.is_complete(WON_DEAL, part) for part in live):
        notice = Notice("activated", {"projects": ", ".join(part.project_id for part in live)})
        active = state.model_copy(update={"status": "active"})
        return replace(accept, state=active, notices=(*accept.notices, notice))
    if state.status == "cancelling" and all(engine.is_undone(WON_DEAL, part) for part in live):
        return _cancelled(state, accept)
    return replace(accept, state=state)


def _cancelled(state: Engagement, accept: Accept) -> Accept:
    """The end of a cancelled deal: what it leaves behind is named, and where a person must mend it there is a case."""
    stay = [
        (f"{part.legal_entity}.{name} ({step.system} {step.external_id or 'without id'})", step)
        for part in state.parts
        for name, step in part.steps.items()
        if step.status == "kept"
    ]
    left = tuple(
        f"project {part.project_id}: {step.leaves}"
        for part in state.parts
        for step in WON_DEAL
        if step.leaves is not None and part.step(step.name).status in {"undone", "kept"}
    )
    kept = (*(f"{name}: {step.reason}" for name, step in stay), *left)
    to_mend = (*(f"{name}: {step.reason}; {step.mend}" for name, step in stay if step.mend is not None), *left)
    notice = Notice("cancelled", {"reason": state.cancelled_by or "", "kept": "; ".join(kept)})
    reason = f"the deal was cancelled, and this cannot be undone: {'; '.join(to_mend)}"
    case = Case(Failure(FailureClass.BUSINESS_RULE, "left_over", reason), LEFT_OVER, (Act.RESOLVE,))
    ended = replace(
        accept,
        state=state.model_copy(update={"status": "cancelled", "kept": kept, "to_mend": to_mend}),
        notices=(*accept.notices, notice),
        cases=(*accept.cases, case) if to_mend else accept.cases,
    )
    return without_ids(state, ended)


def _remarks(parts: Parts) -> tuple[str, ...]:
    off = (f"{part.legal_entity} does not run won deals: its part was left out" for part in parts.off)
    shadow = (f"{part.legal_entity} runs won deals in shadow: its part is only written down" for part in parts.shadow)
    return (*off, *shadow)


def _is_new(customer: Customer, live: Iterable[Part]) -> bool:
    """Whether some legal entity has never traded with the customer: it is in none of its ERPs."""
    return any(part.legal_entity not in customer.erp_ids for part in live)


def tax_code(state: Engagement, customer: Customer, policy: Policy, code: str) -> str | None:
    """How a legal entity taxes the deal: as a person has edited it, else as it taxes the customer; None: unknown."""
    legal_entity, profile = policy.legal_entities.get(code), customer.tax_profile(code)
    of_customer = None if legal_entity is None or profile is None else legal_entity.tax_codes.get(profile)
    return state.tax_codes.get(code) or of_customer

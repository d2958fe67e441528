"""What a person's act does to an engagement, or why it may not: the closed table of its topics. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actors.asking import not_seen
from actors.decision import Accept, Decision, Ignore, Reject
from actors.flows import approvals, engine
from actors.flows.again import begins_nothing, settled
from actors.flows.edits import DealEdit, Unfit, edited, read_edit
from actors.flows.engine import Move
from actors.flows.ids import with_ids
from actors.flows.parts import asking_anew, not_begun, redirected, to_ask_anew, unmapped
from actors.flows.scene import Scene
from actors.flows.stages import LEFT_OVER, cancel, examine, move, refuse, tax_code
from actors.flows.steps import Job, Step
from actors.flows.validation import Examined, misses
from actors.flows.won_deal import CUSTOMER, WON_DEAL
from actors.policy import Flow, Mode, Policy
from schemas.acts import Act, Acted
from schemas.engagement.entity import Engagement, Grant, PartState
from schemas.project.v2 import OpportunityWon

NOTHING_LIVE: Final = (
    "nothing of the deal that is to begin runs live any more: set the legal entity live again first, or let the deal go"
)


def act(state: Engagement, acted: Acted, scene: Scene, grant: Grant) -> Decision:
    """What comes of it. `grant` is what is kept of an approval, its rule and role still to be filled in."""
    if acted.changes is not None and acted.act is not Act.EDIT_RETRY:
        return Ignore(f"{acted.act} of a deal takes no `changes`: leave them out, or send them with {Act.EDIT_RETRY}")
    kind, _, rest = acted.topic.partition(":")
    match kind:
        case "validate" if state.status == "blocked":
            return _on_validation(state, acted, scene)
        case "approval" if rest in state.pending:
            return _on_approval(state, acted, scene, grant, rest)
        case "step" | "undo":
            return _on_step(state, acted, scene, kind, rest)
        case "second_deal" if rest in state.refused_deals and acted.act is Act.RESOLVE:
            others = tuple(deal for deal in state.refused_deals if deal != rest)
            return Accept(state.model_copy(update={"refused_deals": others}), settles=(acted.topic,))
        case "second_deals" if state.has_refused_more and acted.act is Act.RESOLVE:
            return Accept(state.model_copy(update={"has_refused_more": False}), settles=(acted.topic,))
        case "part_gone" if rest in state.gone and acted.act is Act.RESOLVE:
            return settled(state, rest)
        case "left_over" if state.to_mend and acted.act is Act.RESOLVE:
            return Accept(state.model_copy(update={"to_mend": ()}), settles=(LEFT_OVER,))
        case _:
            return _not_open(acted)


def _on_validation(state: Engagement, acted: Acted, scene: Scene) -> Decision:
    match acted.act:
        case Act.CANCEL:
            return refuse(state, scene, _why(acted))
        case Act.RETRY | Act.EDIT_RETRY if state.gone:
            return begins_nothing(state, acted.act)
        case Act.RETRY:
            changed = state
        case Act.EDIT_RETRY if state.deal is not None:
            try:
                changed = _edited_before(state, state.deal, _read_edit_of_rest(state, acted), acted.by)
            except Unfit as unfit:
                return Ignore(str(unfit))
        case _:
            return _not_open(acted)
    if scene.customer is None:
        return Ignore(f"customer {scene.customer_id} is not known here yet: send it, then retry")
    if _is_nothing_live(changed, scene):
        return Ignore(NOTHING_LIVE)
    accept = examine(changed, scene)
    if isinstance(accept, Reject):
        return Ignore(accept.failure.reason)
    now = accept.state
    if isinstance(now, Engagement) and now.status == "blocked" and now.misses == state.misses:
        return Ignore(f"still missing: {'; '.join(state.misses)}")
    return accept


def _edited_before(state: Engagement, deal: OpportunityWon, edit: DealEdit, by: str) -> Engagement:
    """The engagement with an edit of what is not begun. Raises `Unfit`."""
    changes: dict[str, object] = {
        "deal": edited(deal, edit), "tax_codes": {**state.tax_codes, **edit.tax_codes},
        "grants": approvals.of_running(state), "editors": _with(state.editors, by), "as_won": state.as_won or deal,
    }  # fmt: skip
    if edit.customer is not None:  # whether this one is new is its own question
        was_new = state.has_new_customer if state.was_new is None else state.was_new
        changes |= {"was_new": was_new, "has_new_customer": False}
    return state.model_copy(update=changes)


def _on_approval(state: Engagement, acted: Acted, scene: Scene, grant: Grant, rule: str) -> Decision:
    if acted.act not in {Act.APPROVE, Act.REJECT}:
        return _not_open(acted)
    refused = approvals.refused_because(state, rule, acted)
    if refused is not None:
        return Ignore(refused)
    outdated = not_seen(acted, state.asks)
    if outdated is not None:
        return outdated
    if acted.act is Act.REJECT:
        return refuse(state, scene, _why(acted))
    if state.gone:
        return begins_nothing(state, acted.act)
    if _is_nothing_live(state, scene):
        return Ignore(NOTHING_LIVE)
    # Who approves was shown the parts that were live then; of these, one that is not live any more is not approved.
    parts = tuple(part.legal_entity for part in state.parts if not part.is_shadow and _goes_on(part, scene.policy))
    what = {"rule": rule, "role": state.pending[rule], "parts": parts, "asked": state.asks}
    given = grant.model_copy(update=what)
    pending = {name: role for name, role in state.pending.items() if name != rule}
    changed = state.model_copy(update={"grants": (*state.grants, given), "pending": pending})
    topic = approvals.topic_of(rule)
    if pending:
        return Accept(changed, settles=(topic,))
    if scene.customer is None:
        return Ignore(f"customer {state.customer} is not known here any more: send it, then approve")
    accept = examine(changed, scene)
    if isinstance(accept, Reject):
        return Ignore(accept.failure.reason)
    # A part that has come to run live meanwhile asks the same rule again.
    settles = () if topic in {case.topic for case in accept.cases} else (topic,)
    return replace(accept, settles=(*settles, *accept.settles))


def _on_step(state: Engagement, acted: Acted, scene: Scene, kind: str, name: str) -> Decision:
    legal_entity, _, wanted = name.rpartition(".")
    part = next((each for each in state.parts if each.legal_entity == legal_entity), None)
    step = next((each for each in WON_DEAL if each.name == wanted), None)
    if part is None or step is None:
        return _not_open(acted)
    stands = part.step(step.name)
    has_failed = stands.status == ("failed" if kind == "step" else "undoing") and stands.code is not None
    failure = unmapped(state, scene.policy)
    if not has_failed:
        return _not_open(acted)
    if failure is not None:
        return Ignore(failure.reason)
    if kind == "step":
        return _on_failed_step(state, acted, scene, part, step)
    return _on_failed_undo(state, acted, scene, part, step)


def _on_failed_undo(state: Engagement, acted: Acted, scene: Scene, part: PartState, step: Step) -> Decision:
    match acted.act:
        case Act.RETRY:
            return move(state, scene, {part.legal_entity}, lambda job: engine.undo_again(WON_DEAL, job, step))
        case Act.RESOLVE:
            why = f"settled by {acted.by}: {acted.reason}"
            return move(state, scene, {part.legal_entity}, lambda job: engine.settled_by_hand(WON_DEAL, job, step, why))
        case _:
            return _not_open(acted)


def _on_failed_step(state: Engagement, acted: Acted, scene: Scene, part: PartState, step: Step) -> Decision:
    match acted.act:
        case Act.CANCEL if step.critical:
            return cancel(state, scene, _why(acted))
        case Act.RETRY if not part.step(step.name).is_unverified:
            return _again(state, scene, part, step)
        case Act.RESOLVE if not step.critical:
            why = f"left out by {acted.by}: {acted.reason}"
            return move(state, scene, {part.legal_entity}, lambda job: engine.given_up(WON_DEAL, job, step, why))
        case Act.EDIT_RETRY:
            try:
                return _edit_step(state, acted, scene, part, step)
            except Unfit as unfit:
                return Ignore(str(unfit))
        case _:
            return _not_open(acted)


def _edit_step(state: Engagement, acted: Acted, scene: Scene, part: PartState, step: Step) -> Decision:
    """Edit and try again, or take over what a person found. Raises `Unfit`."""
    edit = read_edit(acted)
    if edit.external_id is not None:
        found = edit.external_id
        if edit != DealEdit(external_id=found):
            raise Unfit("send `external_id` alone: what stands already is not edited")
        known = _taxed(state, part, _tax_code(state, scene, part)) if step is CUSTOMER else state
        return move(known, scene, {part.legal_entity}, lambda job: engine.adopted(WON_DEAL, job, step, found))
    if part.step(step.name).is_unverified:
        raise Unfit("it was made, and nobody knows under which id: look it up, and send `external_id`")
    if edit.parts.keys() != {part.legal_entity} or edit.customer is not None or edit.discount is not None:
        raise Unfit(f"at this step only the part of {part.legal_entity} may be edited")
    changed = _edited_while_running(state, edit, scene, part)
    code = edit.tax_codes.get(part.legal_entity)
    if code is not None:
        changed = _taxed(changed, part, code).model_copy(update={"tax_codes": {**state.tax_codes, **edit.tax_codes}})
    changed = changed.model_copy(update={"editors": _with(state.editors, acted.by)})
    return _again(changed, scene, part, step)


def _tax_code(state: Engagement, scene: Scene, part: PartState) -> str:
    """The tax code that belongs to the customer whose id a person has found. Raises `Unfit`."""
    code = None if scene.customer is None else tax_code(state, scene.customer, scene.policy, part.legal_entity)
    if code is None:
        raise Unfit(f"nobody knows how {part.legal_entity} taxes customer {scene.customer_id}: send its tax profile")
    return code


def _taxed(state: Engagement, part: PartState, code: str) -> Engagement:
    """The engagement with a part that is taxed so."""
    taxed = part.model_copy(update={"tax_code": code})
    parts = (taxed if each.legal_entity == part.legal_entity else each for each in state.parts)
    return state.model_copy(update={"parts": tuple(parts)})


def _again(state: Engagement, scene: Scene, part: PartState, step: Step) -> Decision:
    """A failed step is tried again. What was imported since is not made a second time.

    Where the customer has become another one, what has no project yet goes to that one.
    """
    now = state if scene.customer is None else redirected(state, scene.customer_id)
    changed = to_ask_anew(now)

    def ask(job: Job) -> Move:
        legal_entity = job.part.legal_entity
        anew = engine.again(WON_DEAL, job, CUSTOMER) if legal_entity in changed else Move(job.state)
        if legal_entity != part.legal_entity or (legal_entity in changed and step.name == CUSTOMER.name):
            return anew
        return anew.then(engine.again(WON_DEAL, job.at(anew.part), step))

    had = {**part.had, **scene.had.get(part.project_id, {})}
    parts = tuple(
        each.model_copy(update={"had": had}) if each.legal_entity == part.legal_entity else each for each in now.parts
    )
    now = asking_anew(now.model_copy(update={"parts": parts}), changed)
    return with_ids(state, move(now, scene, {part.legal_entity, *changed}, ask), scene.not_free)


def _edited_while_running(state: Engagement, edit: DealEdit, scene: Scene, part: PartState) -> Engagement:
    """The engagement with an edit that touches nothing that stands already or was approved. Raises `Unfit`."""
    if state.deal is None or scene.customer is None:
        raise Unfit(f"customer {state.customer} is not known here: send it, then retry")
    changes, deal = edit.parts[part.legal_entity], edited(state.deal, edit)
    if changes.project_id is not None or (changes.contract is not None and changes.contract.id is not None):
        raise Unfit("ids cannot change any more: they are in use")
    if changes.service_line is not None and part.step("shell").status in engine.PAST:
        raise Unfit("the project stands already: its service line cannot change any more")
    begins_on = None if changes.contract is None else changes.contract.starts_on
    before = next(each.contract.starts_on for each in state.deal.parts if each.legal_entity == part.legal_entity)
    if begins_on not in (None, before) and part.step("shell").status in engine.PAST:
        raise Unfit("the project stands already: its first day cannot change any more")
    if part.step("contract").status in engine.PAST:
        raise Unfit("the contract stands already: what it says is changed by a change order")
    sold = tuple(each for each in deal.parts if each.legal_entity == part.legal_entity)
    examined = Examined(scene.engagement, deal, state.customer or "", scene.customer, scene.policy)
    found = misses(examined, sold, {**state.tax_codes, **edit.tax_codes})
    if found:
        raise Unfit("; ".join(str(miss) for miss in found))
    changed = state.model_copy(update={"deal": deal, "as_won": state.as_won or state.deal})
    if changes.billing is not None or changes.value is not None:
        rules = _rules_on_worth(changed, scene)
        if rules:
            raise Unfit(
                f"billing and value fall under the approval by rule {', '.join(rules)}: they cannot change any more; "
                "cancel the deal, and win it again"
            )
    return changed


def _rules_on_worth(state: Engagement, scene: Scene) -> tuple[str, ...]:
    """The rules that were approved, or that would ask for an approval of the deal as edited or as it was won."""
    live = {part.legal_entity for part in state.parts if not part.is_shadow}
    found = {grant.rule for grant in state.grants} | approvals.rules_of(state, live, scene.policy).keys()
    return tuple(sorted(found))


def _read_edit_of_rest(state: Engagement, acted: Acted) -> DealEdit:
    """An edit that touches no part that runs already. Raises `Unfit`."""
    edit = read_edit(acted)
    running = {part.legal_entity for part in state.parts if part.is_begun}
    if running and (edit.customer is not None or edit.discount is not None or running & edit.parts.keys()):
        raise Unfit(f"the part of {', '.join(sorted(running))} runs already: only the others may be edited")
    return edit


def _goes_on(part: PartState, policy: Policy) -> bool:
    legal_entity = policy.legal_entities.get(part.legal_entity)
    return part.is_begun or legal_entity is None or legal_entity.mode(Flow.WON_DEALS) is Mode.LIVE


def _is_nothing_live(state: Engagement, scene: Scene) -> bool:
    """Whether all that was to begin has been set to shadow or off meanwhile."""
    return state.deal is not None and not not_begun(state, state.deal, scene.policy).live


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


def _why(acted: Acted) -> str:
    return f"cancelled by {acted.by}: {acted.reason}"


def _not_open(acted: Acted) -> Ignore:
    return Ignore(f"{acted.act} does nothing here: look at what is open for topic {acted.topic}")

"""A won engagement is won again: what a person must know of that. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actors.decision import Accept, Decision, Ignore
from actors.flows.approvals import totals
from schemas.acts import Act
from schemas.engagement.entity import Engagement, PartState
from schemas.facts import Case
from schemas.project.v2 import OpportunityWon, Part
from schemas.verdicts import Failure, FailureClass

MOST_REFUSED: Final = 100
MORE_DEALS: Final = "second_deals"
"""Topic of the one case about all other deals beyond these."""


def another_deal(state: Engagement, first: OpportunityWon, deal: OpportunityWon) -> Decision:
    """Another opportunity is won on the same engagement: the first one goes on, and a person is told."""
    if deal.opportunity_id in state.refused_deals:
        return Ignore(f"opportunity {deal.opportunity_id} was refused here already")
    reason = (
        f"opportunity {deal.opportunity_id} was won on an engagement that belongs to {first.opportunity_id}: "
        "send it again under an engagement of its own, and resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "engagement_taken", reason, "subject")
    if len(state.refused_deals) >= MOST_REFUSED:
        more = Case(failure, MORE_DEALS, (Act.RESOLVE,), money=deal.amounts)
        return Accept(state.model_copy(update={"has_refused_more": True}), cases=(more,))
    return Accept(
        state.model_copy(update={"refused_deals": (*state.refused_deals, deal.opportunity_id)}),
        cases=(Case(failure, f"second_deal:{deal.opportunity_id}", (Act.RESOLVE,), money=deal.amounts),),
    )


def gone_topic(legal_entity: str) -> str:
    """The topic of the case of a part that the deal came again without."""
    return f"part_gone:{legal_entity}"


def gone_from(state: Engagement, again: OpportunityWon) -> tuple[str, ...]:
    """The legal entities whose parts are set up here, or wait to be, and that the deal does not name any more.

    Without those of which a person has settled that.
    """
    if state.status in {"cancelling", "cancelled"}:
        return ()
    known = {part.legal_entity for part in again.parts} | set(state.gone_settled)
    return tuple(part.legal_entity for part in state.parts if not part.is_shadow and part.legal_entity not in known)


def named_again(state: Engagement, again: OpportunityWon) -> Engagement:
    """The engagement once the deal came again: a part that it names is asked about anew should it be gone later."""
    named = {part.legal_entity for part in again.parts}
    still = tuple(code for code in state.gone_settled if code not in named)
    return state.model_copy(update={"gone_settled": still})


def without_parts(state: Engagement, first: OpportunityWon, gone: tuple[str, ...]) -> Accept:
    """The deal came again without these parts: they stay, nothing begins beside them, and a person is told.

    What they sell may be sold by another part now: both of them would be billed.
    """
    sold = {part.legal_entity: part for part in first.parts}
    cases = (_gone(first, sold[part.legal_entity], part) for part in state.parts if part.legal_entity in gone)
    back = tuple(gone_topic(code) for code in state.gone if code not in gone)
    return Accept(state.model_copy(update={"gone": gone}), cases=tuple(cases), settles=back)


def _gone(first: OpportunityWon, sold: Part, part: PartState) -> Case:
    """The case of one part that the deal came again without."""
    stands = "is set up here" if part.is_begun else "waits to be set up here"
    reason = (
        f"opportunity {first.opportunity_id} came again without the part of {part.legal_entity}, which {stands}: "
        "nothing was changed, and no other part begins until this is settled; send the deal with it again, or "
        f"{_can_be_done(part)}"
    )
    failure = Failure(FailureClass.CONFLICT, "part_gone", reason, "parts")
    return Case(failure, gone_topic(part.legal_entity), (Act.RESOLVE,), money=totals([sold]))


def _can_be_done(part: PartState) -> str:
    """About a part that is not sold any more. Nothing here undoes one part of a deal alone, once it is begun."""
    if not part.is_begun:
        return (
            "let go what waits (`reject` its approval, `cancel` its validation); `resolve` this only if the part is to "
            "begin all the same"
        )
    return (
        f"end it: project.closed for {part.project_id} stops the billing of time, contract.terminated for "
        f"{part.contract_id} tells its last day to the billing system, and what stands in the systems is undone there "
        "by hand; then, or if the part is to stay, `resolve` this"
    )


def settled(state: Engagement, legal_entity: str) -> Accept:
    """A person has seen to a part that is gone: the deal may come without it."""
    still = tuple(code for code in state.gone if code != legal_entity)
    changes = {"gone": still, "gone_settled": (*state.gone_settled, legal_entity)}
    return Accept(state.model_copy(update=changes), settles=(gone_topic(legal_entity),))


def begins_nothing(state: Engagement, act: Act) -> Ignore:
    """The answer to an act by which parts would begin beside one that is gone."""
    topics = ", ".join(map(gone_topic, state.gone))
    return Ignore(f"the deal came again without the part of {', '.join(state.gone)}: settle {topics} first, then {act}")


def come_back(before: Engagement, now: Engagement, decision: Decision) -> Decision:
    """The same decision, made of `now` that nothing of the deal is gone any more, with the cases of what was before."""
    topics = tuple(gone_topic(code) for code in before.gone)
    match decision:
        case Accept():
            return replace(decision, settles=(*decision.settles, *topics))
        case Ignore(reason) if now != before:
            return Accept(now, settles=topics, remarks=(reason,))
        case _:
            return decision

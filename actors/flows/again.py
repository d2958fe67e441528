"""A won engagement is won again: what a person must know of that. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actors.decision import Accept, Decision, Ignore
from actors.flows.approvals import totals
from schemas.acts import Act
from schemas.engagement.entity import Engagement
from schemas.facts import Case
from schemas.project.v2 import OpportunityWon
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
    """The legal entities whose parts are set up here, or wait to be, and that the deal does not name any more."""
    if state.status in {"cancelling", "cancelled"}:
        return ()
    named = {part.legal_entity for part in again.parts}
    return tuple(part.legal_entity for part in state.parts if not part.is_shadow and part.legal_entity not in named)


def without_parts(state: Engagement, first: OpportunityWon, gone: tuple[str, ...]) -> Accept:
    """The deal came again without these parts: they stay, nothing begins beside them, and a person is told.

    What they sell may be sold by another part now: both of them would be billed.
    """
    cases = []
    for part in first.parts:
        if part.legal_entity in gone:
            reason = (
                f"opportunity {first.opportunity_id} came again without the part of {part.legal_entity}, which is set "
                "up here or waits to be: nothing was changed, and no other part begins; send the deal with it again, "
                "or cancel what is wrong here and in the systems, and resolve this"
            )
            failure = Failure(FailureClass.CONFLICT, "part_gone", reason, "parts")
            cases.append(Case(failure, gone_topic(part.legal_entity), (Act.RESOLVE,), money=totals([part])))
    back = tuple(gone_topic(code) for code in state.gone if code not in gone)
    return Accept(state.model_copy(update={"gone": gone}), cases=tuple(cases), settles=back)


def come_back(state: Engagement, decision: Decision) -> Decision:
    """The same decision, made once nothing of the deal is gone any more, with the cases of what was."""
    topics = tuple(gone_topic(code) for code in state.gone)
    match decision:
        case Accept() if topics:
            return replace(decision, settles=(*decision.settles, *topics))
        case Ignore(reason) if topics:
            return Accept(state.model_copy(update={"gone": ()}), settles=topics, remarks=(reason,))
        case _:
            return decision

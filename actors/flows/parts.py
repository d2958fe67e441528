"""The parts of a won deal: their ids, whose they are, and which of them run live, in shadow, or not at all."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from actors.policy import Flow, Mode, Policy
from schemas.engagement.entity import Engagement, PartState
from schemas.project.v2 import OpportunityWon, Part
from schemas.verdicts import Failure, FailureClass


def project_id(engagement: str, deal: OpportunityWon, part: Part) -> str:
    """Our canonical id of a part's project."""
    return part.project_id or (engagement if len(deal.parts) == 1 else f"{engagement}-{part.legal_entity}")


def contract_id(deal: OpportunityWon, part: Part) -> str:
    """Our canonical id of a part's contract."""
    number = part.contract.reference
    return part.contract.id or (number if len(deal.parts) == 1 else f"{number}-{part.legal_entity}")


def may_change_customer(part: PartState) -> bool:
    """Whether nothing of its project is made or on its way, so that it may still be another customer's."""
    shell = part.step("shell")
    return part.is_begun and shell.status in {"todo", "failed"} and not shell.is_unverified


def redirected(state: Engagement, customer: str | None) -> Engagement:
    """The engagement with a customer that took the place of its own; each part that is begun was begun for the former.

    The same where it is that one's already, or None is named.
    """
    if customer in (None, state.customer):
        return state
    parts = tuple(part.model_copy(update={"is_of_merged": part.is_begun}) for part in state.parts)
    return state.model_copy(update={"customer": customer, "parts": parts})


def to_ask_anew(state: Engagement) -> frozenset[str]:
    """The legal entities whose parts were begun for a customer that is gone, and may still be the other one's."""
    return frozenset(part.legal_entity for part in state.parts if part.is_of_merged and may_change_customer(part))


def asking_anew(state: Engagement, legal_entities: Collection[str]) -> Engagement:
    """The engagement with the parts of these being the customer's that it has now."""
    parts = tuple(
        part.model_copy(update={"is_of_merged": part.is_of_merged and part.legal_entity not in legal_entities})
        for part in state.parts
    )
    return state.model_copy(update={"parts": parts})


class Parts(NamedTuple):
    """The parts of a deal that are not begun, by how the policy runs won deals for their legal entity; and `begun`."""

    live: tuple[Part, ...]
    shadow: tuple[Part, ...]
    off: tuple[Part, ...]
    begun: tuple[Part, ...] = ()


def parts_of(deal: OpportunityWon, policy: Policy, begun: Collection[str] = ()) -> Parts:
    """The parts of a deal, of which those of `begun` legal entities run already.

    One whose legal entity the policy does not know is live: a person is asked about it.
    """
    by_mode: dict[Mode, list[Part]] = {mode: [] for mode in Mode}
    for part in deal.parts:
        if part.legal_entity in begun:
            continue
        legal_entity = policy.legal_entities.get(part.legal_entity)
        by_mode[Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.WON_DEALS)].append(part)
    running = tuple(part for part in deal.parts if part.legal_entity in begun)
    return Parts(tuple(by_mode[Mode.LIVE]), tuple(by_mode[Mode.SHADOW]), tuple(by_mode[Mode.OFF]), running)


def not_begun(state: Engagement, deal: OpportunityWon, policy: Policy) -> Parts:
    """The parts of a deal on an engagement of which some may run already."""
    return parts_of(deal, policy, {part.legal_entity for part in state.parts if part.is_begun})


def joined(state: Engagement, first: OpportunityWon, again: OpportunityWon, policy: Policy) -> OpportunityWon | None:
    """The first deal with those parts as they come again that were in shadow or left out and are live now; or None.

    Its discount is the greater of both, by which it is approved.
    """
    waiting = {part.legal_entity for part in state.parts if part.is_shadow} | set(state.left_out)
    live = {part.legal_entity: part for part in parts_of(again, policy).live if part.legal_entity in waiting}
    if not live:
        return None
    parts = tuple(live.get(part.legal_entity, part) for part in first.parts)
    discount = max((each.discount for each in (first, again) if each.discount is not None), default=None)
    return first.model_copy(update={"parts": parts, "discount": discount})


def begun(engagement: str, deal: OpportunityWon, part: Part, *, is_shadow: bool) -> PartState:
    """A part of which nothing is done yet."""
    return PartState(
        legal_entity=part.legal_entity,
        project_id=project_id(engagement, deal, part),
        contract_id=contract_id(deal, part),
        is_shadow=is_shadow,
    )


def unmapped(state: Engagement, policy: Policy) -> Failure | None:
    """What has left the policy that a running deal needs."""
    live = {part.legal_entity for part in state.parts if part.is_begun}
    for part in () if state.deal is None else state.deal.parts:
        if part.legal_entity not in live:
            continue
        for what, code, known in (
            ("legal_entity", part.legal_entity, policy.legal_entities),
            ("service_line", part.service_line, policy.service_lines),
        ):
            if code not in known:
                reason = (
                    f"add {what.replace('_', ' ')} {code} to the policy file again first: a part that runs needs it"
                )
                return Failure(FailureClass.MAPPING, f"{what}_unmapped", reason, what)
    return None

"""What the stages of a won deal look at beside the engagement: the policy, its customer, and whose ids are whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.flows.steps import Job
from actors.policy import Policy
from schemas.contract.entity import Contract
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement, PartState
from schemas.facts import Claim
from schemas.project.v2 import OpportunityWon


@dataclass(frozen=True, slots=True)
class Scene:
    """What the stages look at beside the engagement: its id, the policy, and its customer where it was looked up.

    `had`: project -> system -> the id that the system had for it before the deal was won.
    `taken`: ids of projects and contracts that are another engagement's, and whose.
    `standing`: contracts that stand without a deal, by id. `not_free`: ids that the engagement cannot have for itself.
    """

    engagement: str
    policy: Policy
    customer_id: str | None = None
    customer: Customer | None = None
    had: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    taken: Mapping[Claim, str] = field(default_factory=dict)
    standing: Mapping[str, Contract] = field(default_factory=dict)
    not_free: frozenset[Claim] = frozenset()


def job_of(state: Engagement, scene: Scene, part: PartState) -> Job:
    """What the steps of a part may look at."""
    deal = deal_of(state)
    sold = next(each for each in deal.parts if each.legal_entity == part.legal_entity)
    return Job(
        scene.engagement, deal, sold, part, scene.policy, state.customer or "", scene.customer,
        state.cancelled_by or "the deal runs",
    )  # fmt: skip


def deal_of(state: Engagement) -> OpportunityWon:
    """The deal. Raises `ValueError` while nothing is won."""
    if state.deal is None:
        raise ValueError("nothing was won yet")
    return state.deal

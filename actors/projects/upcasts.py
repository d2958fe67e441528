"""Projects that earlier releases stored."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.policy import Policy
from actors.upcasting import Raw, Upcast, legal_entity_of


def _with_systems(state: Raw, policy: Policy) -> Raw:
    """Version 1 left it to the policy which ERP and PSA a legal entity has, and kept the ids of milestones alone.

    Its deal may be sent again: what the systems have is not made a second time.
    """
    milestones = {id_: {"name": id_} for id_ in state["milestones"]}
    ids = {role: state[f"{role}_id"] for role in ("erp", "psa") if state[f"{role}_id"] is not None}
    if not ids:
        return {**state, "milestones": milestones}
    legal_entity = legal_entity_of(policy, state["legal_entity"])
    systems = {"erp": legal_entity.erp, "psa": legal_entity.psa}
    begun = {role: systems[role] for role in ids}
    return {**state, **begun, "milestones": milestones, "had": {systems[role]: id_ for role, id_ in ids.items()}}


UPCASTS: Final[Mapping[int, Upcast]] = MappingProxyType({1: _with_systems})

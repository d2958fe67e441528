"""Customers that earlier releases stored."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.policy import Policy
from actors.upcasting import Raw, Upcast, legal_entity_of


def _with_systems(state: Raw, policy: Policy) -> Raw:
    """Version 1 had one ERP for each legal entity, which only the policy named, and held no claim but the tax id."""
    kept = {name: value for name, value in state.items() if name != "erp_ids"}
    records = [
        {"legal_entity": code, "system": legal_entity_of(policy, code).erp, "external_id": erp_id}
        for code, erp_id in state["erp_ids"].items()
    ]
    profile = state["profile"] or {}
    tax_id = profile.get("tax_id")
    claims = {} if tax_id is None else {"customer.tax_id": f"{profile['country']}/{tax_id}"}
    return {**kept, "records": records, "claims": claims}


def _with_counts(state: Raw, _policy: Policy) -> Raw:
    """Version 2 counted the states that all ERPs were sent together: each of them goes on from there by itself."""
    kept = {name: value for name, value in state.items() if name not in {"puts", "trail"}}
    sent = {"puts": state["puts"], "trail": state.get("trail", "")}
    return {**kept, "records": [{**row, **sent} for row in state["records"]]}


UPCASTS: Final[Mapping[int, Upcast]] = MappingProxyType({1: _with_systems, 2: _with_counts})

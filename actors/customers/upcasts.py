"""Customers that earlier releases stored."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from actors.policy import Policy
from actors.upcasting import Raw, Upcast, legal_entity_of

_STOPPED: Final = frozenset({"legal_entity_unmapped", "tax_profile_missing", "tax_profile_unmapped", "not_held"})
"""Codes of failures by which version 2 said that none of a legal entity's ERPs could be asked."""


def _with_systems(state: Raw, policy: Policy) -> Raw:
    """Version 1 had one ERP for each legal entity, which only the policy named, and held no claim but the tax id.

    One that was asked and had not answered yet has a record without an id.
    """
    kept = {name: value for name, value in state.items() if name != "erp_ids"}
    records = [
        {"legal_entity": code, "system": legal_entity_of(policy, code).erp, "external_id": state["erp_ids"].get(code)}
        for code in dict.fromkeys((*state["erp_ids"], *state["tax_codes"]))
    ]
    profile = state["profile"] or {}
    tax_id = profile.get("tax_id")
    claims = {} if tax_id is None else {"customer.tax_id": f"{profile['country']}/{tax_id}"}
    return {**kept, "records": records, "claims": claims}


def _with_each_by_itself(state: Raw, _policy: Policy) -> Raw:
    """Version 2 counted the states that all ERPs were sent together: each of them goes on from there by itself.

    It also kept one failure for all ERPs of a legal entity: that of each which was asked, and is not any more.
    """
    kept = {name: value for name, value in state.items() if name not in {"puts", "trail"}}
    sent = {"puts": state["puts"], "trail": state.get("trail", "")}
    failures = state.get("failures", {})
    refused = {code: failure for code, failure in failures.items() if failure["code"] not in _STOPPED}
    records = [
        {**row, **sent, "failure": refused.get(row["legal_entity"]) if row.get("line") is None else None}
        for row in state["records"]
    ]
    named = {row["legal_entity"] for row in records if row["failure"] is not None}
    stopped = {code: failure for code, failure in failures.items() if code not in named}
    return {**kept, "records": records, "failures": stopped}


UPCASTS: Final[Mapping[int, Upcast]] = MappingProxyType({1: _with_systems, 2: _with_each_by_itself})

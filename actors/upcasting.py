"""States that an earlier release stored, as the next one would have stored them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.policy import LegalEntity, Policy

Raw = dict[str, Any]
"""The JSON of a state."""

Upcast = Callable[[Raw, Policy], Raw]
"""(a state, the policy in force) -> the state under the next schema number. Pure; raises `NotUpcast`."""


class NotUpcast(Exception):
    """A stored state cannot be brought to this release's form. The text says why, and what to change."""


def legal_entity_of(policy: Policy, code: str) -> LegalEntity:
    """The policy's entry, which names the systems that version 1 had begun in. Raises `NotUpcast` where it is gone."""
    found = policy.legal_entities.get(code)
    if found is None:
        raise NotUpcast(
            f"it does not name the systems of legal entity {code}, and neither does the policy file: list {code} "
            "there with the systems that it had, then retry"
        )
    return found

"""What the state of a won deal asks of people, and whom it awaits, read from its JSON without code of the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ENGAGEMENT = "engagement/"


def asks(key: str, state: Mapping[str, Any] | None) -> frozenset[str] | None:
    """The topics that must have an open case; None for an entity of another kind."""
    if not key.startswith(ENGAGEMENT):
        return None
    return frozenset(() if state is None else _topics(state))


def awaits(key: str, state: Mapping[str, Any] | None) -> str | None:
    """The customer that was asked to trade for a deal and has not answered yet."""
    if not key.startswith(ENGAGEMENT) or state is None:
        return None
    is_asked = any(part["steps"].get("customer", {}).get("status") == "asked" for part in state["parts"])
    return f"customer/{state['customer']}" if is_asked else None


def _topics(state: Mapping[str, Any]) -> Iterator[str]:
    if state["status"] == "blocked":
        yield "validate"
    for rule in state["pending"]:
        yield f"approval:{rule}"
    for opportunity in state["refused_deals"]:
        yield f"second_deal:{opportunity}"
    for legal_entity in state["gone"]:
        yield f"part_gone:{legal_entity}"
    if state["has_refused_more"]:
        yield "second_deals"
    if state["to_mend"]:
        yield "left_over"
    yield from _of_steps(state["parts"])


def _of_steps(parts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for part in parts:
        for name, step in part["steps"].items():
            if step["status"] == "failed":
                yield f"step:{part['legal_entity']}.{name}"
            if step["status"] == "undoing" and step["code"] is not None:
                yield f"undo:{part['legal_entity']}.{name}"

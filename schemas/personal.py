"""Which members of stored JSON are about people, and the same JSON without them. Pure.

By name and not by model, so that it holds for what earlier releases have stored, and for what nobody can read any more.
"""

from __future__ import annotations

import json
from typing import Any, Final

MASK: Final = "[personal]"
ANYWHERE: Final = frozenset({"email", "billing_email", "note", "cost_rate"})
"""Personal wherever they stand: addresses, what people wrote about each other's work, and what somebody costs."""
PEOPLE: Final = frozenset({"employee", "approver"})
"""Within these a `name` is a person's. Customers, projects, and tasks have names that are not."""


def masked(entity: str, state: bytes) -> bytes:
    """The state of an entity of this kind with `MASK` in place of what is personal; ids, days, and amounts stay."""
    # Decimals are strings in what we store, so nothing is lost by reading numbers.
    return json.dumps(_masked(json.loads(state), is_person=entity in PEOPLE), ensure_ascii=False).encode()


def _masked(value: Any, *, is_person: bool) -> Any:  # noqa: ANN401  # JSON
    match value:
        case dict():
            return {name: _member(name, member, is_person=is_person) for name, member in value.items()}
        case list():
            return [_masked(item, is_person=is_person) for item in value]
        case _:
            return value


def _member(name: str, value: Any, *, is_person: bool) -> Any:  # noqa: ANN401  # JSON
    if value is not None and (name in ANYWHERE or (name == "name" and is_person)):
        return MASK
    return _masked(value, is_person=is_person or name in PEOPLE)

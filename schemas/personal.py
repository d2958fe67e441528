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
    return json.dumps(without(json.loads(state), is_person=entity in PEOPLE), ensure_ascii=False).encode()


def is_personal(name: str, *, is_person: bool) -> bool:
    """Whether a member of this name is; `is_person`: it stands within one of `PEOPLE`."""
    return name in ANYWHERE or (name == "name" and is_person)


def without(value: Any, *, is_person: bool) -> Any:  # noqa: ANN401  # JSON
    """A JSON value with `MASK` in place of the personal members in it; `is_person`: see `is_personal`."""
    match value:
        case dict():
            return {name: _member(name, member, is_person=is_person) for name, member in value.items()}
        case list():
            return [without(item, is_person=is_person) for item in value]
        case _:
            return value


def _member(name: str, value: Any, *, is_person: bool) -> Any:  # noqa: ANN401  # JSON
    if value is not None and is_personal(name, is_person=is_person):
        return MASK
    return without(value, is_person=is_person or name in PEOPLE)

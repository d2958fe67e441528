"""An effect in a system's journal, in the terms in which expected and found are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Effect:
    """`key` is `entity/id`. `amount` and `currency` are None where there is none; amounts compare by value.

    `reference`: ours, under which it was made: two of one operation and reference are one too many. `shown`: amounts
    by name, of what shows money and moves none.
    """

    system: str
    operation: str
    key: str
    legal_entity: str | None
    currency: str | None
    amount: Decimal | None = None
    reference: str = ""
    shown: Mapping[str, Decimal] = field(default_factory=dict)

"""An effect in a system's journal, in the terms in which expected and found are compared."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Effect:
    """`key` is `entity/id`. `amount` and `currency` are None where there is none; amounts compare by value."""

    system: str
    operation: str
    key: str
    legal_entity: str | None
    currency: str | None
    amount: Decimal | None = None

    def __str__(self) -> str:
        amount = "" if self.amount is None else f", {self.amount} {self.currency}"
        return f"{self.system} {self.operation} of {self.key}{amount}"

"""The part `four_eyes` of the policy file: from where on a second person must allow what somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.values import Currency

NO_MONEY: Final[Mapping[str, Decimal]] = {}


class FourEyes(BaseModel):
    """What is left out needs nobody else."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    items_above: Annotated[int, Field(ge=0)] | None = None
    """Rows, keys, or messages of one request."""
    amount_above: Mapping[Currency, Annotated[Decimal, Field(ge=0)]] | None = None
    """Their money by currency; one that is not named is above, as with approvals."""

    @property
    def is_there(self) -> bool:
        """Whether anything is too large for one person."""
        return self.items_above is not None or self.amount_above is not None

    def wants(self, items: int, money: Mapping[str, Decimal] = NO_MONEY, *, is_all: bool = True) -> bool:
        """Whether a second person must allow something of this size; money of which nobody knows all is above."""
        if self.items_above is not None and items > self.items_above:
            return True
        limits = self.amount_above
        return limits is not None and (
            not is_all
            or any(
                amount > limits[currency] if currency in limits else amount > 0 for currency, amount in money.items()
            )
        )

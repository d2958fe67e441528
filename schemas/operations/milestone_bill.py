"""What a billing system is asked to do about a milestone."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Name, check_scale


class MilestoneBill(Record):
    """Bill a milestone that is completed, as its contract's schedule has it. Each milestone is asked for once."""

    project_id: Id
    """Our canonical id."""
    project: Id | None = None
    """The ERP's own id of the project; left out where none has it."""
    contract_id: Id
    """Our canonical id."""
    contract_reference: Id
    """Number of the contract, the same in all systems."""
    milestone_id: Id
    """As the contract's schedule has it."""
    name: Name
    completed_on: Day
    legal_entity: Id
    currency: Currency
    amount: Amount
    """Without tax."""

    @model_validator(mode="after")
    def _exact(self) -> Self:
        check_scale(self.amount, self.currency)
        if self.amount < 0:
            raise PydanticCustomError("amount_negative", "let the amount be zero or more")
        return self

"""The policy as decisions read it: legal entities, their systems, tax codes, and rounding. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.currencies import MINOR_UNITS
from schemas.values import Currency, Id, System


class LegalEntity(BaseModel):
    """One legal entity of the firm: its currency, its systems, and how it taxes and rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    currency: Currency
    """The currency that its books are kept in."""
    erp: System = "erp"
    """The system that bills for it."""
    psa: System = "psa"
    """The system in which its projects are delivered."""
    crm: System = "crm"
    """The system in which its deals are sold."""
    tax_codes: Mapping[Id, Id] = {}
    """Tax profile of a customer -> the ERP's own tax code."""
    rounding: Literal["half_up", "half_even"] = "half_up"
    """How an amount per line is rounded to the currency's smallest unit."""

    def rounded(self, amount: Decimal, currency: str) -> Decimal:
        """`amount` with the decimals of `currency`; a line is rounded once, here and nowhere else."""
        rule = ROUND_HALF_UP if self.rounding == "half_up" else ROUND_HALF_EVEN
        return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency]), rounding=rule)


class Policy(BaseModel):
    """What a firm decides once and decisions look up."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    legal_entities: Mapping[Id, LegalEntity]
    """The firm's legal entities by code."""
    service_lines: tuple[Id, ...] = ()
    """Codes of the service lines that can be sold."""

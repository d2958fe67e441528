"""The rate card as the gateway keeps it, version 1: what other entities' decisions may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from schemas.rate_card.v1 import Published


class RateCard(BaseModel):
    """What is known of a card: all of its versions, in the order of their numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    versions: tuple[Published, ...] = ()

    def rates_on(self, day: date) -> Mapping[str, Decimal]:
        """Role -> price of an hour of a day's work: by the highest version that is effective then, empty before."""
        effective = [version for version in self.versions if version.effective_on <= day]
        return {rate.role: rate.hourly.decimal for rate in effective[-1].rates} if effective else {}

"""The customer as the gateway keeps it, version 1: what other entities' decisions may rely on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.customer.v1 import Upserted


class Customer(BaseModel):
    """What is known of a customer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    profile: Upserted | None = None
    """The CRM's last snapshot; None until the first."""
    status: Literal["known", "duplicate?", "merged"] = "known"
    """`duplicate?`: it may be another customer, and is sent nowhere until a person says. `merged`: it is another."""
    on_hold: bool = False
    """Whether finance stopped new business."""
    puts: int = 0
    """How many states were sent to ERPs; part of each command's identity."""
    erp_ids: dict[str, str] = {}
    """Legal entity -> the customer's own id in that entity's ERP."""
    tax_codes: dict[str, str] = {}
    """Legal entity -> the ERP's tax code, as of the last snapshot."""

    def erp_id(self, legal_entity: str, _system: str) -> str | None:
        """The customer's own id in one system; None while that has not got it."""
        return self.erp_ids.get(legal_entity)

    def tax_profile(self, _legal_entity: str) -> str | None:
        """How the customer is taxed by a legal entity."""
        return None if self.profile is None else self.profile.tax_profile

"""The customer as the gateway keeps it, version 3: what other entities' decisions may rely on."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.bindings import Mergeable
from schemas.customer.v1 import Upserted
from schemas.values import Price
from schemas.verdicts import Failure


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ErpRecord(_Kept):
    """The customer in one system, for one legal entity. What was begun in a system stays there."""

    legal_entity: str
    system: str
    line: str | None = None
    """The last put that was asked for; None once the system has refused it."""
    external_id: str | None = None
    """The system's own id; None until it has the customer."""
    tax_code: str | None = None
    """The system's own tax code that it was last put with; None: it was not, or an earlier release did not keep it."""
    puts: int = 0
    """How many states of it were sent there; part of each command's identity, whatever other systems were sent."""
    trail: str = ""
    """Digest of all states that were sent there, in their order; part of the identity of the next one."""
    failure: Failure | None = None
    """Why the system does not have the state that it was sent last; None while it is asked, and once it has it."""

    @property
    def is_nowhere(self) -> bool:
        """Whether the system has refused it from the start: it is neither there under an id, nor on its way."""
        return self.line is None and self.external_id is None


class Asker(_Kept):
    """An engagement that asked for the customer in the ERP of a legal entity."""

    engagement: str
    legal_entity: str
    on: date
    """The day that decides between two ERPs side by side."""
    system: str | None = None
    """The system that is meant; None while nothing says which."""
    told: str | None = None
    """What it was told last, in short; None: nothing since it asked."""


class Candidate(_Kept):
    """A customer that this one may be."""

    id: str
    name: str | None = None
    why: str
    score: int
    """How alike the names are, in per cent; 100 where something else is the same."""


class Listing(_Kept):
    """How the customer stands in the directory of names."""

    directory: str
    name: str
    distinct_from: tuple[str, ...] = ()


class Customer(Mergeable, BaseModel):
    """What is known of a customer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    profile: Upserted | None = None
    """The last snapshot, with what its sender may not change left as it was; None until the first."""
    status: Literal["known", "duplicate?", "merged"] = "known"
    """`duplicate?`: it may be another customer, and is sent nowhere until a person says. `merged`: it is another."""
    on_hold: bool = False
    """Whether finance stopped new business."""
    credit_limit: Price | None = None
    """The most that the customer may owe; None where there is no limit."""
    tax_profiles: dict[str, str | None] = {}
    """Legal entity -> the tax profile that counts there instead of the profile's own."""
    tax_codes: dict[str, str] = {}
    """Legal entity -> the ERP's tax code; one that is not here does not trade with the customer."""
    traded: tuple[str, ...] = ()
    """Legal entities that engagements brought in, beside those of the profile."""
    records: tuple[ErpRecord, ...] = ()
    """What the ERPs have, in the order in which it was begun."""
    failures: dict[str, Failure] = {}
    """Legal entity -> why none of its ERPs can be asked; what one of them refuses stands in its record."""
    askers: tuple[Asker, ...] = ()
    """Engagements that asked, in their order; of those that were answered, the last ones."""
    asks: int = 0
    """How many commands went to other entities; part of each command's identity."""
    claims: dict[str, str] = {}
    """Scope -> the value that it holds there."""
    candidates: tuple[Candidate, ...] = ()
    """Customers that it may be, while its status is `duplicate?`."""
    doubt: str | None = None
    """Digest of what the case about these asks; None where an earlier release opened that."""
    distinct_from: tuple[str, ...] = ()
    """Customers that a person has told apart from it."""
    listing: Listing | None = None
    """How it stands in the directory of names; None: it does not."""
    is_parent_refused: bool = False
    """Whether the last snapshot named a parent that it cannot have."""

    @property
    def erp_ids(self) -> dict[str, str]:
        """Legal entity -> the customer's own id in its ERP; of two ERPs side by side, in the later one."""
        return {row.legal_entity: row.external_id for row in self.records if row.external_id is not None}

    def erp_id(self, legal_entity: str, system: str) -> str | None:
        """The customer's own id in one system; None while that has not got it."""
        row = self.record(legal_entity, system)
        return None if row is None else row.external_id

    def record(self, legal_entity: str, system: str) -> ErpRecord | None:
        """What one system has for a legal entity."""
        return next((row for row in self.records if (row.legal_entity, row.system) == (legal_entity, system)), None)

    def tax_profile(self, legal_entity: str) -> str | None:
        """How the customer is taxed by a legal entity."""
        if legal_entity in self.tax_profiles:
            return self.tax_profiles[legal_entity]
        return None if self.profile is None else self.profile.tax_profile

    @property
    def legal_entities(self) -> tuple[str, ...]:
        """The legal entities that trade with the customer: those of the last snapshot, and those of its deals."""
        profile = () if self.profile is None else self.profile.legal_entities
        return tuple(dict.fromkeys((*profile, *self.traded)))

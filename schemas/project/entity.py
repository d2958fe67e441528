"""The project as the gateway keeps it, version 2: what other entities' decisions may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.facts import Claim

MADE_IN: Final = "project.made"
"""Scope of the claims that say who brings a system to have a project."""


def made_in(system: str, project: str) -> Claim:
    """What a deal claims while it has a system make its project, and a project once a person said the system has it."""
    return Claim(MADE_IN, f"{system}/{project}")


class Terms(BaseModel):
    """What changed about the contract of a project: its change orders, renewals, and end."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    contract: str
    number: int
    """Of those in force on a day, the highest counts."""
    effective_on: date
    rates: dict[str, Decimal] | None = None
    """Role -> price of one hour; None where it does not change them."""
    ends_on: date | None = None
    """Last day on which work may be billed after it; None where the contract is open."""


class Milestone(BaseModel):
    """Something that was delivered."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    completed_on: date | None = None
    """None: of a project of version 1, which kept ids alone; the name is the id then, and no system is told."""
    amount: Decimal | None = None
    """What will be billed for it, in `currency`."""
    currency: str | None = None
    is_shown: bool = False
    """Whether the CRM was asked to show it."""
    is_shown_again: bool = False
    """Whether the CRM is shown it a second time, with the amount that it was told without at first."""
    is_to_bill: bool = False
    """Whether it is still to be billed; what an earlier release kept is not."""
    biller: str | None = None
    """The system that was asked to bill it; None where none was, or an earlier release did not keep it."""
    bill_line: str | None = None
    """The line of the command that asked."""
    reference: str | None = None
    """Our reference under which that system has it; None while it has not confirmed it."""


class Project(BaseModel):
    """What is known of a project. The commercial fields are None until it was opened."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    engagement: str | None = None
    """The engagement that set it up."""
    legal_entity: str | None = None
    currency: str | None = None
    name: str | None = None
    opportunity_id: str | None = None
    service_line: str | None = None
    contract: str | None = None
    """Our canonical id of its contract."""
    contract_reference: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    tax_code: str | None = None
    """The ERP's own code, from the customer's tax profile when the deal was won."""
    rates: dict[str, Decimal] = {}
    """Role -> price of one hour, in `currency`."""
    had: dict[str, str] = {}
    """System -> its own id of the project, known before its deal was won: it is not made there again."""
    erp: str | None = None
    """The system that bills it: what was begun there stays there."""
    erp_id: str | None = None
    """The ERP's own id; None until it has the project."""
    psa: str | None = None
    psa_id: str | None = None
    owner: str | None = None
    status: Literal["active", "on_hold", "closed", "withdrawn"] | None = None
    """`withdrawn`: its deal was cancelled."""
    activated_on: date | None = None
    closed_on: date | None = None
    """First day on which no work may be billed any more; None while it is not closed."""
    milestones: dict[str, Milestone] = {}
    """Id -> completed milestone."""
    terms: tuple[Terms, ...] = ()
    """What changed the contract after it was signed, by number."""
    value: Decimal | None = None
    """What the contract is worth in all, in `currency`; None where it is open or was never told."""
    margin: Decimal | None = None
    """The margin in per cent when it was last told to be too low."""

    def rates_on(self, day: date) -> Mapping[str, Decimal]:
        """Role -> price of an hour of work of `day`: what is dated before a change keeps the old rates."""
        changed = [terms.rates for terms in self._own_terms if terms.rates is not None and terms.effective_on <= day]
        return changed[-1] if changed else self.rates

    @property
    def last_day(self) -> date | None:
        """The last day on which work may be billed; None where the contract is open."""
        return self._own_terms[-1].ends_on if self._own_terms else self.ends_on

    @property
    def _own_terms(self) -> tuple[Terms, ...]:
        """Changes may come before the deal that names the project's contract."""
        if not self.terms:  # asked for each line of a sheet
            return ()
        return tuple(terms for terms in self.terms if self.contract in (None, terms.contract))

"""The engagement as the gateway keeps it, version 1: a won deal, and how far each of its parts has come."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.project.v1 import OpportunityForecast
from schemas.project.v2 import OpportunityWon

StepStatus = Literal["todo", "asked", "done", "failed", "skipped", "shadowed", "undoing", "undone", "kept"]
"""`skipped`: nobody takes it. `shadowed`: only recorded. `kept`: done, and cannot be taken back."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class StepState(_Kept):
    """How far one step of one part is."""

    status: StepStatus = "todo"
    tries: int = 0
    """How often it was asked for; part of each command's identity."""
    undo_tries: int = 0
    system: str | None = None
    """The system that was asked: what was begun there stays there."""
    external_id: str | None = None
    """The system's own id of what it made."""
    was_there: bool = False
    """It was there before the deal was won, so it is not taken back."""
    is_unverified: bool = False
    """The system says that it did it, but not what it made."""
    code: str | None = None
    """Stable name of why it failed."""
    reason: str | None = None
    """Why it failed, was skipped, or is kept, for people."""
    mend: str | None = None
    """What a person must do about what is kept; None: nothing."""


class PartState(_Kept):
    """One legal entity's part of the deal."""

    legal_entity: str
    project_id: str
    contract_id: str
    is_shadow: bool = False
    """What would be sent is recorded, and nothing is sent."""
    tax_code: str | None = None
    """The ERP's own code, that of the customer or the one that a person chose."""
    had: dict[str, str] = {}
    """System -> its own id of the project, known before the deal was won."""
    is_of_merged: bool = False
    """Its customer was merged while its project was being made: if that is refused, it goes to the one that stays."""
    agreed: str | None = None
    """The billing system's own id of the contract, where that was in force before the deal was won."""
    routes: dict[str, str | None] = {}
    """Operation -> the system that takes it, None: nobody; as the policy said when the part began."""
    steps: dict[str, StepState] = {}
    """Step -> how far it is; a step that is not named is still to do."""

    def step(self, name: str) -> StepState:
        """How far a step is."""
        return self.steps.get(name, NOT_BEGUN)

    @property
    def is_begun(self) -> bool:
        """Whether anything of it was asked for or is done: it goes on, whatever the mode of its legal entity."""
        return bool(self.steps) and not self.is_shadow


NOT_BEGUN = StepState()


class Grant(_Kept):
    """An approval that was given."""

    rule: str
    role: str
    by: str
    at: datetime
    reason: str
    parts: tuple[str, ...] = ()
    """The legal entities whose parts it was given for."""
    asked: str | None = None
    """Digest of what was approved; None where an earlier release kept none."""


class Engagement(_Kept):
    """What is known of an engagement. `deal` is None until it is won."""

    status: Literal[
        "new", "forecast", "blocked", "approving", "running", "active", "shadowed", "cancelling", "cancelled"
    ] = "new"
    """`blocked`: a person must mend the deal first. `active`: every step that matters is done."""
    forecast: OpportunityForecast | None = None
    planning: str | None = None
    """The system that has the forecast; None where none was told."""
    forecasts: int = 0
    """How many forecasts were sent; part of each command's identity."""
    deal: OpportunityWon | None = None
    customer: str | None = None
    """Our canonical id of the customer, which a merge may change."""
    parts: tuple[PartState, ...] = ()
    project_ids: tuple[str, ...] = ()
    """The projects that no other engagement may set up meanwhile."""
    contract_ids: tuple[str, ...] = ()
    """The contracts that no other engagement may set up meanwhile."""
    making: tuple[str, ...] = ()
    """`<system>/<project>`: where a project is made, or was, whose id there nobody may import meanwhile."""
    left_out: tuple[str, ...] = ()
    """Legal entities that do not run won deals here."""
    misses: tuple[str, ...] = ()
    """What validation misses, each as `field: how to mend it`."""
    pending: dict[str, str] = {}
    """Rule -> role that must still approve."""
    asks: str | None = None
    """Digest of what they are asked to approve; None where an earlier release asked."""
    grants: tuple[Grant, ...] = ()
    has_new_customer: bool = False
    """Whether, when some part of it was taken up, a legal entity's ERPs did not have the customer."""
    was_new: bool | None = None
    """The same of the customer that the deal was won with, once an edit has named another; None: none has."""
    tax_codes: dict[str, str] = {}
    """Legal entity -> the tax code that a person chose instead of the customer's."""
    editors: tuple[str, ...] = ()
    """Who changed the deal or sent it again, and so may not approve it."""
    as_won: OpportunityWon | None = None
    """The deal as it was won, once somebody has changed it: an edit may ask for more approvals, never for fewer."""
    refused_deals: tuple[str, ...] = ()
    """Other opportunities that were won on this engagement, and wait for a person; at most 100."""
    has_refused_more: bool = False
    """Whether there were more of them than are kept here, about all of which there is one case."""
    gone: tuple[str, ...] = ()
    """Legal entities whose parts are set up here, and that the deal came again without: a person must see to it."""
    gone_settled: tuple[str, ...] = ()
    """Those of which a person has seen to it: until the deal names them again, it may come without them."""
    cancelled_by: str | None = None
    """Who cancelled it, and why."""
    kept: tuple[str, ...] = ()
    """What a cancelled deal leaves behind because it cannot be undone, each with its reason."""
    to_mend: tuple[str, ...] = ()
    """What of it a person must still see to."""

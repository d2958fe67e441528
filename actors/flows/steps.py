"""What a flow is made of: steps, each with do, undo, and verify, and the job that these look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from actors.policy import ROLES, LegalEntity, Policy
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.engagement.entity import PartState
from schemas.project.v2 import OpportunityWon, Part
from schemas.record import Record
from schemas.verdicts import Failure


@dataclass(frozen=True, slots=True)
class Job:
    """All that the steps of one part may look at. Its deal has passed validation."""

    engagement: str
    deal: OpportunityWon
    part: Part
    state: PartState
    policy: Policy
    customer_id: str
    customer: Customer | None = None
    """As it is now; None where the event gives no reason to look."""
    reason: str = ""
    """Why something is undone."""

    @property
    def legal_entity(self) -> LegalEntity:
        """The policy of the legal entity that bills the part. Raises `KeyError` when it has left the policy."""
        return self.policy.legal_entities[self.part.legal_entity]

    @property
    def begins_on(self) -> date:
        """The first day of the work, by which the policy finds the systems that it belongs to."""
        if self.part.contract.starts_on is None:
            raise ValueError("a contract without its first day passes no validation")
        return self.part.contract.starts_on

    @property
    def money(self) -> dict[str, Decimal]:
        """What the part is known to be worth, by currency."""
        return {} if self.part.amount is None else {self.part.currency: self.part.amount}

    def system(self, operation: str) -> str | None:
        """Who takes an operation: a system of the policy, `self` for what another actor is asked, None: nobody.

        What the part has begun with stands, whatever the policy says now: a part is not split over two systems.
        """
        if operation not in ROLES:
            return SELF
        if operation in self.state.routes:
            return self.state.routes[operation]
        return self.legal_entity.route(operation, self.begins_on)

    def at(self, state: PartState) -> Job:
        """The same job, further on."""
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class Doing:
    """A command: the operation, and the body that it has for a job."""

    operation: str
    body: Callable[[Job], Record]


@dataclass(frozen=True, slots=True)
class Stays:
    """It cannot be undone. `mend` says what a person must do about it; None: nothing."""

    reason: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A row of a flow's table.

    `needs` are earlier rows that must be done or skipped. `verify` answers why a confirmed step is not to be believed,
    from the job and the system's own id. `ready` answers that id where the effect is there already; nothing waits then,
    yet who would reply is told. A step that is not `critical` keeps nothing back when it fails. `awaits_reply`: that
    its command was confirmed is not the answer yet, which comes as an event. `leaves`: what a person must see to once
    it is taken back; None: nothing. `relies`: operations beside its own whose systems it looks at.
    """

    name: str
    needs: tuple[str, ...]
    do: Doing
    undo: Doing | Stays
    verify: Callable[[Job, str | None], Failure | None]
    ready: Callable[[Job], str | None] = lambda _job: None
    critical: bool = True
    awaits_reply: bool = False
    leaves: str | None = None
    relies: tuple[str, ...] = ()


Flow = tuple[Step, ...]
"""A flow's table, in the order of its steps; what is undone is undone from the last row to the first."""

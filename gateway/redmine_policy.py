"""What the policy file says of a Redmine: where it is, as whom we come, and which of its custom fields are ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.changes_policy import ChangesPolicy
from gateway.system_policy import SystemPolicy
from schemas.values import Id

Operation = Literal["project.put", "project.withdraw", "receivable.put"]


class RedmineFields(BaseModel):
    """Numbers of the custom fields that the gateway reads and writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    project_id: int = Field(ge=1)
    """Of projects: our canonical id. Text, used as a filter."""
    erp_id: int = Field(ge=1)
    """Of projects: the ERP's id. Text."""
    legal_entity: int = Field(ge=1)
    """Of projects: the legal entity that bills. Text."""
    currency: int = Field(ge=1)
    """Of projects: the currency of the contract. Text."""
    approval: int = Field(ge=1)
    """Of time entries: whether it is approved. A list."""


class RedmineChanges(ChangesPolicy):
    """Approved time entries, read and published as events."""

    every_seconds: float = Field(default=60, ge=0.1, le=3600)
    """Between two looks, each of which lists all entries of `days`."""
    settle_seconds: float = Field(default=2, ge=1, le=3600)
    """An entry that changed less than so long ago is left to the next look: Redmine stamps in whole seconds."""
    approved: str = "approved"
    """The value of the approval field that says so."""
    withdrawn: str | None = "rejected"
    """The value that takes an approval back; null: none does."""
    days: int = Field(default=120, ge=1, le=3660)
    """Work older than so many days before the look is not read, whenever it is approved: each look lists all entries
    of this time."""
    roles: Mapping[str, Id] = {}
    """Activity -> role; an activity that is not here is a role of the same name."""
    not_billable: tuple[str, ...] = ()
    """Activities whose time is never billed: it is cost."""

    @property
    def types(self) -> tuple[str, ...]:
        """Approved time, and time whose approval was taken back."""
        return "timesheet.approved", "timesheet.withdrawn"


class RedminePolicy(SystemPolicy):
    """One Redmine, spoken to by its REST API."""

    credential: ClassVar[str] = "key"
    kind: Literal["redmine"]
    key_file: Path | None = None
    """File that holds the API key of the gateway's own user."""
    key: str | None = Field(default=None, repr=False)
    """The key itself; only for trying things out, a real one belongs into a file."""
    fields: RedmineFields
    """Its custom fields."""
    operations: tuple[Operation, ...] = Field(default=("project.put", "project.withdraw"), min_length=1)
    """What it is asked to do; receivable.put keeps a page of the project's wiki for each invoice."""
    late_bound_seconds: float = Field(default=60, gt=0, le=2_592_000)
    """How long after its end an attempt can still land: longer than the web server before Redmine gives a request."""
    changes: RedmineChanges | None = None
    """What `tallystick read` publishes of it."""

    @model_validator(mode="after")
    def _two_values(self) -> Self:
        if self.changes is not None and self.changes.approved == self.changes.withdrawn:
            raise ValueError("changes: let `approved` and `withdrawn` be two values")
        return self

    @property
    def taken(self) -> frozenset[str]:
        """The operations that are sent to it."""
        return frozenset(self.operations)

"""What the policy file says of a Redmine: where it is, as whom we come, and which of its custom fields are ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.changes_policy import ChangesPolicy
from gateway.system_policy import SystemPolicy
from schemas.values import Id


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

    types: ClassVar[tuple[str, ...]] = ("timesheet.approved",)
    approved: str = "approved"
    """The value of the approval field that says so."""
    roles: Mapping[str, Id] = {}
    """Activity -> role; an activity that is not here is a role of the same name."""
    not_billable: tuple[str, ...] = ()
    """Activities whose time is never billed."""


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
    changes: RedmineChanges | None = None
    """What `tallystick read` publishes of it."""

    @property
    def taken(self) -> frozenset[str]:
        """The operations that are sent to it."""
        return frozenset({"project.put"})

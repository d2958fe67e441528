"""What has to be known of a Redmine: where it is, as whom we come, and which of its custom fields are ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RedmineFields:
    """Numbers of custom fields: of projects, and of time entries (`approval`)."""

    project_id: int
    erp_id: int
    legal_entity: int
    currency: int
    approval: int


@dataclass(frozen=True, slots=True)
class RedmineSettings:
    """One Redmine, asked for these `operations`. `read_cap` is in bytes.

    `timeout`, `connect_timeout`, `retry_after_cap`, and `late_bound` are seconds.

    `late_bound`: how long after its end an attempt can still land; longer than what the web server before Redmine and
    Redmine itself give a request.
    """

    name: str
    url: str
    key: str = field(repr=False)
    fields: RedmineFields
    operations: frozenset[str] = frozenset({"project.put", "project.withdraw"})
    timeout: float = 30.0
    connect_timeout: float = 5.0
    read_cap: int = 1 << 22
    connections: int = 16
    retry_after_cap: float = 300.0
    late_bound: float = 60.0


@dataclass(frozen=True, slots=True)
class RedmineFeedSettings:
    """How time entries become events; see `gateway.redmine_policy.RedmineChanges`. `days` bounds how old work is."""

    approved: str = "approved"
    withdrawn: str | None = "rejected"
    roles: Mapping[str, str] = field(default_factory=dict)
    not_billable: tuple[str, ...] = ()
    days: int = 120

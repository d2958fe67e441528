"""How one sandbox system is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from adapters.sandbox.operations import Role


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """One sandbox system.

    `name` is what its journal calls it, the role's name if empty. `port` 0 takes a free one. `legal_entities` maps the
    known ones to their currencies; None: every one is known, in any currency. Work before `closed_until` is refused.
    `unique_reference` refuses a second effect with the same reference; None: as the table of operations promises for
    the role. `journal_file` keeps the effects over a restart.
    """

    role: Role
    token: str = field(repr=False)
    name: str = ""
    port: int = 0
    legal_entities: Mapping[str, str] | None = None
    closed_until: date | None = None
    unique_reference: bool | None = None
    journal_file: Path | None = None

    @property
    def system(self) -> str:
        """The name of the system in the journal and among the URLs."""
        return self.name or self.role.value

    @property
    def refuses_known_references(self) -> bool:
        """Whether a second effect with the same reference is refused."""
        return self.role is Role.ERP if self.unique_reference is None else self.unique_reference

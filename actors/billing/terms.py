"""By what a line is billed: the contract that it names or that its project has, as it was on the day of the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from actors.billing.papers import Line
from actors.decision import Context, Snapshot, Wait
from schemas.contract.entity import Contract
from schemas.keys import ActorKey
from schemas.project.entity import Project
from schemas.verdicts import Failure, FailureClass


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed. `contract` is None where the project keeps the terms itself: no contract of ours is its own."""

    agreed: Contract | Project
    contract: str | None = None

    @property
    def reference(self) -> str:
        """Number of the contract, the same in all systems."""
        if isinstance(self.agreed, Contract):
            return self.agreed.reference or self.contract or ""
        return self.agreed.contract_reference or ""

    @property
    def starts_on(self) -> date | None:
        """First day on which work may be billed."""
        return self.agreed.starts_on

    @property
    def last_day(self) -> date | None:
        """Last day on which work may be billed; None where it is open."""
        return self.agreed.ends_on if isinstance(self.agreed, Contract) else self.agreed.last_day

    def rates_on(self, day: date) -> Mapping[str, Decimal]:
        """Role -> price of an hour of work of `day`."""
        return self.agreed.rates_on(day)

    def version_on(self, day: date) -> int | None:
        """The version of the contract on `day`; None where there is none."""
        return self.agreed.version_on(day) if isinstance(self.agreed, Contract) else None


def contract_named(line: Line, project: Project) -> ActorKey | None:
    """The contract that a line is under: the project's own, by its number or its id, or another one by its id."""
    named = line.contract_reference
    if named is not None and named not in {project.contract, project.contract_reference}:
        return ActorKey("contract", named)
    return None if project.contract is None else ActorKey("contract", project.contract)


def terms_of(line: Line, at_project: Snapshot, project: Project, context: Context) -> Terms | Wait | Failure:
    """By what a line is billed; what it waits for, or what a person must settle."""
    key = contract_named(line, project)
    if key is None:
        return Terms(project)
    at_contract = context.find(key)
    contract = at_contract.state
    if not isinstance(contract, Contract) or not contract.version:
        return Wait(at_contract.key, f"the contract of line {line.line_id} is not known yet")
    if contract.project_id == at_project.key.id:
        return _in_force(line, contract, at_contract.key)
    if key.id == project.contract:  # a deal that was sold under another one's contract bills by its own terms
        return Terms(project)
    reason = f"line {line.line_id}: contract {key.id} is of project {contract.project_id}: name one of its own project"
    return Failure(FailureClass.BUSINESS_RULE, "contract_differs", reason, f"lines.{line.line_id}")


def _in_force(line: Line, contract: Contract, key: ActorKey) -> Terms | Failure:
    """A contract bills up to its last day, and one whose deal was cancelled nothing more."""
    if contract.status != "withdrawn":
        return Terms(contract, key.id)
    reason = (
        f"line {line.line_id}: contract {key.id} is withdrawn, since its deal was cancelled: name another one, or take "
        "the line back"
    )
    return Failure(FailureClass.BUSINESS_RULE, "contract_not_in_force", reason, f"lines.{line.line_id}")

"""What the lines of a sheet or a report stand on: their project, its contracts, who worked, and the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from actors.billing.papers import Line, Paper
from actors.billing.terms import Terms, contract_named, terms_of
from actors.decision import Context, Reject, Snapshot, Wait
from actors.policy import LegalEntity, ServiceLine
from schemas.bindings import leads_to
from schemas.employee.entity import Employee
from schemas.employee.v1 import Upserted
from schemas.keys import ActorKey
from schemas.project.entity import Project
from schemas.verdicts import Failure, FailureClass

NOT_SAID: Final = ServiceLine()
"""What was sold where nobody has said it."""


def references(paper: Paper, loaded: Mapping[ActorKey, Snapshot]) -> Iterator[ActorKey]:
    """The project, the contracts of its billable lines once that is known, and for cost who worked."""
    yield paper.project.key("project")
    project = _meant(paper.project.key("project"), loaded)
    if isinstance(project, Project):
        named = {contract_named(line, project) for line in paper.lines if line.billable}
        yield from (key for key in named if key is not None)
    if not all(line.billable for line in paper.lines):
        yield ActorKey("employee", paper.employee.id)


def _meant(key: ActorKey, loaded: Mapping[ActorKey, Snapshot]) -> object:
    """The state of what a key leads to, as far as it is loaded."""
    snapshot = loaded.get(key)
    while snapshot is not None and (meant := leads_to(snapshot.key, snapshot.state)) is not None:
        snapshot = loaded.get(meant)
    return None if snapshot is None else snapshot.state


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a line's booking is made of. The project is in the ERP."""

    paper: Paper
    context: Context
    legal_entity: LegalEntity
    at_project: Snapshot
    project: Project
    erp: str
    erp_id: str

    @property
    def project_id(self) -> str:
        """Our canonical id."""
        return self.at_project.key.id

    def taker(self, operation: str) -> str | None:
        """The system that takes `operation`: of ERPs side by side the one that has the project; None: nobody does."""
        return self.legal_entity.resumed(operation, self.context.now.date(), "erp", self.erp)

    @property
    def takes_cost(self) -> bool:
        """Whether anybody takes what is not billed."""
        return self.taker("cost.post") is not None

    @property
    def profile(self) -> Upserted | None:
        """What is known of whoever worked."""
        employee = self.context.find(ActorKey("employee", self.paper.employee.id)).state
        return employee.profile if isinstance(employee, Employee) else None

    @property
    def service_line(self) -> ServiceLine | None:
        """What was sold, as the policy maps it; None where the policy does not know it any more."""
        if self.project.service_line is None:
            return NOT_SAID
        return self.context.policy.service_lines.get(self.project.service_line)

    def terms_of(self, line: Line) -> Terms | Wait | Failure:
        """By what a line is billed."""
        return terms_of(line, self.at_project, self.project, self.context)


def ground_of(paper: Paper, context: Context) -> Ground | Wait | Reject:
    """What the lines stand on; what they wait for, or what a person must settle first."""
    legal_entity = context.policy.legal_entities.get(paper.legal_entity)
    if legal_entity is None:
        reason = f"add legal entity {paper.legal_entity} to the policy file, then retry"
        return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason))
    at_project = context.find(paper.project.key("project"))
    project = at_project.state
    if not isinstance(project, Project) or project.erp is None or project.erp_id is None:
        return Wait(at_project.key, f"the ERP of {paper.legal_entity} does not have the project yet")
    return Ground(paper, context, legal_entity, at_project, project, project.erp, project.erp_id)
